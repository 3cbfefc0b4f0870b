using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Heed.Testing;

namespace Heed.Checkpoints.Tests;

/// <summary>What large, hostile and interrupted files cost.</summary>
public class CheckpointLimitsTests
{
    private const string ChildFolder = "HEED_SAVE_CHILD";

    [Fact]
    public void Saving_converting_and_reading_64_MiB_allocates_next_to_nothing()
    {
        using TemporaryFolder folder = new();
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckpointFolder.Save(folder.File("in"), [new Ramp("w", 4 << 20), new Ramp("v", 12 << 20)]);
        CheckpointConversion.Run(folder.File("in"), folder.File("out"), DType.BF16, shardSize: 10 << 20);
        using CheckpointFolder saved = CheckpointFolder.Open(folder.File("out"));
        Assert.Equal(32L << 20, saved.TotalBytes);
        float[] part = new float[1000];
        saved["v"].ReadFloats((12 << 20) - 1000, part);
        Assert.Equal(RampValue((12 << 20) - 1), part[^1]);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 8 << 20, $"{GC.GetAllocatedBytesForCurrentThread() - before} bytes");
    }

    [Fact]
    public void A_header_of_countless_empty_tensors_is_refused()
    {
        using TemporaryFolder folder = new();
        StringBuilder json = new("{");
        for (int i = 0; i <= SafetensorsFile.MaximumTensors; i++) json.Append(i == 0 ? "" : ",").Append(System.Globalization.CultureInfo.InvariantCulture, $"\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        json.Append('}');
        byte[] header = Encoding.ASCII.GetBytes(json.ToString()), file = new byte[8 + header.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file, 8);
        File.WriteAllBytes(folder.File("x.safetensors"), file);
        Assert.Contains("250000", Assert.Throws<InvalidFileException>(() => SafetensorsFile.Open(folder.File("x.safetensors"))).Message, StringComparison.Ordinal);
    }

    [SharedFact]
    public void The_published_encoder_opens_and_is_rewritten_byte_for_byte()
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2");
        using CheckpointFolder opened = CheckpointFolder.Open(model);
        SafetensorsWriter.Write(folder.File("copy"), opened.Tensors, opened.Metadata);
        using FileStream a = File.OpenRead(Path.Combine(model, CheckpointFolder.SafetensorsName)), b = File.OpenRead(folder.File("copy"));
        Assert.Equal(System.Security.Cryptography.SHA256.HashData(a), System.Security.Cryptography.SHA256.HashData(b));
    }

    [LongFact]
    public void A_process_killed_while_it_saves_leaves_one_whole_checkpoint()
    {
        using TemporaryFolder folder = new();
        Random random = new(5);
        for (int kill = 0; kill < 25; kill++)
        {
            ProcessStartInfo start = new(Environment.ProcessPath!, ["-method", $"{typeof(CheckpointLimitsTests).FullName}.{nameof(Saves_without_end_when_started_as_the_victim)}"]) { RedirectStandardOutput = true };
            start.Environment[ChildFolder] = folder.Path;
            using Process child = Process.Start(start)!;
            _ = child.StandardOutput.ReadToEndAsync();
            string ready = folder.File("ready");
            for (int waited = 0; !File.Exists(ready) && waited < 600; waited++) Thread.Sleep(50);
            Thread.Sleep(random.Next(200));
            child.Kill();
            child.WaitForExit();
            File.Delete(ready);
            using CheckpointFolder model = CheckpointFolder.Open(folder.File("model"));
            Assert.Equal(6, model.Tensors.Count);
            byte fill = model.Tensors[0].ToBytes()[0];
            Assert.All(model.Tensors, tensor => Assert.Equal(-1, tensor.ToBytes().AsSpan().IndexOfAnyExcept(fill)));
        }
    }

    [Fact]
    public void Saves_without_end_when_started_as_the_victim()
    {
        string? folder = Environment.GetEnvironmentVariable(ChildFolder);
        Assert.SkipWhen(folder is null, "runs only as the child process of the test that kills it");
        for (int i = 0; ; i++)
        {
            byte fill = (byte)i;
            // Sometimes one file, sometimes shards, sometimes more of them: every way of replacing the one by the other.
            CheckpointFolder.Save(Path.Combine(folder!, "model"), Enumerable.Range(0, 6).Select(t => Filled($"t{t}", fill)), shardSize: (i % 3) switch { 0 => 1_000_000, 1 => 45_000, _ => 25_000 });
            File.WriteAllText(Path.Combine(folder!, "ready"), "");
        }
    }

    private static RawTensor Filled(string name, byte fill) => RawTensor.FromBytes(name, DType.U8, [20_000], Enumerable.Repeat(fill, 20_000).ToArray());

    private static float RampValue(long index) => index % 251;

    /// <summary>Numbers made while they are read, so that the test itself needs no memory.</summary>
    private sealed class Ramp(string name, long count) : RawTensor(name, DType.F32, [count])
    {
        protected override void ReadCore(long start, Span<byte> destination)
        {
            Span<float> values = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(destination);
            for (int i = 0; i < values.Length; i++) values[i] = RampValue((start / 4) + i);
        }
    }
}
