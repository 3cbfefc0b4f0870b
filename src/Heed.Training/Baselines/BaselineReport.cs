using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Training.Finetuning;

namespace Heed.Training.Baselines;

/// <summary>The results of a comparison in a folder: <c>results.json</c>, and <c>accuracy.svg</c> where numbers of examples
/// differ.</summary>
internal static class BaselineReport
{
    /// <summary>Name of the results.</summary>
    public const string FileName = "results.json";

    /// <summary>Name of the chart.</summary>
    public const string ChartName = "accuracy.svg";

    /// <summary>Writes both.</summary>
    public static void Write(string folder, BaselineSettings settings, IReadOnlyList<BaselineResult> results)
    {
        Directory.CreateDirectory(folder);
        DurableFile.WriteText(Path.Combine(folder, FileName), StrictJson.Format(new JsonObject
        {
            ["settings"] = Key(settings),
            ["results"] = new JsonArray([.. results.Select(r => (JsonNode)Json(r))]),
        }));
        if (Chart(results) is { } chart) DurableFile.WriteText(Path.Combine(folder, ChartName), chart);
    }

    /// <summary>The results that a folder holds of the same comparison; none if it holds none, or of other files or settings.</summary>
    /// <exception cref="InputException">The file is damaged.</exception>
    public static IReadOnlyList<BaselineResult> Read(string folder, BaselineSettings settings)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return [];
        using JsonDocument document = StrictJson.ReadFile(path, 16 << 20);
        JsonElement root = document.RootElement;
        try
        {
            if (!JsonNode.DeepEquals(JsonNode.Parse(root.GetProperty("settings").GetRawText()), Key(settings))) return [];
            return [.. root.GetProperty("results").EnumerateArray().Select(r => new BaselineResult(
                r.GetProperty("method").GetString()!, r.GetProperty("examples").GetInt32(), r.GetProperty("seed").GetUInt64(),
                r.GetProperty("dev").ValueKind == JsonValueKind.Null ? double.NaN : r.GetProperty("dev").GetDouble(),
                r.GetProperty("test").GetDouble(), r.GetProperty("seconds").GetDouble()))];
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InputException($"{path}: holds no results of a comparison. Delete it, or name another folder.", e);
        }
    }

    /// <summary>A result as JSON.</summary>
    public static JsonObject Json(BaselineResult result) => new()
    {
        ["method"] = result.Method,
        ["examples"] = result.Examples,
        ["seed"] = result.Seed,
        ["dev"] = double.IsFinite(result.Dev) ? result.Dev : null,
        ["test"] = result.Test,
        ["seconds"] = Math.Round(result.Seconds, 2),
    };

    /// <summary>Mean, lowest and highest figure of a group, <c>0.62 (0.58–0.66)</c>; a dash if there is none.</summary>
    public static string Cell(IEnumerable<double> figures)
    {
        double[] all = [.. figures.Where(double.IsFinite)];
        return all.Length == 0 ? "–" : all.Length == 1 ? Figure(all[0])
            : $"{Figure(all.Average())} ({Figure(all.Min())}–{Figure(all.Max())})";
    }

    private static string Figure(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>Accuracy on the test texts by the number of examples; null for one number.</summary>
    private static string? Chart(IReadOnlyList<BaselineResult> results)
    {
        if (results.Select(r => r.Examples).Distinct().Count() < 2) return null;
        ChartLine[] lines = [.. results.GroupBy(r => r.Method, StringComparer.Ordinal).Select(method =>
        {
            var sizes = method.GroupBy(r => r.Examples).OrderBy(g => g.Key).ToList();
            return new ChartLine(method.Key, [.. sizes.Select(g => ((double)g.Key, g.Average(r => r.Test)))])
            {
                Ranges = [.. sizes.Select(g => ((double)g.Key, g.Min(r => r.Test), g.Max(r => r.Test)))],
            };
        })];
        double lowest = Math.Floor(10 * results.Min(r => r.Test)) / 10;
        return SvgChart.File(SvgChart.Lines("Accuracy on the test texts by the number of training examples", "training examples", lines,
            (lowest, Math.Max(lowest + 0.1, Math.Ceiling(10 * results.Max(r => r.Test)) / 10)), logarithmic: true));
    }

    /// <summary>What a result depends on beside method, examples and seed.</summary>
    private static JsonObject Key(BaselineSettings settings) => new()
    {
        ["train"] = Path.GetFileName(settings.Train),
        ["dev"] = Path.GetFileName(settings.Dev),
        ["test"] = Path.GetFileName(settings.Test),
        ["model"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(settings.Model)),
        ["strength"] = settings.Strength,
        ["learning_rate"] = settings.Training.LearningRate,
        ["epochs"] = settings.Training.Epochs,
        ["steps"] = settings.Training.Steps,
        ["batch_size"] = settings.Training.BatchSize,
    };
}
