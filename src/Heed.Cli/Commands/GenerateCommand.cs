using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed generate MODEL "prompt"</c>: text goes on, piece by piece as it comes.</summary>
internal static class GenerateCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = "model folder" };
        Argument<string?> prompt = new("prompt") { Description = "text to go on from; - or nothing reads standard input", Arity = ArgumentArity.ZeroOrOne };
        Option<int> tokens = new("--max-new-tokens") { Description = "most tokens generated", DefaultValueFactory = _ => 100 };
        Option<bool> greedy = new("--greedy") { Description = "always take the likeliest token" };
        Option<float?> temperature = new("--temperature") { Description = "below 1 sharper, above 1 flatter" };
        Option<int?> topK = new("--top-k") { Description = "only the k likeliest tokens" };
        Option<float?> topP = new("--top-p") { Description = "only the likeliest tokens with this probability together" };
        Option<float?> minP = new("--min-p") { Description = "only tokens at least so likely as a part of the likeliest" };
        Option<float?> penalty = new("--repetition-penalty") { Description = "above 1 against repetition" };
        Option<string[]> stops = new("--stop") { Description = "texts that end generation; may be given several times" };
        Option<int> beams = new("--beams") { Description = "beam search with so many beams", DefaultValueFactory = _ => 1 };
        Option<ulong> seed = new("--seed") { Description = "seed of the draws", DefaultValueFactory = _ => 1UL };
        Option<bool> strict = new("--strict") { Description = "refuse weights that are NaN or infinite instead of warning of them" };
        Command command = new("generate", "Let a model go on from a prompt. Example: heed generate ./model \"The list of\" --temperature 0.8")
        {
            model, prompt, tokens, greedy, temperature, topK, topP, minP, penalty, stops, beams, seed, strict,
        };
        command.SetAction((parsed, stop) =>
        {
            using HeedModel opened = HeedModel.Open(parsed.GetRequiredValue(model), new LoadOptions { Strict = parsed.GetValue(strict), Warn = terminal.Warn });
            string text = parsed.GetValue(prompt) is { } p and not "-" ? p : terminal.Input.ReadToEnd();
            GenerationConfig config = opened.Generation with
            {
                MaxNewTokens = parsed.GetValue(tokens),
                Sample = !parsed.GetValue(greedy) && parsed.GetValue(beams) == 1 && (opened.Generation.Sample || parsed.GetValue(temperature) is not null || parsed.GetValue(topK) is not null || parsed.GetValue(topP) is not null || parsed.GetValue(minP) is not null),
                Beams = parsed.GetValue(beams),
                Seed = parsed.GetValue(seed),
                StopStrings = parsed.GetValue(stops) ?? [],
            };
            if (parsed.GetValue(temperature) is { } t) config = config with { Temperature = t };
            if (parsed.GetValue(topK) is { } k) config = config with { TopK = k };
            if (parsed.GetValue(topP) is { } q) config = config with { TopP = q };
            if (parsed.GetValue(minP) is { } m) config = config with { MinP = m };
            if (parsed.GetValue(penalty) is { } r) config = config with { RepetitionPenalty = r };
            Run(terminal, opened, text, config, stop);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static void Run(Terminal terminal, HeedModel model, string prompt, GenerationConfig config, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        if (terminal.IsJson)
        {
            GeneratedText result = model.Generate([prompt], config, stop)[0];
            terminal.Json(new JsonObject { ["prompt"] = prompt, ["text"] = result.Text, ["tokens"] = result.Ids.Length, ["finish"] = result.Finish.ToString(), ["seconds"] = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3) });
            return;
        }

        int pieces = 0;
        terminal.Output.Write(terminal.Dim(prompt));
        if (config.Beams > 1)
        {
            terminal.Output.Write(model.Generate(prompt, config, stop));
        }
        else
        {
            foreach (string piece in model.Stream(prompt, config, stop))
            {
                terminal.Output.Write(piece);
                pieces++;
            }
        }

        terminal.Output.WriteLine();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (terminal.IsTerminal && pieces > 0) terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{pieces} pieces in {seconds:0.0} s"));
    }
}
