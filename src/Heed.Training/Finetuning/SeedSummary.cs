using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Models.Files;
using Heed.Training.Logging;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Runs of one setting with several seeds: their figures with mean and deviation, and the best of them.</summary>
internal sealed class SeedSummary
{
    /// <summary>Folder of the single runs inside that of the model.</summary>
    public const string FolderName = "seeds";

    private readonly List<(ulong Seed, string Folder, EvaluationReport Report, JsonObject Figures)> _runs = [];

    /// <summary>By which the runs are ranked; null before the first.</summary>
    public TaskMeasure? Measure { get; private set; }

    /// <summary>Where the run of a seed works.</summary>
    public static string FolderOf(string folder, ulong seed)
        => Path.Combine(folder, FolderName, seed.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a finished run.</summary>
    /// <param name="seed">Its seed.</param>
    /// <param name="folder">Its model.</param>
    /// <param name="report">On held-out data.</param>
    /// <param name="measure">By which its task ranks.</param>
    public void Add(ulong seed, string folder, EvaluationReport report, TaskMeasure measure)
    {
        Measure = measure;
        JsonObject page = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(folder, FinetuningReport.FileName)))!;
        JsonObject figures = new() { ["loss"] = page["loss"]?.DeepClone() };
        foreach ((string name, JsonNode? value) in page["measures"] as JsonObject ?? []) figures[name] = value?.DeepClone();
        foreach ((string name, JsonNode? value) in page["test"]?["measures"] as JsonObject ?? []) figures["test_"
            + name] = value?.DeepClone();
        _runs.Add((seed, folder, report, figures));
    }

    /// <summary>The best run by the task's measure; of equal ones that with the lower loss.</summary>
    public ulong Best()
    {
        TaskMeasure measure = Measure!;
        (ulong seed, _, EvaluationReport best, _) = _runs[0];
        foreach ((ulong other, _, EvaluationReport report, _) in _runs.Skip(1))
            if (measure.IsBetter(measure.Of(report), report.Loss, measure.Of(best), best.Loss)) (seed, best) = (other, report);
        return seed;
    }

    /// <summary>For each figure: values by seed, mean, and sample standard deviation.</summary>
    public JsonObject ToJson()
    {
        JsonObject json = new() { ["seeds"] = new JsonArray([.. _runs.Select(r => (JsonNode)r.Seed)]) };
        foreach (string name in _runs[0].Figures.Select(f => f.Key))
        {
            double[] values = [.. _runs.Select(r => r.Figures[name] is JsonValue v && v.TryGetValue(out double d) ? d : double.NaN)];
            if (!values.All(double.IsFinite)) continue;
            double mean = values.Average();
            json[name] = new JsonObject
            {
                ["values"] = new JsonArray([.. values.Select(v => (JsonNode)v)]),
                ["mean"] = mean,
                ["deviation"] = values.Length < 2 ? 0 : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1)),
            };
        }

        return json;
    }

    /// <summary>Copies the files of the best model into the folder, weights before <c>config.json</c>, and writes
    /// <c>seeds.json</c>.</summary>
    public void Keep(string folder, ulong seed)
    {
        string best = FolderOf(folder, seed);
        foreach (string file in Directory.GetFiles(best, "*", SearchOption.AllDirectories)
            .Where(f => !Path.GetRelativePath(best, f).StartsWith(FinetuningRun.FolderName
                + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            .OrderBy(f => Path.GetFileName(f) == ModelFolder.ConfigName))
        {
            string target = Path.Combine(folder, Path.GetRelativePath(best, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            DurableFile.Write(target, stream =>
            {
                using FileStream source = File.OpenRead(file);
                source.CopyTo(stream);
            });
        }

        JsonObject json = ToJson();
        json["best"] = seed;
        DurableFile.WriteText(Path.Combine(folder, "seeds.json"), StrictJson.Format(json));
    }
}
