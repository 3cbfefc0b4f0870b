using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Models;

/// <summary>
/// What was fitted on held-out data after training (<c>calibration.json</c> beside the model, Heed's own file): a temperature that divides
/// the scores of one label, or a threshold for each of several labels.
/// </summary>
/// <param name="Temperature">Divides the scores before the softmax; 1 changes nothing.</param>
/// <param name="Thresholds">By label: the probability from which it is predicted; empty: 0.5 for all.</param>
internal sealed record ClassCalibration(double Temperature, IReadOnlyDictionary<string, double> Thresholds)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "calibration.json";

    /// <summary>Nothing was fitted.</summary>
    public static ClassCalibration None { get; } = new(1, new Dictionary<string, double>());

    /// <summary>Reads the file; <see cref="None"/> if there is none.</summary>
    /// <exception cref="InvalidFileException">It is damaged, or a value is out of range.</exception>
    public static ClassCalibration Read(IModelFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (!files.Contains(FileName)) return None;
        string path = files.PathOf(FileName);
        using JsonDocument document = files.ReadJson(FileName, 1L << 20);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw new InvalidFileException(path, "$",
            $"is {StrictJson.Describe(root)}; an object was expected");
        double temperature = root.TryGetProperty("temperature", out JsonElement t) ? StrictJson.Number(t, path, "$.temperature") : 1;
        if (!(temperature is > 0 and < 1e6))
            throw new InvalidFileException(path, "$.temperature",
                FormattableString.Invariant($"is {temperature}; a number above 0 was expected"));
        Dictionary<string, double> thresholds = new(StringComparer.Ordinal);
        if (root.TryGetProperty("thresholds", out JsonElement list) && list.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty label in list.EnumerateObject())
            {
                double threshold = StrictJson.Number(label.Value, path, $"$.thresholds.{label.Name}");
                if (threshold is not (>= 0 and <= 1))
                    throw new InvalidFileException(path, $"$.thresholds.{label.Name}",
                        FormattableString.Invariant($"is {threshold}; a probability from 0 to 1 was expected"));
                thresholds[label.Name] = threshold;
            }
        }

        return new ClassCalibration(temperature, thresholds);
    }

    /// <summary>The probability from which a label is predicted.</summary>
    public double ThresholdOf(string label) => Thresholds.GetValueOrDefault(label, 0.5);

    /// <summary>The file's object.</summary>
    public JsonObject ToJson()
    {
        JsonObject json = [];
        if (Temperature != 1) json["temperature"] = Temperature;
        if (Thresholds.Count > 0) json["thresholds"] = new JsonObject(Thresholds.Select(t
            => KeyValuePair.Create(t.Key, (JsonNode?)t.Value)));
        return json;
    }
}
