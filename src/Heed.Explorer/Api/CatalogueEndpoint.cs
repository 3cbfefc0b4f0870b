using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Explorer.Traces;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/catalogue</c>: famous models by their configurations, counted from shapes.</summary>
internal sealed class CatalogueEndpoint : IEndpoint
{
    private static readonly Lazy<CatalogueReply> All = new(() => new CatalogueReply(
        [.. ModelFamilies.All.SelectMany(f => f.Presets.Select(p => Entry(f, p.Key, p.Value)))]));

    public string Method => "GET";

    public string Name => "catalogue";

    public Task AnswerAsync(ApiCall call, ExplorerSession session) => call.JsonAsync(All.Value, ExplorerJson.Default.CatalogueReply);

    private static CatalogueEntry Entry(ModelFamily family, string name, ModelPreset preset)
    {
        using Model model = family.Build(preset.Architecture, preset.Config, new ParameterSet(ParameterSource.ShapesOnly));
        AttentionConfig? a = model.Parameters.Attentions.Count == 0 ? null : model.Parameters.Attentions[0].Config;
        int longest = preset.Config.MaximumLength;
        return new CatalogueEntry(name, preset.Architecture, preset.Config.ModelType, ModelSize.Of(model, 1, 1).Parameters,
            preset.Config.Layers,
            preset.Config.Width, a?.Heads ?? 0, a?.KeyHeads ?? 0, preset.Config.Vocabulary, longest == int.MaxValue ? 0 : longest,
                preset.Source, preset.Note);
    }
}

/// <summary><c>GET /api/size?model&amp;batch&amp;length</c>: what a model costs, from its shapes; without a model the opened one, with the
/// measured time of its runs beside it. Fields of its configuration may be changed.</summary>
internal sealed class SizeEndpoint : IEndpoint
{
    private const int StandardLength = 512;

    public string Method => "GET";

    public string Name => "size";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        int batch = call.Integer("batch", 1, 1 << 20, 1);
        string name = call.Optional("model") ?? "";
        Model model = session.Model;
        bool own = name.Length == 0;
        if (!own || call.Optional("change") is { Length: > 0 })
        {
            (ModelFamily family, string architecture, ModelConfig config) = own
                ? (ModelFamilies.All.First(f => f.Architectures.Contains(model.Architecture)), model.Architecture, model.Config)
                : Preset(name);
            config = SizeFields.Changed(family, architecture, config, call.Optional("change"));
            model = family.Build(architecture, config, new ParameterSet(ParameterSource.ShapesOnly));
        }

        try
        {
            int longest = model.Config.MaximumLength;
            int length = call.Integer("length", 1, longest, Math.Min(StandardLength, longest));
            ModelSize size = ModelSize.Of(model, batch, length);
            long gradients = size.Parameters * sizeof(float);
            await call.JsonAsync(new SizeReply(own ? session.Model.Architecture : name, batch, length, size.Parameters, size.Fixed,
                [.. size.Parts.Select(p => new SizePart(p.Key, p.Value))], size.WeightBytes, gradients, 2 * gradients,
                    size.ActivationBytes, size.CacheBytes,
                size.OperationsPerToken, [.. WeightFormat.All.Select(f => new SizePart(f.Name, model.Parameters.BytesAs(f)))],
                    SizeFields.Of(model.Config)),
                ExplorerJson.Default.SizeReply).ConfigureAwait(false);
        }
        catch (OverflowException)
        {
            throw new InputException("length: the memory of that many tokens cannot be counted in 63 bits. Choose smaller numbers.");
        }
        finally
        {
            if (!ReferenceEquals(model, session.Model)) model.Dispose();
        }
    }

    private static (ModelFamily Family, string Architecture, ModelConfig Config) Preset(string name)
    {
        foreach (ModelFamily family in ModelFamilies.All)
            if (family.Presets.TryGetValue(name, out ModelPreset? preset)) return (family, preset.Architecture, preset.Config);
        throw new InputException($"model: '{Printable.Shorten(name)}' is no preset; /api/catalogue lists them.");
    }
}

/// <summary>The whole numbers of a configuration, by Hugging Face's names.</summary>
internal static class SizeFields
{
    private const int Largest = 1 << 20;

    /// <summary>The fields that are whole numbers, and no ids.</summary>
    public static IReadOnlyList<SizePart> Of(ModelConfig config) =>
    [
        .. config.ToJson().Where(f => !f.Key.EndsWith("_id", StringComparison.Ordinal) && f.Value is System.Text.Json.Nodes.JsonValue v
            && v.TryGetValue(out int _))
            .Select(f => new SizePart(f.Key, f.Value!.GetValue<int>())),
    ];

    /// <summary>A configuration with some fields changed: <c>n_layer=24,n_embd=1024</c>.</summary>
    /// <exception cref="InputException">A field is unknown, or its value no size.</exception>
    /// <exception cref="ConfigException">The sizes do not fit together.</exception>
    public static ModelConfig Changed(ModelFamily family, string architecture, ModelConfig config, string? changes)
    {
        if (string.IsNullOrEmpty(changes)) return config;
        System.Text.Json.Nodes.JsonObject json = config.ToJson();
        json["architectures"] = new System.Text.Json.Nodes.JsonArray(architecture);
        foreach (string change in changes.Split(','))
        {
            string[] words = change.Split('=');
            if (words is not [string name, string text] || !int.TryParse(text, System.Globalization.NumberStyles.None,
                System.Globalization.CultureInfo.InvariantCulture, out int value)
                || value > Largest || json[name] is null)
                throw new InputException($"change: '{Printable.Shorten(change)}' is no change; NAME=NUMBER with a field of the "
                    + $"configuration and a number up to {Largest} was expected.");
            json[name] = value;
        }

        using System.Text.Json.JsonDocument document = StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(StrictJson.Format(json)),
            "config.json");
        ModelConfig changed = family.ReadConfig(new ConfigReader(document.RootElement.Clone(), "config.json"));
        changed.Validate();
        return changed;
    }
}
