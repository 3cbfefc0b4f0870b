using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Texts whose entities are known.</summary>
internal sealed class EntityData : ExampleData<EntityText>
{
    /// <summary>The task's name.</summary>
    public const string Name = "entities";

    /// <summary>The tag of what is no entity.</summary>
    public const string Outside = "O";

    /// <inheritdoc/>
    public override string Task => Name;

    /// <inheritdoc/>
    public override IEnumerable<string> TrainingTexts => TrainingExamples.Select(t => t.Text);

    /// <summary>The tags in the order of the model's outputs.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.TokenClassifier;

    /// <inheritdoc/>
    public override ModelConfig Configure(ModelConfig config) => config with { Labels = Labels };

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new EntityTask(model, this, settings);

    /// <summary>The texts as the model reads them at a length.</summary>
    public TaggedText[] Align(IEnumerable<EntityText> texts, int length)
    {
        Tokenizer tokenizer = Tokenizer.WithPadding(null).WithTruncation(new TruncationOptions(length));
        return [.. texts.Select(t => t.Align(tokenizer, Labels))];
    }

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        string[] found = [.. new[] { Lost(TrainingExamples, length, ""), Lost(HeldOutExamples, length, "held-out ") }.OfType<string>()];
        return found.Length == 0 ? null : string.Join("; ", found);
    }

    /// <inheritdoc/>
    public override string? LostAnswers(FinetuningConfig decided)
        => Align(TrainingExamples, decided.MaximumLength).Any(t => t.LostTags > 0) ? Cut(decided.MaximumLength) : null;

    /// <summary>Reads and divides the data of a run.</summary>
    public static EntityData From(FinetuningConfig config, Tokenizer tokenizer, ModelConfig model, CancellationToken cancellationToken)
    {
        DataOptions options = Options(config);
        return HasSpans(config.Train.Length > 0 ? config.Train : config.Test, options)
            ? Of(DataParts<SpanExample>.Read(config, p => ExampleReader.Spans(p, options, cancellationToken), DataSplit.Of,
                (data, dev) => DataReport.Of(data, dev)), e => new SpansText(e), config, tokenizer, model)
            : Of(DataParts<TaggedExample>.Read(config, p => ExampleReader.Tags(p, options, cancellationToken), DataSplit.Of,
                (data, dev) => DataReport.Of(data, dev)), e => new WordsText(e), config, tokenizer, model);
    }

    private static EntityData Of<T>(DataParts<T> parts, Func<T, EntityText> text, FinetuningConfig config, Tokenizer tokenizer,
        ModelConfig model)
    {
        EntityText[] training = [.. parts.Training.Select(text)], heldOut = [.. parts.HeldOut.Select(text)];
        IReadOnlyList<string> labels = config.Train.Length == 0 ? model.Labels
            : config.LabelNames.Count > 0 ? config.LabelNames : EntityLabels.Of(training.SelectMany(t => t.Tags));
        if (labels.All(l => l == Outside))
            throw new InputException($"{config.Train}: every word has the tag {Outside}; one labelled word or more is needed.");
        RequireKnown(training, labels, config.Train);
        RequireKnown(heldOut, labels, config.Train.Length == 0 ? "the model" : config.Train);
        Tokenizer counting = tokenizer.WithTruncation(null).WithPadding(null);
        return new EntityData
        {
            Tokenizer = tokenizer,
            Labels = config.Train.Length == 0 ? labels : Ordered(labels, model, config),
            TrainingExamples = training,
            HeldOutExamples = heldOut,
            TokenCounts = [.. training.Select(t => t.Count(counting))],
            Report = parts.Report,
            Statements = parts.Statements,
            Fingerprint = SumOf(training.SelectMany(t => t.Parts)),
        };
    }

    /// <summary>True for texts with labelled parts; words with tags otherwise.</summary>
    public static bool HasSpans(string path, DataOptions options)
    {
        string ending = Path.GetExtension(path).ToLowerInvariant();
        if (ending == ".csv")
            throw new InputException($"{path}: entities are read from CoNLL (a word and a tag a line, separated by a blank or a "
                + $"tab), JSONL, "
                + $"JSON or Parquet; convert the file.");
        return ending is ".jsonl" or ".ndjson" or ".json" or ".parquet"
            && ColumnNames.Find(DataColumn.Words, DataRows.Open(path, options, new DataFaults(), []), options) is null;
    }

    private static void RequireKnown(EntityText[] texts, IReadOnlyList<string> labels, string where)
        => RequireKnown(texts, t => t.Place, t => t.Tags, labels, "tag", where);

    private string? Lost(IReadOnlyList<EntityText> texts, int length, string which)
    {
        TaggedText[] aligned = Align(texts, length);
        EntityText[] losing = [.. texts.Where((_, i) => aligned[i].Lost.Count > 0)];
        int uneven = aligned.Sum(t => t.Uneven);
        List<string> parts = [];
        if (losing.Length > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture,
                $"{Printable.Part(losing.Length, texts.Count, $"{which}text", "loses", "lose")} words beyond {length:N0} tokens or without a token, and "
                    + $"with them "
                    + $"{Printable.Counted(aligned.Sum(t => (long)t.LostTags), "label")}, which count as predicted {Outside} "
                    + $"({Some(losing.Select(t => t.Place))}; raise maximum_length to keep long texts whole)"));
        }

        if (uneven > 0)
            parts.Add(string.Create(CultureInfo.InvariantCulture,
                $"{Printable.Counted(uneven, $"labelled part of {which}texts begins or ends", $"labelled parts of {which}texts begin or end")} "
                    + $"inside a token: all of it is learned"));
        return parts.Count == 0 ? null : string.Join("; ", parts);
    }
}
