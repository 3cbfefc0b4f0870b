using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Checkpoints;

namespace Heed.Cli.Commands;

/// <summary><c>heed convert IN OUT</c>: weights to another type or shard size, everything else kept.</summary>
internal static class ConvertCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> source = new("in") { Description = "model folder, or the name of a pulled model: safetensors or PyTorch pickle, one file or shards" };
        Argument<string> target = new("out") { Description = "folder to write" };
        Option<string?> dtype = new("--dtype") { Description = "store floats as f32, bf16 or f16; unchanged where not given" };
        dtype.AcceptOnlyFromAmong("f32", "bf16", "f16");
        Option<string> shard = new("--shard-size") { Description = "largest weights file, such as 2GB or 500MiB", DefaultValueFactory = _ => "50GB" };
        Command command = new("convert", "Rewrite a model folder as safetensors. Example: heed convert gpt2-old gpt2 --dtype bf16 --shard-size 2GB") { source, target, dtype, shard };
        command.SetAction((parsed, stop) => Task.FromResult(Run(terminal, parsed.GetRequiredValue(source), parsed.GetRequiredValue(target), parsed.GetValue(dtype), parsed.GetRequiredValue(shard), stop)));
        return command;
    }

    private static int Run(Terminal terminal, string source, string target, string? dtype, string shard, CancellationToken stop)
    {
        DType? type = dtype switch { "f32" => DType.F32, "bf16" => DType.BF16, "f16" => DType.F16, _ => null };
        ConversionReport report = CheckpointConversion.Run(HubModel.Folder(source), target, type, ByteSize.Parse(shard), cancellation: stop);
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["tensors"] = report.Tensors,
                ["converted"] = report.Converted,
                ["bytes"] = report.Bytes,
                ["weights"] = new JsonArray([.. report.WeightFiles.Select(f => (JsonNode)f)]),
                ["copied"] = new JsonArray([.. report.CopiedFiles.Select(f => (JsonNode)f)]),
            });
        }
        else
        {
            terminal.Line($"{report.Tensors} tensors ({report.Converted} converted), {Printable.Bytes(report.Bytes)} in {report.WeightFiles.Count} file(s); {report.CopiedFiles.Count} other file(s) copied to {target}");
        }

        return ExitCode.Ok;
    }
}
