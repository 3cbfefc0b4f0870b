using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Cli.Commands;
using Heed.Engine.Runtime;
using Heed.Verification.Benchmarks;

namespace Heed.Cli.Benchmarks;

/// <summary>The measurements of <c>heed bench</c> that have tables of their own: callers at once, lengths of texts, tokenizers.</summary>
internal static class BenchSpeeds
{
    public static void ByLength(Terminal terminal, string[] models, double seconds, JsonObject report, CancellationToken cancellationToken)
    {
        if (models.Length == 0) throw new UsageException($"--model: is omitted, and lengths needs encoder-decoders; name folders or "
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

    public static void AtOnce(Terminal terminal, double seconds, JsonObject report, CancellationToken cancellationToken)
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

    public static void Speeds(Terminal terminal, string[] models, double seconds, JsonObject report, CancellationToken cancellationToken)
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

    public static void Runs(Terminal terminal, string[] models, JsonObject report, CancellationToken cancellationToken)
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
                + string.Join("   ", model.Select(run => string.Create(CultureInfo.InvariantCulture, $"{run.Text} {run.Seconds:0.00}"))));
        }

        report["runs"] = rows;
    }
}
