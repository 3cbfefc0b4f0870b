using System.Globalization;
using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>The JSON schema (draft 2020-12) of a <c>run.json</c>, for editors and checks before a run.</summary>
internal static class SettingSchema
{
    /// <summary>The schema of some settings.</summary>
    /// <param name="title">What the file is.</param>
    /// <param name="fields">The settings.</param>
    /// <param name="standard">Values of settings that a file omits.</param>
    public static JsonObject Of<TConfig>(string title, IReadOnlyList<SettingField<TConfig>> fields, TConfig standard)
        where TConfig : TrainingConfig
    {
        JsonObject properties = [];
        foreach (SettingField<TConfig> field in fields)
        {
            JsonNode? value = field.Write(standard);
            JsonObject property = TypeOf(field.Kind, isNullable: value is null);
            property["description"] = field.Help;
            if (value is not null) property["default"] = value.DeepClone();
            properties[field.Name] = property;
        }

        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = title,
            ["type"] = "object",
            ["properties"] = properties,
            ["additionalProperties"] = false,
        };
    }

    /// <summary>The type that a setting's kind stands for.</summary>
    private static JsonObject TypeOf(string kind, bool isNullable)
    {
        const string Words = "one of ", Integer = "an integer from ", Number = "a number from ";
        if (kind == "texts") return new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" } };
        if (kind.StartsWith(Words, StringComparison.Ordinal))
        {
            JsonArray words = [.. kind[Words.Length..].Split(", ").Select(w => (JsonNode)w)];
            if (isNullable) words.Add(null);
            return new JsonObject { ["enum"] = words };
        }

        string type = kind == "text" ? "string" : kind.StartsWith(Integer, StringComparison.Ordinal) ? "integer"
            : kind.StartsWith(Number, StringComparison.Ordinal) ? "number" : "boolean";
        JsonObject property = new() { ["type"] = isNullable ? new JsonArray(type, "null") : type };
        if (type == "integer") property["minimum"] = long.Parse(kind[Integer.Length..], CultureInfo.InvariantCulture);
        if (type == "number")
        {
            double[] range = [.. kind[Number.Length..].Split(" to ").Select(n => double.Parse(n, CultureInfo.InvariantCulture))];
            (property["minimum"], property["maximum"]) = (range[0], range[1]);
        }

        return property;
    }
}
