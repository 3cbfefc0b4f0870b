using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Generation;
using Heed.Generation.Gguf;
using Heed.Hub;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Data;
using Heed.Training.Tasks;

namespace Heed.Cli.Commands;

/// <summary><c>heed quantize IN OUT.gguf</c>: a model and its tokenizer in one GGUF file, and how far its predictions are from those of
/// float32.</summary>
internal static class QuantizeCommand
{
    private const int BlockLength = 256;

    public static Command Create(Terminal terminal)
    {
        Argument<string> source = new("in")
        {
            Description = "model folder, GGUF file, or the name of a pulled model: LLaMA, "
            + "Mistral, Qwen 2 and 3, GPT-2, or a bare BERT"
        };
        Argument<string> target = new("out") { Description = "GGUF file to write" };
        Option<string> type = new("--type") { Description = "how matrices are stored", DefaultValueFactory = _ => "q8_0" };
        type.AcceptOnlyFromAmong([.. GgufExport.Types.Keys]);
        Option<string?> text = new("--data")
        {
            Description = "text file or folder: perplexity and divergence from float32 are "
            + "measured on it"
        };
        Option<int> blocks = NumberOption.Of("--blocks", $"most blocks of {BlockLength} tokens measured; 0 reads all", 40,
            new NumberRange<int>(0, ConfigReader.MaximumSize));
        Option<bool> overwrite = new("--overwrite") { Description = "replace a file that exists" };
        Option<int?> threads = NumberOption.Threads();
        Command command = new(
            "quantize",
            "Write a model with its tokenizer as one GGUF file, with matrices in 16, 8 or 4 bits. "
            + "Example: heed quantize ./model model-q8_0.gguf --type q8_0 --data held-out.txt")
        {
            source, target, type, text, blocks, overwrite, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            return Task.FromResult(Run(
                terminal, parsed.GetRequiredValue(source), parsed.GetRequiredValue(target), GgufExport.Types[parsed.GetRequiredValue(type)],
                    parsed.GetValue(text),
                parsed.GetValue(blocks), parsed.GetValue(overwrite), cancellationToken));
        });
        return command;
    }

    /// <summary>Writes the file; used by <c>heed convert</c> too.</summary>
    public static int Run(
        Terminal terminal, string source, string target, GgufType type, string? text, int blocks, bool overwrite,
            CancellationToken cancellationToken)
    {
        if (!GgufFile.IsName(target)) throw new UsageException($"out: is '{target}'; the name of a GGUF file ends in .gguf.");
        if (File.Exists(target)
            && !overwrite) throw new UsageException($"{target}: exists; name another file, or replace it with --overwrite.");
        IModelFiles files = HubModel.Files(source);
        LoadOptions exact = new() { Format = WeightFormat.Float32, Warnings = new Reporter<string>(terminal.Warn) };
        GgufReport report = GgufExport.Write(files, target, type, exact, null, cancellationToken);
        QuantizationQuality? quality = text is null ? null : Measure(files, target, text, blocks, cancellationToken);
        Show(terminal, target, report, quality);
        return ExitCode.Ok;
    }

    private static QuantizationQuality Measure(IModelFiles files, string target, string text, int blocks,
        CancellationToken cancellationToken)
    {
        LoadOptions exact = new() { Format = WeightFormat.Float32 };
        using HeedModel reference = HeedModel.Open(files, exact), stored = HeedModel.Open(target, exact);
        if (reference.Model is not CausalLanguageModel before || stored.Model is not CausalLanguageModel after)
            throw new UsageException($"--data: {reference.Model.Architecture} does not predict the next token; perplexity needs a "
                + $"causal language model. Leave --data out.");
        List<int> ids = [];
        foreach (TextDocument document in TextFiles.Read(text))
        {
            reference.Tokenizer.EncodeToIds(document.Text, ids, addSpecialTokens: false);
            if (before.Config.EndId is { } end) ids.Add(end);
        }

        return QuantizationQuality.Measure(before, after, [.. ids], Math.Min(BlockLength, before.Config.TrainedLength), blocks,
            cancellationToken);
    }

    private static void Show(Terminal terminal, string target, GgufReport report, QuantizationQuality? quality)
    {
        long values = report.Types.Sum(t => t.Values);
        if (terminal.IsJson)
        {
            JsonObject json = new()
            {
                ["file"] = target,
                ["bytes"] = report.Bytes,
                ["bits_per_value"] = 8.0 * report.Bytes / values,
                ["types"] = new JsonArray([.. report.Types.Select(t => (JsonNode)new JsonObject
                {
                    ["type"] = t.Type.ToString(), ["tensors"] = t.Tensors, ["values"] = t.Values,
                })]),
            };
            if (quality is not null)
            {
                json["quality"] = new JsonObject
                {
                    ["tokens"] = quality.Tokens,
                    ["perplexity"] = quality.Perplexity,
                    ["perplexity_float32"] = quality.ReferencePerplexity,
                    ["divergence"] = quality.Divergence,
                    ["divergence_99"] = quality.LargeDivergence,
                    ["same_first"] = quality.SameFirst,
                };
            }

            terminal.Json(json);
            return;
        }

        string types = string.Join(", ", report.Types.OrderByDescending(t => t.Values).Select(t => $"{t.Tensors} {t.Type}"));
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"{target}: {Printable.Bytes(report.Bytes)}, {8.0 * report.Bytes / values:0.00} bits per value; tensors: {types}"));
        if (quality is null) return;
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"perplexity {quality.Perplexity:0.0000}, float32 {quality.ReferencePerplexity:0.0000}; divergence from float32 "
                + $"{quality.Divergence:0.000000} nats per token "
            + $"(99 of 100 below {quality.LargeDivergence:0.0000}); {100 * quality.SameFirst:0.0} % of most probable tokens are the "
                + $"same; {quality.Tokens:N0} tokens"));
    }
}
