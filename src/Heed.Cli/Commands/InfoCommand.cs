using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Hub;
using Heed.Models;
using Heed.Models.Adapters;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed info MODEL</c>: structure, parameters, memory and operations of a folder, a <c>config.json</c> or a preset.</summary>
internal static class InfoCommand
{
    private const int MaximumBatch = 1_000_000;
    private const int MaximumDepth = 100;
    private const int StandardLength = 512;

    public static Command Create(Terminal terminal)
    {
        Argument<string?> model = new("model")
        {
            Description = "model or adapter folder, config.json, weight file (.safetensors, "
            + ".bin) or index, the name of a pulled model or of a preset; nothing lists the presets",
            Arity = ArgumentArity.ZeroOrOne
        };
        Option<int> batch = NumberOption.Of("--batch", "sequences, for memory", 1, new NumberRange<int>(1, MaximumBatch));
        Option<int?> length = NumberOption.Optional("--length",
            $"tokens of a sequence, for memory and operations; {StandardLength}, or the model's longest text where that is shorter",
            new NumberRange<int>(1, int.MaxValue));
        Option<int> depth = NumberOption.Of("--depth", "levels of the tree", 3, new NumberRange<int>(1, MaximumDepth));
        Command command = new("info", "Structure, parameters, memory and operations of a model, from its folder, its config.json or "
            + "a preset. Example: heed info gpt2 --length 1024") { model, batch, length, depth };
        command.SetAction(parsed => Run(terminal, parsed.GetValue(model), parsed.GetValue(batch), parsed.GetValue(length),
            parsed.GetValue(depth)));
        return command;
    }

    private static int Run(Terminal terminal, string? name, int batch, int? wanted, int depth)
    {
        if (name is null) return Presets(terminal);
        if (File.Exists(name) && WeightFileReport.IsFor(name)) return WeightFileReport.Run(terminal, name);
        if (HubModel.Find(name) is { } folder)
        {
            if (AdapterConfigFile.IsFor(new FolderModelFiles(folder))) return AdapterReport.Run(terminal, folder);
            if (StaticEmbeddingReport.FirstModule(folder) is { } module)
            {
                if (StaticEmbeddingReport.IsFor(module)) return StaticEmbeddingReport.Run(terminal, folder, module);
                name = module;
            }
        }

        (Model model, string source, ConfigKeyReport? keys) = Open(terminal, name);
        using (model)
        {
            int longest = model.Config.MaximumLength, length = wanted ?? Math.Min(StandardLength, longest);
            if (length > longest) throw new UsageException($"--length: is {length}, and this {model.Config.ModelType} model reads "
                + $"{longest} tokens at once; a whole number from 1 to {longest} was expected.");
            ModelSize size = SizeOf(model, batch, length);
            if (terminal.IsJson)
            {
                JsonObject json = Json(model, size, source, batch, length);
                if (keys is not null) json["keys"] = keys.Json();
                terminal.Json(json);
                return ExitCode.Ok;
            }

            terminal.Line(terminal.Bold($"{model.Architecture} ({model.Config.ModelType})") + (source.Length > 0 ? $"  {source}" : ""));
            terminal.Line();
            foreach (string line in ModuleTree.Lines(model, depth)) terminal.Line(line);
            terminal.Line();
            Show(terminal, model, size, batch, length);
            keys?.Show(terminal);
        }

        return ExitCode.Ok;
    }

    private static void Show(Terminal terminal, Model model, ModelSize size, int batch, int length)
    {
        long gradients = size.Parameters * sizeof(float);
        int wide = Math.Max(22, size.Parts.Max(p => p.Key.Length) + 4);
        void Row(string what, string value, string note = "")
            => terminal.Line($"{what.PadRight(wide)}{value,18}{(note.Length > 0 ? "   " + note : "")}");
        Row("parameters", $"{size.Parameters:N0}");
        foreach ((string part, long count) in size.Parts) Row("  " + part, $"{count:N0}");
        if (size.Fixed > 0) Row("stored, not trained", $"{size.Fixed:N0}");
        foreach ((string shared, string with) in model.TiedNames) terminal.Line($"  {shared} is {with}");
        if (StoredBytes(model) is { Count: > 0 } stored) Row("weights, as stored", Printable.Bytes(stored.Sum(s => s.Bytes)),
            string.Join(", ", stored.Select(s => stored.Count == 1 ? s.Type : $"{s.Type} {Printable.Bytes(s.Bytes)}")));
        Row("weights, float32", Printable.Bytes(size.WeightBytes),
            $"in inference with --dtype "
            + $"{string.Join(", ", WeightFormat.All.Select(f => $"{f.Name} {Printable.Bytes(model.Parameters.BytesAs(f))}"))}");
        Row("gradients", Printable.Bytes(gradients));
        Row("Adam's two moments", Printable.Bytes(2 * gradients));
        Row("activations, training", Printable.Bytes(size.ActivationBytes), $"{batch} × {length} tokens");
        string twice = model is SequenceToSequenceModel ? " read and as many written" : "";
        if (size.CacheBytes > 0) Row("key-value cache", Printable.Bytes(size.CacheBytes), $"{batch} × {length} tokens{twice}");
        if (size.StateBytes > 0) Row("states of the layers", Printable.Bytes(size.StateBytes),
            $"kept after each of {batch} × {length} tokens{twice}, to resume from any");
        Row("operations per token", Printable.Count(size.OperationsPerToken),
            $"forward, {(twice.Length > 0 ? "one read and one written, " : "")}at {length} tokens of context; training takes three "
            + $"times as many");
    }

    private static ModelSize SizeOf(Model model, int batch, int length)
    {
        try
        {
            return ModelSize.Of(model, batch, length);
        }
        catch (OverflowException)
        {
            throw new UsageException($"--batch {batch} and --length {length}: the memory of that many tokens is more than 8 EiB and "
                + $"cannot be counted. Choose smaller numbers.");
        }
    }

    /// <summary>A model of shapes alone; of a folder's weights names, shapes and stored types are read.</summary>
    private static (Model Model, string Source, ConfigKeyReport? Keys) Open(Terminal terminal, string name)
    {
        foreach (ModelFamily family in ModelFamilies.All)
        {
            if (!family.Presets.TryGetValue(name, out ModelPreset? preset)) continue;
            return (family.Build(preset.Architecture, preset.Config, new ParameterSet(ParameterSource.ShapesOnly)), preset.Note.Length > 0
                ? $"{preset.Source}; {preset.Note}" : preset.Source, null);
        }

        bool isGguf = GgufFile.IsName(name) && File.Exists(name);
        if (File.Exists(name) && !isGguf)
        {
            ModelDescription file = ModelFolder.ReadConfigFile(name);
            file.ReportTo(new Reporter<string>(terminal.Warn));
            return (ModelFolder.Shapes(file.Family, file.Architecture, file.Config, name), name, ConfigKeyReport.Of(file, null));
        }

        if ((isGguf ? name : HubModel.Find(name)) is not { } folder)
        {
            string near = Printable.Nearest(name, ModelFamilies.All.SelectMany(f => f.Presets.Keys)) is { } nearest
                ? $" Did you mean the preset \"{nearest}\"?" : "";
            throw new StorageException($"{name}: is no model folder, no config.json and no preset.{near} 'heed info' lists the "
                + $"presets{(HubModel.HasForm(name) ? $"; 'heed pull {name}' fetches a model of the hub" : "")}.");
        }

        IModelFiles files = GgufModelFiles.OfPath(folder);
        ModelDescription description = ModelFolder.ReadConfig(files);
        ConfigKeyReport keys = ConfigKeyReport.Of(description, files);
        description.ReportTo(new Reporter<string>(terminal.Warn));
        if (CheckpointFolder.HasWeights(files)) return (ModelFolder.Inspect(files, description), folder, keys);
        terminal.Warn($"{folder}: holds no weights; the sizes are those of its {ModelFolder.ConfigName}.");
        return (ModelFolder.Shapes(description.Family, description.Architecture, description.Config, folder), folder, keys);
    }

    /// <summary>Bytes of the weights by the type in which the folder stores them; empty where there is no folder.</summary>
    private static List<(string Type, long Bytes)> StoredBytes(Model model) =>
    [
        .. model.Parameters.Where(p => model.StoredTypes.ContainsKey(p.Name)).GroupBy(p => model.StoredTypes[p.Name]).OrderBy(g => g.Key)
            .Select(g => (g.Key.Name(), g.Sum(p => (long)p.Shape.Count * g.Key.Bits() / 8))),
    ];

    private static int Presets(Terminal terminal)
    {
        JsonArray rows = [];
        foreach (ModelFamily family in ModelFamilies.All)
        {
            foreach ((string name, ModelPreset preset) in family.Presets)
            {
                using Model model = family.Build(preset.Architecture, preset.Config, new ParameterSet(ParameterSource.ShapesOnly));
                long parameters = ModelSize.Of(model, 1, 1).Parameters;
                if (terminal.IsJson) rows.Add((JsonNode)new JsonObject
                {
                    ["preset"] = name,
                    ["architecture"] = preset.Architecture,
                    ["parameters"] = parameters,
                    ["source"] = preset.Source,
                    ["note"] = preset.Note
                });
                else terminal.Line($"{name,-16} {parameters,18:N0}  {preset.Source}{(preset.Note.Length > 0 ? $" ({preset.Note})" : "")}");
            }
        }

        if (terminal.IsJson) terminal.Json(rows);
        return ExitCode.Ok;
    }

    private static JsonObject Json(Model model, ModelSize size, string source, int batch, int length) => new()
    {
        ["architecture"] = model.Architecture,
        ["model_type"] = model.Config.ModelType,
        ["source"] = source,
        ["parameters"] = size.Parameters,
        ["fixed"] = size.Fixed,
        ["parts"] = new JsonObject(size.Parts.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
        ["batch"] = batch,
        ["length"] = length,
        ["stored_bytes"] = new JsonObject(StoredBytes(model).Select(s => KeyValuePair.Create(s.Type, (JsonNode?)s.Bytes))),
        ["weight_bytes"] = size.WeightBytes,
        ["held_bytes"] = new JsonObject(WeightFormat.All.Select(f => KeyValuePair.Create(f.Name, (JsonNode?)model.Parameters.BytesAs(f)))),
        ["gradient_bytes"] = size.Parameters * sizeof(float),
        ["optimizer_bytes"] = 2 * size.Parameters * sizeof(float),
        ["activation_bytes"] = size.ActivationBytes,
        ["cache_bytes"] = size.CacheBytes,
        ["state_bytes"] = size.StateBytes,
        ["operations_per_token"] = size.OperationsPerToken,
        ["tied"] = new JsonObject(model.TiedNames.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value))),
        ["tensors"] = new JsonObject(model.Parameters.Select(p => KeyValuePair.Create(p.Name,
            (JsonNode?)new JsonArray([.. p.Shape.ToArray().Select(s => (JsonNode)s)])))),
    };
}
