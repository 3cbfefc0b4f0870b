using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Heed.Testing;

namespace Heed.Checkpoints.Tests.Pickle;

public sealed class PickleFileTests : IDisposable
{
    private static readonly float[] Numbers = [.. Enumerable.Range(0, 24).Select(i => i * 0.5f)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Views_of_one_storage_are_read_as_pytorch_sees_them()
    {
        PickleFile file = Open(PickleBuilder.Dict(
            ("whole", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [4, 6], [6, 1])),
            ("transposed", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [6, 4], [1, 6])),
            ("column", p => p.Tensor("torch.FloatStorage", "0", 24, 2, [4], [6])),
            ("rows", p => p.Tensor("torch.FloatStorage", "0", 24, 6, [2, 6], [6, 1])),
            ("repeated", p => p.Tensor("torch.FloatStorage", "0", 24, 5, [3, 2], [0, 1])),
            ("one", p => p.Tensor("torch.FloatStorage", "0", 24, 23, [1, 1], [99, 7])),
            ("scalar", p => p.Tensor("torch.FloatStorage", "0", 24, 3, [], [])),
            ("empty", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [0, 6], [6, 1])),
            ("block", p => p.Tensor("torch.FloatStorage", "0", 24, 1, [2, 2, 3], [12, 1, 2]))));
        Assert.Equal(Numbers, Floats(file, "whole"));
        Assert.Equal(Enumerable.Range(0, 24).Select(i => Numbers[((i % 4) * 6) + (i / 4)]), Floats(file, "transposed"));
        Assert.Equal([1f, 4f, 7f, 10f], Floats(file, "column"));
        Assert.Equal(Numbers[6..18], Floats(file, "rows"));
        Assert.Equal([2.5f, 3f, 2.5f, 3f, 2.5f, 3f], Floats(file, "repeated"));
        Assert.Equal([11.5f], Floats(file, "one"));
        Assert.Equal([1.5f], Floats(file, "scalar"));
        Assert.Empty(Floats(file, "empty"));
        Assert.Equal([0.5f, 1.5f, 2.5f, 1f, 2f, 3f, 6.5f, 7.5f, 8.5f, 7f, 8f, 9f], Floats(file, "block"));
        RawTensor transposed = file.Tensors.Single(t => t.Name == "transposed");
        byte[] part = new byte[9];
        transposed.ReadBytes(5, part);
        Assert.Equal(transposed.ToBytes()[5..14], part);
    }

    [Fact]
    public void Parameters_nested_dicts_untyped_storages_and_other_values_are_understood()
    {
        PickleFile file = Open(PickleBuilder.Dict(
            ("p", p => p.Global("torch._utils", "_rebuild_parameter").Op('(').Tensor("torch.FloatStorage", "0", 24, 0, [24], [1]).Raw(0x88).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R')),
            ("epoch", p => p.Int(3)),
            ("nothing", p => p.Op('N')),
            ("loss", p => p.Op('G').Raw(0x3F, 0xF0, 0, 0, 0, 0, 0, 0)),
            ("list", p => p.Op(']').Op('(').Int(1).Int(2).Op('e')),
            ("size", p => p.Global("torch", "Size").Op('(').Tuple(2, 3).Op('t').Op('R')),
            ("model", p => p.Op('}').Text("w").Tensor("torch.BFloat16Storage", "0", 48, 0, [48], [1]).Op('s')),
            ("v3", p => p.Global("torch._utils", "_rebuild_tensor_v3").Op('(').Storage("torch.storage.UntypedStorage", "0", 96).Int(1).Tuple(2).Tuple(1).Raw(0x89)
                .Global("collections", "OrderedDict").Op(')').Op('R').Global("torch", "uint16").Op('t').Op('R'))));
        Assert.Equal(["p", "model.w", "v3"], file.Tensors.Select(t => t.Name));
        Assert.Equal(["epoch", "nothing", "loss", "list", "size"], file.Skipped);
        Assert.Equal(DType.BF16, file.Tensors[1].DType);
        Assert.Equal(DType.U16, file.Tensors[2].DType);
        Assert.Equal(MemoryMarshal.AsBytes(Numbers.AsSpan())[2..6].ToArray(), file.Tensors[2].ToBytes());
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("torch._utils", "_rebuild_sparse_tensor")]
    [InlineData("collections", "defaultdict")]
    public void A_global_outside_tensors_and_containers_is_refused_by_name_and_offset(string module, string name)
    {
        byte[] pickle = PickleBuilder.Dict(("x", p => p.Global(module, name).Op('(').Text("id").Op('t').Op('R')));
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => Open(pickle));
        Assert.Contains($"'{module}.{name}'", e.Message, StringComparison.Ordinal);
        int at = pickle.AsSpan().IndexOf(Encoding.UTF8.GetBytes($"c{module}"));
        Assert.EndsWith($"pickle byte {at + DataOffset}", e.Where, StringComparison.Ordinal);
    }

    // The zip's local header of data.pkl: 30 bytes and the name.
    private static int DataOffset => 30 + "archive/data.pkl".Length;

    [Theory]
    [InlineData('i', "0x69 ('i')")] // INST: a class by name
    [InlineData('o', "0x6F ('o')")] // OBJ
    [InlineData('P', "0x50 ('P')")] // PERSID
    [InlineData('\x81', "0x81")] // NEWOBJ
    [InlineData('\x82', "0x82")] // EXT1
    [InlineData('\x92', "0x92")] // NEWOBJ_EX
    [InlineData('\xFF', "0xFF")]
    public void An_opcode_that_tensors_do_not_need_is_refused_by_name_and_offset(char opcode, string told)
    {
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => Open(new PickleBuilder().Proto().Op('}').Raw((byte)opcode).Op('.').ToArray()));
        Assert.Contains(told, e.Message, StringComparison.Ordinal);
        Assert.EndsWith($"pickle byte {DataOffset + 3}", e.Where, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Damaged => new()
    {
        { "empty", [] },
        { "cut", [0x80, 2, (byte)'}'] },
        { "protocol 1", [0x80, 1, (byte)'}', (byte)'.'] },
        { "stop on nothing", [0x80, 2, (byte)'.'] },
        { "values left over", [0x80, 2, (byte)'}', (byte)'}', (byte)'.'] },
        { "mark left over", [0x80, 2, (byte)'(', (byte)'}', (byte)'.'] },
        { "tuple at the top", [0x80, 2, (byte)')', (byte)'.'] },
        { "no mark", [0x80, 2, (byte)'}', (byte)'u', (byte)'.'] },
        { "recall of nothing", [0x80, 2, (byte)'h', 7, (byte)'.'] },
        { "append to a dict", [0x80, 2, (byte)'}', (byte)'N', (byte)'a', (byte)'.'] },
        { "key without value", [0x80, 2, (byte)'}', (byte)'(', (byte)'N', (byte)'u', (byte)'.'] },
        { "key that is a list", [0x80, 2, (byte)'}', (byte)']', (byte)'N', (byte)'s', (byte)'.'] },
        { "bytes after the end", [0x80, 2, (byte)'}', (byte)'.', 0] },
        { "text longer than the file", [0x80, 2, (byte)'X', 0xFF, 0xFF, 0xFF, 0x7F] },
        { "text of 2^64 bytes", [0x80, 4, 0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] },
        { "global without an end", [0x80, 2, (byte)'c', .. Enumerable.Repeat((byte)'a', 400)] },
        { "a call of a text", [0x80, 2, (byte)'X', 0, 0, 0, 0, (byte)')', (byte)'R', (byte)'.'] },
        { "an object's state for a list", [0x80, 2, (byte)']', (byte)'}', (byte)'b', (byte)'.'] },
        { "a dict inside itself", [0x80, 2, (byte)'}', (byte)'q', 0, (byte)'K', 1, (byte)'h', 0, (byte)'s', (byte)'.'] },
        { "a million empty dicts", [0x80, 2, .. Enumerable.Repeat((byte)'}', 2_000_000)] },
        { "tuples of tuples", [0x80, 2, (byte)')', .. Enumerable.Repeat((byte)0x85, 100_000), (byte)'.'] },
        { "storage beyond", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 1, [24], [1]))) },
        { "stride beyond", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [5, 6], [6, 1]))) },
        { "stride that wraps", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [3], [long.MaxValue]))) },
        { "negative stride", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 5, [3], [-1]))) },
        { "negative size", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [-3], [1]))) },
        { "negative offset", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, -1, [3], [1]))) },
        { "size that overflows", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [1L << 40, 1L << 40], [0, 0]))) },
        { "a terabyte of one number", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [1L << 38], [0]))) },
        { "sizes without strides", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [3], []))) },
        { "missing storage", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "7", 24, 0, [3], [1]))) },
        { "storage key that climbs", PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "../data.pkl", 24, 0, [3], [1]))) },
        { "storage of another size", PickleBuilder.Dict(("x", p => p.Tensor("torch.DoubleStorage", "0", 24, 0, [3], [1]))) },
        { "dtype as a storage", PickleBuilder.Dict(("x", p => p.Tensor("torch.float32", "0", 24, 0, [3], [1]))) },
        { "untyped without a dtype", PickleBuilder.Dict(("x", p => p.Tensor("torch.storage.UntypedStorage", "0", 96, 0, [3], [1]))) },
        { "not a storage", new PickleBuilder().Proto().Op('(').Text("module").Op('t').Op('Q').Op('.').ToArray() },
    };

    [Theory, MemberData(nameof(Damaged))]
    public void A_damaged_pickle_is_refused(string what, byte[] pickle)
    {
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => Open(pickle));
        Assert.StartsWith(_folder.Path, e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(what);
    }

    [Fact]
    public void Zips_that_are_compressed_doubled_foreign_or_cut_are_refused()
    {
        byte[] pickle = PickleBuilder.Dict(("x", p => p.Tensor("torch.FloatStorage", "0", 24, 0, [24], [1])));
        (string, byte[])[] storages = [("0", Bytes)];
        string path = _folder.File("m.bin");
        PickleBuilder.Zip(path, pickle, storages, CompressionLevel.Optimal);
        Assert.Contains("compressed", Refused(path), StringComparison.Ordinal);
        PickleBuilder.Zip(path, pickle, storages, more: ("byteorder", "big"u8.ToArray()));
        Assert.Contains("big-endian", Refused(path), StringComparison.Ordinal);
        PickleBuilder.Zip(path, pickle, storages, more: ("constants.pkl", []));
        Assert.Contains("TorchScript", Refused(path), StringComparison.Ordinal);
        PickleBuilder.Zip(path, pickle, storages, more: ("sub/data.pkl", pickle));
        Assert.Contains("exactly one", Refused(path), StringComparison.Ordinal);
        PickleBuilder.Zip(path, pickle, [("0", Bytes), ("0", Bytes)]);
        Assert.Contains("twice", Refused(path), StringComparison.Ordinal);
        PickleBuilder.Zip(path, pickle, storages);
        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length < whole.Length; length += 7)
        {
            File.WriteAllBytes(path, whole[..length]);
            Refused(path);
        }

        File.WriteAllText(path, "<html>not found</html>");
        Refused(path);
    }

    [Fact]
    public void The_form_before_2020_reads_parts_of_storages_and_refuses_what_is_damaged()
    {
        byte[] state = PickleBuilder.Dict(("a", p => p.Tensor("torch.FloatStorage", "k", 24, 6, [2, 3], [3, 1])), ("part", p => p.Global("torch._utils", "_rebuild_tensor_v2").Op('(')
            .Op('(').Text("storage").Global("torch", "FloatStorage").Text("k").Text("cpu").Int(24).Op('(').Text("v").Int(4).Int(8).Op('t').Op('t').Op('Q')
            .Int(1).Tuple(3).Tuple(1).Raw(0x89).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R')));
        using (PickleFile file = PickleFile.Open(Legacy(state, "k", 24)))
        {
            Assert.Equal(Numbers[6..12], Floats(file, "a"));
            Assert.Equal(Numbers[5..8], Floats(file, "part"));
        }

        Assert.Contains("no tensor uses", Refused(Legacy(state, "other", 24)), StringComparison.Ordinal);
        Assert.Contains("25 elements", Refused(Legacy(state, "k", 25)), StringComparison.Ordinal);
        Assert.Contains("follow the last storage", Refused(Legacy(state, "k", 23)), StringComparison.Ordinal);
        Assert.Contains("-1 elements", Refused(Legacy(state, "k", -1)), StringComparison.Ordinal);
        Assert.Contains("little_endian", Refused(Legacy(state, "k", 24, little: 0x89)), StringComparison.Ordinal);
        Assert.Contains("magic", Refused(Write([0x80, 2, (byte)'N', (byte)'.'])), StringComparison.Ordinal);
    }

    private static byte[] Bytes => MemoryMarshal.AsBytes(Numbers.AsSpan()).ToArray();

    private string Legacy(byte[] state, string key, long count, byte little = 0x88) => Write(PickleBuilder.Legacy(state, little, (key, count, Bytes)));

    private string Write(byte[] bytes)
    {
        string path = _folder.File($"{Directory.GetFiles(_folder.Path).Length}.bin");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private PickleFile Open(byte[] pickle)
    {
        string path = _folder.File("m.bin");
        PickleBuilder.Zip(path, pickle, [("0", Bytes)]);
        return PickleFile.Open(path);
    }

    private static string Refused(string path) => Assert.Throws<InvalidFileException>(() => PickleFile.Open(path)).Message;

    private static float[] Floats(PickleFile file, string name) => file.Tensors.Single(t => t.Name == name).ToFloats();
}
