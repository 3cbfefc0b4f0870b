using System.Diagnostics;
using System.Globalization;

namespace Heed.Verification.Benchmarks;

/// <summary>What this process held at most.</summary>
internal static class ProcessMemory
{
    private const string Status = "/proc/self/status", Field = "VmHWM:";

    /// <summary>Largest resident memory since the start, in bytes; 0 if the system does not tell.</summary>
    public static long PeakResidentBytes()
    {
        if (!File.Exists(Status))
        {
            using Process process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }

        string? line = File.ReadLines(Status).FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
        return line is null
            ? 0
            : 1024 * long.Parse(line[Field.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
