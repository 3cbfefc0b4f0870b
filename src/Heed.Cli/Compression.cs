using System.Diagnostics;
using System.IO.Compression;
using System.Text;

namespace Heed.Cli;

/// <summary>What general compressors make of a text, in bits per byte: the yardstick beside a language model.</summary>
internal static class Compression
{
    /// <summary>gzip and brotli at their strongest, and xz where the program is installed.</summary>
    public static IReadOnlyList<(string Name, double BitsPerByte)> Measure(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length == 0) return [];
        List<(string, double)> results =
        [
            ("gzip", Bits(bytes, stream => new GZipStream(stream, CompressionLevel.SmallestSize, leaveOpen: true))),
            ("brotli", Bits(bytes, stream => new BrotliStream(stream, CompressionLevel.SmallestSize, leaveOpen: true))),
        ];
        if (Xz(bytes) is { } xz) results.Insert(1, ("xz", xz));
        return results;
    }

    private static double Bits(byte[] bytes, Func<Stream, Stream> compressor)
    {
        using MemoryStream target = new();
        using (Stream stream = compressor(target)) stream.Write(bytes);
        return 8.0 * target.Length / bytes.Length;
    }

    private static double? Xz(byte[] bytes)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "xz")).FirstOrDefault(File.Exists);
        if (program is null) return null;
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, bytes);
            ProcessStartInfo start = new(program) { RedirectStandardOutput = true, UseShellExecute = false };
            foreach (string argument in (string[])["-9e", "--stdout", "--keep", file]) start.ArgumentList.Add(argument);
            using Process process = Process.Start(start)!;
            using MemoryStream target = new();
            process.StandardOutput.BaseStream.CopyTo(target);
            process.WaitForExit();
            return process.ExitCode == 0 ? 8.0 * target.Length / bytes.Length : null;
        }
        finally
        {
            File.Delete(file);
        }
    }
}
