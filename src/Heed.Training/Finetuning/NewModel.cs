using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Objectives;
using Heed.Training.Pretraining;

namespace Heed.Training.Finetuning;

/// <summary>
/// A model that a run begins with new weights: a preset or a <c>config.json</c> has its sizes, and its tokenizer is given, or learned from
/// the texts that the run learns from.
/// </summary>
internal static class NewModel
{
    private const string Padding = "<pad>", End = "</s>", Unknown = "<unk>";

    /// <summary>True if a setting names a preset or a file rather than a folder.</summary>
    public static bool IsMeant(string model) => !Directory.Exists(model) && (File.Exists(model) || PresetOf(model) is not null);

    /// <summary>The model and its tokenizer.</summary>
    /// <param name="config">The settings; their model is a preset or a file.</param>
    /// <param name="status">Reports that a tokenizer is trained; may be null.</param>
    /// <param name="cancellationToken">Ends the reading and the training.</param>
    /// <exception cref="ConfigException">The task needs a trained model.</exception>
    /// <exception cref="InputException">Data, file or tokenizer are not acceptable.</exception>
    public static FinetuningStart Begin(FinetuningConfig config, IProgress<string>? status, CancellationToken cancellationToken)
    {
        if (config.Lora > 0)
            throw new ConfigException($"lora: an adapter changes trained weights, and those of {config.Model} are new. Set lora to 0, or "
                + "name a model folder.");
        if (config.FewShot)
            throw new ConfigException($"few_shot: needs an encoder that was trained, and the weights of {config.Model} are new. Name a "
                + "model folder.");
        // Its template and its tokens for turns come from a folder.
        string? task = config.Task ?? TaskOfData.Find(config.Train, FinetuningData.Options(config))?.Name;
        if (task == ChatData.Name) throw NeedsTrained(config, task);
        (ModelDescription sizes, bool isPreset) = Read(config.Model);
        // The task and its texts are known once the data are read, and the data are read with a tokenizer: the first one knows bytes alone.
        FinetuningData data = FinetuningData.Read(config, Train(config, HeadKind.SequenceToSequence, [], cancellationToken), sizes,
            cancellationToken);
        if (data.TrainingTexts is not { } texts) throw NeedsTrained(config, data.Task);
        Tokenizer tokenizer;
        if (config.Tokenizer.Length > 0)
        {
            tokenizer = Directory.Exists(config.Tokenizer) ? Tokenizer.FromFolder(config.Tokenizer) : Tokenizer.FromFile(config.Tokenizer);
        }
        else
        {
            status?.Report($"training a tokenizer of {config.VocabularySize} ids");
            tokenizer = Train(config, data.Head, texts, cancellationToken);
        }

        return new FinetuningStart(Sized(config, sizes, isPreset, tokenizer, data.Head), tokenizer, null);
    }

    private static ConfigException NeedsTrained(FinetuningConfig config, string task)
        => new($"model: {config.Model} begins with new weights, and {task} needs a trained model. Name a model folder.");

    private static ModelPreset? PresetOf(string name)
    {
        foreach (ModelFamily family in ModelFamilies.All)
            if (family.Presets.TryGetValue(name, out ModelPreset? preset)) return preset;
        return null;
    }

    private static (ModelDescription Sizes, bool IsPreset) Read(string model)
    {
        if (File.Exists(model)) return (ModelFolder.ReadConfigFile(model), false);
        ModelPreset preset = PresetOf(model)!;
        ModelFamily family = ModelFamilies.All.First(f => f.Presets.ContainsKey(model));
        return (new ModelDescription(family, preset.Architecture, preset.Config), true);
    }

    /// <summary>The kind of tokenizer that models with a head are used to, without what only pre-training needs.</summary>
    private static Tokenizer Train(FinetuningConfig config, HeadKind head, IEnumerable<string> texts, CancellationToken cancellationToken)
    {
        string objective = ObjectiveOf(head);
        IReadOnlyList<string> special = objective switch
        {
            ObjectiveKind.Causal => [PretrainingTokenizer.EndOfText],
            ObjectiveKind.Span => [Padding, End, Unknown],
            _ => ObjectiveTokens.Trained(objective, 0),
        };
        return PretrainingTokenizer.Train(objective, special, config.VocabularySize, texts, cancellationToken);
    }

    private static string ObjectiveOf(HeadKind head) => head switch
    {
        HeadKind.LanguageModel => ObjectiveKind.Causal,
        HeadKind.SequenceToSequence => ObjectiveKind.Span,
        _ => ObjectiveKind.Masked,
    };

    /// <summary>The sizes with the tokenizer's vocabulary and special tokens.</summary>
    private static ModelDescription Sized(
        FinetuningConfig config, ModelDescription sizes, bool isPreset, Tokenizer tokenizer, HeadKind head)
    {
        int vocabulary = tokenizer.VocabularySize;
        bool isGiven = config.Tokenizer.Length > 0;
        if (isGiven && !isPreset)
        {
            if (vocabulary > sizes.Config.Vocabulary)
                throw new InputException($"{config.Model}: has a vocabulary of {sizes.Config.Vocabulary} (vocab_size), and the tokenizer "
                    + $"in {config.Tokenizer} {vocabulary} ids. Raise vocab_size, or leave the tokenizer out to train one.");
            vocabulary = sizes.Config.Vocabulary;
        }

        int end = PretrainingTokenizer.EndOf(tokenizer) ?? throw new InputException($"{config.Tokenizer}: the tokenizer has no token "
            + $"that ends a text ({End}, [SEP], {PretrainingTokenizer.EndOfText}); add one as a special token, or leave the tokenizer "
            + "out to train one.");
        ObjectiveTokens tokens = ObjectiveTokens.Of(ObjectiveKind.Causal, tokenizer, end, 0, config.Tokenizer);
        PretrainingConfig run = new() { BlockLength = 8 };   // no preset and no file is shorter: their own lengths stay
        PretrainingModel model = new(sizes.Family, sizes.Architecture, sizes.Config, config.Model, isPreset, Weights: null)
        {
            Objective = new PretrainingObjective(ObjectiveOf(head), run),
        };
        return sizes with { Config = model.Sized(run, vocabulary, tokens) };
    }
}
