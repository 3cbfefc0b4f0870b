using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Finetuning;

/// <summary>What a finished run leaves beside the model: <c>report.json</c>, <c>report.html</c>, <c>report.txt</c> and the model card
/// <c>README.md</c>.</summary>
internal static class FinetuningReport
{
    /// <summary>The figures.</summary>
    public const string FileName = "report.json";

    /// <summary>The page.</summary>
    public const string PageName = "report.html";

    /// <summary>The same as text.</summary>
    public const string TextName = "report.txt";

    private const int WorstExamples = 25, LongestText = 400;

    /// <summary>Writes all of them.</summary>
    /// <param name="run">Trained to its end.</param>
    /// <param name="assessment">Of the saved model; null if nothing is held out.</param>
    /// <param name="test">On the test data; null without them.</param>
    /// <param name="calibration">What was fitted; null if nothing was.</param>
    public static void Write(TrainingRun<FinetuningTask> run, TaskAssessment? assessment, TaskAssessment? test, JsonObject? calibration)
    {
        JsonObject report = Of(run, assessment, test, calibration);
        DurableFile.WriteText(Path.Combine(run.ModelFolder, FileName), StrictJson.Format(report));
        DurableFile.WriteText(Path.Combine(run.ModelFolder, PageName), ReportPage.Of(report));
        DurableFile.WriteText(Path.Combine(run.ModelFolder, TextName), ReportText.Of(report));
        DurableFile.WriteText(Path.Combine(run.ModelFolder, "README.md"), ModelCard.Of(report));
    }

    /// <summary>The figures on test data that a folder's report holds, on one line; null if it has none.</summary>
    public static string? TestFigures(string folder)
        => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, FileName)))?["test"] is not JsonObject test ? null
            : string.Join(", ", ((JsonObject)test["measures"]!).Prepend(KeyValuePair.Create("loss", test["loss"])).Select(m
                => $"{m.Key.Replace('_', ' ')} "
                    + $"{m.Value?.GetValue<double>().ToString("0.0000", CultureInfo.InvariantCulture) ?? "not defined"}"));

    /// <summary>The task that a folder's model was trained for, as its report says; null without a report.</summary>
    public static string? TaskOf(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        using JsonDocument report = StrictJson.ReadFile(path, 64 << 20);
        return report.RootElement.ValueKind == JsonValueKind.Object && report.RootElement.TryGetProperty("task", out JsonElement task)
            && task.ValueKind == JsonValueKind.String ? task.GetString() : null;
    }

    private static JsonObject Of(TrainingRun<FinetuningTask> run, TaskAssessment? assessment, TaskAssessment? test, JsonObject? calibration)
    {
        FinetuningTask task = run.Task;
        (JsonArray steps, JsonArray evaluations, double seconds) = Curve(Path.Combine(run.Folder, RunLog.FileName));
        DataReport data = task.Report;
        return new JsonObject
        {
            ["task"] = task.Name,
            ["model"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(((FinetuningConfig)run.Config).Model)),
            ["new_weights"] = task.Source.Folder is null,
            ["architecture"] = task.Model.Architecture,
            ["parameters"] = task.Model.Parameters.Values,
            ["saved_step"] = run.SavedStep,
            ["last_step"] = run.LastStep,
            ["measure"] = task.Measure.Name,
            ["loss"] = Finite(assessment?.Report.Loss),
            ["measures"] = assessment is null ? null : Object(assessment.Report.Measures),
            ["held_out"] = task.Data.HeldOut,
            ["test"] = test is null ? null : new JsonObject
            {
                ["examples"] = test.Examples.Count,
                ["loss"] = Finite(test.Report.Loss),
                ["measures"] = Object(test.Report.Measures),
                ["details"] = test.Details.DeepClone(),
            },
            ["data"] = new JsonObject
            {
                ["examples"] = data.Examples,
                ["labels"] = new JsonObject(data.Labels.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))),
                ["tokens"] = Lengths(task.Data.Lengths),
                ["rare_labels"] = Texts(data.RareLabels),
                ["duplicates"] = data.Duplicates.Count,
                ["contradictions"] = data.Contradictions.Count,
                ["overlap"] = data.Overlap.Count,
                ["statements"] = Texts(data.Statements.Select(WithoutFolders)),
            },
            ["decisions"] = Texts(task.Decisions),
            ["details"] = assessment?.Details.DeepClone(),
            ["calibration"] = calibration?.DeepClone(),
            ["worst"] = (test ?? assessment) is { } judged ? Worst(judged) : null,
            ["curve"] = new JsonObject { ["steps"] = steps, ["evaluations"] = evaluations },
            ["seconds"] = Math.Round(seconds, 1),
            ["machine"] = new JsonObject
            {
                ["instructions"] = MachineProbe.InstructionSet,
                ["threads"] = ComputeContext.Current.Threads,
                ["runtime"] = RuntimeInformation.FrameworkDescription,
                ["heed"] = typeof(FinetuningReport).Assembly.GetName().Version!.ToString(3),
            },
            ["settings"] = Settings(run.Config.ToJson()),
        };
    }

    /// <summary>The examples that the model gets most wrong: wrong ones first.</summary>
    private static JsonArray Worst(TaskAssessment assessment) => [.. assessment.Examples
        .Where(e => !e.IsRight).OrderByDescending(e => e.Loss).Take(WorstExamples)
        .Select(e => (JsonNode)new JsonObject
        {
            ["place"] = WithoutFolders(e.Place.ToString()),
            ["text"] = Printable.Shorten(e.Text, LongestText),
            ["expected"] = e.Expected,
            ["predicted"] = e.Predicted,
            ["confidence"] = Finite(e.Confidence),
            ["loss"] = Finite(e.Loss),
        })];

    /// <summary>Losses, evaluations and seconds of a run's log.</summary>
    private static (JsonArray Steps, JsonArray Evaluations, double Seconds) Curve(string log)
    {
        const int Points = 400;
        List<(long Step, double Loss)> losses = [];
        JsonArray evaluations = [];
        double seconds = 0;
        foreach (string line in File.Exists(log) ? File.ReadLines(log) : [])
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.TryGetProperty("held_out_loss", out _)) evaluations.Add(JsonNode.Parse(line));
            if (root.TryGetProperty("seconds", out JsonElement s)) seconds += s.GetDouble();
            if (root.TryGetProperty("loss", out JsonElement loss) && loss.ValueKind == JsonValueKind.Number)
                losses.Add((root.GetProperty("step").GetInt64(), loss.GetDouble()));
        }

        int width = Math.Max(1, (losses.Count + Points - 1) / Points);
        JsonArray steps = [.. losses.Chunk(width).Select(c => (JsonNode)new JsonArray(c[^1].Step, Math.Round(c.Average(p => p.Loss), 6)))];
        return (steps, evaluations, seconds);
    }

    /// <summary>Settings without the folders of this machine: a card is published.</summary>
    private static JsonObject Settings(JsonObject settings)
    {
        foreach (string key in (string[])["model", "tokenizer", "train", "dev", "test"])
            if (settings[key] is JsonValue value
                && value.TryGetValue(out string? path)) settings[key] = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        return settings;
    }

    private static string WithoutFolders(string text)
        => string.Join(' ', text.Split(' ').Select(w => w.StartsWith('/') || (w.Length > 2 && w[1] == ':' && w[2] == '\\')
        ? w[(w.LastIndexOfAny(['/', '\\']) + 1)..] : w));

    private static JsonObject Lengths(LengthSummary lengths) => new()
    {
        ["shortest"] = lengths.Shortest,
        ["median"] = lengths.Median,
        ["mean"] = Math.Round(lengths.Mean, 1),
        ["percentile_99_5"] = lengths.Percentile995,
        ["longest"] = lengths.Longest,
    };

    private static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(t => (JsonNode)t)];

    private static JsonObject Object(IReadOnlyDictionary<string, double> figures)
        => new(figures.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => KeyValuePair.Create(f.Key, Finite(f.Value))));

    private static JsonNode? Finite(double? value) => value is { } v && double.IsFinite(v) ? v : null;
}
