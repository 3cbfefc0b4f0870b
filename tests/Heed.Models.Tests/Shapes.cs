using System.Text.Json;
using Heed.Engine.Nn;
using Heed.Models.Files;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Models of shapes only, and configurations from text.</summary>
internal static class Shapes
{
    /// <summary>Number of trainable values of a preset.</summary>
    public static long Of(ModelFamily family, string preset)
    {
        ModelPreset p = family.Presets[preset];
        using Model model = family.Build(p.Architecture, p.Config, new ParameterSet(ParameterSource.ShapesOnly));
        return model.Parameters.Where(x => x.NeedsGradient).Sum(x => (long)x.Shape.Count);
    }

    /// <summary>A preset of any family.</summary>
    public static Model Of(string preset)
    {
        ModelPreset p = ModelFamilies.All.Select(f => f.Presets.GetValueOrDefault(preset)).OfType<ModelPreset>().First();
        return ModelFamilies.Build(p.Architecture, p.Config, new ParameterSet(ParameterSource.ShapesOnly));
    }

    public static ModelConfig Read(ModelFamily family, string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        ModelConfig config = family.ReadConfig(new ConfigReader(document.RootElement, "config.json"));
        config.Validate();
        return config;
    }
}
