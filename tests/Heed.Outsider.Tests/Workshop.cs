using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;

namespace Heed.Outsider.Tests;

/// <summary>A folder that goes with the test, and small models in it.</summary>
internal sealed class Workshop : IDisposable
{
    /// <summary>A template of two roles, which the reference's users write the same way.</summary>
    private const string Template =
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("heed-outsider-");

    /// <summary>Texts that a tokenizer learns from.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        .. Enumerable.Range(0, 300).Select(i => $"The {(i % 2 == 0 ? "cat" : "dog")} number {i} sat on the {(i % 3 == 0 ? "mat" : "chair")} and slept."),
    ];

    /// <summary>A path in the folder.</summary>
    public string At(string name) => Path.Combine(_folder.FullName, name);

    /// <summary>A byte-level tokenizer that ends texts with an own token.</summary>
    public static Tokenizer Tokenizer(int size = 320)
        => TokenizerTrainer.Train(new BpeTrainerSettings { VocabularySize = size, SpecialTokens = ["<|end|>"] }, Texts, TrainingPipeline.ByteLevel);

    /// <summary>Saves a GPT-2 of random weights that chats.</summary>
    public string Decoder(ModelConfig? config = null)
    {
        Tokenizer tokenizer = Tokenizer();
        string folder = At("decoder");
        using CausalLanguageModel model = CausalLanguageModel.Create(config ?? Sizes(tokenizer.VocabularySize), new ParameterSet(ParameterSource.Random(1)));
        ModelFolder.Save(model, folder);
        tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), Template);
        return folder;
    }

    /// <summary>Saves a BERT of random weights.</summary>
    public string Encoder()
    {
        Tokenizer tokenizer = TokenizerTrainer.Train(
            new WordPieceTrainerSettings { VocabularySize = 200, SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] }, Texts, TrainingPipeline.Bert);
        string folder = At("encoder");
        BertConfig config = new() { Vocabulary = tokenizer.VocabularySize, Width = 32, Layers = 2, Heads = 4, PositionRows = 64 };
        using EncoderModel model = EncoderModel.Create(config, new ParameterSet(ParameterSource.Random(2)));
        ModelFolder.Save(model, folder);
        tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
        return folder;
    }

    /// <summary>Two layers that learn in seconds.</summary>
    public static Gpt2Config Sizes(int vocabulary) => new()
    {
        Vocabulary = vocabulary,
        Width = 32,
        Layers = 2,
        Heads = 4,
        ContextLength = 256,
        InitialDeviation = 0.2f,
        EmbeddingDropout = 0,
        AttentionDropout = 0,
        ResidualDropout = 0,
        BeginId = null,
        EndId = null,
    };

    public void Dispose() => _folder.Delete(recursive: true);
}
