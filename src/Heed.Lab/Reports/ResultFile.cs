using System.Text.Json;

namespace Heed.Lab.Reports;

/// <summary>Results as JSON, one file per experiment; values only, the texts are the experiment's own.</summary>
internal static class ResultFile
{
    /// <summary>Writes a result's JSON object.</summary>
    public static void Write(Utf8JsonWriter json, ExperimentResult result)
    {
        json.WriteStartObject();
        json.WriteNumber("number", result.Experiment.Number);
        json.WriteString("name", result.Experiment.Name);
        json.WriteString("verdict", result.VerdictText);
        json.WriteString("skipped", result.Skipped);
        json.WriteString("model", result.Model);
        json.WriteStartArray("seeds");
        foreach (int seed in result.Seeds) json.WriteNumberValue(seed);
        json.WriteEndArray();
        json.WriteStartArray("measurements");
        foreach (Measurement m in result.Measurements)
        {
            json.WriteStartObject();
            json.WriteString("key", m.Expectation.Key);
            json.WriteString("what", m.Expectation.What);
            json.WriteString("expected", m.Expectation.Expected);
            json.WriteBoolean("as_expected", m.IsAsExpected);
            json.WriteStartArray("values");
            foreach (double value in m.Values)
            {
                if (double.IsFinite(value)) json.WriteNumberValue(value);
                else json.WriteNullValue();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("plots");
        foreach (IGrouping<LabPlot, PlotPoint> plot in result.Points.GroupBy(p => p.Plot))
        {
            json.WriteStartObject();
            json.WriteString("title", plot.Key.Title);
            json.WriteString("x", plot.Key.X);
            json.WriteString("y", plot.Key.Y);
            json.WriteBoolean("log_x", plot.Key.LogX);
            json.WriteBoolean("log_y", plot.Key.LogY);
            json.WriteStartArray("lines");
            foreach (IGrouping<string, PlotPoint> line in plot.GroupBy(p => p.Line))
            {
                json.WriteStartObject();
                json.WriteString("name", line.Key);
                foreach ((string axis, Func<PlotPoint, double> of) in ((string, Func<PlotPoint, double>)[])[("x", p => p.X), ("y", p
                    => p.Y)])
                {
                    json.WriteStartArray(axis);
                    foreach (PlotPoint p in line) json.WriteNumberValue(of(p));
                    json.WriteEndArray();
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes a result's file whole.</summary>
    public static void Save(string folder, ExperimentResult result)
    {
        Directory.CreateDirectory(folder);
        DurableFile.Write(Path.Combine(folder, result.Experiment.FileName + ".json"), stream =>
        {
            using Utf8JsonWriter json = new(stream, StrictJson.WriterOptions with { Indented = true });
            Write(json, result);
        });
    }

    /// <summary>Reads a result again.</summary>
    /// <exception cref="InvalidFileException">It is no result, or one of an experiment that has other expectations now.</exception>
    public static ExperimentResult Read(string path)
    {
        using JsonDocument json = StrictJson.ReadFile(path, 1 << 24);
        JsonElement root = json.RootElement;
        Experiment? experiment = Experiments.All.FirstOrDefault(e => e.Name == StrictJson.Text(Field(root, "name", path), path, "name"))
            ?? throw new InvalidFileException(path, "name", $"is {StrictJson.Describe(Field(root, "name", path))}; a name of 'heed lab "
                + "list' was expected. Run the experiment again.");
        List<Measurement> measured = [];
        foreach (JsonElement m in Field(root, "measurements", path).EnumerateArray())
        {
            string key = StrictJson.Text(Field(m, "key", path), path, "measurements.key");
            Expectation expectation = experiment.Expectations.FirstOrDefault(e => e.Key == key)
                ?? throw new InvalidFileException(path, "measurements.key", $"is \"{Printable.Shorten(key)}\", which {experiment.Name} "
                    + "does not measure. Run the experiment again.");
            measured.Add(new Measurement(expectation, [.. Field(m, "values", path).EnumerateArray().Select(v =>
                v.ValueKind == JsonValueKind.Null ? double.NaN : StrictJson.Number(v, path, "measurements.values"))]));
        }

        List<PlotPoint> points = [];
        foreach (JsonElement p in Field(root, "plots", path).EnumerateArray())
        {
            LabPlot plot = new(
                StrictJson.Text(Field(p, "title", path), path, "plots.title"), StrictJson.Text(Field(p, "x", path), path, "plots.x"),
                StrictJson.Text(Field(p, "y", path), path, "plots.y"), StrictJson.Boolean(Field(p, "log_x", path), path, "plots.log_x"),
                StrictJson.Boolean(Field(p, "log_y", path), path, "plots.log_y"));
            foreach (JsonElement line in Field(p, "lines", path).EnumerateArray())
            {
                string name = StrictJson.Text(Field(line, "name", path), path, "plots.lines.name");
                points.AddRange(Field(line, "x", path).EnumerateArray().Zip(Field(line, "y", path).EnumerateArray(), (x, y)
                    => new PlotPoint(
                    plot, name, StrictJson.Number(x, path, "plots.lines.x"), StrictJson.Number(y, path, "plots.lines.y"))));
            }
        }

        return new ExperimentResult(
            experiment, [.. Field(root, "seeds", path).EnumerateArray().Select(s => StrictJson.Integer(s, path, "seeds"))], measured,
            StrictJson.Text(Field(root, "skipped", path), path, "skipped"))
        {
            Points = points,
            Model = StrictJson.Text(Field(root, "model", path), path, "model"),
        };
    }

    private static JsonElement Field(JsonElement element, string name, string path)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value
            : throw new InvalidFileException(path, name, "is missing; the file is no result of 'heed lab run'. Run the experiment again.");
}
