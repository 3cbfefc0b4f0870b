using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Tasks;

namespace Heed.Cli.Commands;

/// <summary><c>heed eval MODEL --data PATH</c>: perplexity and bits per byte of a text, or a task's measures on labelled
/// examples.</summary>
internal static class EvalCommand
{
    /// <summary>T if omitted and the model could read more.</summary>
    private const int StandardLength = 1024;

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = "model folder" };
        Option<string> text = new("--data", "--text")
        {
            Description = $"for a language model a text file or folder, or {SdkDocumentation.Name} for the .NET SDK's documentation; for others, and with "
                + "--task, labelled examples in any form that 'heed finetune' reads",
            Required = true,
        };
        ExampleEvaluation examples = new();
        Option<int> length = NumberOption.Of("--length", $"tokens of a block; 0 takes the model's context, at most {StandardLength}", 0, new NumberRange<int>(0, ConfigReader.MaximumSize));
        Option<int> batch = NumberOption.Of("--batch", "blocks run at once", 8, new NumberRange<int>(1, ConfigReader.MaximumSize));
        Option<int> blocks = NumberOption.Of("--blocks", "most blocks read; 0 reads all", 0, new NumberRange<int>(0, ConfigReader.MaximumSize));
        Option<bool> strict = new("--strict") { Description = "refuse weights that are NaN or infinite instead of warning of them" };
        Option<string?> dtype = WeightFormatOption.Create();
        Option<int?> threads = NumberOption.Threads();
        Command command = new("eval", "Perplexity and bits per byte of a language model on a text, or the measures of a fine-tuned model on "
            + "labelled examples. Example: heed eval ./model --data held-out.txt")
        {
            model, text, length, batch, blocks, dtype, strict, threads,
        };
        examples.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            string folder = parsed.GetRequiredValue(model);
            string source = parsed.GetRequiredValue(text);
            if (examples.AreMeant(parsed, folder)) return Task.FromResult(examples.Run(terminal, folder, source, parsed, cancellationToken));
            using HeedModel opened = HeedModel.Open(folder, new LoadOptions { Format = WeightFormatOption.ValueOf(parsed, dtype), Strict = parsed.GetValue(strict), Warnings = new Reporter<string>(terminal.Warn) });
            if (opened.Model is not CausalLanguageModel causal) throw new InputException($"{folder}: {opened.Model.Architecture} does not predict the next token; perplexity needs a causal language model.");
            int longest = Length(parsed.GetValue(length), causal.Config.MaximumLength, folder);
            (int[] ids, long bytes) = Encode(opened, causal.Config.EndId, source, cancellationToken);
            longest = Math.Min(longest, ids.Length - 1);
            EvaluationReport report = new HeldOutEvaluation(causal, ids, bytes, longest, parsed.GetValue(batch)).Run(parsed.GetValue(blocks), cancellationToken);
            if (!double.IsFinite(report.Loss)) throw new NumericalException($"{folder}: the loss on {source} is {(double.IsNaN(report.Loss) ? "NaN" : "infinite")}: the weights are damaged or overflow. 'heed eval --strict' names tensors that are NaN or infinite, and 'heed verify' checks the folder.");
            Show(terminal, report, ids.Length, bytes, longest);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static int Length(int asked, int context, string folder)
    {
        if (asked > context) throw new UsageException($"--length: is {asked}, and the model in {folder} reads {context} tokens at once; a whole number from 1 to {context} was expected, or 0 for the longest.");
        return asked > 0 ? asked : Math.Min(context, StandardLength);
    }

    private static (int[] Ids, long Bytes) Encode(HeedModel model, int? endId, string source, CancellationToken cancellationToken)
    {
        Heed.Tokenizers.Tokenizer tokenizer = model.Tokenizer;
        List<int> ids = [];
        long bytes = 0;
        foreach (TextDocument document in Documents(source))
        {
            cancellationToken.ThrowIfCancellationRequested();
            tokenizer.EncodeToIds(document.Text, ids, addSpecialTokens: false);
            if (endId is { } end) ids.Add(end);
            bytes += System.Text.Encoding.UTF8.GetByteCount(document.Text);
        }

        if (bytes == 0) throw new InputException($"--data: {source} holds no text. Name a file or folder that does.");
        return ids.Count > 1 ? ([.. ids], bytes) : throw new InputException($"--data: {source} has {ids.Count} token(s), and the first is not predicted; at least 2 were expected. Name a longer text.");
    }

    private static IEnumerable<TextDocument> Documents(string source)
    {
        if (source != SdkDocumentation.Name) return TextFiles.Read(source);
        IReadOnlyList<string> files = SdkDocumentation.Find();
        return files.Count > 0 ? SdkDocumentation.Read(files) : throw new InputException("--data: this .NET installation carries no documentation (packs/*.Ref/**/*.xml), as a runtime without SDK. Name text of your own.");
    }

    private static void Show(Terminal terminal, EvaluationReport report, int textTokens, long bytes, int length)
    {
        double perplexity = report["perplexity"] ?? double.NaN;
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["loss"] = report.Loss,
                // JSON has no infinity.
                ["perplexity"] = double.IsFinite(perplexity) ? perplexity : null,
                ["bits_per_byte"] = report["bits_per_byte"],
                ["tokens"] = report.Targets,
                ["text_tokens"] = textTokens,
                ["bytes"] = bytes,
            });
            return;
        }

        string shown = perplexity < 1e9 ? perplexity.ToString("0.00", CultureInfo.InvariantCulture) : double.IsFinite(perplexity) ? perplexity.ToString("0.00e+0", CultureInfo.InvariantCulture) : "above 1e308";
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"loss {report.Loss:0.0000} nats per token, perplexity {shown}, {report["bits_per_byte"]:0.0000} bits per byte over {report.Targets:N0} tokens in blocks of {length}"));
    }
}
