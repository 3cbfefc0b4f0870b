using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
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

    private static readonly string[] Names = [.. BenchmarkSuite.Names, Concurrency, Tokenizers, Lengths];

    public static Command Create(Terminal terminal)
    {
        Argument<string[]> names = new("what")
        {
            Description = $"any of {string.Join(", ", Names)}; all but {Concurrency}, {Tokenizers} "
            + $"and {Lengths} if omitted",
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
        Command command = new("bench",
            "Measure matrix products, training, decoding and attention against this machine's peak and bandwidth, callers at once "
                + "against one after another, the speed of tokenizers, and what texts of growing length cost encoder-decoders. Example: "
                    + "heed bench matmul --seconds 5") { names, threads, seconds, models };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            return Task.FromResult(Run(terminal, parsed.GetValue(names) ?? [], parsed.GetValue(seconds), parsed.GetValue(models) ?? [],
                cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, string[] names, double seconds, string[] models, CancellationToken cancellationToken)
    {
        foreach (string name in names)
            if (!Names.Contains(name)) throw new InputException($"bench: \"{Printable.Shorten(name)}\" is unknown; one of "
                + $"{string.Join(", ", Names)} was expected.");
        JsonObject report = new()
        {
            ["processor"] = EnvCommand.Processor(),
            ["instructions"] = MachineProbe.InstructionSet,
            ["threads"] = ComputeContext.Current.Threads
        };
        if (!terminal.IsJson) terminal.Line($"{EnvCommand.Processor()}, {MachineProbe.InstructionSet}, "
            + $"{ComputeContext.Current.Threads} thread(s)");
        string[] works = [.. names.Where(name => name is not (Tokenizers or Concurrency or Lengths))];
        if (works.Length > 0 || names.Length == 0) Works(terminal, works, seconds, report, cancellationToken);
        if (names.Contains(Concurrency)) AtOnce(terminal, seconds, report, cancellationToken);
        if (names.Contains(Lengths)) ByLength(terminal, models, seconds, report, cancellationToken);
        if (names.Contains(Tokenizers) || (models.Length > 0 && !names.Contains(Lengths)))
        {
            Speeds(terminal, models, seconds, report, cancellationToken);
            Runs(terminal, models, report, cancellationToken);
        }

        if (terminal.IsJson) terminal.Json(report);
        return ExitCode.Ok;
    }

    private static void ByLength(Terminal terminal, string[] models, double seconds, JsonObject report, CancellationToken cancellationToken)
    {
        if (models.Length == 0) throw new UsageException($"--model: is omitted, and {Lengths} needs encoder-decoders; name folders or "
            + $"config.json files.");
        JsonArray rows = [];
        if (!terminal.IsJson) terminal.Line($"{"model",-36} {"tokens",6} {"learning",12} {"per token",12} {"writing, per token",20}");
        foreach (LengthResult r in LengthBenchmark.Run(models, seconds, cancellationToken))
        {
            if (terminal.IsJson) rows.Add((JsonNode)new JsonObject
            {
                ["model"] = r.Model,
                ["tokens"] = r.Length,
                ["learn_milliseconds"] = r.LearnMilliseconds,
                ["write_milliseconds_per_token"] = r.WriteMilliseconds
            });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{Printable.Shorten(Path.GetFileName(r.Model), 36),-36} {r.Length,6} {r.LearnMilliseconds,9:0.0} ms "
                    + $"{r.LearnMilliseconds / r.Length,9:0.00} ms {r.WriteMilliseconds,17:0.00} ms"));
        }

        if (!terminal.IsJson) terminal.Line($"Batches of {LengthBenchmark.Batch} texts, as many tokens read as written; the fastest of "
            + $"several repetitions.");
        report["lengths"] = rows;
    }

    private static void Works(Terminal terminal, string[] names, double seconds, JsonObject report, CancellationToken cancellationToken)
    {
        (double peak, double mean) = MachineProbe.PeakAndMeanGigaflops(1);
        double bandwidth = MachineProbe.BandwidthGigabytes(1L << 30);
        JsonArray rows = [];
        if (!terminal.IsJson)
        {
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"peak {peak:0.0} GF/s (mean of the same second {mean:0.0}), bandwidth {bandwidth:0.0} GB/s, measured in this run"));
            terminal.Line();
            terminal.Line($"{"work",-44} {"figure",16} {"limit",8}  memory");
        }

        foreach (BenchmarkResult result in BenchmarkSuite.Run(names, new BenchmarkLimits(peak * 1e9, bandwidth * 1e9), seconds,
            cancellationToken))
        {
            if (terminal.IsJson) rows.Add((JsonNode)new JsonObject
            {
                ["work"] = result.Name,
                ["value"] = result.Value,
                ["unit"] = result.Unit,
                ["of_limit"] = result.OfLimit,
                ["bytes"] = result.PeakBytes
            });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{result.Name,-44} {result.Value,10:0.0} {result.Unit,-8} "
                + $"{(result.OfLimit is { } part ? part.ToString("P0", CultureInfo.InvariantCulture) : ""),6}  "
                + $"{(result.PeakBytes > 0 ? Printable.Bytes(result.PeakBytes) : "")}"));
        }

        (report["peak_gigaflops"], report["mean_gigaflops"], report["bandwidth_gigabytes"], report["works"]) = (peak, mean, bandwidth,
            rows);
    }

    private static void AtOnce(Terminal terminal, double seconds, JsonObject report, CancellationToken cancellationToken)
    {
        JsonArray rows = [];
        if (!terminal.IsJson)
        {
            terminal.Line();
            terminal.Line("The same work by callers at once and one after another. Wanted: ratio at most 1.15, longest wait at most "
                + "twice the mean");
            terminal.Line($"{"callers",7} {"in turn",10} {"at once",10} {"ratio",6} {"mean wait",10} {"longest/mean",13} {"bits",10}");
        }

        foreach (ConcurrencyResult r in ConcurrencyBenchmark.Run(seconds, cancellationToken))
        {
            if (terminal.IsJson)
            {
                rows.Add((JsonNode)new JsonObject
                {
                    ["callers"] = r.Callers,
                    ["one_after_another_seconds"] = r.OneAfterAnother,
                    ["at_once_seconds"] = r.AtOnce,
                    ["ratio"] = r.Ratio,
                    ["mean_wait_seconds"] = r.MeanWait,
                    ["longest_wait_seconds"] = r.AtOnce,
                    ["longest_to_mean"] = r.LongestToMean,
                    ["same_bits"] = r.SameBits,
                });
            }
            else
            {
                terminal.Line(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{r.Callers,7} {r.OneAfterAnother,8:0.000} s {r.AtOnce,8:0.000} s {r.Ratio,6:0.00} {r.MeanWait,8:0.000} s "
                        + $"{r.LongestToMean,13:0.00}")
                    + $" {(r.SameBits ? "the same" : "DIFFERENT"),10}");
            }
        }

        report["concurrency"] = rows;
    }

    private static void Speeds(Terminal terminal, string[] models, double seconds, JsonObject report, CancellationToken cancellationToken)
    {
        JsonArray rows = [];
        if (!terminal.IsJson)
        {
            terminal.Line();
            terminal.Line("MB/s on 5 MB of prose, each document once, caches of words empty");
            terminal.Line($"{"pipeline",-24} {"ids",8}  {"offsets, 1 thread",18} {"ids only, 1 thread",18} "
                + $"{$"offsets, {ComputeContext.Current.Threads}",12} {$"ids only, {ComputeContext.Current.Threads}",12}");
        }

        foreach (TokenizerSpeed speed in TokenizerBenchmark.Speeds(models, seconds, ComputeContext.Current.Threads, cancellationToken))
        {
            if (terminal.IsJson) rows.Add((JsonNode)new JsonObject
            {
                ["pipeline"] = speed.Pipeline,
                ["vocabulary"] = speed.Vocabulary,
                ["offsets_one_thread"] = speed.OffsetsOneThread,
                ["ids_one_thread"] = speed.IdsOneThread,
                ["offsets"] = speed.Offsets,
                ["ids"] = speed.Ids
            });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{Printable.Shorten(speed.Pipeline, 24),-24} {speed.Vocabulary,8:N0}  {speed.OffsetsOneThread,18:0.0} "
                + $"{speed.IdsOneThread,18:0.0} {speed.Offsets,12:0.0} {speed.Ids,12:0.0}"));
        }

        report["tokenizers"] = rows;
    }

    private static void Runs(Terminal terminal, string[] models, JsonObject report, CancellationToken cancellationToken)
    {
        JsonArray rows = [];
        if (!terminal.IsJson)
        {
            terminal.Line();
            terminal.Line("Seconds for one run of 1,048,576 characters without a blank");
        }

        foreach (IGrouping<string, TokenizerRun> model in TokenizerBenchmark.Runs(models, cancellationToken).GroupBy(run => run.Model))
        {
            foreach (TokenizerRun run in model) rows.Add((JsonNode)new JsonObject
            {
                ["model"] = run.Model,
                ["text"] = run.Text,
                ["seconds"] = run.Seconds
            });
            if (!terminal.IsJson) terminal.Line($"{Printable.Shorten(model.Key, 24),-24} "
                + $"{string.Join("   ", model.Select(run => string.Create(CultureInfo.InvariantCulture, $"{run.Text} {run.Seconds:0.00}")))}");
        }

        report["runs"] = rows;
    }
}
