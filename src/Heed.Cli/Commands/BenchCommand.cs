using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Cli.Benchmarks;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Verification.Benchmarks;

namespace Heed.Cli.Commands;

/// <summary><c>heed bench</c>: the works of <c>docs/benchmarks</c>, each beside the machine's limits of the same run.</summary>
internal static class BenchCommand
{
    private const string Concurrency = "concurrency";
    private const string Tokenizers = "tokenizers";
    private const string Lengths = "lengths";

    public static Command Create(Terminal terminal)
    {
        Argument<string[]> names = new("what")
        {
            Description = $"groups or works: {string.Join(", ", WorkList.Groups)}; also {Concurrency}, {Tokenizers} and {Lengths}. "
            + "A work is named as the table prints it, or by its beginning: encode/minilm. If omitted: all groups but tokenize and "
            + "train-tokenizer",
            Arity = ArgumentArity.ZeroOrMore
        };
        Option<int?> threads = NumberOption.Threads();
        Option<double> seconds = NumberOption.Of("--seconds", "how long each work is repeated", 3.0,
            new NumberRange<double>(0, 3600, Above: true));
        Option<string[]> models = new("--model")
        {
            Description = $"tokenizer files or model folders for {Tokenizers}; if omitted, "
            + $"tokenizers are trained on the .NET SDK's documentation. Encoder-decoders, as folders or config.json, for {Lengths}",
            AllowMultipleArgumentsPerToken = true
        };
        Option<bool> profile = new("--profile")
        {
            Description = "where the time of a step goes, op by op: share of peak, bytes, waiting of threads, time between ops"
        };
        Option<bool> inProcess = new("--in-process")
        {
            Description = "measure in this process instead of one child process for each work, whose peak memory is then its own"
        };
        Option<bool> list = new("--list") { Description = "print the names of the works and measure nothing" };
        Command command = new("bench",
            "Measure products, encoding, training, decoding, beams, attention and tokenizers at the shapes of real models, each beside "
                + "this machine's peak and bandwidth of the same minute, with its goal. Example: heed bench encode --seconds 5")
        { names, threads, seconds, models, profile, inProcess, list, BenchCompareCommand.Create(terminal) };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            Settings settings = new(
                parsed.GetValue(names) ?? [], parsed.GetValue(seconds), parsed.GetValue(models) ?? [], parsed.GetValue(threads),
                parsed.GetValue(profile), parsed.GetValue(inProcess));
            return Task.FromResult(parsed.GetValue(list) ? List(terminal, settings) : Run(terminal, settings, cancellationToken));
        });
        return command;
    }

    private static int List(Terminal terminal, Settings settings)
    {
        IReadOnlyList<BenchmarkWork> works = BenchmarkSuite.Select(settings.Names);
        if (terminal.IsJson) terminal.Json(new JsonObject { ["works"] = new JsonArray([.. works.Select(w => (JsonNode)w.Name)]) });
        else foreach (BenchmarkWork work in works) terminal.Line(work.Name);
        return ExitCode.Ok;
    }

    private static int Run(Terminal terminal, Settings settings, CancellationToken cancellationToken)
    {
        string[] own = [Concurrency, Tokenizers, Lengths];
        string[] names = [.. settings.Names.Where(name => !own.Contains(name))];
        bool isLengths = settings.Names.Contains(Lengths);
        bool isTokenizers = settings.Names.Contains(Tokenizers) || (settings.Models.Length > 0 && !isLengths);
        IReadOnlyList<BenchmarkWork> works = names.Length > 0 || (settings.Names.Length == 0 && !isTokenizers)
            ? BenchmarkSuite.Select(names)
            : [];
        JsonObject report = new()
        {
            ["processor"] = EnvCommand.Processor(),
            ["instructions"] = MachineProbe.InstructionSet,
            ["threads"] = ComputeContext.Current.Threads,
        };
        if (!terminal.IsJson) terminal.Line($"{EnvCommand.Processor()}, {MachineProbe.InstructionSet}, "
            + $"{ComputeContext.Current.Threads} thread(s)");
        if (works.Count > 0 && settings.Profile) BenchProfileReport.Write(terminal, works, settings.Seconds, report, cancellationToken);
        else if (works.Count > 0) BenchTable.Write(terminal, Measured(works, settings, cancellationToken), report);
        if (settings.Names.Contains(Concurrency)) BenchSpeeds.AtOnce(terminal, settings.Seconds, report, cancellationToken);
        if (isLengths) BenchSpeeds.ByLength(terminal, settings.Models, settings.Seconds, report, cancellationToken);
        if (isTokenizers)
        {
            BenchSpeeds.Speeds(terminal, settings.Models, settings.Seconds, report, cancellationToken);
            BenchSpeeds.Runs(terminal, settings.Models, report, cancellationToken);
        }

        if (terminal.IsJson) terminal.Json(report);
        return ExitCode.Ok;
    }

    /// <summary>Results one by one, from children where this program can start itself again.</summary>
    private static IEnumerable<JsonObject> Measured(
        IReadOnlyList<BenchmarkWork> works, Settings settings, CancellationToken cancellationToken)
    {
        if (settings.InProcess || !BenchProcess.CanStart)
            return BenchmarkSuite.Run(works, settings.Seconds, cancellationToken).Select(BenchTable.ToJson);
        return works.GroupBy(w => w.Process)
            .SelectMany(group => BenchProcess.Run(group, settings.Seconds, settings.Threads, cancellationToken));
    }

    private sealed record Settings(string[] Names, double Seconds, string[] Models, int? Threads, bool Profile, bool InProcess);
}
