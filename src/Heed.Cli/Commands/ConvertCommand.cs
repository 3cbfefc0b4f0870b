using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Hub;
using Heed.Models;
using Heed.Models.Adapters;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed convert IN OUT</c>: weights to another type or shard size, everything else kept.</summary>
internal static class ConvertCommand
{
    private const int MaximumWarnings = 20;

    public static Command Create(Terminal terminal)
    {
        Argument<string> source = new("in")
        {
            Description = "model folder, or the name of a pulled model: safetensors or PyTorch "
            + "pickle, one file or shards; or a GGUF file"
        };
        Argument<string> target = new("out") { Description = "folder to write, or the name of a GGUF file" };
        Option<string?> dtype = new("--dtype") { Description = "store floats as f32, bf16 or f16; unchanged if omitted" };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        Option<string> shard = new("--shard-size")
        {
            Description = "largest weights file, such as 2GB or 500MiB",
            DefaultValueFactory = _
            => "50GB"
        };
        Option<bool> strict = new("--strict")
        {
            Description = "end with an error where a value is not finite, or would not be in "
            + "the new type, instead of warning of it"
        };
        Option<bool> overwrite = new("--overwrite")
        {
            Description = "write into a folder that holds files: those of the same names "
            + "are replaced, others stay"
        };
        Option<bool> deleteOld = new("--delete-old")
        {
            Description = "delete weight files in the folder that the new ones replace "
            + "under another name, such as pytorch_model.bin"
        };
        Command command = new("convert", "Rewrite a model folder as safetensors. Example: heed convert gpt2-old gpt2 --dtype bf16 "
            + "--shard-size 2GB") { source, target, dtype, shard, strict, overwrite, deleteOld };
        command.SetAction((parsed, cancellationToken) =>
        {
            ConversionOptions options = new()
            {
                DType = parsed.GetValue(dtype) switch { "f32" => DType.F32, "bf16" => DType.BF16, "f16" => DType.F16, _ => null },
                ShardSize = ByteSize.Parse(parsed.GetRequiredValue(shard)),
                Strict = parsed.GetValue(strict),
                Overwrite = parsed.GetValue(overwrite),
                DeleteOld = parsed.GetValue(deleteOld),
            };
            (string from, string to) = (parsed.GetRequiredValue(source), parsed.GetRequiredValue(target));
            if (GgufFile.IsName(to))
            {
                GgufType type = options.DType switch { DType.BF16 => GgufType.BF16, DType.F16 => GgufType.F16, _ => GgufType.F32 };
                return Task.FromResult(QuantizeCommand.Run(terminal, from, to, type, null, 0, options.Overwrite, cancellationToken));
            }

            if (HubModel.Files(from) is GgufModelFiles gguf) return Task.FromResult(FromGguf(terminal, gguf, to, options));
            return Task.FromResult(Run(terminal, from, to, options, cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, string source, string target, ConversionOptions options, CancellationToken cancellationToken)
    {
        string folder = HubModel.Folder(source);
        if (AdapterConfigFile.IsFor(new FolderModelFiles(folder)))
            throw new UsageException($"{source}: is an adapter, which has no weights of its own to convert; 'heed merge "
                + $"{ShellWord.Of(source)} --out FOLDER' writes the model.");
        ConversionReport report = CheckpointConversion.Run(folder, target, options, cancellationToken);
        foreach (NonFiniteValues tensor in report.NonFinite.Take(MaximumWarnings)) terminal.Warn($"{source}: {tensor.Describe()}");
        if (report.NonFinite.Count > MaximumWarnings) terminal.Warn($"{source}: {report.NonFinite.Count - MaximumWarnings} more "
            + $"tensors have values that are not finite; --json lists all.");
        if (report.OldWeightFiles.Count > 0)
            terminal.Warn($"{target}: the old weights stay beside the new ones, which are read before them: "
                + $"{string.Join(", ", report.OldWeightFiles)}. Delete them by hand, or convert with --delete-old.");
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["tensors"] = report.Tensors,
                ["converted"] = report.Converted,
                ["bytes"] = report.Bytes,
                ["weights"] = Names(report.WeightFiles),
                ["copied"] = Names(report.CopiedFiles),
                ["old_weights"] = Names(report.OldWeightFiles),
                ["deleted"] = Names(report.DeletedFiles),
                ["not_finite"] = new JsonArray([.. report.NonFinite.Select(n => (JsonNode)new JsonObject
                {
                    ["tensor"] = n.Tensor,
                    ["values"] = n.Values,
                    ["in_source"] = n.InSource,
                    ["nan"] = n.NaN,
                    ["overflowed"] = n.Overflowed,
                })]),
            });
        }
        else
        {
            string deleted = report.DeletedFiles.Count > 0 ? $"; deleted {string.Join(", ", report.DeletedFiles)}" : "";
            terminal.Line($"{report.Tensors} tensors ({report.Converted} converted), {Printable.Bytes(report.Bytes)} in "
                + $"{report.WeightFiles.Count} file(s); {report.CopiedFiles.Count} other file(s) copied to {target}{deleted}");
        }

        return ExitCode.Ok;
    }

    /// <summary>A GGUF file as a folder: configuration, tokenizer and weights.</summary>
    private static int FromGguf(Terminal terminal, GgufModelFiles source, string target, ConversionOptions options)
    {
        if (!options.Overwrite) CheckpointConversion.RefuseFilled(target);
        LoadOptions loading = new() { Format = WeightFormat.Float32, Warnings = new Reporter<string>(terminal.Warn) };
        using Model model = ModelFolder.Load(source, loading).Model;
        ModelFolder.Save(model, target, options.DType, options.ShardSize);
        string[] names = [.. source.List("").Where(name => name is not (GgufModelFiles.WeightsName or ModelFolder.ConfigName))];
        foreach (string name in names)
        {
            byte[] bytes = new StoredFile(source, name).ReadAll(int.MaxValue);
            DurableFile.Write(Path.Combine(target, name), stream => stream.Write(bytes));
        }

        long values = model.Parameters.Values;
        if (terminal.IsJson) terminal.Json(new JsonObject
        {
            ["tensors"] = model.Parameters.Count,
            ["values"] = values,
            ["files"] = Names(names)
        });
        else terminal.Line($"{model.Parameters.Count} tensors, {values:N0} values in {target}; tokenizer: {string.Join(", ", names)}");
        return ExitCode.Ok;
    }

    private static JsonArray Names(IReadOnlyList<string> names) => new([.. names.Select(f => (JsonNode)f)]);
}
