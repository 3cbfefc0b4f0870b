using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Runs;

/// <summary>What a checkpoint of a pre-training run says beside its tensors: how far the run is, on which ids and with which settings.</summary>
/// <param name="Folder">The checkpoint's folder.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Tokens">Targets learned from.</param>
/// <param name="BestLoss">Best held-out loss so far; infinite before the first evaluation.</param>
/// <param name="BestStep">Steps done at the best evaluation; 0 where there was none.</param>
/// <param name="EvaluationsWithoutProgress">Evaluations since the best one.</param>
/// <param name="Corpus">Fingerprint of the ids.</param>
/// <param name="Tokenizer">Sum of the tokenizer; null in checkpoints that do not say.</param>
/// <param name="Settings">The run's settings; null in checkpoints that do not say.</param>
internal sealed record RunCheckpoint(string Folder, long Step, long Tokens, double BestLoss, long BestStep, int EvaluationsWithoutProgress, string Corpus, string? Tokenizer, RunConfig? Settings)
{
    /// <summary>Name of the file that holds all of it.</summary>
    public const string StateName = "trainer.json";

    /// <summary>Name of the file with the optimizer's moments.</summary>
    public const string MomentsName = "optimizer.safetensors";

    /// <summary>Writes weights, moments and state into a folder.</summary>
    public static void Write(string folder, PretrainingRun run, Trainer trainer, AdamW optimizer)
    {
        Heed.Models.Files.ModelFolder.Save(run.Model, folder);
        SafetensorsWriter.Write(Path.Combine(folder, MomentsName), optimizer.State.Select(s => RawTensor.FromFloats(s.Key, Array.ConvertAll(s.Value.Shape.ToArray(), d => (long)d), s.Value.ToArray())));
        DurableFile.WriteText(Path.Combine(folder, StateName), StrictJson.Format(new JsonObject
        {
            ["step"] = trainer.Step,
            ["tokens"] = trainer.TotalTokens,
            ["best_loss"] = double.IsFinite(trainer.BestLoss) ? trainer.BestLoss : null,
            ["best_step"] = trainer.BestStep,
            ["evaluations_without_progress"] = trainer.EvaluationsWithoutProgress,
            ["corpus"] = run.Corpus.Fingerprint,
            ["tokenizer"] = SumOf(run.Tokenizer),
            ["settings"] = run.Config.ToJson(),
        }));
    }

    /// <summary>Reads the state of a checkpoint, which is checked against its sum.</summary>
    /// <exception cref="InvalidFileException">It is damaged; the message names the file and says how to go on.</exception>
    public static RunCheckpoint Read(string folder)
    {
        CheckpointStore.Check(folder, StateName);
        string path = Path.Combine(folder, StateName);
        using JsonDocument document = StrictJson.ReadFile(path, 1 << 20);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw Wrong(path, "$");
        return new RunCheckpoint(folder, Long("step"), Long("tokens"),
            root.TryGetProperty("best_loss", out JsonElement best) && best.ValueKind == JsonValueKind.Number ? best.GetDouble() : double.PositiveInfinity,
            root.TryGetProperty("best_step", out _) ? Long("best_step") : 0,
            (int)Math.Min(int.MaxValue, Long("evaluations_without_progress")), Text("corpus"),
            root.TryGetProperty("tokenizer", out _) ? Text("tokenizer") : null,
            root.TryGetProperty("settings", out JsonElement settings) ? RunConfig.FromJson(settings, path, "$.settings") : null);

        long Long(string name) => root.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out long value) && value >= 0 ? value : throw Wrong(path, "$." + name);
        string Text(string name) => root.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.String ? StrictJson.Text(e, path, "$." + name) : throw Wrong(path, "$." + name);
    }

    /// <summary>How the run ended at this checkpoint; null where it goes on.</summary>
    public TrainingEnd? End(RunConfig config)
        => Step >= config.Steps ? TrainingEnd.Finished
            : config.Patience > 0 && EvaluationsWithoutProgress >= config.Patience ? TrainingEnd.StoppedEarly
            : null;

    /// <summary>Refuses other texts or another tokenizer than the run has learned from.</summary>
    /// <exception cref="InputException">They are others.</exception>
    public void RequireSame(TokenCorpus corpus, Tokenizer tokenizer)
    {
        if (Corpus != corpus.Fingerprint || (Tokenizer is not null && Tokenizer != SumOf(tokenizer)))
            throw new InputException($"{Folder}: was trained on other ids than data and tokenizer give now. Restore the texts and the tokenizer, or begin a run in another folder.");
    }

    /// <summary>Gives a trainer the counters, the model the weights, and the optimizer its moments.</summary>
    public void Restore(Trainer trainer, Model model, AdamW optimizer)
    {
        ReadWeights(Folder, model);
        using SafetensorsFile moments = SafetensorsFile.Open(Path.Combine(Folder, MomentsName));
        foreach (Parameter p in model.Parameters)
        {
            if (!moments.TryGet($"{p.Name}.{Optimizer.StepName}", out _)) continue;
            foreach ((string name, Tensor value) in optimizer.Restore(p.Name)!) moments[$"{p.Name}.{name}"].ReadFloats(value.Span);
        }

        trainer.Step = Step;
        trainer.TotalTokens = Tokens;
        trainer.BestLoss = BestLoss;
        trainer.BestStep = BestStep;
        trainer.EvaluationsWithoutProgress = EvaluationsWithoutProgress;
    }

    /// <summary>Gives a model the weights of a checkpoint.</summary>
    public static void ReadWeights(string folder, Model model)
    {
        using CheckpointFolder weights = CheckpointFolder.Open(folder);
        foreach (Parameter p in model.Parameters)
        {
            Tensor value = Tensor.Uninitialized(p.Shape);
            weights[p.Name].ReadFloats(value.Span);
            p.Value = value;
        }
    }

    private static string SumOf(Tokenizer tokenizer) => Convert.ToHexStringLower(SHA256.HashData(tokenizer.ToJson()));

    private static InvalidFileException Wrong(string path, string at) => new(path, at, $"is missing or of a wrong type; {CheckpointStore.Remedy}");
}
