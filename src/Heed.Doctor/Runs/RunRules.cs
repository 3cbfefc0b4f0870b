using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Logging;
using Heed.Training.Runs;
using Heed.Training.Symptoms;
using Heed.Training.Tasks;

namespace Heed.Doctor.Runs;

/// <summary>Rules on what a run left: its log, its checkpoints, its report.</summary>
internal static class RunRules
{
    private const string SquaresName = ".exp_avg_sq";

    public static void Judge(RunFolder run, Notes notes)
    {
        Log(run, notes);
        Moments(run, notes);
        if (run.Model is not null) Tokens(run, notes);
    }

    /// <summary>Losses, norms and predictions, step by step.</summary>
    private static void Log(RunFolder run, Notes notes)
    {
        string path = Path.Combine(run.Folder, RunLog.FileName);
        string[] rules = [RisingLoss.RateRule, RisingLoss.WarmupRule, ExplodingNorm.Rule];
        if (!File.Exists(path))
        {
            foreach (string rule in rules) notes.NotJudged(rule, $"{path} does not exist");
            return;
        }

        RunSymptoms symptoms = new(run.Config);
        JsonObject? evaluation = null;
        foreach (string line in File.ReadLines(path))
        {
            if (Entry(line) is not { } entry) continue;
            if (Number(entry, "gradient_norm") is not { } norm)
            {
                evaluation = entry;
                continue;
            }

            foreach (Finding found in symptoms.After((long)Number(entry, "step")!.Value, Number(entry, "loss") ?? double.NaN,
                norm)) notes.Add(found);
        }

        foreach (string rule in rules) notes.Judged(rule);
        OneLabel(run, evaluation, notes);
    }

    /// <summary>The predictions of the finished model by its report, or, of a run that has failed, by its last evaluation.</summary>
    private static void OneLabel(RunFolder run, JsonObject? evaluation, Notes notes)
    {
        const string Fix = "Lower --learning-rate to a third and begin in another folder; if the labels are uneven, --class-weights "
            + "balanced.";
        if (run.Finetuning is not { } config) return;
        string report = Path.Combine(run.Model ?? run.Folder, "report.json");
        if (run.Model is not null && File.Exists(report) && Read(report)?["details"] is JsonObject { } details
            && details["confusion"] is JsonArray { Count: > 1 } confusion && details["labels"] is JsonArray labels)
        {
            notes.Judged(OneClass.Rule);
            long[][] counts = [.. confusion.Select(row => ((JsonArray)row!).Select(n => n!.GetValue<long>()).ToArray())];
            long[] predicted = [.. Enumerable.Range(0, counts.Length).Select(c => counts.Sum(row => row[c]))];
            if (OneClass.Of([.. counts.Select(row => row.Sum())], predicted, [.. labels.Select(l => l!.ToString())]) is { } sentence)
                notes.Add(OneClass.Rule, report, sentence, Fix);
            return;
        }

        if (config.Task is not (null or "classification") || evaluation is null
            || Number(evaluation, "held_out_mcc") is not { } mcc) return;
        notes.Judged(OneClass.Rule);
        double accuracy = Number(evaluation, "held_out_accuracy") ?? double.NaN;
        const double Even = 0.75;
        // Matthews' coefficient is 0 exactly where all predictions, or all labels, are one class.
        if (mcc == 0 && accuracy < Even)
            notes.Add(OneClass.Rule, string.Create(CultureInfo.InvariantCulture, $"step {Number(evaluation, "step"):0}"), string.Create(
                CultureInfo.InvariantCulture, $"Matthews' coefficient of the last evaluation is 0 and accuracy {accuracy:P0}: all "
                    + $"predictions are one class"), Fix);
    }

    /// <summary>Layers whose second moments are all zero have never had a gradient.</summary>
    private static void Moments(RunFolder run, Notes notes)
    {
        if (CheckpointStore.Newest(run.Folder) is not { } newest) return;
        string path = Path.Combine(newest, RunCheckpoint.MomentsName);
        if (!File.Exists(path)) return;
        notes.Judge(UnreachedLayers.Rule, () =>
        {
            using SafetensorsFile state = SafetensorsFile.Open(path);
            Dictionary<string, bool> reached = new(StringComparer.Ordinal);
            foreach (RawTensor tensor in state.Tensors.Where(t => t.Name.EndsWith(SquaresName, StringComparison.Ordinal)))
                reached[tensor.Name[..^SquaresName.Length]] = tensor.ToFloats().AsSpan().ContainsAnyExcept(0f);
            if (reached.Count == 0 || !File.Exists(Path.Combine(newest, ModelFolder.ConfigName))) return;
            if (UnreachedLayers.Of(Sites(newest, reached)) is { } found) notes.Add(found);
        });
    }

    /// <summary>Names by the words of hooks where the checkpoint's model can be laid out; an adapter's own names else.</summary>
    private static IEnumerable<(string Site, bool IsReached)> Sites(string checkpoint, Dictionary<string, bool> reached)
    {
        ModelDescription description = ModelFolder.ReadConfigFile(Path.Combine(checkpoint, ModelFolder.ConfigName));
        using Model shapes = ModelFolder.Shapes(description.Family, description.Architecture, description.Config, checkpoint);
        List<(string, bool)> sites = [];
        foreach (Parameter p in shapes.Parameters)
            if (reached.TryGetValue(p.Name, out bool isReached) && !p.MayBeUnused) sites.Add((shapes.Parameters.SiteOf(p), isReached));
        return sites;
    }

    /// <summary>The tokenizer of the finished model is the one that was trained with.</summary>
    private static void Tokens(RunFolder run, Notes notes)
    {
        if (CheckpointStore.Newest(run.Folder) is not { } newest) return;
        notes.Judge(Rules.TokenizerMismatch, () =>
        {
            RunCheckpoint checkpoint = RunCheckpoint.Read(newest);
            if (checkpoint.Fingerprints.GetValueOrDefault("tokenizer") is not { } trained) return;
            string now = TextTask.SumOf(Tokenizer.FromFolder(run.Model!));
            if (now == trained) return;
            notes.Add(Rules.TokenizerMismatch, run.Model!,
                $"the SHA-256 of its tokenizer is {now[..12]}…, and the run was trained with {trained[..12]}…",
                $"Copy the tokenizer files of {newest} into the model's folder.");
        });
    }

    private static JsonObject? Entry(string line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null;   // half a line is what a killed run leaves
        }
    }

    private static JsonObject? Read(string path)
    {
        using JsonDocument document = StrictJson.ReadFile(path, 64 << 20);
        return JsonObject.Create(document.RootElement.Clone());
    }

    private static double? Number(JsonObject entry, string name)
        => entry[name] is JsonValue value && value.TryGetValue(out double number) ? number : null;
}
