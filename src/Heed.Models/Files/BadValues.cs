using System.Runtime.InteropServices;
using Heed.Engine.Kernels;

namespace Heed.Models.Files;

/// <summary>Counts NaN and infinite values in stored bytes: those whose exponent has all bits set.</summary>
internal sealed class BadValues(WeightFormat format)
{
    /// <summary>Number of such values so far.</summary>
    public long Found { get; private set; }

    public void Count(ReadOnlySpan<byte> bytes)
    {
        if (format == WeightFormat.Float32)
        {
            foreach (uint bits in MemoryMarshal.Cast<byte, uint>(bytes))
                if ((bits & 0x7F80_0000) == 0x7F80_0000) Found++;
            return;
        }

        ushort exponent = format == WeightFormat.BFloat16 ? (ushort)0x7F80 : (ushort)0x7C00;
        foreach (ushort bits in MemoryMarshal.Cast<byte, ushort>(bytes))
            if ((bits & exponent) == exponent) Found++;
    }
}
