using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Hub;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Models.Files.Onnx;

namespace Heed.Cli.Commands;

/// <summary><c>heed export MODEL --out FILE.onnx</c>: an encoder and its head for other runtimes.</summary>
internal static class ExportCommand
{
    private const string Ending = ".onnx";

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model")
        {
            Description = "model folder, or the name of a pulled model: an encoder, a classifier, a "
            + "question answerer or a sentence embedder"
        };
        Option<string> target = new("--out") { Description = "file to write; it ends in .onnx", Required = true };
        Option<bool> overwrite = new("--overwrite") { Description = "replace the file if it exists" };
        Command command = new("export", "Write an encoder and its head as an ONNX file. Example: heed export my-classifier --out "
            + "classifier.onnx") { model, target, overwrite };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(
            Run(terminal, parsed.GetRequiredValue(model), parsed.GetRequiredValue(target), parsed.GetValue(overwrite), cancellationToken)));
        return command;
    }

    private static int Run(Terminal terminal, string source, string target, bool overwrite, CancellationToken cancellationToken)
    {
        if (!target.EndsWith(Ending, StringComparison.OrdinalIgnoreCase))
            throw new UsageException($"--out: '{target}' does not end in {Ending}, and ONNX is what is exported; 'heed convert' writes "
                + "model folders.");
        if (!overwrite && Path.Exists(target))
            throw new UsageException($"{target}: exists. Name another file, or replace it with --overwrite.");
        LoadOptions options = new() { Warnings = new Reporter<string>(terminal.Warn), CancellationToken = cancellationToken };
        OpenedFiles opened = OpenedFiles.Of(HubModel.Files(source), options);
        string architecture;
        OnnxReport report;
        if (SentenceEmbedder.IsFor(opened.Files))
        {
            using SentenceEmbedder embedder = SentenceEmbedder.Load(opened.Files, options);
            report = OnnxExport.Write(embedder, target);
            architecture = embedder.Model!.Architecture;
        }
        else
        {
            using Models.Model model = ModelFolder.Load(opened.Files, options).Model;
            report = OnnxExport.Write(model, target);
            architecture = model.Architecture;
        }

        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["file"] = target,
                ["architecture"] = architecture,
                ["operator_set"] = OnnxGraph.OperatorSet,
                ["inputs"] = new JsonArray([.. report.Inputs.Select(name => (JsonNode)name)]),
                ["outputs"] = new JsonArray([.. report.Outputs.Select(name => (JsonNode)name)]),
                ["bytes"] = report.Bytes,
            });
            return ExitCode.Ok;
        }

        terminal.Line($"{architecture}, {Printable.Bytes(report.Bytes)}: {string.Join(", ", report.Inputs)} → "
            + $"{string.Join(", ", report.Outputs)} in {target}");
        return ExitCode.Ok;
    }
}
