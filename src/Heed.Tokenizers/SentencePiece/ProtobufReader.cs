using System.Buffers.Binary;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>
/// Reads the fields of a protocol buffer message one by one. Every length is compared with the bytes left before anything is
/// taken; groups, which no SentencePiece model has, are refused.
/// </summary>
internal ref struct ProtobufReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private readonly int _start;         // of this message in the file, for errors
    private int _at;

    public ProtobufReader(ReadOnlySpan<byte> bytes, string file, string path, int start)
    {
        _bytes = bytes;
        _file = file;
        Path = path;
        _start = start;
    }

    /// <summary>Where errors are said to be.</summary>
    public string Path { get; set; }

    /// <summary>Number of the field read last.</summary>
    public int Field { get; private set; }

    private WireType Type { get; set; }

    private enum WireType
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    /// <summary>Goes to the next field; its value must then be taken by one of the other methods.</summary>
    /// <returns>False at the end of the message.</returns>
    public bool Next()
    {
        if (_at == _bytes.Length) return false;
        ulong tag = Varint();
        if (tag >> 3 is 0 or > 0x1FFFFFFF) throw Bad($"has the field number {tag >> 3}, which is not from 1 to 536870911");
        Field = (int)(tag >> 3);
        Type = (WireType)(tag & 7);
        return true;
    }

    /// <summary>Passes over the value of an unknown field.</summary>
    public void Skip()
    {
        switch (Type)
        {
            case WireType.Varint: Varint(); break;
            case WireType.Fixed64: Take(8); break;
            case WireType.Bytes: Bytes(out _); break;
            case WireType.Fixed32: Take(4); break;
            default: throw Bad($"field {Field} has the wire type {(int)Type}, which is unknown");
        }
    }

    /// <summary>An int32 or an enumeration.</summary>
    public int Integer()
    {
        Expect(WireType.Varint);
        return (int)Varint();
    }

    public bool Boolean()
    {
        Expect(WireType.Varint);
        return Varint() != 0;
    }

    public float Single()
    {
        Expect(WireType.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    /// <summary>The bytes of a string, a message or bytes.</summary>
    /// <param name="start">Where they begin in the file.</param>
    public ReadOnlySpan<byte> Bytes(out int start)
    {
        Expect(WireType.Bytes);
        ulong length = Varint();
        if (length > (ulong)(_bytes.Length - _at))
            throw Bad($"field {Field} claims {length} bytes, but {_bytes.Length - _at} are left; the file is cut short or damaged");
        start = _start + _at;
        return Take((int)length);
    }

    public string Text()
    {
        ReadOnlySpan<byte> bytes = Bytes(out _);
        if (!System.Text.Unicode.Utf8.IsValid(bytes)) throw Bad($"field {Field} is not valid UTF-8");
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    public readonly InvalidFileException Bad(string reason) => new(_file, Path, $"byte {_start + _at}: {reason}");

    private readonly void Expect(WireType type)
    {
        if (Type != type) throw Bad($"field {Field} has the wire type {(int)Type}; {(int)type} was expected");
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (_at == _bytes.Length) throw Bad("the file is cut short inside a number");
            byte b = _bytes[_at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }

        throw Bad("a number has more than ten bytes");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at) throw Bad("the file is cut short inside a number");
        ReadOnlySpan<byte> taken = _bytes.Slice(_at, count);
        _at += count;
        return taken;
    }
}
