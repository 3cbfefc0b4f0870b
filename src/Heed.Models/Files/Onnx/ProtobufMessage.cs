using System.Buffers.Binary;
using System.Text;

namespace Heed.Models.Files.Onnx;

/// <summary>A protocol buffer message that is put together field by field and knows its length before anything is written: values of
/// weights are read only while they go to the file.</summary>
/// <remarks>protobuf.dev/programming-guides/encoding: wire types 0 (varint), 2 (length and bytes) and 5 (32 bits).</remarks>
internal sealed class ProtobufMessage
{
    private readonly List<Action<Stream>> _pieces = [];

    /// <summary>Bytes of all fields.</summary>
    public long Length { get; private set; }

    /// <summary>An integer or an enumeration; negative ones take ten bytes.</summary>
    public ProtobufMessage Integer(int field, long value)
    {
        Tag(field, 0);
        Varint((ulong)value);
        return this;
    }

    /// <summary>A float.</summary>
    public ProtobufMessage Single(int field, float value)
    {
        Tag(field, 5);
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        Add(bytes);
        return this;
    }

    /// <summary>A string.</summary>
    public ProtobufMessage Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes.</summary>
    public ProtobufMessage Bytes(int field, byte[] value) => Bytes(field, value.Length, stream => stream.Write(value));

    /// <summary>Bytes that are made while they are written.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="length">How many <paramref name="write"/> writes.</param>
    /// <param name="write">Writes them.</param>
    public ProtobufMessage Bytes(int field, long length, Action<Stream> write)
    {
        Tag(field, 2);
        Varint((ulong)length);
        _pieces.Add(write);
        Length += length;
        return this;
    }

    /// <summary>A message within this one; it must be complete.</summary>
    public ProtobufMessage Message(int field, ProtobufMessage value) => Bytes(field, value.Length, value.WriteTo);

    /// <summary>Writes the fields in the order in which they were added.</summary>
    public void WriteTo(Stream stream)
    {
        foreach (Action<Stream> write in _pieces) write(stream);
    }

    private void Tag(int field, int type) => Varint(((ulong)field << 3) | (uint)type);

    private void Varint(ulong value)
    {
        byte[] bytes = new byte[10];
        int count = 0;
        for (; value > 0x7F; value >>= 7) bytes[count++] = (byte)(value | 0x80);
        bytes[count++] = (byte)value;
        Add(bytes[..count]);
    }

    private void Add(byte[] bytes)
    {
        _pieces.Add(stream => stream.Write(bytes));
        Length += bytes.Length;
    }
}
