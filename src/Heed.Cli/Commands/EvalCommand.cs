using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Data;
using Heed.Training.Runs;

namespace Heed.Cli.Commands;

/// <summary><c>heed eval MODEL --text PATH</c>: perplexity and bits per byte.</summary>
internal static class EvalCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = "model folder of a causal language model" };
        Option<string> text = new("--text") { Description = "text file or folder", Required = true };
        Option<int> length = new("--length") { Description = "tokens of a block; the model's context where 0", DefaultValueFactory = _ => 0 };
        Option<int> batch = new("--batch") { Description = "blocks run at once", DefaultValueFactory = _ => 8 };
        Option<int> blocks = new("--blocks") { Description = "most blocks read; 0 reads all", DefaultValueFactory = _ => 0 };
        Option<bool> strict = new("--strict") { Description = "refuse weights that are NaN or infinite instead of warning of them" };
        Command command = new("eval", "Perplexity and bits per byte of a language model on a text. Example: heed eval ./model --text held-out.txt") { model, text, length, batch, blocks, strict };
        command.SetAction((parsed, stop) =>
        {
            string folder = parsed.GetRequiredValue(model);
            using HeedModel opened = HeedModel.Open(folder, new LoadOptions { Strict = parsed.GetValue(strict), Warn = terminal.Warn });
            if (opened.Model is not CausalLanguageModel causal) throw new InputException($"{folder}: {opened.Model.Architecture} does not predict the next token; perplexity needs a causal language model.");
            Heed.Tokenizers.Tokenizer tokenizer = opened.Tokenizer;
            List<int> ids = [];
            long bytes = 0;
            foreach (TextDocument document in TextFiles.Read(parsed.GetRequiredValue(text)))
            {
                stop.ThrowIfCancellationRequested();
                tokenizer.EncodeToIds(document.Text, ids, addSpecialTokens: false);
                if (causal.Config.EndId is { } end) ids.Add(end);
                bytes += System.Text.Encoding.UTF8.GetByteCount(document.Text);
            }

            int longest = Math.Min(causal.Config.MaximumLength, parsed.GetValue(length) > 0 ? parsed.GetValue(length) : 1024);
            int[] all = [.. ids];
            if (all.Length <= longest) longest = Math.Max(1, all.Length - 1);
            EvaluationReport report = new HeldOutEvaluation(causal, all, bytes, longest, parsed.GetValue(batch)).Run(0, parsed.GetValue(blocks), stop);
            if (terminal.IsJson) terminal.Json(new JsonObject { ["loss"] = report.Loss, ["perplexity"] = report.Perplexity, ["bits_per_byte"] = report.BitsPerByte, ["tokens"] = report.Tokens, ["bytes"] = bytes });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture, $"loss {report.Loss:0.0000} nats a token, perplexity {report.Perplexity:0.00}, {report.BitsPerByte:0.0000} bits per byte over {report.Tokens:N0} tokens in blocks of {longest}"));
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }
}
