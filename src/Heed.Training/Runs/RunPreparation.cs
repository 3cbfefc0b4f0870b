using Heed.Models;
using System.Globalization;
using System.Security.Cryptography;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Data;

namespace Heed.Training.Runs;

/// <summary>What a run needs before its first step: tokenizer, ids, model, forecast; the first two are kept in the run's folder.</summary>
internal sealed record RunPreparation(Tokenizer Tokenizer, TokenCorpus Corpus, CausalLanguageModel Model, Forecast Forecast)
{
    /// <summary>Where a run keeps the tokenizer that it trained.</summary>
    public const string TokenizerFolder = "tokenizer";

    /// <summary>Where a run keeps its ids.</summary>
    public const string CorpusName = "tokens.bin";

    private const int MaximumLayers = 10_000;
    private const string EndOfText = "<|endoftext|>";

    /// <summary>Refuses what can be refused before a file is made or a text is read: absurd sizes, texts and tokenizers that do not exist.</summary>
    public static void Check(RunConfig config)
    {
        Gpt2Config sizes = ModelConfig(config, config.VocabularySize, 0);
        if (sizes.Layers > MaximumLayers) throw new BudgetException(string.Create(CultureInfo.InvariantCulture, $"layers: is {sizes.Layers}, which takes {Printable.Bytes(16.0 * Forecast.ParametersOf(sizes))} for weights, gradients and optimizer; at most {MaximumLayers} layers are accepted. Lower layers."));
        Forecast.Of(sizes, Forecast.ParametersOf(sizes), config, 0).Within(Limit(config));
        try
        {
            CausalLanguageModel.Create(sizes, new ParameterSet(ParameterSource.ShapesOnly)).Dispose();
        }
        catch (ShapeException e)
        {
            throw new BudgetException($"The model has a matrix that is too large: {e.Message.TrimEnd('.')}. Lower width, vocabulary_size or block_length.");
        }

        foreach (string source in config.Data)
            if (source != SdkDocumentation.Name) TextFiles.Find(source);
        if (config.Tokenizer.Length > 0 && !Directory.Exists(config.Tokenizer) && !File.Exists(config.Tokenizer))
            throw new StorageException($"{config.Tokenizer}: does not exist. Name a tokenizer.json or its folder, or leave the tokenizer out to train one.");
    }

    public static RunPreparation Make(string folder, RunConfig config, IProgress<string>? status, CancellationToken cancellationToken)
    {
        List<TextDocument> documents = Read(config, status, cancellationToken);
        double heldOut = TextSplit.Part(documents, config.HeldOut);
        Tokenizer tokenizer = MakeTokenizer(folder, config, documents, heldOut, status, cancellationToken);
        int end = tokenizer.TokenToId(EndOfText) ?? throw new InputException($"{config.Tokenizer}: the tokenizer has no {EndOfText}, which ends each document; add it as a special token.");
        status?.Report("encoding the text");
        string key = Key(documents, heldOut, tokenizer.ToJson());
        TokenCorpus corpus = TokenCorpus.Cached(Path.Combine(folder, CorpusName), key, () => TokenCorpus.Encode(documents, text => Encode(tokenizer, text), end, heldOut, null, cancellationToken));
        _ = new TokenBlocks(corpus.Training, config.BlockLength, "training");

        status?.Report("building the model");
        Gpt2Config modelConfig = ModelConfig(config, tokenizer.VocabularySize, end);
        CausalLanguageModel model = CausalLanguageModel.Create(modelConfig, new ParameterSet(ParameterSource.Random(config.Seed)));
        Forecast forecast = Forecast.Of(modelConfig, model.Parameters.Values, config, corpus.Training.Length + corpus.HeldOut.Length).Within(Limit(config));
        return new RunPreparation(tokenizer, corpus, model, forecast);
    }

    private static long Limit(RunConfig config) => config.MemoryLimit > 0 ? (long)(config.MemoryLimit * (1L << 30)) : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private static Gpt2Config ModelConfig(RunConfig config, int vocabulary, int endId)
    {
        ModelPreset preset = ModelFamilies.All.SelectMany(f => f.Presets).FirstOrDefault(p => p.Key == config.Model).Value
            ?? throw new ConfigException($"model: \"{config.Model}\" is no preset; one of {string.Join(", ", Presets())} was expected.");
        if (preset.Config is not Gpt2Config gpt2) throw new ConfigException($"model: \"{config.Model}\" is not a GPT-2; one of {string.Join(", ", Presets())} was expected.");
        Gpt2Config result = gpt2 with
        {
            Vocabulary = vocabulary,
            Layers = config.Layers > 0 ? config.Layers : gpt2.Layers,
            Heads = config.Heads > 0 ? config.Heads : gpt2.Heads,
            Width = config.Width > 0 ? config.Width : gpt2.Width,
            ContextLength = Math.Max(config.BlockLength, config.Width > 0 || config.Layers > 0 ? config.BlockLength : gpt2.ContextLength),
            EmbeddingDropout = (float)config.Dropout,
            AttentionDropout = (float)config.Dropout,
            ResidualDropout = (float)config.Dropout,
            BeginId = endId,
            EndId = endId,
        };
        // A preset's own sizes fit together.
        if (result.Width % result.Heads != 0)
        {
            int nearest = result.Width / result.Heads * result.Heads;
            string widths = nearest == 0 ? $"{result.Heads}" : $"{nearest} or {(long)nearest + result.Heads}";
            string what = config.Width > 0 ? $"width: is {result.Width}, which is not a multiple of the {result.Heads} heads" : $"heads: is {result.Heads}, and the preset's width {result.Width} is not a multiple of it";
            throw new ConfigException($"{what}. Set width to {widths}, or choose other heads.");
        }

        result.Validate();
        return result;
    }

    private static IEnumerable<string> Presets() => ModelFamilies.All.SelectMany(f => f.Presets).Where(p => p.Value.Config is Gpt2Config).Select(p => p.Key);

    private static List<TextDocument> Read(RunConfig config, IProgress<string>? status, CancellationToken cancellationToken)
    {
        List<TextDocument> documents = [];
        long characters = 0;
        foreach (string source in config.Data)
        {
            status?.Report(source == SdkDocumentation.Name ? "reading the .NET SDK's documentation" : $"reading {source}");
            IEnumerable<TextDocument> texts = source == SdkDocumentation.Name ? ReadSdk() : TextFiles.Read(source);
            foreach (TextDocument document in texts)
            {
                cancellationToken.ThrowIfCancellationRequested();
                documents.Add(document);
                characters += document.Text.Length;
                if (config.MaximumCharacters > 0 && characters >= config.MaximumCharacters) return TextSplit.Passaged(documents);
            }
        }

        return documents.Count > 0 ? TextSplit.Passaged(documents) : throw new InputException("data: the corpus is empty. Give text files that hold text.");
    }

    private static IEnumerable<TextDocument> ReadSdk()
    {
        IReadOnlyList<string> files = SdkDocumentation.Find();
        if (files.Count == 0) throw new InputException("data: this .NET installation carries no documentation (packs/*.Ref/**/*.xml), as a runtime without SDK. Name text of your own.");
        return SdkDocumentation.Read(files);
    }

    private static Tokenizer MakeTokenizer(string folder, RunConfig config, List<TextDocument> documents, double heldOut, IProgress<string>? status, CancellationToken cancellationToken)
    {
        if (config.Tokenizer.Length > 0) return Directory.Exists(config.Tokenizer) ? Tokenizer.FromFolder(config.Tokenizer) : Tokenizer.FromFile(config.Tokenizer);
        string kept = Path.Combine(folder, TokenizerFolder), keyFile = Path.Combine(kept, "trained-on");
        string key = Key(documents, heldOut, BitConverter.GetBytes(config.VocabularySize)) + "\n";
        if (File.Exists(Path.Combine(kept, "tokenizer.json")) && File.Exists(keyFile) && File.ReadAllText(keyFile) == key) return ReadKept(kept);
        status?.Report($"training a byte-level BPE tokenizer of {config.VocabularySize} ids");
        Tokenizer trained = TokenizerTrainer.Train(
            new BpeTrainerSettings { VocabularySize = config.VocabularySize, SpecialTokens = [EndOfText] },
            documents.Where(d => !d.IsHeldOut(heldOut)).Select(d => d.Text), TrainingPipeline.ByteLevel, null, cancellationToken);
        if (File.Exists(keyFile)) File.Delete(keyFile);
        SaveTokenizer(trained, kept);
        DurableFile.WriteText(keyFile, key);
        return trained;
    }

    private static Tokenizer ReadKept(string folder)
    {
        try
        {
            return Tokenizer.FromFolder(folder);
        }
        catch (InputException e)
        {
            throw new InputException($"{e.Message.TrimEnd('.')}. Delete the folder {folder}, and the run trains the same tokenizer again.", e);
        }
    }

    private static List<int> Encode(Tokenizer tokenizer, string text)
    {
        List<int> ids = [];
        tokenizer.EncodeToIds(text, ids, addSpecialTokens: false);
        return ids;
    }

    /// <summary>Writes <c>tokenizer.json</c> and the <c>tokenizer_config.json</c> with which transformers opens it.</summary>
    public static void SaveTokenizer(Tokenizer tokenizer, string folder)
    {
        Directory.CreateDirectory(folder);
        tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
        DurableFile.WriteText(Path.Combine(folder, "tokenizer_config.json"), StrictJson.Format(new System.Text.Json.Nodes.JsonObject
        {
            ["bos_token"] = EndOfText,
            ["clean_up_tokenization_spaces"] = false,
            ["eos_token"] = EndOfText,
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
        }));
    }

    /// <summary>What a tokenizer or ids depend on: texts, split, and the size or the tokenizer.</summary>
    private static string Key(List<TextDocument> documents, double heldOut, ReadOnlySpan<byte> made)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (TextDocument document in documents) hash.AppendData(BitConverter.GetBytes(document.Hash));
        hash.AppendData(made);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(heldOut.ToString("R", CultureInfo.InvariantCulture)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
