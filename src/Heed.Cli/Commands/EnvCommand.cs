using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Hub;

namespace Heed.Cli.Commands;

/// <summary><c>heed env</c>: what this machine is and can do.</summary>
internal static class EnvCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<bool> probe = new("--probe") { Description = "measure arithmetic peak and memory bandwidth as well (a few seconds)" };
        Command command = new("env", "What this machine is: processor, instruction set, threads, memory, folders. Example: heed env --probe") { probe };
        command.SetAction(parsed => Run(terminal, parsed.GetValue(probe)));
        return command;
    }

    private static int Run(Terminal terminal, bool probe)
    {
        JsonObject report = new()
        {
            ["heed"] = typeof(EnvCommand).Assembly.GetName().Version!.ToString(3),
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["system"] = $"{RuntimeInformation.OSDescription.Trim()} {RuntimeInformation.OSArchitecture}",
            ["processor"] = Processor(),
            ["instructions"] = MachineProbe.InstructionSet,
            ["threads"] = ComputeContext.Current.Threads,
            ["memory_bytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            ["hub_cache"] = HubSettings.FromProcess().CacheFolder,
        };
        if (probe)
        {
            report["peak_gigaflops"] = Math.Round(MachineProbe.PeakGigaflops(0.5), 1);
            report["bandwidth_gigabytes_a_second"] = Math.Round(MachineProbe.BandwidthGigabytes(1L << 30), 1);
        }

        if (terminal.IsJson) terminal.Json(report);
        else foreach ((string key, JsonNode? value) in report) terminal.Line($"{key.Replace('_', ' '),-30} {(key == "memory_bytes" ? Printable.Bytes(value!.GetValue<long>()) : value!.ToString())}");
        return ExitCode.Ok;
    }

    /// <summary>The processor's name where the system tells it.</summary>
    public static string Processor()
    {
        const string File = "/proc/cpuinfo";
        if (!System.IO.File.Exists(File)) return RuntimeInformation.ProcessArchitecture.ToString();
        string? line = System.IO.File.ReadLines(File).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
