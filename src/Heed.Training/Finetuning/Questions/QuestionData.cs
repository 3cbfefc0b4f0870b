using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Questions about contexts, whose answers stand there or nowhere.</summary>
internal sealed class QuestionData : ExampleData<QuestionExample>
{
    /// <summary>The task's name.</summary>
    public const string Name = "questions";

    private IReadOnlyList<QuestionWindow>[]? _windows;
    private int _length, _stride;

    /// <inheritdoc/>
    public override string Task => Name;

    /// <inheritdoc/>
    public override IEnumerable<string> TrainingTexts => TrainingExamples.SelectMany(e => (string[])[e.Question, e.Context]);

    /// <summary>True if some questions have no answer, as in SQuAD 2.0: "no answer" is an answer then.</summary>
    public required bool HasUnanswered { get; init; }

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.QuestionAnswerer;

    /// <summary>Nothing is cut: what is too long is read in windows.</summary>
    /// <inheritdoc/>
    public override string? Cut(int length) => null;

    /// <inheritdoc/>
    public override FinetuningConfig Decide(FinetuningConfig config, ICollection<string> decisions)
    {
        FinetuningConfig decided = config with { Stride = StrideOf(config) };
        IReadOnlyList<QuestionWindow>[] windows = Windows(decided);
        if (Samples(decided) == Training) return decided;
        int several = windows.Count(w => w.Count > 1);
        decisions.Add(string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Part(several, Training, "question", "has", "have")} contexts longer than {decided.MaximumLength:N0} tokens, read in "
                + $"windows, each sharing {Printable.Counted(decided.Stride, "token")} with the one before: "
                + $"{Printable.Counted(Samples(decided), "window")} to learn from"));
        if (LostAnswers(decided) is { } lost) decisions.Add(lost);
        return decided;
    }

    /// <inheritdoc/>
    public override string? LostAnswers(FinetuningConfig decided)
    {
        IReadOnlyList<QuestionWindow>[] windows = Windows(decided);
        QuestionExample[] torn = [.. TrainingExamples.Where((e, i) => e.Answers.Count > 0 && !windows[i].Any(w => w.HoldsAnswer))];
        return torn.Length == 0 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{torn.Length:N0} answers lie in no window whole and are learned as not there ({Some(torn.Select(e => e.Place))}; raise "
                + $"maximum_length or stride)");
    }

    /// <inheritdoc/>
    public override int Samples(FinetuningConfig decided) => Windows(decided).Sum(w => w.Count);

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new QuestionTask(model, this, settings);

    /// <summary>The windows of each training question.</summary>
    public IReadOnlyList<QuestionWindow>[] Windows(FinetuningConfig decided)
    {
        if (_windows is null || (_length, _stride) != (decided.MaximumLength, decided.Stride))
            (_windows, _length, _stride) = (Windows(TrainingExamples, decided), decided.MaximumLength, decided.Stride);
        return _windows;
    }

    /// <summary>The windows of each of some questions.</summary>
    /// <exception cref="InputException">A question leaves no room for its context.</exception>
    public IReadOnlyList<QuestionWindow>[] Windows(IReadOnlyList<QuestionExample> examples, FinetuningConfig decided)
    {
        IReadOnlyList<QuestionWindow>[] windows = new IReadOnlyList<QuestionWindow>[examples.Count];
        for (int i = 0; i < windows.Length; i++)
        {
            try
            {
                windows[i] = QuestionWindows.Of(Tokenizer, examples[i], decided.MaximumLength, StrideOf(decided));
            }
            catch (ConfigException e)
            {
                int tokens = Tokenizer.WithTruncation(null).WithPadding(null).Encode(examples[i].Question.TrimStart()).Count;
                throw new InputException(string.Create(CultureInfo.InvariantCulture,
                    $"{examples[i].Place}: the question has {tokens:N0} tokens and leaves too little of the "
                        + $"{decided.MaximumLength:N0} of a "
                        + $"window for its context, of which windows share {StrideOf(decided):N0}. Shorten the question, raise "
                        + $"maximum_length, or lower stride."), e);
            }
        }

        return windows;
    }

    private static int StrideOf(FinetuningConfig config) => config.Stride > 0 ? config.Stride : config.MaximumLength / 4;

    /// <summary>Reads and divides the data of a run.</summary>
    public static QuestionData From(FinetuningConfig config, Tokenizer tokenizer, CancellationToken cancellationToken)
    {
        DataOptions options = Options(config);
        DataParts<QuestionExample> parts = DataParts<QuestionExample>.Read(config,
            path => ExampleReader.Questions(path, options, cancellationToken), DataSplit.Of, (data, dev) => DataReport.Of(data, dev));
        Tokenizer counting = tokenizer.WithTruncation(null).WithPadding(null);
        return new QuestionData
        {
            Tokenizer = tokenizer,
            TrainingExamples = parts.Training,
            HeldOutExamples = parts.HeldOut,
            TokenCounts = [.. parts.Training.Select(e => counting.Encode(e.Question.TrimStart(), e.Context).Count)],
            HasUnanswered = parts.Training.Concat(parts.HeldOut).Any(e => e.Answers.Count == 0),
            Report = parts.Report,
            Statements = parts.Statements,
            Fingerprint = SumOf(parts.Training.SelectMany(e => (string[])[e.Question, e.Context,
                .. e.Answers.SelectMany(a => (string[])[a.Text, FormattableString.Invariant($"{a.Start}")])])),
        };
    }
}
