using System.Numerics;
using System.Runtime.InteropServices;

namespace Heed.Checkpoints;

/// <summary>Stored elements ↔ float32. Widening is exact; narrowing rounds to nearest, ties to even, as PyTorch does.</summary>
internal static class FloatConversion
{
    /// <summary>Whether <see cref="ToFloats"/> knows the type.</summary>
    public static bool CanRead(DType dtype)
        => dtype is DType.F32 or DType.F16 or DType.BF16 or DType.F64 or DType.Bool or DType.U8 or DType.I8 or DType.U16 or DType.I16 or DType.U32 or DType.I32 or DType.U64 or DType.I64
            or DType.F8E4M3 or DType.F8E5M2;

    /// <summary>Converts; <paramref name="source"/> holds exactly as many elements as <paramref name="destination"/>.</summary>
    public static void ToFloats(DType dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (dtype)
        {
            case DType.F32: source.CopyTo(MemoryMarshal.AsBytes(destination)); break;
            case DType.F16: HalfToFloats(Cast<ushort>(source, destination.Length), destination); break;
            case DType.BF16: BrainToFloats(Cast<ushort>(source, destination.Length), destination); break;
            case DType.F8E4M3: Small(source, destination, EightBits4); break;
            case DType.F8E5M2: Small(source, destination, EightBits5); break;
            case DType.F64: Each<double>(source, destination); break;
            case DType.Bool:
            case DType.U8: Each<byte>(source, destination); break;
            case DType.I8: Each<sbyte>(source, destination); break;
            case DType.U16: Each<ushort>(source, destination); break;
            case DType.I16: Each<short>(source, destination); break;
            case DType.U32: Each<uint>(source, destination); break;
            case DType.I32: Each<int>(source, destination); break;
            case DType.U64: Each<ulong>(source, destination); break;
            case DType.I64: Each<long>(source, destination); break;
            default: throw new ArgumentException($"{dtype.Name()} has no conversion to float32.", nameof(dtype));
        }
    }

    /// <summary>Converts to F32, F16 or BF16; <paramref name="destination"/> holds exactly as many elements as
    /// <paramref name="source"/>.</summary>
    public static void FromFloats(DType dtype, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (dtype)
        {
            case DType.F32: MemoryMarshal.AsBytes(source).CopyTo(destination); break;
            case DType.F16: FloatsToHalf(source, MemoryMarshal.Cast<byte, Half>(destination)); break;
            case DType.BF16: FloatsToBrain(source, MemoryMarshal.Cast<byte, ushort>(destination)); break;
            default: throw new ArgumentException($"{dtype.Name()} is not a target of conversion; use F32, F16 or BF16.", nameof(dtype));
        }
    }

    /// <summary>The 256 values of F8_E4M3: no infinity, NaN where all bits but the sign are set (Micikevicius et al., arXiv:2209.05433,
    /// table 1).</summary>
    private static readonly float[] EightBits4 = Table(bits => (bits & 0x7F) == 0x7F ? float.NaN : Minifloat(bits, fraction: 3, bias: 7));

    /// <summary>The 256 values of F8_E5M2: the upper byte of a float16.</summary>
    private static readonly float[] EightBits5 = Table(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)));

    private static float[] Table(Func<int, float> value) => [.. Enumerable.Range(0, 256).Select(value)];

    private static float Minifloat(int bits, int fraction, int bias)
    {
        int exponent = (bits & 0x7F) >> fraction, rest = bits & ((1 << fraction) - 1);
        float value = exponent == 0 ? MathF.ScaleB(rest, 1 - bias - fraction) : MathF.ScaleB((1 << fraction) + rest, exponent - bias - fraction);
        return bits >= 0x80 ? -value : value;
    }

    private static void Small(ReadOnlySpan<byte> source, Span<float> destination, float[] table)
    {
        if (source.Length != destination.Length) throw new ArgumentException($"{source.Length} bytes do not hold {destination.Length} elements.", nameof(source));
        for (int i = 0; i < source.Length; i++) destination[i] = table[source[i]];
    }

    // MemoryMarshal.Cast drops trailing bytes silently: the counts are compared.
    private static ReadOnlySpan<T> Cast<T>(ReadOnlySpan<byte> source, int count)
        where T : unmanaged
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(source);
        return values.Length == count ? values : throw new ArgumentException($"{source.Length} bytes do not hold {count} elements.", nameof(source));
    }

    private static void Each<T>(ReadOnlySpan<byte> source, Span<float> destination)
        where T : unmanaged, INumberBase<T>
    {
        ReadOnlySpan<T> values = Cast<T>(source, destination.Length);
        for (int i = 0; i < values.Length; i++) destination[i] = float.CreateTruncating(values[i]);
    }

    private static void BrainToFloats(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            Vector.AsVectorSingle(low << 16).CopyTo(destination[i..]);
            Vector.AsVectorSingle(high << 16).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    private static void HalfToFloats(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            Widen(low).CopyTo(destination[i..]);
            Widen(high).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++) destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);

        // Exponent and fraction moved into float32's place are the value times 2⁻¹¹², subnormal numbers included; infinity and NaN need all
        // exponent bits.
        static Vector<float> Widen(Vector<uint> half)
        {
            Vector<uint> magnitude = (half & new Vector<uint>(0x7FFF)) << 13;
            Vector<uint> special = Vector.GreaterThanOrEqual(magnitude, new Vector<uint>(0x7C00u << 13));
            Vector<uint> scaled = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude) * new Vector<float>(5.192296858534828e33f));
            Vector<uint> bits = Vector.ConditionalSelect(special, magnitude | new Vector<uint>(0x7F800000), scaled);
            return Vector.AsVectorSingle(bits | ((half & new Vector<uint>(0x8000)) << 16));
        }
    }

    private static void FloatsToHalf(ReadOnlySpan<float> source, Span<Half> destination)
    {
        for (int i = 0; i < source.Length; i++) destination[i] = (Half)source[i];
    }

    private static void FloatsToBrain(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector<uint> low = Round(new Vector<float>(source[i..]));
            Vector<uint> high = Round(new Vector<float>(source[(i + Vector<uint>.Count)..]));
            Vector.Narrow(low, high).CopyTo(destination[i..]);
        }

        for (; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            destination[i] = float.IsNaN(source[i]) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }

        static Vector<uint> Round(Vector<float> value)
        {
            Vector<uint> bits = Vector.AsVectorUInt32(value);
            Vector<uint> rounded = (bits + new Vector<uint>(0x7FFF) + ((bits >> 16) & Vector<uint>.One)) >> 16;
            Vector<uint> number = Vector.AsVectorUInt32(Vector.Equals(value, value));
            return Vector.ConditionalSelect(number, rounded, new Vector<uint>(0x7FC0));
        }
    }
}
