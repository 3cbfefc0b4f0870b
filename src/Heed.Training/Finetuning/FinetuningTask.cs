using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>A task over labelled examples: what <see cref="FinetuningRun"/> makes of a model and a file.</summary>
public abstract partial class FinetuningTask : TrainingTask<ModelInputs>
{
    /// <summary>Evaluations in a row with something odd about the predictions after which a run has failed.</summary>
    private const int MostOddEvaluations = 3;

    private ExampleOrder _order;
    private readonly HashSet<string> _new;
    private int _oddEvaluations;
    private double _oddLoss = double.PositiveInfinity;
    private double _guessLoss = double.NaN;

    private protected FinetuningTask(FinetuningModel model, FinetuningData data, FinetuningConfig settings, int[] lengths)
        : base((model ?? throw new ArgumentNullException(nameof(model))).Model)
    {
        (Source, Data, Settings) = (model, data, settings);
        _new = [.. model.NewParameters];
        _order = Order(lengths);
        Fingerprints = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["examples"] = data.Fingerprint,
            ["tokenizer"] = TextTask.SumOf(data.Tokenizer),
        };
    }

    /// <summary>The names of tasks: <c>classification</c>, <c>entities</c> and so on.</summary>
    public static IReadOnlyList<string> Names => FinetuningData.Tasks;

    /// <summary>The task's name, one of <see cref="Names"/>.</summary>
    public string Name => Data.Task;

    /// <summary>What the training data hold, and what about it may mislead.</summary>
    public DataReport Report => Data.Report;

    /// <summary>What was decided before the first step, with the reasons, a sentence each.</summary>
    public IReadOnlyList<string> Decisions { get; internal set; } = [];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Fingerprints { get; }

    /// <summary>The model with what is known of its folder.</summary>
    internal FinetuningModel Source { get; }

    /// <summary>The examples.</summary>
    internal FinetuningData Data { get; }

    /// <summary>The settings, all decided.</summary>
    private protected FinetuningConfig Settings { get; }

    /// <summary>What a target is called in reports of pace: texts, tokens.</summary>
    internal virtual string Unit => "texts";

    /// <summary>Tokens that the model reads for a target.</summary>
    private protected virtual double TokensPerTarget => Math.Min(Data.Lengths.Mean, Settings.MaximumLength);

    /// <inheritdoc/>
    public sealed override ModelInputs Batch(long position) => Inputs(_order[position]);

    /// <inheritdoc/>
    public override IReadOnlyList<long> CountTargets(ModelInputs batch) => Model.CountTargets(batch);

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => Model.Run(batch, options).Losses;

    /// <summary>Predicts the held-out examples with the model as it is, and compares. Null if nothing is held out.</summary>
    internal abstract TaskAssessment? Assess(CancellationToken cancellationToken);

    /// <summary>Adds to the assessment of a finished model what takes too long while it is trained.</summary>
    internal virtual TaskAssessment Complete(TaskAssessment assessment, CancellationToken cancellationToken) => assessment;

    /// <summary>Fits what makes probabilities honest on assessed examples; null if the task has nothing to fit.</summary>
    internal virtual ClassCalibration? Calibrate(TaskAssessment assessment) => null;

    /// <inheritdoc/>
    public sealed override EvaluationReport? Evaluate(bool all, CancellationToken cancellationToken)
    {
        if (Assess(cancellationToken) is not { } assessment) return null;
        _guessLoss = assessment.GuessLoss;
        return assessment.Report;
    }

    /// <summary>Ends a run whose predictions are one class for the third time in a row while its loss does not fall.</summary>
    /// <inheritdoc/>
    internal sealed override void Judge(EvaluationReport report, long batches)
    {
        // A run that begins slowly learns all the same: its loss falls below that of a guess. Nor is one judged that has not seen all
        // examples once.
        bool isSlow = report.Loss < _guessLoss && report.Loss < _oddLoss;
        bool isOdd = report.Findings.Count > 0 && !isSlow && batches >= _order.BatchesPerEpoch;
        (_oddEvaluations, _oddLoss) = (isOdd ? _oddEvaluations + 1 : 0, report.Findings.Count > 0 ? report.Loss : double.PositiveInfinity);
        if (_oddEvaluations < MostOddEvaluations) return;
        throw new NumericalException(string.Create(CultureInfo.InvariantCulture,
            $"{report.Findings[0]}. This was found in {MostOddEvaluations} evaluations in a row, and the loss does not fall below that of "
                + $"a guess: the run has failed, most likely because the learning rate {Settings.LearningRate:0.0e+0} is too high. Lower "
                + $"it to a third, or raise warmup_steps, and begin in another folder."));
    }

    /// <summary>Factor of the rate: that of the settings for a parameter that was not in the folder, else less for lower layers.</summary>
    /// <inheritdoc/>
    public override double RateFactor(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        if (_new.Contains(parameter.Name)) return Settings.HeadRate;
        return Settings.LayerDecay == 1 ? 1 : Math.Pow(Settings.LayerDecay, LayersAbove(parameter.Name));
    }

    /// <summary>Model or adapter, tokenizer, and what the task adds.</summary>
    /// <inheritdoc/>
    public override void Save(string folder)
    {
        if (Source.Adapter is { } adapter)
        {
            adapter.Save(folder);
            // PEFT does not read it; it tells whoever opens the adapter here the names of the labels.
            DurableFile.WriteText(Path.Combine(folder, ModelFolder.ConfigName), StrictJson.Format(ModelFolder.ConfigOf(Model, DType.F32)));
        }
        else
        {
            base.Save(folder);
        }

        TokenizerFolder.Save(Data.Tokenizer, folder, Model.Config.EndId, Source.Folder);
        if (Model is not (CausalLanguageModel or SequenceToSequenceModel)) return;
        string to = Path.Combine(folder, ModelFolder.GenerationConfigName);
        if (Source.Folder is null)
        {
            DurableFile.WriteText(to, StrictJson.Format(GenerationIds()));
            return;
        }

        string generation = Path.Combine(Source.Folder, ModelFolder.GenerationConfigName);
        if (!File.Exists(generation)) return;
        byte[] bytes = InputFile.ReadAll(generation, 16 << 20);
        DurableFile.Write(to, stream => stream.Write(bytes));
    }

    /// <summary>The settings of generation of a model that was not in a folder.</summary>
    private JsonObject GenerationIds()
    {
        JsonObject ids = new() { ["bos_token_id"] = Model.Config.BeginId };
        if (Model is SequenceToSequenceModel both) ids["decoder_start_token_id"] = both.DecoderStartId;
        ids["eos_token_id"] = Model.Config.EndId;
        ids["pad_token_id"] = Model.Config.PaddingId;
        return ids;
    }

    /// <inheritdoc/>
    public override void Load(string folder)
    {
        if (Source.Adapter is { } adapter) adapter.Restore(folder);
        else base.Load(folder);
    }

    /// <inheritdoc/>
    public override Forecast? Forecast(TrainingConfig config)
    {
        int longest = Math.Min(Data.Lengths.Longest, Settings.MaximumLength);
        Forecast forecast = Runs.Forecast.Of(Model, config, Settings.BatchSize, Math.Max(1, longest), 8L * sizeof(int) * longest);
        // A target is a text here, not a token.
        return forecast with { OperationsPerToken = forecast.OperationsPerToken * TokensPerTarget };
    }

    /// <summary>Some examples turned out not to be learned from, or their classes to matter to the order.</summary>
    /// <param name="lengths">Tokens of each that is left.</param>
    /// <param name="classes">The class of each, so that two of a class stand side by side; null for the plain order.</param>
    private protected void Restrict(int[] lengths, int[]? classes = null) => _order = Order(lengths, classes);

    /// <summary>Parameters of the task's own that begin with random values.</summary>
    private protected void AddNew(IEnumerable<string> parameters) => _new.UnionWith(parameters);

    private ExampleOrder Order(int[] lengths, int[]? classes = null) => new(lengths.Length == 0 ? [0] : lengths, Settings.BatchSize,
        Settings.Seed, Settings.Shuffle, Settings.GroupByLength, classes);

    /// <summary>The inputs of some training examples, with their labels.</summary>
    private protected abstract ModelInputs Inputs(ReadOnlySpan<int> examples);

    /// <summary>How token and class losses are summed; null for the plain way.</summary>
    /// <param name="settings">Has the smoothing.</param>
    /// <param name="weights">Weights of the classes; null: all are 1.</param>
    private protected static CrossEntropySettings? LossOf(FinetuningConfig settings, float[]? weights)
        => weights is null && settings.LabelSmoothing == 0 ? null : new CrossEntropySettings
        {
            IgnoreIndex = CausalLanguageModel.IgnoredLabel,
            ClassWeights = weights,
            LabelSmoothing = (float)settings.LabelSmoothing,
        };

    /// <summary>Layers above the one that a parameter belongs to: 0 for the last layer and the head, all for the embeddings.</summary>
    private int LayersAbove(string name)
    {
        if (LayerNumber().Match(name) is { Success: true } match
            && int.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out int layer))
            return Math.Max(0, Model.Config.Layers - 1 - layer);
        return name.Contains("embed", StringComparison.Ordinal) || name.Contains("wte", StringComparison.Ordinal)
            || name.Contains("wpe", StringComparison.Ordinal) || name.StartsWith("shared.", StringComparison.Ordinal) ? Model.Config.Layers
            : 0;
    }

    [GeneratedRegex(@"\.(?:layers?|h|blocks?)\.(\d+)\.", RegexOptions.CultureInvariant)]
    private static partial Regex LayerNumber();
}
