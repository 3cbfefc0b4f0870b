using System.Buffers.Binary;
using System.Text;
using Heed.Testing;

namespace Heed.Checkpoints.Tests.Safetensors;

/// <summary>Handcrafted files, each with the verdict that the format's README asks for.</summary>
public class SafetensorsVerdictTests
{
    private const string One = """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";

    public static TheoryData<string, string, int> Valid => new()
    {
        { "no tensors", "{}", 0 },
        { "one tensor", One, 4 },
        { "padded by blanks", One + "      ", 4 },
        { "blanks inside the JSON", """{ "a" : { "dtype" : "F32" , "shape" : [ 1 ] , "data_offsets" : [ 0 , 4 ] } }""", 4 },
        { "scalar", """{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}""", 8 },
        { "empty tensor", """{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0 },
        { "empty tensor of two dimensions", """{"a":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]}}""", 0 },
        { "empty tensor between two", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"e":{"dtype":"F32","shape":[0,4],"data_offsets":[2,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""", 3 },
        { "header order is not data order", """{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 3 },
        { "metadata", """{"__metadata__":{"format":"pt","note":""},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "metadata null (cases: 5)", """{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "metadata alone", """{"__metadata__":{}}""", 0 },
        { "metadata last", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"k":"v"}}""", 4 },
        { "fields in another order", """{"a":{"data_offsets":[0,4],"shape":[2,1],"dtype":"BF16"}}""", 4 },
        { "name beyond ASCII", """{"größe.重み.😀":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "escaped name", """{"a\n\u0062":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "empty name", """{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "8-bit floats", """{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[2,4]}}""", 4 },
        { "unaligned start", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}""", 5 },
        { "a field of a later version", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":{"x":[1]}}}""", 4 },
        { "rank 64", $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 64))}}}],"data_offsets":[0,1]}}""", 1 },
    };

    public static TheoryData<string, string, int, string> Invalid => new()
    {
        { "brace missing", """ {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "header" },
        { "a list", "[]", 0, "header" },
        { "not closed", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4, "header line 1" },
        { "not JSON", "{nonsense}", 0, "header line 1" },
        { "comma too many", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}""", 4, "header line 1" },
        { "comment", "{/* */}", 0, "header line 1" },
        { "text after the brace", One + "x", 4, "header byte" },
        { "padded by line feeds", One + "\n\n", 4, "header byte" },
        { "padded by tabs", One + "\t", 4, "header byte" },
        { "padded by zeros", One + "\0\0", 4, "header byte" },
        { "two objects", "{}{}", 0, "header byte" },
        { "duplicate name", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "'a'" },
        { "escaped duplicate name", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "'a'" },
        { "duplicate field", """{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}""", 1, "'a'.dtype" },
        { "duplicate metadata block", """{"__metadata__":{},"__metadata__":{}}""", 0, "__metadata__" },
        { "duplicate metadata key", """{"__metadata__":{"k":"1","\u006b":"2"}}""", 0, "__metadata__.k" },
        { "metadata of numbers", """{"__metadata__":{"k":1}}""", 0, "__metadata__.k" },
        { "metadata nested", """{"__metadata__":{"k":{}}}""", 0, "__metadata__.k" },
        { "lone surrogate in a name", """{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "header byte" },
        { "entry is a list", """{"a":[]}""", 0, "'a'" },
        { "dtype missing", """{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "'a'" },
        { "shape missing", """{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "'a'" },
        { "offsets missing", """{"a":{"dtype":"F32","shape":[1]}}""", 4, "'a'" },
        { "unknown dtype", """{"a":{"dtype":"F128","shape":[1],"data_offsets":[0,4]}}""", 4, "'a'.dtype" },
        { "lower-case dtype", """{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}""", 4, "'a'.dtype" },
        { "dtype is a number", """{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}""", 4, "'a'.dtype" },
        { "shape is a number", """{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "'a'.shape" },
        { "negative size", """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "'a'.shape" },
        { "negative zero", """{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}""", 0, "'a'.shape" },
        { "fractional size", """{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}""", 4, "'a'.shape" },
        { "size with an exponent", """{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}""", 4, "'a'.shape" },
        { "size as a string", """{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "'a'.shape" },
        { "size beyond 64 bits", """{"a":{"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4]}}""", 4, "'a'.shape" },
        { "product that wraps to 1", """{"a":{"dtype":"U8","shape":[274177,67280421310721],"data_offsets":[0,1]}}""", 1, "'a'.shape" },
        { "product that wraps to 0", """{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "'a'.shape" },
        { "bytes that wrap", """{"a":{"dtype":"F64","shape":[2147483648,1073741824],"data_offsets":[0,0]}}""", 0, "'a'.shape" },
        { "rank 65", $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""", 1, "'a'.shape" },
        { "shape larger than its bytes", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "'a'.data_offsets" },
        { "shape smaller than its bytes", """{"a":{"dtype":"F32","shape":[],"data_offsets":[0,8]}}""", 8, "'a'.data_offsets" },
        { "dtype does not fit the bytes", """{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}""", 4, "'a'.data_offsets" },
        { "half a byte", """{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "'a'.shape" },
        { "end before begin", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "'a'.data_offsets" },
        { "end beyond the file", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "'a'.data_offsets" },
        { "one offset", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}""", 4, "'a'.data_offsets" },
        { "three offsets", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}""", 4, "'a'.data_offsets" },
        { "negative offset", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "'a'.data_offsets" },
        { "overlap", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "'b'.data_offsets" },
        { "same bytes twice", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2, "'b'.data_offsets" },
        { "hole between", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""", 3, "'b'.data_offsets" },
        { "hole at the start", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "'a'.data_offsets" },
        { "bytes after the end", One, 5, "data" },
        { "empty tensor inside another", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"e":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}""", 4, "'e'.data_offsets" },
        { "very deep", "{\"a\":" + new string('[', 5000), 0, "'a'" },
        { "deep in a later field", """{"a":{"x":""" + new string('[', 5000), 0, "header line 1" },
    };

    [Theory, MemberData(nameof(Valid))]
    public void A_valid_file_opens_and_reads(string what, string header, int dataBytes)
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, Encoding.UTF8.GetBytes(header), dataBytes);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (RawTensor tensor in file.Tensors) Assert.Equal(tensor.ByteLength, tensor.ToBytes().Length);
        Assert.NotEmpty(what);
    }

    [Theory, MemberData(nameof(Invalid))]
    public void An_invalid_file_is_refused_by_file_and_field(string what, string header, int dataBytes, string where)
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, Encoding.UTF8.GetBytes(header), dataBytes);
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => SafetensorsFile.Open(path));
        Assert.Equal(path, e.File);
        Assert.Contains("ownload the file again, or save it anew", e.Message, StringComparison.Ordinal); // cases: r18
        Assert.True(e.Where.Contains(where, StringComparison.Ordinal), $"{what}: {e.Message}");
    }

    [Theory]
    [InlineData(0UL, "header length")]
    [InlineData(1_000UL, "header length")]
    [InlineData(100_000_001UL, "header length")]
    [InlineData(ulong.MaxValue, "header length")]
    [InlineData(0x8000_0000_0000_0000UL, "header length")]
    public void A_wrong_header_length_is_refused(ulong length, string where)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("x.safetensors");
        byte[] bytes = new byte[100];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        File.WriteAllBytes(path, bytes);
        Assert.Equal(where, Assert.Throws<InvalidFileException>(() => SafetensorsFile.Open(path)).Where);
    }

    [Fact]
    public void Short_files_bad_utf8_and_missing_files_are_refused()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("x.safetensors");
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.Throws<InvalidFileException>(() => SafetensorsFile.Open(path));
        Assert.Equal("byte 10", Assert.Throws<InvalidFileException>(() => SafetensorsFile.Open(Write(folder, [(byte)'{', (byte)'"', 0xC3, (byte)'"', (byte)'}'], 0))).Where);
        Assert.Throws<StorageException>(() => SafetensorsFile.Open(folder.File("missing")));
        Assert.Throws<StorageException>(() => SafetensorsFile.Open(folder.Path));
    }

    [Fact]
    public void A_file_cut_while_it_is_read_is_an_error_of_storage()
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, Encoding.UTF8.GetBytes(One), 4);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        using (FileStream cut = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) cut.SetLength(20);
        Assert.Throws<StorageException>(() => file["a"].ToBytes());
    }

    private static string Write(TemporaryFolder folder, byte[] header, int dataBytes)
    {
        string path = folder.File("x.safetensors");
        byte[] bytes = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)header.Length);
        header.CopyTo(bytes, 8);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
