using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models.Gpt2;
using Heed.Training.Data;
using Heed.Training.Runs;
using Heed.Training.Schedules;

namespace Heed.Cli.Commands;

/// <summary><c>heed quickstart</c>: from real text to a GPT that writes, in about three minutes.</summary>
internal static class QuickstartCommand
{
    private const int ContinuationTokens = 40;
    private static readonly string[] Prompts = ["Gets or sets the", "Returns a value that", "The exception that is thrown when"];

    public static Command Create(Terminal terminal)
    {
        Option<string?> text = new("--text") { Description = "your own text file or folder instead of the .NET SDK's documentation" };
        Option<string> output = new("--out") { Description = "folder of the run; started again it goes on", DefaultValueFactory = _ => "quickstart" };
        Option<double> minutes = new("--minutes") { Description = "how long to train, about", DefaultValueFactory = _ => 2 };
        Option<string?> prompt = new("--prompt") { Description = "a prompt of your own, continued three times" };
        Option<ulong> seed = new("--seed") { Description = "seed of everything", DefaultValueFactory = _ => 1UL };
        Command command = new("quickstart", "Gather real text, train a tokenizer and a small GPT-2 on it, and let it write. Nothing but the .NET SDK is needed.") { text, output, minutes, prompt, seed };
        command.SetAction((parsed, stop) => Task.FromResult(Run(terminal, parsed.GetValue(text), parsed.GetRequiredValue(output), parsed.GetValue(minutes), parsed.GetValue(prompt), parsed.GetValue(seed), stop)));
        return command;
    }

    private static int Run(Terminal terminal, string? text, string folder, double minutes, string? prompt, ulong seed, CancellationToken stop)
    {
        if (!(minutes > 0 && minutes < 10_000)) throw new InputException($"--minutes: is {minutes}; a number above 0 was expected.");
        string settings = Path.Combine(folder, "run.json");
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        RunConfig config = File.Exists(settings) ? RunConfig.FromFile(settings) : Plan(terminal, text, folder, minutes, seed, stop);
        using PretrainingRun run = PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Note($"• {s}")), stop);
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"• {run.Corpus.Documents:N0} documents, {run.Corpus.TrainingBytes / 1e6:0.0} MB for training, {run.Corpus.HeldOutBytes / 1e6:0.00} MB held out; {run.Corpus.Training.Length:N0} tokens of {run.Tokenizer.VocabularySize:N0} kinds"));
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"• GPT-2 architecture: {config.Layers} layers × {config.Width}, {run.Model.Parameters.Values:N0} parameters; {config.Steps:N0} steps of {config.BatchSize * config.BlockLength:N0} tokens; peak of this machine {peak / 1e9:0} GF/s ({MachineProbe.InstructionSet})"));

        string[] prompts = prompt is null ? Prompts : [prompt, prompt, prompt];
        string[] before = UntrainedContinuations(run, prompts, stop);
        TrainingEnd end = run.Train([new TrainingDisplay(terminal, config.Steps)], peak, stop);
        if (end == TrainingEnd.Interrupted)
        {
            terminal.Note($"Stopped. './heed quickstart --out {folder}' goes on from here.");
            return ExitCode.Interrupted;
        }

        string[] after = Continuations(run, run.Model, prompts, stop);
        EvaluationReport evaluation = run.EvaluateAll(stop);
        IReadOnlyList<(string Name, double BitsPerByte)> compressors = Compression.Measure(run.Tokenizer.Decode(run.Corpus.HeldOut));
        Report(terminal, run, folder, prompts, before, after, evaluation, compressors);
        return ExitCode.Ok;
    }

    /// <summary>Decides the run: measures a few steps on weights that are thrown away, and takes as many as fit into the time.</summary>
    private static RunConfig Plan(Terminal terminal, string? text, string folder, double minutes, ulong seed, CancellationToken stop)
    {
        RunConfig config = new()
        {
            Model = "gpt2-tiny",
            Layers = 4,
            Heads = 6,
            Width = 192,
            Data = [text ?? "sdk"],
            MaximumCharacters = 24_000_000,
            VocabularySize = 2048,
            BlockLength = 128,
            BatchSize = 16,
            LearningRate = 2e-3,
            WarmupSteps = 20,
            Steps = 1_000_000,
            EvaluateEvery = 0,
            EvaluateBlocks = 64,
            SaveEvery = 0,
            HeldOut = 0.02,
            Seed = seed,
        };
        using PretrainingRun probe = PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Note($"• {s}")), stop);
        terminal.Note("• measuring a few steps");
        using AdamW optimizer = new(probe.Model.Parameters);
        Trainer trainer = new(probe.Model, optimizer, new ConstantSchedule(0), new CausalData(new TokenBlocks(probe.Corpus.Training, config.BlockLength, "training"), config.BatchSize, seed), new TrainerOptions { Steps = 1000 });
        for (int i = 0; i < 3; i++) trainer.TakeStep();
        long started = Stopwatch.GetTimestamp();
        int measured = 0;
        for (; measured < 20 && (measured < 3 || Stopwatch.GetElapsedTime(started).TotalSeconds < 3); measured++)
        {
            stop.ThrowIfCancellationRequested();
            trainer.TakeStep();
        }

        double step = Stopwatch.GetElapsedTime(started).TotalSeconds / measured;
        long steps = Math.Max(20, (long)(minutes * 60 / step));
        File.Delete(Path.Combine(folder, "run.json"));
        return config with { Steps = steps, WarmupSteps = Math.Min(steps, Math.Clamp(steps / 10, 20, 100)), EvaluateEvery = Math.Max(1, steps / 8), SaveEvery = Math.Max(1, steps / 4) };
    }

    /// <summary>What the model writes before it has learned: where a run goes on, fresh weights of the same seed.</summary>
    private static string[] UntrainedContinuations(PretrainingRun run, string[] prompts, CancellationToken stop)
    {
        using Gpt2LanguageModel fresh = new((Gpt2Config)run.Model.Config, new ParameterSet(ParameterSource.Random(run.Config.Seed)));
        return Continuations(run, fresh, prompts, stop);
    }

    private static string[] Continuations(PretrainingRun run, Gpt2LanguageModel model, string[] prompts, CancellationToken stop)
    {
        using TensorScope scope = TensorScope.Begin();
        Generator generator = new(model);
        string[] texts = new string[prompts.Length];
        for (int i = 0; i < prompts.Length; i++)
        {
            List<int> ids = [];
            run.Tokenizer.EncodeToIds(prompts[i], ids, addSpecialTokens: false);
            GenerationConfig config = new() { Sample = true, Temperature = 0.7f, TopK = 40, MaxNewTokens = ContinuationTokens, Seed = run.Config.Seed + (ulong)i, EndIds = model.Config.EndId is { } end ? [end] : [], PaddingId = model.Config.EndId };
            GeneratedSequence sequence = generator.Generate([[.. ids]], config, stop)[0];
            texts[i] = run.Tokenizer.Decode(sequence.Ids).ReplaceLineEndings(" ");
        }

        return texts;
    }

    private static void Report(Terminal terminal, PretrainingRun run, string folder, string[] prompts, string[] before, string[] after, EvaluationReport evaluation, IReadOnlyList<(string Name, double BitsPerByte)> compressors)
    {
        if (terminal.IsJson)
        {
            JsonArray texts = [];
            for (int i = 0; i < prompts.Length; i++) texts.Add((JsonNode)new JsonObject { ["prompt"] = prompts[i], ["before"] = before[i], ["after"] = after[i] });
            terminal.Json(new JsonObject
            {
                ["model"] = run.ModelFolder,
                ["steps"] = run.Config.Steps,
                ["held_out_loss"] = evaluation.Loss,
                ["held_out_bits_per_byte"] = evaluation.BitsPerByte,
                ["compressors"] = new JsonObject(compressors.Select(c => KeyValuePair.Create(c.Name, (JsonNode?)c.BitsPerByte))),
                ["continuations"] = texts,
            });
            return;
        }

        terminal.Line();
        for (int i = 0; i < prompts.Length; i++)
        {
            terminal.Line(terminal.Bold(prompts[i]) + " …");
            SideBySide(terminal, "before", Strip(before[i], prompts[i]), "after", Strip(after[i], prompts[i]));
            terminal.Line();
        }

        terminal.Line($"Bits per byte of the {run.Corpus.HeldOutBytes:N0} held-out bytes:");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  {"this model",-12} {evaluation.BitsPerByte:0.000}   (loss {evaluation.Loss:0.000} nats a token, perplexity {evaluation.Perplexity:0.0})"));
        foreach ((string name, double bits) in compressors) terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  {name,-12} {bits:0.000}"));
        terminal.Line();
        terminal.Line($"Saved {run.ModelFolder}: a Hugging Face folder that Python opens too.");
        terminal.Line("Next:");
        terminal.Line($"  ./heed generate {run.ModelFolder} \"Initializes a new instance of\"");
        terminal.Line($"  ./heed tokenize {run.ModelFolder} \"Gets or sets the value.\"");
        terminal.Line($"  ./heed info {run.ModelFolder}");
        terminal.Line($"  ./heed pretrain --data YOUR-TEXTS --out runs/a --model gpt2-tiny --steps 5000");
    }

    private static string Strip(string text, string prompt) => text.StartsWith(prompt, StringComparison.Ordinal) ? text[prompt.Length..].Trim() : text.Trim();

    /// <summary>Two texts in two columns.</summary>
    private static void SideBySide(Terminal terminal, string leftTitle, string left, string rightTitle, string right)
    {
        const int Width = 56;
        List<string> a = Wrap(left, Width), b = Wrap(right, Width);
        terminal.Line("  " + terminal.Dim(leftTitle.PadRight(Width + 2)) + terminal.Dim(rightTitle));
        for (int i = 0; i < Math.Max(a.Count, b.Count); i++)
            terminal.Line("  " + (i < a.Count ? a[i] : "").PadRight(Width + 2) + (i < b.Count ? b[i] : ""));
    }

    private static List<string> Wrap(string text, int width)
    {
        List<string> lines = [];
        string line = "";
        foreach (string word in Printable.Escape(text).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string rest = word;
            while (rest.Length > width)
            {
                if (line.Length > 0) lines.Add(line);
                line = "";
                lines.Add(rest[..width]);
                rest = rest[width..];
            }

            if (line.Length + rest.Length + 1 > width)
            {
                lines.Add(line);
                line = "";
            }

            line = line.Length == 0 ? rest : $"{line} {rest}";
        }

        if (line.Length > 0) lines.Add(line);
        return lines;
    }
}
