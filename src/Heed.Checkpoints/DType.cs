using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Heed.Checkpoints;

/// <summary>How a stored tensor's elements are encoded, little-endian. The order is the one in which the safetensors library sorts.</summary>
public enum DType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>4-bit float (MX), two to the byte.</summary>
    F4,

    /// <summary>6-bit float, 2 exponent and 3 fraction bits (MX).</summary>
    F6E2M3,

    /// <summary>6-bit float, 3 exponent and 2 fraction bits (MX).</summary>
    F6E3M2,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>8-bit float, 5 exponent and 2 fraction bits.</summary>
    F8E5M2,

    /// <summary>8-bit float, 4 exponent and 3 fraction bits, no infinity.</summary>
    F8E4M3,

    /// <summary>8-bit power of two (MX scale).</summary>
    F8E8M0,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>IEEE 754 half precision.</summary>
    F16,

    /// <summary>The upper 16 bits of a float32.</summary>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>IEEE 754 single precision.</summary>
    F32,

    /// <summary>Two float32: real and imaginary part.</summary>
    C64,

    /// <summary>IEEE 754 double precision.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Names and sizes of <see cref="DType"/>.</summary>
internal static class DTypes
{
    // Indexed by DType: the safetensors name and the bits of one element.
    private static readonly (string Name, int Bits)[] Table =
    [
        ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8), ("I16", 16), ("U16", 16),
        ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
    ];

    /// <summary>Every name that a safetensors header may hold, separated by commas, for errors.</summary>
    public static string AllNames { get; } = string.Join(", ", Table.Select(row => row.Name));

    /// <summary>The name in a safetensors header, such as <c>F32</c>.</summary>
    public static string Name(this DType dtype) => Table[(int)dtype].Name;

    /// <summary>Bits of one element: 4 to 64.</summary>
    public static int Bits(this DType dtype) => Table[(int)dtype].Bits;

    /// <summary>Whether the elements are floating-point numbers that <c>heed convert</c> may round to another width.</summary>
    public static bool IsFloat(this DType dtype) => dtype is DType.F16 or DType.BF16 or DType.F32 or DType.F64 or DType.F8E4M3 or DType.F8E5M2;

    /// <summary>Counts the NaN and the infinite values among stored ones. None for types other than <see cref="IsFloat"/>'s.</summary>
    /// <param name="dtype">How the values are stored.</param>
    /// <param name="values">Whole values, little-endian.</param>
    internal static NonFiniteCount CountNonFinite(this DType dtype, ReadOnlySpan<byte> values)
    {
        long nan = 0, infinite = 0;
        switch (dtype)
        {
            case DType.F64:
                foreach (ulong bits in MemoryMarshal.Cast<byte, ulong>(values)) Add(bits & ~(1UL << 63), 0x7FF0_0000_0000_0000);
                break;
            case DType.F32:
                foreach (uint bits in MemoryMarshal.Cast<byte, uint>(values)) Add(bits & 0x7FFF_FFFF, 0x7F80_0000);
                break;
            case DType.F16 or DType.BF16:
                uint infinity = dtype == DType.F16 ? 0x7C00u : 0x7F80;
                foreach (ushort bits in MemoryMarshal.Cast<byte, ushort>(values)) Add(bits & 0x7FFFu, infinity);
                break;
            case DType.F8E5M2:
                foreach (byte bits in values) Add(bits & 0x7Fu, 0x7C);
                break;
            case DType.F8E4M3:
                foreach (byte bits in values)
                    if ((bits & 0x7F) == 0x7F) nan++;
                break;
        }

        return new NonFiniteCount(nan, infinite);

        void Add(ulong magnitude, ulong infinity)
        {
            if (magnitude < infinity) return;
            if (magnitude == infinity) infinite++;
            else nan++;
        }
    }

    /// <summary>The name in PyTorch and in <c>config.json</c>, such as <c>float32</c>; null for the types that have none there.</summary>
    public static string? ConfigName(this DType dtype) => dtype switch
    {
        DType.F32 => "float32",
        DType.F16 => "float16",
        DType.BF16 => "bfloat16",
        DType.F64 => "float64",
        _ => null,
    };

    /// <summary>The type of a safetensors name; false where there is none of that name.</summary>
    public static bool TryParse([NotNullWhen(true)] string? name, out DType dtype)
    {
        int index = Array.FindIndex(Table, row => row.Name == name);
        dtype = (DType)Math.Max(index, 0);
        return index >= 0;
    }

    /// <summary>
    /// Elements and bytes of a shape. False where a size is negative or above <see cref="RawTensor.MaximumDimension"/>, the rank is above
    /// <see cref="RawTensor.MaximumRank"/>, a count overflows, or elements of less than a byte do not fill whole bytes.
    /// </summary>
    public static bool TryMeasure(this DType dtype, ReadOnlySpan<long> shape, out long elements, out long bytes)
    {
        elements = bytes = 0;
        if (shape.Length > RawTensor.MaximumRank) return false;
        UInt128 count = 1;
        foreach (long size in shape)
        {
            if (size is < 0 or > RawTensor.MaximumDimension) return false;
            count *= (ulong)size;
            if (count > long.MaxValue) return false;
        }

        UInt128 bits = count * (uint)dtype.Bits();
        if (bits % 8 != 0 || bits / 8 > long.MaxValue) return false;
        (elements, bytes) = ((long)count, (long)(bits / 8));
        return true;
    }
}
