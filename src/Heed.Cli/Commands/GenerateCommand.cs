using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed generate MODEL "prompt"</c>: text continues, piece by piece as it comes.</summary>
internal static class GenerateCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = "model folder" };
        Argument<string?> prompt = new("prompt") { Description = "text to continue; - or nothing reads standard input", Arity = ArgumentArity.ZeroOrOne };
        Settings settings = new();
        Option<bool> strict = new("--strict") { Description = "refuse weights that are NaN or infinite instead of warning of them" };
        Option<string?> dtype = WeightFormatOption.Create();
        Option<int?> threads = NumberOption.Threads();
        Command command = new("generate", "Let a model continue a prompt. Example: heed generate ./model \"The list of\" --temperature 0.8") { model, prompt };
        settings.AddTo(command);
        command.Add(dtype);
        command.Add(strict);
        command.Add(threads);
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            using HeedModel opened = HeedModel.Open(parsed.GetRequiredValue(model), new LoadOptions { Format = WeightFormatOption.ValueOf(parsed, dtype), Strict = parsed.GetValue(strict), Warnings = new Reporter<string>(terminal.Warn) });
            string text = parsed.GetValue(prompt) is { } p and not "-" ? p : StandardInput.Text(terminal);
            if (opened.Generation.ReturnSequences > 1)
                terminal.Warn($"{opened.Folder}: num_return_sequences {opened.Generation.ReturnSequences} is ignored: one text is written.");
            Run(terminal, opened, text, settings.Over(opened.Generation, parsed), cancellationToken);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static void Run(Terminal terminal, HeedModel model, string prompt, GenerationConfig config, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        if (terminal.IsJson)
        {
            GeneratedText result = model.Generate([prompt], config, cancellationToken)[0];
            terminal.Json(new JsonObject { ["prompt"] = prompt, ["text"] = result.Text, ["tokens"] = result.Ids.Count, ["finish"] = JsonWord.Of(result.Finish), ["seconds"] = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3) });
            return;
        }

        // With an encoder the text is an answer, not a continuation. Nothing is printed before the first token: until then anything may be
        // refused.
        string before = model.Model is SequenceToSequenceModel || prompt.Length == 0 ? "" : terminal.Dim(terminal.Written(prompt));
        if (config.Beams > 1)
        {
            string text = model.Generate(prompt, config, cancellationToken);
            terminal.Output.WriteLine(before + terminal.Written(text));
            return;
        }

        int pieces = 0;
        try
        {
            foreach (GenerationUpdate update in model.Stream(prompt, config, cancellationToken))
                if (update.Text.Length > 0) terminal.Output.Write((pieces++ == 0 ? before : "") + terminal.Written(update.Text));
        }
        catch (HeedException) when (pieces > 0)
        {
            terminal.Output.WriteLine();
            throw;
        }

        terminal.Output.WriteLine(pieces == 0 ? before : "");
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (terminal.IsTerminal && pieces > 0) terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{pieces} pieces in {seconds:0.0} s"));
    }

    /// <summary>The options that stand over the folder's settings; what is omitted stays as the folder specifies.</summary>
    private sealed class Settings
    {
        private readonly Option<int?> _tokens = NumberOption.Optional("--max-new-tokens", "most tokens generated; if omitted, as many as the folder specifies, else 128", new NumberRange<int>(1, ConfigReader.MaximumSize));
        private readonly Option<bool> _greedy = new("--greedy") { Description = "always take the likeliest token" };
        private readonly Option<float?> _temperature = NumberOption.Optional("--temperature", "below 1 sharper, above 1 flatter", new NumberRange<float>(0, float.MaxValue));
        private readonly Option<int?> _topK = NumberOption.Optional("--top-k", "only the k likeliest tokens; 0: all", new NumberRange<int>(0, ConfigReader.MaximumSize));
        private readonly Option<float?> _topP = NumberOption.Optional("--top-p", "only the likeliest tokens with this probability together", new NumberRange<float>(0, 1));
        private readonly Option<float?> _minP = NumberOption.Optional("--min-p", "only tokens at least as likely as this share of the likeliest", new NumberRange<float>(0, 1));
        private readonly Option<float?> _penalty = NumberOption.Optional("--repetition-penalty", "above 1 against repetition", new NumberRange<float>(0, float.MaxValue, Above: true));
        private readonly Option<string[]> _stops = new("--stop") { Description = "texts that end generation; may be given several times" };
        private readonly Option<int?> _beams = NumberOption.Optional("--beams", "number of beams of beam search; if omitted, as the folder specifies", new NumberRange<int>(1, ConfigReader.MaximumSize));
        private readonly Option<ulong> _seed = NumberOption.Of("--seed", "seed of the draws", 1UL, new NumberRange<ulong>(0, ulong.MaxValue));

        private Option[] Drawing => [_temperature, _topK, _topP, _minP];

        public void AddTo(Command command)
        {
            _stops.Validators.Add(result =>
            {
                if (result.Tokens.Any(t => t.Value.Length == 0)) result.AddError("--stop: is empty; a text of at least one character was expected.");
            });
            foreach (Option option in (Option[])[_tokens, _greedy, _temperature, _topK, _topP, _minP, _penalty, _stops, _beams, _seed]) command.Add(option);
            command.Validators.Add(RefuseContradictions);
        }

        /// <summary>The folder's settings with those of the command line over them.</summary>
        public GenerationConfig Over(GenerationConfig folder, ParseResult parsed)
        {
            bool greedy = parsed.GetValue(_greedy), drawing = Drawing.Any(o => IsGiven(parsed.GetResult(o)));
            int? beams = parsed.GetValue(_beams);
            return folder with
            {
                MaxNewTokens = parsed.GetValue(_tokens) ?? folder.MaxNewTokens,
                Sample = drawing || (!greedy && !(beams > 1) && folder.Sample),
                Temperature = parsed.GetValue(_temperature) ?? folder.Temperature,
                TopK = parsed.GetValue(_topK) ?? folder.TopK,
                TopP = parsed.GetValue(_topP) ?? folder.TopP,
                MinP = parsed.GetValue(_minP) ?? folder.MinP,
                RepetitionPenalty = parsed.GetValue(_penalty) ?? folder.RepetitionPenalty,
                Beams = beams ?? (greedy || drawing ? 1 : folder.Beams),
                // One text is printed.
                ReturnSequences = 1,
                StopStrings = parsed.GetValue(_stops) is { Length: > 0 } stops ? stops : folder.StopStrings,
                Seed = parsed.GetValue(_seed),
            };
        }

        private void RefuseContradictions(CommandResult result)
        {
            Option? drawing = Array.Find(Drawing, o => IsGiven(result.GetResult(o)));
            bool greedy = IsGiven(result.GetResult(_greedy));
            bool searching = result.GetResult(_beams)?.Tokens is [{ Value: var count }] && count != "1";
            if (greedy && drawing is not null) result.AddError($"--greedy: takes the likeliest token, and {drawing.Name} asks for draws; leave one of the two out.");
            else if (greedy && searching) result.AddError("--greedy: follows one text, and --beams several; leave one of the two out.");
            else if (searching && drawing is not null) result.AddError($"--beams: searches without draws, and {drawing.Name} asks for draws; leave one of the two out.");
        }

        private static bool IsGiven(OptionResult? result) => result is { Implicit: false };
    }
}
