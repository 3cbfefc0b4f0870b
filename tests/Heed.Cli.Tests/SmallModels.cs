using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Models.T5;
using Heed.Testing;
using Heed.Tokenizers;

namespace Heed.Cli.Tests;

/// <summary>Folders of small random models, each with a tokenizer.</summary>
internal static class SmallModels
{
    /// <summary>T of <see cref="Gpt2"/>.</summary>
    public const int ContextLength = 160;

    /// <summary>A GPT-2 without an end: it always writes as many tokens as it may.</summary>
    /// <param name="folder">Holds the model's folder.</param>
    /// <param name="scale">Factor of all scores: a large one makes it certain, and wrong.</param>
    /// <param name="generation">Text of <c>generation_config.json</c>.</param>
    public static string Gpt2(TemporaryFolder folder, float scale = 1, string? generation = null)
    {
        string path = Save(folder, "gpt2", "gpt2-small", vocabulary =>
        {
            CausalLanguageModel model = CausalLanguageModel.Create(new Gpt2Config { Layers = 1, Heads = 2, Width = 16, Vocabulary = vocabulary, ContextLength = ContextLength, InitialDeviation = 0.2f }, new ParameterSet(ParameterSource.Random(1)));
            model.Parameters["transformer.ln_f.weight"].Value.Span.Fill(scale);
            return model;
        });
        if (generation is not null) File.WriteAllText(Path.Combine(path, ModelFolder.GenerationConfigName), generation);
        return path;
    }

    /// <summary>The same with a weight that is not a number.</summary>
    public static string Damaged(TemporaryFolder folder)
    {
        string path = Gpt2(folder), file = Path.Combine(path, "model.safetensors");
        byte[] weights = File.ReadAllBytes(file);
        BitConverter.GetBytes(float.NaN).CopyTo(weights, weights.Length - 4);
        File.WriteAllBytes(file, weights);
        return path;
    }

    public static string T5(TemporaryFolder folder) => Save(folder, "t5", "gpt2-small", vocabulary => SequenceToSequenceModel.Create(
        new T5Config { Layers = 1, Heads = 2, HeadWidth = 8, Width = 16, InnerWidth = 24, Vocabulary = vocabulary, DecoderStartId = 0, PaddingId = 0 }, new ParameterSet(ParameterSource.Random(1))));

    /// <summary>A model that writes nothing.</summary>
    public static string Bert(TemporaryFolder folder) => Save(folder, "bert", "bert-uncased", vocabulary => MaskedLanguageModel.Create(
        new BertConfig { Layers = 1, Heads = 2, Width = 16, Vocabulary = vocabulary, PositionRows = 64, PaddingId = 0 }, new ParameterSet(ParameterSource.Random(2))));

    private static string Save(TemporaryFolder folder, string name, string tokenizer, Func<int, Model> build)
    {
        string path = folder.File(name), file = Path.Combine(Repository.Goldens, "tokenizers", tokenizer, "tokenizer.json");
        using Model model = build(Tokenizer.FromFile(file).VocabularySize);
        ModelFolder.Save(model, path);
        File.Copy(file, Path.Combine(path, "tokenizer.json"));
        return path;
    }
}
