using System.Globalization;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Texts and what they become: translations, summaries.</summary>
internal sealed class RewritingData : FinetuningData
{
    /// <summary>The names of both tasks.</summary>
    public const string Translation = "translation", Summarization = "summarization";

    private readonly string _task;
    private readonly HeadKind _head;
    private readonly int? _end;

    private RewritingData(string task, HeadKind head, int? end) => (_task, _head, _end) = (task, head, end);

    /// <inheritdoc/>
    public override string Task => _task;

    /// <summary>To learn from.</summary>
    public required IReadOnlyList<RewritingExample> TrainingExamples { get; init; }

    /// <summary>To evaluate on.</summary>
    public required IReadOnlyList<RewritingExample> HeldOutExamples { get; init; }

    /// <summary>What the model reads of a text.</summary>
    public required RewritingPrompt Prompt { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<string> TrainingTexts => TrainingExamples.SelectMany(e => (string[])[Prompt.Of(e.Source), e.Target]);

    /// <inheritdoc/>
    public override int Training => TrainingExamples.Count;

    /// <inheritdoc/>
    public override int HeldOut => HeldOutExamples.Count;

    /// <summary>Tokens of a text and its target together for a decoder; of the longer one for an encoder-decoder.</summary>
    /// <inheritdoc/>
    public override LengthSummary Lengths => field ??= LengthSummary.Of(TrainingExamples.Select(e =>
        IsDecoder ? Source(e.Source).Length + Target(e.Target).Length : Math.Max(Source(e.Source).Length, Target(e.Target).Length)));

    /// <summary>Tokens of the longest target.</summary>
    public int LongestTarget => field > 0 ? field : field = TrainingExamples.Concat(HeldOutExamples).Max(e => Target(e.Target).Length);

    /// <inheritdoc/>
    public override HeadKind Head => _head;

    private bool IsDecoder => _head == HeadKind.LanguageModel;

    private Tokenizer Whole => field ??= Tokenizer.WithPadding(null).WithTruncation(null);

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        RewritingExample[] cut = [.. TrainingExamples.Where(e => IsDecoder
            ? Source(e.Source).Length + Target(e.Target).Length > length
            : Source(e.Source).Length > length || Target(e.Target).Length > length)];
        if (cut.Length == 0) return null;
        int targets = cut.Count(e => Target(e.Target).Length > (IsDecoder ? length - 1 : length));
        return string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Part(cut.Length, Training, "example")} longer than {length:N0} tokens and cut, {targets:N0} of them in "
                + $"their target "
                + $"({Some(cut.Select(e => e.Place))}; raise maximum_length to keep all whole)");
    }

    /// <inheritdoc/>
    public override string? LostAnswers(FinetuningConfig decided)
    {
        int longest = IsDecoder ? decided.MaximumLength - 1 : decided.MaximumLength;
        return TrainingExamples.Any(e => Target(e.Target).Length > longest) ? Cut(decided.MaximumLength) : null;
    }

    /// <inheritdoc/>
    public override FinetuningConfig Decide(FinetuningConfig config, ICollection<string> decisions)
    {
        if (Prompt.Decision is { } decision) decisions.Add(decision);
        long letters = TrainingExamples.Sum(e => (long)e.Target.Count(char.IsLetter));
        long others = TrainingExamples.Sum(e => (long)e.Target.Count(c => char.IsLetter(c) && !char.IsAscii(c)));
        const double Few = 0.01;
        if (_task == Summarization && others > Few * letters)
            decisions.Add(string.Create(CultureInfo.InvariantCulture,
                $"{(double)others / letters:P0} of the targets' letters are not ASCII: ROUGE does not see them, so its figures "
                    + $"compare with "
                    + $"those of the same language only"));
        return config;
    }

    /// <inheritdoc/>
    public override ModelConfig Configure(ModelConfig config) => IsDecoder ? config : Prompt.SavedIn(config, _task);

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new RewritingTask(model, this, settings);

    /// <summary>What the model reads of a text, as tokens.</summary>
    public int[] Source(string source)
    {
        int[] ids = [.. Whole.Encode(Prompt.Of(source)).Ids];
        // A decoder continues its prompt: an end that the tokenizer puts there would tell it to stop.
        return IsDecoder && ids.Length > 1 && ids[^1] == _end ? ids[..^1] : ids;
    }

    /// <summary>An example as the model learns it, within a length.</summary>
    public LearnedText Encode(RewritingExample example, int length)
    {
        int[] target = Target(example.Target);
        if (!IsDecoder)
        {
            Tokenizer cutting = Whole.WithTruncation(new TruncationOptions(length));
            int[] source = [.. cutting.Encode(Prompt.Of(example.Source)).Ids];
            return new LearnedText(source, target.Length <= length ? target : Ended([.. cutting.Encode(example.Target).Ids], length));
        }

        int[] prompt = Fitting(example.Source, length - Math.Min(target.Length, length - 1));
        int[] kept = target[..Math.Min(target.Length, length - prompt.Length)];
        return new LearnedText([.. prompt, .. kept], [.. Enumerable.Repeat(IgnoredLabel.Value, prompt.Length), .. kept]);
    }

    /// <summary>Reads and divides the data of a run.</summary>
    public static RewritingData From(string task, FinetuningConfig config, Tokenizer tokenizer, ModelDescription model,
        CancellationToken cancellationToken)
    {
        HeadKind[] heads = [.. ModelFamilies.Heads(model.Family, model.Config.ModelType).Select(model.Family.HeadOf)];
        bool isDecoder = !heads.Contains(HeadKind.SequenceToSequence) && heads.Contains(HeadKind.LanguageModel);
        RewritingPrompt prompt = RewritingPrompt.Find(config, task, model.Config, isDecoder);
        DataOptions options = Options(config);
        DataParts<RewritingExample> parts = DataParts<RewritingExample>.Read(config,
            path => ExampleReader.Rewritings(path, options, cancellationToken), DataSplit.Of, (data, dev) => DataReport.Of(data, dev));
        return new RewritingData(task, isDecoder ? HeadKind.LanguageModel : HeadKind.SequenceToSequence, model.Config.EndId)
        {
            Tokenizer = tokenizer,
            Prompt = prompt,
            TrainingExamples = parts.Training,
            HeldOutExamples = parts.HeldOut,
            Report = parts.Report,
            Statements = parts.Statements,
            Fingerprint = SumOf(parts.Training.SelectMany(e => (string[])[e.Source, e.Target])),
        };
    }

    /// <summary>A target as tokens, with its end.</summary>
    private int[] Target(string target) => IsDecoder ? Ended([.. Whole.Encode(target, addSpecialTokens: false).Ids], int.MaxValue)
        : Ended([.. Whole.Encode(target).Ids], int.MaxValue);

    /// <summary>Tokens with the end, within a length: a model that never reads it never stops.</summary>
    private int[] Ended(int[] ids, int length)
        => _end is not { } end || (ids.Length > 0 && ids[^1] == end) ? ids : [.. ids[..Math.Min(ids.Length, length - 1)], end];

    /// <summary>A prompt within a length: the end of the text is cut, not what follows it.</summary>
    public int[] Fitting(string source, int length)
    {
        length = Math.Max(1, length);
        for (string text = source; ;)
        {
            int[] ids = Source(text);
            if (ids.Length <= length) return ids;
            if (text.Length == 0) return ids[^length..];
            TokenEncoding alone = Whole.Encode(text, addSpecialTokens: false);
            int kept = Math.Min(alone.Count, alone.Count - (ids.Length - length));
            int end = kept <= 0 ? 0 : alone.Ends[kept - 1];
            text = text[..Math.Min(end, text.Length - 1)];
        }
    }
}
