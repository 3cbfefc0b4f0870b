using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Training.Finetuning;
using Heed.Training.Pretraining;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Runs;

/// <summary>The JSON schema of a <c>run.json</c>.</summary>
public class SettingSchemaTests
{
    [Fact]
    public void Every_setting_has_a_type_a_range_and_its_standard_value()
    {
        JsonObject schema = SettingSchema.Of("Settings", FinetuningFields.All, new FinetuningConfig());
        JsonObject properties = schema["properties"]!.AsObject();
        Assert.Equal(FinetuningFields.All.Select(f => f.Name), properties.Select(p => p.Key));
        Assert.False(schema["additionalProperties"]!.GetValue<bool>());
        Assert.Equal("""{"type":"integer","minimum":1,"description":"examples of a micro-batch","default":16}""", properties["batch_size"]!.ToJsonString());
        Assert.Equal(["single", "multiple", "regression", null], properties["kind"]!["enum"]!.AsArray().Select(w => w?.GetValue<string>()));
        Assert.Equal("""["number","null"]""", properties["dropout"]!["type"]!.ToJsonString());
        Assert.Equal(0.99, properties["dropout"]!["maximum"]!.GetValue<double>());
        Assert.Equal("boolean", properties["dora"]!["type"]!.GetValue<string>());
        Assert.Equal("string", properties["freeze"]!["items"]!["type"]!.GetValue<string>());
        Assert.Equal(PretrainingFields.All.Count, SettingSchema.Of("Settings", PretrainingFields.All,
            new PretrainingConfig())["properties"]!.AsObject().Count);
    }

    /// <summary>What the schema calls a setting's standard value is what the reader takes for it.</summary>
    [Fact]
    public void The_standard_values_are_settings()
    {
        JsonObject properties = SettingSchema.Of("Settings", FinetuningFields.All, new FinetuningConfig())["properties"]!.AsObject();
        JsonObject settings = new(properties.Where(p => p.Value!["default"] is not null).Select(p => KeyValuePair.Create(p.Key,
            (JsonNode?)p.Value!["default"]!.DeepClone())));
        using JsonDocument document = JsonDocument.Parse(settings.ToJsonString());
        Assert.Equal(new FinetuningConfig().ToJson().ToJsonString(), FinetuningConfig.FromJson(document.RootElement, "run.json",
            "$").ToJson().ToJsonString());
    }
}
