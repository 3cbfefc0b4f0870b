using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Texts, or pairs of texts, with one label, several labels, or a number.</summary>
internal sealed class ClassificationData : ExampleData<ClassificationExample>
{
    /// <summary>The task's name.</summary>
    public const string Name = "classification";

    /// <summary>The one output of a regression.</summary>
    private const string NumberName = "score";

    /// <inheritdoc/>
    public override string Task => Name;

    /// <inheritdoc/>
    public override IEnumerable<string> TrainingTexts => TrainingExamples.SelectMany(e
        => (string[])(e.Second is null ? [e.Text] : [e.Text, e.Second]));

    /// <summary>What the labels are.</summary>
    public required LabelKind Kind { get; init; }

    /// <summary>The labels in the order of the model's outputs.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary>What a teacher says of each training example, in the order of <see cref="Labels"/>; null until it was asked.</summary>
    public TaughtLabels? Taught { get; set; }

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.SequenceClassifier;

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        int cut = Longer(length);
        return cut == 0 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Part(cut, Training, "text")} longer than {length:N0} tokens and cut; no label is lost (raise maximum_length to "
                + $"keep them whole)");
    }

    /// <inheritdoc/>
    public override ModelConfig Configure(ModelConfig config) => config with
    {
        Labels = Kind == LabelKind.Regression ? [NumberName] : Labels,
        ClassificationKind = Kind switch
        {
            LabelKind.Multiple => ClassificationKind.MultiLabel,
            LabelKind.Regression => ClassificationKind.Regression,
            _ => ClassificationKind.SingleLabel,
        },
    };

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new ClassificationTask(model, this, settings);

    /// <summary>Reads and divides the data of a run.</summary>
    public static ClassificationData From(FinetuningConfig config, Tokenizer tokenizer, ModelConfig model,
        CancellationToken cancellationToken)
    {
        DataOptions options = Options(config);
        ClassificationSet all = ExampleReader.Classification(config.Train, options, cancellationToken);
        ClassificationSet? dev = config.Dev.Length == 0 || config.Dev == FinetuningConfig.NoDev ? null
            : ExampleReader.Classification(config.Dev, options with { Kind = all.Kind }, cancellationToken);
        DataSplit<ClassificationExample>? split = config.Dev.Length == 0 ? DataSplit.Of(all, config.HeldOut) : null;
        IReadOnlyList<ClassificationExample> training = split?.Training ?? all.Examples, heldOut = split?.HeldOut ?? dev?.Examples ?? [];
        IReadOnlyList<string> labels = Ordered(all.Labels, model, config);
        if (dev is not null) RequireKnown(dev.Examples, labels, config.Train);
        Tokenizer counting = tokenizer.WithTruncation(null).WithPadding(null);
        return new ClassificationData
        {
            Tokenizer = tokenizer,
            Kind = all.Kind,
            Labels = labels,
            TrainingExamples = training,
            HeldOutExamples = heldOut,
            TokenCounts = [.. training.Select(e => counting.Encode(e.Text, e.Second).Count)],
            Report = DataReport.Of(all with { Examples = training }, dev),
            Statements = [.. split is null ? [] : (string[])[Divided(training.Count, heldOut.Count)], .. Alike(labels)],
            Fingerprint = SumOf(training.SelectMany(Parts)),
        };
    }

    /// <summary>Examples to evaluate a finished model on.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="model">Its labels are the classes.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    public static ClassificationData ToEvaluate(
        string path, DataOptions options, Tokenizer tokenizer, ModelConfig model, CancellationToken cancellationToken)
    {
        LabelKind kind = model.ClassificationKind switch
        {
            ClassificationKind.MultiLabel => LabelKind.Multiple,
            ClassificationKind.Regression => LabelKind.Regression,
            _ => LabelKind.Single,
        };
        ClassificationSet set = ExampleReader.Classification(path, options with { Kind = kind }, cancellationToken);
        RequireKnown(set.Examples, model.Labels, "the model");
        return new ClassificationData
        {
            Tokenizer = tokenizer,
            Kind = kind,
            Labels = model.Labels,
            TrainingExamples = [],
            HeldOutExamples = set.Examples,
            TokenCounts = [],
            Report = DataReport.Of(set),
            Fingerprint = "",
        };
    }

    /// <summary>Labels that only case or blanks tell apart: more likely one class than two.</summary>
    private static IEnumerable<string> Alike(IReadOnlyList<string> labels)
        => labels.GroupBy(l => l.Trim().ToUpperInvariant(), StringComparer.Ordinal).Where(g => g.Count() > 1)
            .Select(g => $"the labels {string.Join(", ", g.Select(l => $"'{Printable.Shorten(l, 40)}'"))} differ in case only and are "
                + "learned as different classes");

    // The examples of a regression have no labels.
    private static void RequireKnown(IReadOnlyList<ClassificationExample> examples, IReadOnlyList<string> labels, string where)
        => RequireKnown(examples, e => e.Place, e => e.Labels, labels, "label", where);

    private static IEnumerable<string> Parts(ClassificationExample e)
        => [e.Text, e.Second ?? "", .. e.Labels, e.Value.ToString("R", CultureInfo.InvariantCulture)];
}
