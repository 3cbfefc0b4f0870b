using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Cli.Commands;

/// <summary><c>heed quickstart</c>: from real text to a GPT that writes, in about three minutes.</summary>
internal static class QuickstartCommand
{
    private const string StandardFolder = "quickstart";
    private const double StandardMinutes = 2;
    private const int ContinuationTokens = 40, PromptWords = 4;
    private static readonly string[] Prompts = ["Gets or sets the", "Returns a value that", "The exception that is thrown when"];

    public static Command Create(Terminal terminal)
    {
        Option<string?> text = new("--data", "--text")
        {
            Description = "your own text file or folder instead of the .NET SDK's documentation",
        };
        Option<string> output = new("--out")
        {
            Description = "folder of the run; started again it resumes",
            DefaultValueFactory = _
            => StandardFolder
        };
        Option<double?> minutes = NumberOption.Optional("--minutes", "how long to train, about; 2 if omitted",
            new NumberRange<double>(0, 9999, Above: true));
        Option<string?> prompt = new("--prompt") { Description = "your own prompt, continued three times" };
        prompt.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var given }] && string.IsNullOrWhiteSpace(given)) result.AddError("--prompt: is empty; a "
                + "text of at least one word was expected.");
        });
        Option<ulong?> seed = new("--seed") { Description = "seed of everything; 1 if omitted" };
        Option<long?> steps = NumberOption.Optional("--steps",
            "number of steps instead of as many as fit into the minutes: repeats a run exactly on any machine",
            new NumberRange<long>(1, 1_000_000_000));
        Option<int?> threads = NumberOption.Threads();
        Command command = new("quickstart", "Gather real text, train a tokenizer and a small GPT-2 on it, and let it write. Nothing "
            + "but the .NET SDK is needed. Example: heed quickstart --data ./my-texts --minutes 5 --out mine") { text, output, minutes,
            steps, prompt, seed, threads };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            return Task.FromResult(Run(terminal, new Request(parsed.GetValue(text), parsed.GetRequiredValue(output),
                parsed.GetValue(minutes), parsed.GetValue(steps), parsed.GetValue(prompt), parsed.GetValue(seed)), cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, Request request, CancellationToken cancellationToken)
    {
        if (request.Folder.Length == 0) throw new UsageException("--out: is empty; name the folder of the run, such as quickstart.");
        string again = request.Folder == StandardFolder ? "./heed quickstart" : $"./heed quickstart --out {ShellWord.Of(request.Folder)}";
        PretrainingConfig? begun = PretrainingRun.SettingsOf(request.Folder);
        PretrainingConfig config = begun is not null ? Begun(terminal, (PretrainingConfig)begun.WithFullPaths(), request)
            : QuickstartPlan.Settings(request.Text, request.Seed ?? 1, request.Minutes ?? StandardMinutes);
        double minutes = request.Minutes ?? StandardMinutes;
        terminal.WhenStopped = $"Nothing is trained yet. '{again}' starts again; what {request.Folder} holds already is used.";
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9, evaluationSeconds = 0;
        PretrainingConfig Plan(TrainingRun<TextTask> run)
        {
            if (request.Steps is { } asked) return QuickstartPlan.Steps((PretrainingConfig)run.Config, asked);
            terminal.Note("• measuring training steps");
            RunTiming timing = run.Measure(TimePlan.Measuring(minutes), cancellationToken);
            evaluationSeconds = timing.EvaluationSeconds;
            return QuickstartPlan.Steps((PretrainingConfig)run.Config, timing, minutes, run.Task.Corpus.Training.Length);
        }

        using TrainingRun<TextTask> run = PretrainingRun.Prepare(request.Folder, config, new Reporter<string>(s => terminal.Note($"• {s}")),
            new Reporter<string>(terminal.Warn), begun is not null ? null : Plan, cancellationToken);
        terminal.WhenStopped = $"'{again}' resumes from here.";
        Describe(terminal, run, peak);
        string[] prompts = request.Prompt is { } own ? [own, own, own] : config.Data is [SdkDocumentation.Name] ? Prompts : Beginnings(run);
        // The model has its first values until it is trained, also if a checkpoint is there.
        string[] before = Continuations(run, prompts, cancellationToken);
        TrainingEnd end = run.Train([new TrainingDisplay(terminal, run.Config.Steps, "tokens", run.Config.EvaluateEvery,
            evaluationSeconds)], peak, cancellationToken);
        if (end == TrainingEnd.Interrupted)
        {
            if (terminal.IsJson) terminal.Json(new JsonObject
            {
                ["end"] = JsonWord.Of(end),
                ["folder"] = request.Folder,
                ["step"] = run.LastStep,
                ["steps"] = run.Config.Steps
            });
            terminal.Note($"Stopped after step {run.LastStep:N0} of {run.Config.Steps:N0}, which is saved. '{again}' resumes from here.");
            return ExitCode.Interrupted;
        }

        terminal.WhenStopped = $"The model is trained and saved in {run.ModelFolder}. '{again}' shows the rest.";
        string[] after = Continuations(run, prompts, cancellationToken);
        EvaluationReport? evaluation = run.EvaluateAll(cancellationToken);
        IReadOnlyList<(string Name, double BitsPerByte)> compressors = evaluation is null ? []
            : Compression.Measure(run.Task.Tokenizer!.Decode(run.Task.Corpus.HeldOut.Span));
        Report(terminal, run, prompts, before, after, evaluation, compressors);
        return ExitCode.Ok;
    }

    /// <summary>The settings of a run that was begun before; options that say otherwise are refused.</summary>
    private static PretrainingConfig Begun(Terminal terminal, PretrainingConfig config, Request request)
    {
        if (request.Text is { } text
            && !config.Data.SequenceEqual(((PretrainingConfig)new PretrainingConfig { Data = [text] }.WithFullPaths()).Data))
            throw new ConfigException($"--data: is {text}, and the run in {request.Folder} learns from "
                + $"{string.Join(", ", config.Data)}. Leave --data out to resume it, or choose another folder with --out.");
        if (request.Seed is { } seed && seed != config.Seed)
            throw new ConfigException($"--seed: is {seed}, and the run in {request.Folder} has {config.Seed}. Leave --seed out to "
                + $"resume it, or choose another folder with --out.");
        if (request.Steps is { } steps && steps != config.Steps)
            throw new ConfigException($"--steps: is {steps}, and the run in {request.Folder} has {config.Steps}. Leave --steps out "
                + $"to resume it, or choose another folder with --out.");
        if (request.Minutes is not null) terminal.Note($"• --minutes changes nothing: {request.Folder} holds a run of "
            + $"{config.Steps:N0} steps; choose another folder with --out for a longer one");
        return config;
    }

    /// <summary>Bytes of text, in thousands.</summary>
    private static string Decimal(long bytes) => Printable.Count(bytes) + (bytes < 1000 ? " B" : "B");

    private static void Describe(Terminal terminal, TrainingRun<TextTask> run, double peak)
    {
        PretrainingConfig config = (PretrainingConfig)run.Config;
        TokenCorpus corpus = run.Task.Corpus;
        terminal.Note(string.Create(CultureInfo.InvariantCulture,
            $"• {corpus.Documents:N0} documents, {Decimal(corpus.TrainingBytes)} for training, {Decimal(corpus.HeldOutBytes)} held out; "
            + $"{run.Task.Corpus.Training.Length:N0} tokens, vocabulary size {run.Task.Tokenizer!.VocabularySize:N0}"));
        terminal.Note(string.Create(CultureInfo.InvariantCulture,
            $"• GPT-2 architecture: {config.Layers} layers × {config.Width}, {run.Task.Model.Parameters.Values:N0} parameters; "
            + $"{config.Steps:N0} steps of {config.BatchSize * config.BlockLength:N0} tokens; about "
            + $"{Printable.Bytes(run.Forecast!.TotalBytes)} of memory; peak of this machine {peak / 1e9:0} GF/s "
            + $"({MachineProbe.InstructionSet})"));
    }

    /// <summary>The first words of three texts that are held out, as prompts for a custom text.</summary>
    private static string[] Beginnings(TrainingRun<TextTask> run)
    {
        int[] ids = run.Task.Corpus.HeldOut.Length > 1 ? run.Task.Corpus.HeldOutIds : run.Task.Corpus.TrainingIds;
        int end = run.Task.Model.Config.EndId ?? -1;
        List<int> starts = [0];
        for (int i = 0; i < ids.Length - 1; i++)
            if (ids[i] == end) starts.Add(i + 1);
        string[] prompts = new string[Prompts.Length];
        for (int p = 0; p < prompts.Length; p++)
        {
            int start = starts[p * starts.Count / prompts.Length];
            string text = run.Task.Tokenizer!.Decode(ids.AsSpan(start, Math.Min(ids.Length - start, 8 * PromptWords)));
            string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            // The last word may be half of one.
            prompts[p] = string.Join(' ', words.Take(Math.Clamp(words.Length - 1, Math.Min(1, words.Length), PromptWords)));
        }

        return prompts;
    }

    private static string[] Continuations(TrainingRun<TextTask> run, string[] prompts, CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        CausalLanguageModel model = (CausalLanguageModel)run.Task.Model;
        using InferenceEngine engine = new(model);
        string[] texts = new string[prompts.Length];
        for (int i = 0; i < prompts.Length; i++)
        {
            List<int> ids = [];
            run.Task.Tokenizer!.EncodeToIds(prompts[i], ids, addSpecialTokens: false);
            GenerationConfig config = new()
            {
                Sample = true,
                Temperature = 0.7f,
                TopK = 40,
                MaxNewTokens = ContinuationTokens,
                Seed = run.Config.Seed + (ulong)i,
                EndIds = model.Config.EndId is { } end ? [end] : [],
                PaddingId = model.Config.EndId
            };
            GeneratedText text = engine.Generate([[.. ids]], config, cancellationToken)[0];
            texts[i] = run.Task.Tokenizer!.Decode(text.Ids).ReplaceLineEndings(" ");
        }

        return texts;
    }

    private static void Report(Terminal terminal, TrainingRun<TextTask> run, string[] prompts, string[] before, string[] after,
        EvaluationReport? evaluation, IReadOnlyList<(string Name, double BitsPerByte)> compressors)
    {
        if (terminal.IsJson)
        {
            JsonArray texts = [];
            for (int i = 0; i < prompts.Length; i++) texts.Add((JsonNode)new JsonObject
            {
                ["prompt"] = prompts[i],
                ["before"] = before[i],
                ["after"] = after[i]
            });
            terminal.Json(new JsonObject
            {
                ["end"] = JsonWord.Of(TrainingEnd.Finished),
                ["folder"] = run.Folder,
                ["model"] = run.ModelFolder,
                ["steps"] = run.Config.Steps,
                ["held_out_loss"] = evaluation?.Loss,
                ["held_out_bits_per_byte"] = evaluation?["bits_per_byte"],
                ["compressors"] = new JsonObject(compressors.Select(c => KeyValuePair.Create(c.Name, (JsonNode?)c.BitsPerByte))),
                ["continuations"] = texts,
            });
            return;
        }

        terminal.Line();
        for (int i = 0; i < prompts.Length; i++)
        {
            terminal.Line(terminal.Bold(Printable.Escape(prompts[i])) + " …");
            Columns.Print(terminal, "before", Strip(before[i], prompts[i]), "after", Strip(after[i], prompts[i]));
            terminal.Line();
        }

        if (evaluation is null)
        {
            terminal.Line("The text is too short to hold out a part of it, so nothing says how good the model is on text it has not seen.");
        }
        else
        {
            terminal.Line($"Bits per byte of the {run.Task.Corpus.HeldOutBytes:N0} held-out bytes:");
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"  {"this model",-12} {evaluation["bits_per_byte"]:0.000}   (loss {evaluation.Loss:0.000} nats per token, "
                + $"perplexity {evaluation["perplexity"]:0.0})"));
            foreach ((string name, double bits) in compressors) terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"  {name,-12} {bits:0.000}"));
        }

        terminal.Line();
        terminal.Line($"Saved {run.ModelFolder}: a Hugging Face folder that Python opens too.");
        terminal.Line("Next:");
        terminal.Line($"  ./heed generate {ShellWord.Of(run.ModelFolder)} {ShellWord.Of(prompts[0])}");
        terminal.Line($"  ./heed tokenize {ShellWord.Of(run.ModelFolder)} {ShellWord.Of(prompts[^1])}");
        terminal.Line($"  ./heed info {ShellWord.Of(run.ModelFolder)}");
        terminal.Line("  ./heed quickstart --data YOUR-TEXTS --minutes 10 --out mine");
        terminal.Line("  ./heed pretrain --help");
    }

    private static string Strip(string text, string prompt) => text.StartsWith(prompt, StringComparison.Ordinal)
        ? text[prompt.Length..].Trim() : text.Trim();

    /// <summary>What the command line asks for; null where it says nothing.</summary>
    private sealed record Request(string? Text, string Folder, double? Minutes, long? Steps, string? Prompt, ulong? Seed);
}
