using System.Diagnostics;
using Heed.Testing;

namespace Heed.Checkpoints.Tests;

/// <summary>Thousands of damaged files a reader: each is refused by one of Heed's errors or read whole; no other exception, no hang, no
/// memory beyond the file's.</summary>
public class MutationTests
{
    private const int Mutations = 10_000;
    private const int LongMutations = 200_000;
    private const int GoldenMutations = 5_000;

    [Theory]
    [InlineData("safetensors")]
    [InlineData("index")]
    [InlineData("pickle")]
    [InlineData("pickle of 2019")]
    public void Ten_thousand_damaged_files_are_refused_or_read(string what) => Run(what, Mutations, seed: 20260101, golden: false);

    [LongFact]
    public void Two_hundred_thousand_damaged_files_are_refused_or_read()
    {
        foreach (string what in new[] { "safetensors", "index", "pickle", "pickle of 2019" })
        {
            Run(what, LongMutations, seed: 7, golden: false);
            Run(what, GoldenMutations, seed: 8, golden: true);
        }
    }

    private static void Run(string what, int mutations, int seed, bool golden)
    {
        using TemporaryFolder folder = new();
        string source = golden ? Golden(what, folder) : Small(what, folder);
        byte[] original = File.ReadAllBytes(source);
        string path = folder.File(Path.GetFileName(source));
        Random random = new(seed);
        Stopwatch clock = new();
        int refused = 0, read = 0;
        for (int i = 0; i < mutations; i++)
        {
            byte[] bytes = Mutate(original, random, HotBytes(what, original.Length));
            Overwrite(path, bytes);
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            clock.Restart();
            try
            {
                using CheckpointFolder opened = CheckpointFolder.Open(path);
                foreach (RawTensor tensor in opened.Tensors.Take(3)) Assert.Equal(tensor.ByteLength, tensor.ToBytes().Length);
                read++;
            }
            catch (HeedException e)
            {
                Assert.StartsWith(folder.Path, e.Message, StringComparison.Ordinal);
                refused++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
            {
                Assert.Fail($"{what}, seed {seed}, mutation {i}: {e}");
            }

            Assert.True(clock.Elapsed.TotalSeconds < 5, $"{what}, seed {seed}, mutation {i} took {clock.Elapsed}");
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < (100 << 20), $"{what}, seed {seed}, mutation {i} allocated {GC.GetAllocatedBytesForCurrentThread() - allocated} bytes");
        }

        Assert.True(refused > mutations / 10 && read > 0, $"{what}: {refused} refused, {read} read");
    }

    // In place: a file that is truncated to nothing first is written to the disk on closing by some file systems, ten thousand times.
    private static void Overwrite(string path, byte[] bytes)
    {
        using FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(bytes);
        file.SetLength(bytes.Length);
    }

    // Where structure lies: the header, the pickles; the tensors' bytes are free to change.
    private static int HotBytes(string what, int length) => what switch
    {
        "safetensors" => Math.Min(length, 2400),
        "pickle of 2019" => Math.Min(length, 5242),
        _ => length,
    };

    // A few small tensors suffice for speed: the structure is what is damaged.
    private static string Small(string what, TemporaryFolder folder)
    {
        string path = folder.File("small.bin");
        RawTensor[] tensors =
        [
            RawTensor.FromBytes("layer.0.weight", DType.F32, [2, 3], new byte[24]), RawTensor.FromBytes("layer.0.bias", DType.BF16, [3], new byte[6]),
            RawTensor.FromBytes("ids", DType.I64, [1], new byte[8]), RawTensor.FromBytes("none", DType.F16, [0, 3], Array.Empty<byte>()),
        ];
        switch (what)
        {
            case "safetensors":
                SafetensorsWriter.Write(path = folder.File("small.safetensors"), tensors, [new("format", "pt")]);
                return path;
            case "index":
                CheckpointFolder.Save(folder.Path, tensors, shardSize: 8);
                return folder.File(CheckpointFolder.SafetensorsIndexName);
            case "pickle":
                Pickle.PickleBuilder.Zip(path, State, [("0", new byte[96]), ("1", new byte[16])], more: ("byteorder", "little"u8.ToArray()));
                return path;
            default:
                File.WriteAllBytes(path, Pickle.PickleBuilder.Legacy(State, ("0", 24, new byte[96]), ("1", 8, new byte[16])));
                return path;
        }
    }

    private static byte[] State => Pickle.PickleBuilder.Dict(
        ("a", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [4, 6], [6, 1])),
        ("b", p => p.Tensor("torch.FloatStorage", "0", 24, 1, [2, 3], [1, 6])),
        ("c", p => p.Global("torch._utils", "_rebuild_parameter").Op('(').Tensor("torch.HalfStorage", "1", 8, 0, [8], [1]).Raw(0x88).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R')),
        ("d", p => p.Op('}').Text("e").Int(5).Op('s')));

    private static string Golden(string what, TemporaryFolder folder)
    {
        string source = Path.Combine(Repository.Goldens, what switch
        {
            "safetensors" => "models/llama/model.safetensors",
            "index" => "checkpoints/llama-sharded/model.safetensors.index.json",
            "pickle" => "checkpoints/gpt2-pickle/pytorch_model.bin",
            _ => "checkpoints/gpt2-pickle-2019/pytorch_model.bin",
        });
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(source)!)) File.Copy(file, folder.File(Path.GetFileName(file)));
        return source;
    }

    private static byte[] Mutate(byte[] original, Random random, int hot)
    {
        byte[] bytes = [.. original];
        int changes = 1 + random.Next(4);
        for (int i = 0; i < changes && bytes.Length > 0; i++)
        {
            int at = random.Next(Math.Min(hot, bytes.Length));
            switch (random.Next(9))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes[at] = random.Next(2) == 0 ? (byte)0xFF : (byte)0; break;
                case 3: bytes = bytes[..at]; break;
                case 4: bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 20))..]]; break;
                case 5: bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]]; break;
                case 6: // a stretch moved elsewhere
                    int from = random.Next(Math.Min(hot, bytes.Length)), length = Math.Min(random.Next(1, 60), Math.Min(bytes.Length - from, bytes.Length - at));
                    bytes.AsSpan(from, length).ToArray().CopyTo(bytes.AsSpan(at));
                    break;
                case 7: // digits, the numbers of JSON
                    for (int j = at; j < Math.Min(at + 6, bytes.Length); j++)
                        if (bytes[j] is >= (byte)'0' and <= (byte)'9') bytes[j] = (byte)('0' + random.Next(10));
                    break;
                default: // a number of the binary kind
                    for (int j = at; j < Math.Min(at + 4, bytes.Length); j++) bytes[j] = (byte)(random.Next(2) == 0 ? 0xFF : random.Next(256));
                    break;
            }
        }

        return bytes;
    }
}
