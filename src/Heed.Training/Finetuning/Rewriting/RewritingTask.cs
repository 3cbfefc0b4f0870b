using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Metrics;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning to translate or to summarise.</summary>
internal sealed class RewritingTask : WritingTask
{
    /// <summary>Texts generated at once, in batches of training.</summary>
    private const int Batches = 4;

    private const string ExactMatch = "exact_match";

    private readonly RewritingData _data;

    /// <param name="model">An encoder-decoder or a decoder.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    public RewritingTask(FinetuningModel model, RewritingData data, FinetuningConfig settings)
        : base(model, data, settings, [.. data.TrainingExamples.Select(e => data.Encode(e, settings.MaximumLength))],
            [.. data.HeldOutExamples.Select(e => data.Encode(e, settings.MaximumLength))])
        => _data = data;

    /// <summary>How the finished model writes, instead of the folder's way; null keeps it.</summary>
    public WritingOptions? Writing { get; set; }

    /// <summary>The loss of each token, or the exact matches that are counted while the model is trained.</summary>
    public override TaskMeasure Measure => Settings.EvaluateWritten == 0 ? TaskMeasure.Loss : new TaskMeasure(ExactMatch,
        HigherIsBetter: true);

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        TaskAssessment? assessment = base.Assess(cancellationToken);
        if (assessment is null || Settings.EvaluateWritten == 0) return assessment;
        IReadOnlyList<RewritingExample> all = _data.HeldOutExamples;
        int count = Math.Min(Settings.EvaluateWritten, all.Count);
        RewritingExample[] some = [.. Enumerable.Range(0, count).Select(i => all[(int)((long)i * all.Count / count)])];
        string[] written = Write(some, Generation() with { Beams = 1 }, cancellationToken);
        Dictionary<string, double> measures = new(assessment.Report.Measures)
        {
            [ExactMatch] = 100 * some.Zip(written, (e, w) => IsRight(e, w) ? 1.0 : 0).Average(),
        };
        return assessment with { Report = assessment.Report with { Measures = measures } };
    }

    /// <summary>Lets the model write, and compares: BLEU and chrF of translations, ROUGE of summaries, exact matches of both.</summary>
    /// <inheritdoc/>
    internal override TaskAssessment Complete(TaskAssessment assessment, CancellationToken cancellationToken)
    {
        IReadOnlyList<RewritingExample> examples = _data.HeldOutExamples;
        string[] targets = [.. examples.Select(e => e.Target)], written = Write(examples, Generation(), cancellationToken);
        double[] losses = Losses(cancellationToken);
        bool[] right = [.. examples.Zip(written, IsRight)];
        Dictionary<string, double> measures = new(assessment.Report.Measures) { [ExactMatch] = 100 * right.Average(r => r ? 1.0 : 0) };
        JsonObject details = new() { ["by_source_length"] = WrittenByLength.Of(examples, written, right, _data.Task) };
        if (_data.Task == RewritingData.Translation)
        {
            BleuScore bleu = Bleu.Corpus(written, [targets]);
            ChrfScore chrf = Chrf.Corpus(written, [targets]);
            (measures["bleu"], measures["chrf"]) = (bleu.Score, chrf.Score);
            (details["bleu_signature"], details["chrf_signature"]) = (bleu.Signature, chrf.Signature);
        }
        else
        {
            RougeScore[] scores = [.. targets.Zip(written, (t, w) => Rouge.Evaluate(t, w))];
            measures["rouge1"] = scores.Average(s => s.Rouge1.F1);
            measures["rouge2"] = scores.Average(s => s.Rouge2.F1);
            measures["rougeL"] = scores.Average(s => s.RougeL.F1);
            measures["rougeLsum"] = scores.Average(s => s.RougeLsum.F1);
        }

        return assessment with
        {
            Report = assessment.Report with { Measures = measures },
            Details = details,
            Examples = [.. examples.Select((e, i)
                => new AssessedExample(e.Place, e.Source, targets[i], written[i], double.NaN, losses[i], right[i]))],
        };
    }

    private static bool IsRight(RewritingExample example, string written) => example.Target.Trim() == written.Trim();

    /// <summary>What the model makes of some texts.</summary>
    private string[] Write(IReadOnlyList<RewritingExample> examples, GenerationConfig config, CancellationToken cancellationToken)
    {
        using InferenceEngine engine = new(Model);
        List<string> written = [];
        foreach (RewritingExample[] some in examples.Chunk(Math.Max(1, Settings.BatchSize * Batches / config.Beams)))
        {
            GenerationRequest[] requests = [.. some.Select(e => Request(e.Source, config))];
            written.AddRange(engine.Generate(requests, cancellationToken).Select(t => t.Text));
        }

        return [.. written];
    }

    private GenerationRequest Request(string source, GenerationConfig config)
    {
        int[] prompt = _data.Source(source);
        int room = Model.Config.MaximumLength - (Model is SequenceToSequenceModel ? 1 : prompt.Length);
        // A text that the model cannot read whole, or after which it cannot write, is cut as in training.
        if (prompt.Length > Settings.MaximumLength || room < 1)
            prompt = _data.Fitting(source, Math.Min(Settings.MaximumLength, Model.Config.MaximumLength - 1));
        return new GenerationRequest
        {
            Prompt = prompt,
            Config = config,
            Tokenizer = _data.Tokenizer.WithTruncation(null).WithPadding(null),
            DecoderPrompt = Model is SequenceToSequenceModel && config.DecoderStartId is { } start ? [start] : null,
        };
    }

    /// <summary>The folder's settings, those of the task over them; nothing is drawn, so that figures can be repeated.</summary>
    private GenerationConfig Generation()
    {
        GenerationConfig config = Source.Start.Generation();
        if (_data.Prompt.Generation(Model.Config) is { } own)
        {
            using JsonDocument json = JsonDocument.Parse(own.ToJsonString());
            config = config.With(new ConfigReader(json.RootElement, Path.Combine(Source.Folder ?? "", ModelFolder.ConfigName)));
        }

        if (config.EndIds.Count == 0 && Model.Config.EndId is { } end) config = config with { EndIds = [end] };
        // Twice the longest target lets a text end, and stops one that would not.
        if (config.MaxNewTokens is null && config.MaxLength is null)
            config = config with { MaxNewTokens = 2 * Math.Min(_data.LongestTarget, Settings.MaximumLength) };
        if (Writing is { } writing)
            config = config with { Beams = writing.Beams, LengthPenalty = (float)(writing.LengthPenalty ?? config.LengthPenalty) };
        return config with
        {
            Sample = false,
            ReturnSequences = 1,
            BeginId = config.BeginId ?? Model.Config.BeginId,
            PaddingId = config.PaddingId ?? Model.Config.PaddingId,
        };
    }
}
