using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Generation;
using Heed.Hub;
using Heed.Models;
using Heed.Models.Adapters;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed merge ADAPTER --out FOLDER</c>: an adapter and its base model as one ordinary model folder.</summary>
internal static class MergeCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> adapter = new("adapter") { Description = "folder with adapter_config.json, or the name of a pulled adapter" };
        Option<string> target = new("--out") { Description = "folder to write", Required = true };
        Option<string?> model = new("--base")
        {
            Description = "the base model's folder, or the name of a pulled model, instead of the "
            + "one that adapter_config.json names"
        };
        Option<string?> dtype = new("--dtype") { Description = "store floats as f32, bf16 or f16; as the base model's if omitted" };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        Option<string> shard = new("--shard-size")
        {
            Description = "largest weights file, such as 2GB or 500MiB",
            DefaultValueFactory = _
            => "50GB"
        };
        Option<bool> overwrite = new("--overwrite")
        {
            Description = "write into a folder that holds files: those of the same names are "
            + "replaced, others stay"
        };
        Command command = new("merge", "Write an adapter and its base model as one model folder. Example: heed merge my-adapter --out "
            + "my-model") { adapter, target, model, dtype, shard, overwrite };
        command.SetAction((parsed, cancellationToken) =>
        {
            DType? type = parsed.GetValue(dtype) switch { "f32" => DType.F32, "bf16" => DType.BF16, "f16" => DType.F16, _ => null };
            LoadOptions options = new() { Warnings = new Reporter<string>(terminal.Warn), CancellationToken = cancellationToken };
            if (parsed.GetValue(model) is { } name) options = options with { Base = HubModel.Files(name) };
            return Task.FromResult(Run(terminal, parsed.GetRequiredValue(adapter), parsed.GetRequiredValue(target), options, type,
                ByteSize.Parse(parsed.GetRequiredValue(shard)), parsed.GetValue(overwrite)));
        });
        return command;
    }

    private static int Run(Terminal terminal, string source, string target, LoadOptions options, DType? dtype, long shardSize,
        bool overwrite)
    {
        FolderModelFiles files = new(HubModel.Folder(source));
        if (!AdapterConfigFile.IsFor(files))
            throw new InputException($"{source}: is no adapter: a folder with adapter_config.json and no weights of a whole model was "
                + "expected.");
        if (!overwrite && Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            throw new UsageException($"{target}: is not empty. Name a new or an empty folder, or replace files with --overwrite.");
        AdapterFiles whole = (AdapterFiles)OpenedFiles.Of(files, options).Files;
        if (Path.TrimEndingDirectorySeparator(Path.GetFullPath(whole.Base.Location)) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(target)))
            throw new UsageException($"{target}: is the base model's folder, which the adapter needs as it is; name another.");
        bool tied = ModelFolder.ReadConfig(whole, options).Config.TiedOutput;
        using Model model = ModelFolder.Load(whole, options with { Warnings = null }).Model;
        bool untied = tied && !model.Config.TiedOutput;
        ModelFolder.Save(model, target, dtype, shardSize);
        List<string> copied = [];
        foreach (string name in whole.List(""))
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            // The card of the base model is not that of the merged one.
            if (name is ModelFolder.ConfigName or "README.md" || CheckpointConversion.IsOtherWeights(name)) continue;
            using ModelFile file = whole.Open(name);
            DurableFile.Write(Path.Combine(target, name), stream => Copy(file, stream));
            copied.Add(name);
        }

        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["folder"] = target,
                ["base"] = whole.Base.Location,
                ["adapted"] = new JsonArray([.. AdapterNames(whole).Select(name => (JsonNode)name)]),
                ["parameters"] = model.Parameters.Values,
                ["untied"] = untied,
                ["copied"] = new JsonArray([.. copied.Select(name => (JsonNode)name)]),
            });
            return ExitCode.Ok;
        }

        terminal.Line($"{AdapterNames(whole).Count} adapted modules of {whole.Base.Location} merged; {model.Parameters.Values:N0} "
            + $"parameters and {copied.Count} other file(s) in {target}");
        if (untied)
            terminal.Line("The adapter changes the token table, which was the output layer too: both are stored now, and "
                + "tie_word_embeddings is false, so that the model computes what the adapter did.");
        return ExitCode.Ok;
    }

    private static void Copy(ModelFile file, Stream stream)
    {
        byte[] buffer = new byte[1 << 20];
        for (long at = 0; at < file.Length; at += buffer.Length)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, file.Length - at));
            file.Read(at, piece);
            stream.Write(piece);
        }
    }

    private static List<string> AdapterNames(AdapterFiles whole)
    {
        using AdapterTensors tensors = whole.OpenTensors();
        return [.. tensors.AdaptedModules.Select(m => m.Key)];
    }
}
