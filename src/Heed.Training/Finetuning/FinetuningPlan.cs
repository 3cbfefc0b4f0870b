using System.Globalization;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Symptoms;

namespace Heed.Training.Finetuning;

/// <summary>Decides what the settings leave open, from data and model, and says why.</summary>
internal static class FinetuningPlan
{
    private const int ManyExamples = 2000, MostEpochs = 20, FewSteps = 300, Evaluations = 10;
    private const double NewRate = 5e-4;
    private const long SmallModel = 30_000_000;
    private const string StepsDecision = " steps: ", EvaluationDecision = "evaluation every ";

    /// <summary>The settings, all decided, and a sentence for each decision.</summary>
    /// <param name="config">As given.</param>
    /// <param name="data">The examples.</param>
    /// <param name="start">The base model.</param>
    public static (FinetuningConfig Config, IReadOnlyList<string> Decisions) Decide(
        FinetuningConfig config, FinetuningData data, FinetuningStart start)
    {
        ModelDescription model = start.Model;
        bool isNew = start.Folder is null;
        if (config.Lora == 0)
        {
            FinetuningConfig standard = new();
            string? alone = config.Dora ? "dora" : config.LoraAlpha > 0 ? "lora_alpha" : config.LoraDropout > 0 ? "lora_dropout"
                : !config.LoraTargets.SequenceEqual(standard.LoraTargets) ? "lora_targets" : null;
            if (alone is not null) throw new ConfigException($"{alone}: is a setting of an adapter, and none is trained. Set lora to its "
                + $"rank, such as 8.");
        }

        string? taught = config.Temperature is not null ? "temperature" : config.SoftWeight is not null ? "soft_weight" : null;
        if (config.Teacher.Length == 0 && taught is not null)
            throw new ConfigException($"{taught}: is a setting of a teacher, and there is none. Name the teacher's folder, or leave it "
                + $"out.");
        if (config.Teacher.Length > 0 && (data is not ClassificationData || config.FewShot))
            throw new ConfigException($"teacher: is for classification, and the task is "
                + $"{(config.FewShot ? "few-shot learning" : data.Task)}. Leave it out.");
        List<string> decisions = [];
        if (isNew)
        {
            decisions.Add(string.Create(CultureInfo.InvariantCulture,
                $"new weights, drawn by seed {config.Seed}; a vocabulary of {start.Tokenizer.VocabularySize:N0}, "
                    + $"{(config.Tokenizer.Length > 0 ? "as given" : "trained on the training texts")}"));
        }

        FinetuningConfig result = config with { Task = data.Task };
        if (config.MaximumLength == 0)
        {
            result = result with { MaximumLength = Math.Max(4, Math.Min(data.Lengths.Percentile995, model.Config.MaximumLength)) };
            decisions.Add(string.Create(CultureInfo.InvariantCulture,
                $"maximum length {result.MaximumLength:N0} tokens: "
                    + $"{(result.MaximumLength < model.Config.MaximumLength ? "99.5 % of the examples fit" : "the model reads no more")} "
                    + $"(longest {data.Lengths.Longest:N0}, model "
                    + $"{Positions(model.Config)})"));
        }
        else if (config.MaximumLength > model.Config.MaximumLength)
        {
            throw new ConfigException($"maximum_length: is {config.MaximumLength}, and the model in {config.Model} has "
                + $"{model.Config.MaximumLength} positions. Lower it.");
        }

        if (data.Cut(result.MaximumLength) is { } cut) decisions.Add(cut);
        result = data.Decide(result, decisions);
        long batches = Math.Max(1, (data.Samples(result) + (long)config.BatchSize - 1) / config.BatchSize);
        if (config.Steps == 0)
        {
            double epochs = config.Epochs > 0 ? config.Epochs : data.UsualEpochs is { } usual ? usual : data.Training >= ManyExamples ? 3
                : Math.Clamp(Math.Ceiling(FewSteps * (double)config.Accumulation / batches), 1, MostEpochs);
            long steps = Math.Max(1, (long)Math.Ceiling(epochs * batches / config.Accumulation));
            bool isCapped = config.Epochs == 0 && data.MostSteps < steps;
            if (isCapped) (steps, epochs) = (data.MostSteps!.Value, (double)data.MostSteps.Value * config.Accumulation / batches);
            result = result with { Epochs = epochs, Steps = steps };
            string why = isCapped ? "more of so many pairs teach little; epochs sets another number" : config.Epochs > 0 ? "as set"
                : data.UsualEpochs is not null ? "usual for this task"
                : data.Training >= ManyExamples ? $"usual for {ManyExamples:N0} examples or more"
                : $"fewer than {ManyExamples:N0} examples need more passes, up to {FewSteps} steps or {MostEpochs} epochs";
            decisions.Add(string.Create(CultureInfo.InvariantCulture,
                $"{epochs:0.##} {(epochs == 1 ? "epoch" : "epochs")} of {Printable.Counted(batches, "batch", "batches")}, {steps:N0}{StepsDecision}{why}"));
        }
        else
        {
            result = result with { Epochs = (double)config.Steps * config.Accumulation / batches };
        }

        if (config.LearningRate == 0)
        {
            long parameters = Parameters(config, data, model);
            result = result with { LearningRate = UsualRate(config, data, parameters, isNew) };
            string usual = isNew ? "new weights" : config.Lora > 0 ? "an adapter" : data.UsualRate is not null ? "this task"
                : FormattableString.Invariant($"{parameters / 1e6:0.0} M parameters");
            decisions.Add(string.Create(CultureInfo.InvariantCulture, $"learning rate {result.LearningRate:0.0e+0}: usual for {usual}"));
        }

        if (!config.SetsWarmup) result = result with { WarmupSteps = (long)Math.Round(0.06 * result.Steps) };
        if (data.HeldOut == 0)
        {
            result = result with { Patience = 0, EvaluateEvery = 0 };
            decisions.Add("nothing is held out: the last step is saved, and nothing says how good it is");
        }
        else if (config.EvaluateEvery == 0)
        {
            result = result with { EvaluateEvery = Math.Max(1, result.Steps / Evaluations) };
            decisions.Add(string.Create(CultureInfo.InvariantCulture,
                $"{EvaluationDecision}{Printable.Counted(result.EvaluateEvery, "step")}; the best is kept, and {result.Patience} without a better one end "
                    + $"the "
                    + $"run"));
        }

        if (config.SaveEvery == 0) result = result with { SaveEvery = result.EvaluateEvery };
        return (result, decisions);
    }

    /// <summary>Steps beyond which examples are only learned by heart.</summary>
    /// <param name="config">All decided.</param>
    /// <param name="data">The examples.</param>
    public static long MostSteps(FinetuningConfig config, FinetuningData data)
    {
        long most = (long)Math.Ceiling(MostEpochs * config.Steps / config.Epochs);
        return Math.Max(1, Math.Min(most, data.MostSteps ?? most));
    }

    /// <summary>Decided settings with another number of steps: epochs, warm-up, evaluations and checkpoints follow unless they were
    /// given.</summary>
    public static FinetuningConfig OfSteps(FinetuningConfig config, long steps, bool keepsWarmup, bool keepsEvaluations, bool keepsSaves)
    {
        long every = keepsEvaluations || config.EvaluateEvery == 0 ? config.EvaluateEvery : Math.Max(1, steps / Evaluations);
        return config with
        {
            Steps = steps,
            Epochs = config.Epochs * steps / config.Steps,
            WarmupSteps = keepsWarmup ? Math.Min(config.WarmupSteps, steps) : (long)Math.Round(0.06 * steps),
            EvaluateEvery = every,
            SaveEvery = keepsSaves ? config.SaveEvery : every,
        };
    }

    /// <summary>The decisions of a run whose number of steps was fixed by time.</summary>
    public static IReadOnlyList<string> Replanned(IReadOnlyList<string> decisions, FinetuningConfig config)
    {
        List<string> kept = [.. decisions.Where(d => !d.Contains(StepsDecision, StringComparison.Ordinal)
            && !d.StartsWith(EvaluationDecision, StringComparison.Ordinal))];
        kept.Add(string.Create(CultureInfo.InvariantCulture,
            $"{config.Epochs:0.##} epochs, {config.Steps:N0}{StepsDecision}as planned for the time that was given"));
        if (config.EvaluateEvery > 0)
            kept.Add(string.Create(CultureInfo.InvariantCulture, $"{EvaluationDecision}{Printable.Counted(config.EvaluateEvery, "step")}; the best is kept"));
        return kept;
    }

    /// <summary>A finding if the decided rate is far above the usual one; null else.</summary>
    /// <param name="decided">All decided.</param>
    /// <param name="data">The examples.</param>
    /// <param name="trained">The model whose weights are trained further; null for new weights, which have nothing to forget.</param>
    public static Finding? HighRate(FinetuningConfig decided, FinetuningData data, ModelDescription? trained)
    {
        if (trained is null) return null;
        long parameters = Parameters(decided, data, trained);
        return Symptoms.UsualRate.Of(decided, parameters, UsualRate(decided, data, parameters, isNew: false));
    }

    private static double UsualRate(FinetuningConfig config, FinetuningData data, long parameters, bool isNew)
        => isNew ? NewRate : config.Lora > 0 ? 1e-4 : data.UsualRate ?? (parameters <= SmallModel ? 5e-5 : 2e-5);

    private static string Positions(ModelConfig config) => config.MaximumLength == int.MaxValue ? "without a limit"
        : string.Create(CultureInfo.InvariantCulture, $"{config.MaximumLength:N0}");

    private static long Parameters(FinetuningConfig config, FinetuningData data, ModelDescription model)
    {
        using Model shapes = ModelFolder.Shapes(model.Family, FinetuningModel.Architecture(config.Model, model, data),
            FinetuningModel.Configured(model.Config, model.Family, config, data), config.Model);
        return shapes.Parameters.Values;
    }
}
