using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed info MODEL</c>: structure, parameters, memory and operations of a folder, a <c>config.json</c> or a preset.</summary>
internal static class InfoCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string?> model = new("model") { Description = "model folder, config.json, or the name of a preset; nothing lists the presets", Arity = ArgumentArity.ZeroOrOne };
        Option<int> batch = new("--batch") { Description = "sequences, for memory", DefaultValueFactory = _ => 1 };
        Option<int> length = new("--length") { Description = "tokens of a sequence, for memory and operations", DefaultValueFactory = _ => 512 };
        Option<int> depth = new("--depth") { Description = "levels of the tree", DefaultValueFactory = _ => 3 };
        Command command = new("info", "Structure, parameters, memory and operations of a model, from its folder, its config.json or a preset. Example: heed info gpt2 --length 1024") { model, batch, length, depth };
        command.SetAction(parsed => Run(terminal, parsed.GetValue(model), parsed.GetValue(batch), parsed.GetValue(length), parsed.GetValue(depth)));
        return command;
    }

    private static int Run(Terminal terminal, string? name, int batch, int length, int depth)
    {
        if (name is null) return Presets(terminal);
        (Model model, string source) = Open(name);
        using (model)
        {
            ModelSize size = ModelSize.Of(model, batch, length);
            if (terminal.IsJson)
            {
                terminal.Json(Json(model, size, source));
                return ExitCode.Ok;
            }

            terminal.Line(terminal.Bold($"{model.Architecture} ({model.Config.ModelType})") + (source.Length > 0 ? $"  {source}" : ""));
            terminal.Line();
            foreach (string line in ParameterTree.Lines(model, depth)) terminal.Line(line);
            terminal.Line();
            long gradients = size.Parameters * sizeof(float);
            int wide = Math.Max(22, size.Parts.Max(p => p.Part.Length) + 4);
            void Row(string what, string value, string note = "") => terminal.Line($"{what.PadRight(wide)}{value,18}{(note.Length > 0 ? "   " + note : "")}");
            Row("parameters", $"{size.Parameters:N0}");
            foreach ((string part, long count) in size.Parts) Row("  " + part, $"{count:N0}");
            if (size.Fixed > 0) Row("stored, not trained", $"{size.Fixed:N0}");
            foreach ((string shared, string with) in model.TiedNames) terminal.Line($"  {shared} is {with}");
            Row("weights, float32", Printable.Bytes(size.WeightBytes), $"16 bits {Printable.Bytes(size.WeightBytes / 2)}");
            Row("gradients", Printable.Bytes(gradients));
            Row("Adam's two moments", Printable.Bytes(2 * gradients));
            Row("activations, training", Printable.Bytes(size.ActivationBytes), $"{batch} × {length} tokens");
            if (size.CacheBytes > 0) Row("key-value cache", Printable.Bytes(size.CacheBytes), $"{batch} × {length} tokens");
            Row("operations a token", string.Create(CultureInfo.InvariantCulture, $"{size.OperationsPerToken / 1e6:0.0} M"), $"forward, at {length} tokens of context; training takes three times as many");
        }

        return ExitCode.Ok;
    }

    /// <summary>A model of shapes alone: nothing is read but the configuration.</summary>
    private static (Model Model, string Source) Open(string name)
    {
        foreach (ModelFamily family in ModelFamilies.All)
        {
            if (!family.Presets.TryGetValue(name, out ModelPreset? preset)) continue;
            return (family.Build(preset.Architecture, preset.Config, new ParameterSet(ParameterSource.ShapesOnly)), preset.Note.Length > 0 ? $"{preset.Source}; {preset.Note}" : preset.Source);
        }

        if (Directory.Exists(name) || !File.Exists(name))
        {
            if (!Directory.Exists(name))
            {
                string near = Printable.Nearest(name, ModelFamilies.All.SelectMany(f => f.Presets.Keys)) is { } nearest ? $" Did you mean the preset \"{nearest}\"?" : "";
                throw new StorageException($"{name}: is no model folder, no config.json and no preset.{near} 'heed info' lists the presets.");
            }

            (ModelFamily family, string architecture, ModelConfig config) = ModelFolder.ReadConfig(name);
            return (ModelFolder.Shapes(family, architecture, config, name), name);
        }

        (ModelFamily fileFamily, string fileArchitecture, ModelConfig fileConfig) = ModelFolder.ReadConfigFile(name);
        return (ModelFolder.Shapes(fileFamily, fileArchitecture, fileConfig, name), name);
    }

    private static int Presets(Terminal terminal)
    {
        JsonArray rows = [];
        foreach (ModelFamily family in ModelFamilies.All)
        {
            foreach ((string name, ModelPreset preset) in family.Presets)
            {
                using Model model = family.Build(preset.Architecture, preset.Config, new ParameterSet(ParameterSource.ShapesOnly));
                long parameters = ModelSize.Of(model, 1, 1).Parameters;
                if (terminal.IsJson) rows.Add((JsonNode)new JsonObject { ["preset"] = name, ["architecture"] = preset.Architecture, ["parameters"] = parameters, ["source"] = preset.Source, ["note"] = preset.Note });
                else terminal.Line($"{name,-16} {parameters,18:N0}  {preset.Source}{(preset.Note.Length > 0 ? $" ({preset.Note})" : "")}");
            }
        }

        if (terminal.IsJson) terminal.Json(rows);
        return ExitCode.Ok;
    }

    private static JsonObject Json(Model model, ModelSize size, string source) => new()
    {
        ["architecture"] = model.Architecture,
        ["model_type"] = model.Config.ModelType,
        ["source"] = source,
        ["parameters"] = size.Parameters,
        ["fixed"] = size.Fixed,
        ["parts"] = new JsonObject(size.Parts.Select(p => KeyValuePair.Create(p.Part, (JsonNode?)p.Count))),
        ["weight_bytes"] = size.WeightBytes,
        ["gradient_bytes"] = size.Parameters * sizeof(float),
        ["optimizer_bytes"] = 2 * size.Parameters * sizeof(float),
        ["activation_bytes"] = size.ActivationBytes,
        ["cache_bytes"] = size.CacheBytes,
        ["operations_per_token"] = size.OperationsPerToken,
        ["tied"] = new JsonObject(model.TiedNames.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value))),
        ["tensors"] = new JsonObject(model.Parameters.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)new JsonArray([.. p.Shape.ToArray().Select(s => (JsonNode)s)])))),
    };
}
