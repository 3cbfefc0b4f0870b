using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Texts whose nearness is known: pairs, pairs with a score, a label or a class, triplets, texts with a class.</summary>
internal sealed class SimilarityData : ExampleData<SimilarityExample>
{
    /// <summary>The name of learning vectors.</summary>
    public const string Name = "similarity";

    /// <inheritdoc/>
    public override string Task => Name;

    /// <summary>What the examples are.</summary>
    public required SimilarityKind Kind { get; init; }

    /// <summary>The names of classes; empty where there are none.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>What stands before the texts.</summary>
    public required SentencePrompts Prompts { get; init; }

    /// <summary>What is said before the first step.</summary>
    public required List<string> Notes { get; init; }

    /// <summary>Examples with mined negatives; null until they are mined, which happens once, with the weights before the first
    /// step.</summary>
    public IReadOnlyList<SimilarityExample>? Mined { get; set; }

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.None;

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        int cut = Longer(length);
        return cut == 0 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Part(cut, TokenCounts.Length, "text")} longer than {length:N0} tokens and cut (raise maximum_length to keep all "
                + $"whole)");
    }

    /// <summary>A classifier of pairs finds the names of its classes in config.json.</summary>
    /// <inheritdoc/>
    public override ModelConfig Configure(ModelConfig config)
        => Kind == SimilarityKind.PairClasses ? config with { Labels = Classes } : config;

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new SimilarityTask(model, this, settings);

    /// <summary>True for data with classes.</summary>
    public static bool HasClasses(SimilarityKind kind) => kind is SimilarityKind.PairClasses or SimilarityKind.Classes;

    /// <summary>The number that a loss reads of each example: its score or label, or the number of its class.</summary>
    public float[] Targets(IEnumerable<SimilarityExample> examples)
    {
        Dictionary<string, int> numbers = Classes.Select((c, i) => KeyValuePair.Create(c, i)).ToDictionary(StringComparer.Ordinal);
        return [.. examples.Select(e => e.Class is { } name ? numbers[name] : (float)e.Score)];
    }

    /// <summary>Reads data that a finished model is judged on: with the loss and the prompts of its run, and the classes that its head
    /// knows.</summary>
    public static SimilarityData ToEvaluate(string path, FinetuningConfig config, Tokenizer tokenizer, ModelConfig model,
        CancellationToken cancellationToken)
    {
        FinetuningConfig trained = FinetuningRun.SettingsOf(config.Model) is { Task: Name } run ? run : config;
        SimilarityData data = From(config with
        {
            Train = path,
            Dev = path,
            MineNegatives = 0,
            Loss = PairHead.IsIn(config.Model) ? SimilarityLoss.Softmax : config.Loss,
            QueryPrompt = trained.QueryPrompt,
            DocumentPrompt = trained.DocumentPrompt,
        }, tokenizer, model, cancellationToken);
        if (data.Kind == SimilarityKind.PairClasses && !PairHead.IsIn(config.Model))
            throw new InputException($"{config.Model}: has no classifier of pairs ({PairHead.FileName}), and {path} holds pairs with a "
                + $"class. Train one first (heed finetune --task similarity), or judge it on pairs with a score.");
        return data;
    }

    /// <summary>Reads and divides the data of a run.</summary>
    public static SimilarityData From(FinetuningConfig config, Tokenizer tokenizer, ModelConfig model, CancellationToken cancellationToken)
    {
        (SimilaritySet all, IReadOnlyList<SimilarityExample> training, IReadOnlyList<SimilarityExample> heldOut, DataReport report)
            = Parts(config, cancellationToken);
        Tokenizer counting = tokenizer.WithTruncation(null).WithPadding(null);
        SimilarityLoss loss = SimilarityLoss.Of(config, all.Kind);
        SentencePrompts prompts = SentencePrompts.Of(config, all.Kind);
        IReadOnlyList<string> classes = all.Kind == SimilarityKind.PairClasses ? Ordered(all.Classes, model, config) : all.Classes;
        if (all.Kind == SimilarityKind.PairClasses && PairHead.IsIn(config.Model) && config.Train == config.Dev) classes = model.Labels;
        if (classes.Count > 0)
        {
            RequireKnown(training.Concat(heldOut), e => e.Place, e => [e.Class!], classes, "class",
                config.Train == config.Dev ? "the model" : config.Train);
        }

        if (all.Kind == SimilarityKind.Classes && heldOut.Count > 0 && heldOut.CountBy(e => e.Class!).All(c => c.Value < 2))
        {
            throw new InputException($"{config.Train}: no class has two held-out texts, so nothing can be measured. Hold out more "
                + $"(held_out), or name a dev file.");
        }

        List<string> notes = [.. config.Dev.Length == 0 ? [Divided(training.Count, heldOut.Count)] : (string[])[], loss.Reason];
        if (prompts.Statement is { } stated) notes.Add(stated);
        return new SimilarityData
        {
            Tokenizer = tokenizer,
            Kind = all.Kind,
            Classes = classes,
            Prompts = prompts,
            TrainingExamples = training,
            HeldOutExamples = heldOut,
            TokenCounts = [.. training.SelectMany(e => Texts(e).Select((t, c) => (c == 0 ? prompts.First : prompts.Others) + t))
                .Select(t => counting.Encode(t).Count)],
            Report = report,
            Statements = notes,
            Notes = notes,
            Fingerprint = SumOf(training.SelectMany(e => (string[])[.. Texts(e), e.Class ?? e.Score.ToString("R", CultureInfo.InvariantCulture)])),
        };
    }

    /// <summary>The training file and the dev file, or the part held out.</summary>
    internal static (SimilaritySet All, IReadOnlyList<SimilarityExample> Training, IReadOnlyList<SimilarityExample> HeldOut,
        DataReport Report)
        Parts(FinetuningConfig config, CancellationToken cancellationToken)
    {
        DataOptions options = Options(config);
        if (SimilarityLoss.ReadsClasses(config.Loss)) options = options with { Kind = LabelKind.Single };
        SimilaritySet all = ExampleReader.Similarity(config.Train, options, cancellationToken);
        SimilaritySet? dev = config.Dev.Length == 0 || config.Dev == FinetuningConfig.NoDev ? null
            : ExampleReader.Similarity(config.Dev, options, cancellationToken);
        if (dev is not null && dev.Kind != all.Kind && !(dev.Kind == SimilarityKind.Labels && all.Kind == SimilarityKind.Scores))
            throw new InputException($"{config.Dev}: holds {Describe(dev.Kind)}, and {config.Train} {Describe(all.Kind)}. Give both the "
                + $"same columns.");
        DataSplit<SimilarityExample>? split = config.Dev.Length == 0 ? DataSplit.Of(all, config.HeldOut) : null;
        IReadOnlyList<SimilarityExample> training = split?.Training ?? all.Examples;
        return (all, training, split?.HeldOut ?? dev?.Examples ?? [], DataReport.Of(all with { Examples = training }, dev));
    }

    /// <summary>The texts of an example.</summary>
    internal static IEnumerable<string> Texts(SimilarityExample e)
        => e.Class is not null && e.Second.Length == 0 ? [e.First] : [e.First, e.Second, .. e.Negatives];

    /// <summary>What the data hold, for a message.</summary>
    internal static string Describe(SimilarityKind kind) => kind switch
    {
        SimilarityKind.Pairs => "pairs without a score",
        SimilarityKind.Scores => "pairs with a score",
        SimilarityKind.Labels => "pairs with a label 1 or 0",
        SimilarityKind.PairClasses => "pairs with a class",
        SimilarityKind.Classes => "single texts with a class",
        _ => "triplets",
    };
}
