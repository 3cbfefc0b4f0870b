using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Models.Bert;
using Heed.Peers;
using Heed.Verification.Benchmarks;
using LLama.Native;

const string Usage = """
    usage: dotnet run -c Release --project benchmarks/peers -- [encode] [decode] [prefill] [--threads N] [--seconds S] [--rounds R] [--json]
    Heed beside ONNX Runtime (encode) and llama.cpp (decode, prefill): the same random weights, written by Heed as ONNX and GGUF, in turns.
    """;
List<string> groups = [];
int threads = Environment.ProcessorCount, rounds = 3;
double seconds = 1;
bool json = false;
for (int i = 0; i < args.Length; i++)
{
    string Value() => i + 1 < args.Length ? args[++i] : throw new UsageException($"{args[i]}: a value is missing.");
    try
    {
        switch (args[i])
        {
            case "--threads": threads = int.Parse(Value(), NumberStyles.None, CultureInfo.InvariantCulture); break;
            case "--rounds": rounds = int.Parse(Value(), NumberStyles.None, CultureInfo.InvariantCulture); break;
            case "--seconds": seconds = double.Parse(Value(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture); break;
            case "--json": json = true; break;
            case "encode" or "decode" or "prefill": groups.Add(args[i]); break;
            default:
                Console.Error.WriteLine(Usage);
                return args[i] is "--help" or "-h" ? 0 : 2;
        }
    }
    catch (Exception e) when (e is FormatException or OverflowException or UsageException)
    {
        Console.Error.WriteLine($"peers: {e.Message}\n{Usage}");
        return 2;
    }
}

NativeLogConfig.llama_log_set((level, message) =>
{
    if (level == LLamaLogLevel.Error) Console.Error.Write(message);
});
using ComputeContext context = new(new ComputeOptions { Threads = Math.Max(1, threads) });
ComputeContext.Default = context;
string folder = Directory.CreateTempSubdirectory("heed-peers").FullName;
try
{
    double peak = MachineProbe.PeakGigaflops(1), bandwidth = MachineProbe.BandwidthGigabytes();
    JsonArray rows = [];
    if (!json)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{MachineProbe.InstructionSet}, {threads} thread(s), peak {peak:0} GF/s, bandwidth {bandwidth:0.0} GB/s; "
            + $"best of {rounds} rounds of {seconds:0.#} s"));
        Console.WriteLine($"{"work",-36} {"Heed",10} {"peer",10} {"tokens/s",-9} {"ratio",6}  peer");
    }

    foreach ((string name, Func<IPeer> open) in Works())
    {
        using BenchmarkStep step = BenchmarkSuite.Select([name]).Single().Prepare();
        using IPeer peer = open();
        double ours = 0, theirs = 0;
        for (int round = 0; round < rounds; round++)
        {
            ours = Math.Max(ours, step.Units / Best(step.Run));
            theirs = Math.Max(theirs, step.Units / Best(peer.Run));
        }

        rows.Add((JsonNode)new JsonObject
        {
            ["work"] = name,
            ["heed"] = ours,
            ["peer"] = theirs,
            ["ratio"] = ours / theirs,
            ["name"] = peer.Name,
        });
        if (!json) Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name,-36} {ours,10:0} {theirs,10:0} {"",-9} {ours / theirs,6:0.00}  {peer.Name}"));
    }

    if (json) Console.WriteLine(new JsonObject
    {
        ["instructions"] = MachineProbe.InstructionSet,
        ["threads"] = threads,
        ["peak_gigaflops"] = peak,
        ["bandwidth_gigabytes"] = bandwidth,
        ["works"] = rows,
    }.ToJsonString());
    return 0;
}
finally
{
    Directory.Delete(folder, recursive: true);
}

IEnumerable<(string Name, Func<IPeer> Open)> Works()
{
    if (groups.Count == 0) groups.AddRange(["encode", "prefill", "decode"]);
    if (groups.Contains("encode"))
    {
        (string, BertConfig)[] models = [("minilm", BenchmarkModels.MiniLm), ("bert-base", BenchmarkModels.BertBase)];
        foreach ((string model, BertConfig config) in models)
            foreach ((int batch, int length) in ((int, int)[])[(8, 128), (2, 512), (1, 32)])
                yield return ($"encode/{model}/{batch}x{length}", () => new OnnxPeer(config, batch, length, threads, folder));
    }

    // What Heed computes in, and what the file holds: weights of both are the same bits.
    foreach (WeightFormat format in WeightFormat.All)
    {
        if (groups.Contains("decode"))
            yield return ($"decode/llama-134m/{format.Name}/batch-1", () => new LlamaPeer(format.Name, 0, threads, folder));
        if (groups.Contains("prefill") && (format == WeightFormat.Float32 || format == WeightFormat.Q8_0))
            yield return ($"prefill/llama-134m/{format.Name}/512", () => new LlamaPeer(format.Name, 512, threads, folder));
    }
}

double Best(Action run)
{
    run();
    double best = double.PositiveInfinity;
    long begun = Stopwatch.GetTimestamp();
    do
    {
        long started = Stopwatch.GetTimestamp();
        run();
        best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }
    while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds);
    return best;
}
