using System.Buffers.Binary;
using System.Text;

namespace Heed.Checkpoints.Gguf;

/// <summary>Reads numbers and strings of a GGUF header, one after another. Nothing is allocated by a number that is not held against the
/// bytes that are left.</summary>
internal sealed class GgufReader(ModelFile file)
{
    private const int MaximumDepth = 4;
    private const int MaximumStringBytes = 1 << 28;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[(int)Math.Min(1 << 16, Math.Max(1, file.Length))];
    private long _bufferStart;
    private int _bufferLength;

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    private long Left => file.Length - Position;

    /// <summary>An error at the present position.</summary>
    public InvalidFileException Bad(string where, string reason) => new(file.Path, where,
        $"{reason}. Download the file again, or write it anew");

    public byte U8(string where) => Take(1, where)[0];

    public uint U32(string where) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, where));

    public ulong U64(string where) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, where));

    /// <summary>A count, of things that take at least so many bytes each.</summary>
    public int Count(string where, int leastBytes)
    {
        ulong count = U64(where);
        if (count > (ulong)(Left / leastBytes) || count > int.MaxValue)
            throw Bad(where, $"is {count}, but only {Left} bytes follow, in which at most {Left / leastBytes} have room");
        return (int)count;
    }

    /// <summary>A string: its length in bytes, then UTF-8.</summary>
    /// <param name="where">For errors.</param>
    /// <param name="lenient">True to take U+FFFD for bytes that are no UTF-8.</param>
    public string Text(string where, bool lenient = false)
    {
        ulong length = U64(where);
        if (length > (ulong)Left) throw Bad(where, $"is a string of {length} bytes, but only {Left} follow");
        if (length > MaximumStringBytes) throw Bad(where, $"is a string of {length} bytes; at most {MaximumStringBytes} are accepted");
        byte[] bytes = new byte[(int)length];
        Fill(bytes, where);
        try
        {
            return (lenient ? Encoding.UTF8 : Strict).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Bad(where, "is not UTF-8");
        }
    }

    /// <summary>A value of the metadata.</summary>
    public GgufValue Value(string where)
    {
        GgufValueType type = Type(where);
        return type switch
        {
            GgufValueType.Array => Array(where, 1),
            GgufValueType.String => new GgufValue(type, Text(where, lenient: true)),
            _ => new GgufValue(type, Scalar(type, where)),
        };
    }

    private GgufValueType Type(string where)
    {
        uint type = U32(where);
        return type <= (uint)GgufValueType.F64 ? (GgufValueType)type : throw Bad(where,
            $"is of value type {type}; 0 to 12 are types of the format");
    }

    private object Scalar(GgufValueType type, string where)
    {
        ReadOnlySpan<byte> b = Take(GgufValue.Width(type), where);
        return type switch
        {
            GgufValueType.U8 => (decimal)b[0],
            GgufValueType.I8 => (decimal)(sbyte)b[0],
            GgufValueType.U16 => (decimal)BinaryPrimitives.ReadUInt16LittleEndian(b),
            GgufValueType.I16 => (decimal)BinaryPrimitives.ReadInt16LittleEndian(b),
            GgufValueType.U32 => (decimal)BinaryPrimitives.ReadUInt32LittleEndian(b),
            GgufValueType.I32 => (decimal)BinaryPrimitives.ReadInt32LittleEndian(b),
            GgufValueType.U64 => (decimal)BinaryPrimitives.ReadUInt64LittleEndian(b),
            GgufValueType.I64 => (decimal)BinaryPrimitives.ReadInt64LittleEndian(b),
            GgufValueType.F32 => (double)BinaryPrimitives.ReadSingleLittleEndian(b),
            GgufValueType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(b),
            _ => b[0] != 0,
        };
    }

    private GgufValue Array(string where, int depth)
    {
        if (depth > MaximumDepth) throw Bad(where, $"nests arrays deeper than {MaximumDepth}");
        GgufValueType element = Type(where);
        // A string has at least its length, an array its type and count.
        int width = element switch { GgufValueType.String => 8, GgufValueType.Array => 12, _ => GgufValue.Width(element) };
        int count = Count($"{where}: number of elements", width);
        object values;
        switch (element)
        {
            case GgufValueType.String:
                string[] texts = new string[count];
                for (int i = 0; i < count; i++) texts[i] = Text($"{where}[{i}]");
                values = texts;
                break;
            case GgufValueType.Array:
                GgufValue[] arrays = new GgufValue[count];
                for (int i = 0; i < count; i++) arrays[i] = Array($"{where}[{i}]", depth + 1);
                values = arrays;
                break;
            case GgufValueType.F32 or GgufValueType.F64:
                double[] numbers = new double[count];
                for (int i = 0; i < count; i++) numbers[i] = (double)Scalar(element, where);
                values = numbers;
                break;
            case GgufValueType.Bool:
                bool[] flags = new bool[count];
                for (int i = 0; i < count; i++) flags[i] = (bool)Scalar(element, where);
                values = flags;
                break;
            case GgufValueType.U64:
                decimal[] large = new decimal[count];
                for (int i = 0; i < count; i++) large[i] = (decimal)Scalar(element, where);
                values = large;
                break;
            default:
                long[] wholes = new long[count];
                for (int i = 0; i < count; i++) wholes[i] = (long)(decimal)Scalar(element, where);
                values = wholes;
                break;
        }

        return new GgufValue(GgufValueType.Array, values, element);
    }

    private ReadOnlySpan<byte> Take(int count, string where)
    {
        if (count > Left) throw Bad(where, $"the file ends at byte {file.Length}, inside this value");
        if (Position < _bufferStart || Position + count > _bufferStart + _bufferLength)
        {
            _bufferStart = Position;
            _bufferLength = (int)Math.Min(_buffer.Length, Left);
            file.Read(Position, _buffer.AsSpan(0, _bufferLength));
        }

        ReadOnlySpan<byte> taken = _buffer.AsSpan((int)(Position - _bufferStart), count);
        Position += count;
        return taken;
    }

    private void Fill(Span<byte> destination, string where)
    {
        while (!destination.IsEmpty)
        {
            int part = Math.Min(destination.Length, _buffer.Length);
            Take(part, where).CopyTo(destination);
            destination = destination[part..];
        }
    }
}
