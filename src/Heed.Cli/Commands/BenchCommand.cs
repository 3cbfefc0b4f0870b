using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Training.Benchmarks;

namespace Heed.Cli.Commands;

/// <summary><c>heed bench</c>: the works of <c>docs/benchmarks</c>, each beside the machine's limits of the same run.</summary>
internal static class BenchCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string[]> names = new("what") { Description = $"any of {string.Join(", ", BenchmarkSuite.Names)}; all where not given", Arity = ArgumentArity.ZeroOrMore };
        Option<int?> threads = new("--threads") { Description = "threads; HEED_THREADS or all where not given" };
        Option<double> seconds = new("--seconds") { Description = "how long each work is repeated", DefaultValueFactory = _ => 3 };
        Option<string?> model = new("--model") { Description = "tokenizer or model folder for 'tokenizers'" };
        Command command = new("bench", "Measure matrix products, training, decoding, attention and tokenizers against this machine's peak and bandwidth. Example: heed bench matmul --seconds 5") { names, threads, seconds, model };
        command.SetAction((parsed, stop) =>
        {
            if (parsed.GetValue(threads) is { } count) WorkerPool.Threads = count;
            return Task.FromResult(Run(terminal, parsed.GetValue(names) ?? [], parsed.GetValue(seconds), parsed.GetValue(model), stop));
        });
        return command;
    }

    private static int Run(Terminal terminal, string[] names, double seconds, string? model, CancellationToken stop)
    {
        foreach (string name in names)
            if (!BenchmarkSuite.Names.Contains(name)) throw new InputException($"bench: \"{Printable.Shorten(name)}\" is unknown; one of {string.Join(", ", BenchmarkSuite.Names)} was expected.");
        double peak = MachineProbe.PeakGigaflops(1), bandwidth = MachineProbe.BandwidthGigabytes(1L << 30);
        JsonArray rows = [];
        if (!terminal.IsJson)
        {
            terminal.Line($"{EnvCommand.Processor()}, {MachineProbe.InstructionSet}, {WorkerPool.Threads} thread(s)");
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"peak {peak:0.0} GF/s, bandwidth {bandwidth:0.0} GB/s, measured in this run"));
            terminal.Line();
            terminal.Line($"{"work",-44} {"figure",16} {"limit",8}  memory");
        }

        foreach (BenchmarkResult result in BenchmarkSuite.Run(names, new BenchmarkLimits(peak * 1e9, bandwidth * 1e9), seconds, model, stop))
        {
            if (terminal.IsJson) rows.Add((JsonNode)new JsonObject { ["work"] = result.Name, ["value"] = result.Value, ["unit"] = result.Unit, ["of_limit"] = result.OfLimit, ["bytes"] = result.PeakBytes });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{result.Name,-44} {result.Value,10:0.0} {result.Unit,-8} {(result.OfLimit is { } part ? part.ToString("P0", CultureInfo.InvariantCulture) : ""),6}  {(result.PeakBytes > 0 ? Printable.Bytes(result.PeakBytes) : "")}"));
        }

        if (terminal.IsJson) terminal.Json(new JsonObject { ["processor"] = EnvCommand.Processor(), ["instructions"] = MachineProbe.InstructionSet, ["threads"] = WorkerPool.Threads, ["peak_gigaflops"] = peak, ["bandwidth_gigabytes"] = bandwidth, ["works"] = rows });
        return ExitCode.Ok;
    }
}
