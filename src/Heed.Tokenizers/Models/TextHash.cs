using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Heed.Tokenizers.Models;

/// <summary>A fast hash of short text: eight bytes per step, multiplied and folded, with a seed of the process against made-up
/// collisions.</summary>
internal static class TextHash
{
    private static readonly ulong Seed = BitConverter.ToUInt64(Guid.NewGuid().ToByteArray()) | 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Compute(ReadOnlySpan<char> text)
    {
        ulong hash = Seed ^ (uint)text.Length;
        ref byte at = ref Unsafe.As<char, byte>(ref MemoryMarshal.GetReference(text));
        int bytes = text.Length * 2;
        while (bytes >= 8)
        {
            hash = Mix(hash ^ Unsafe.ReadUnaligned<ulong>(ref at));
            at = ref Unsafe.Add(ref at, 8);
            bytes -= 8;
        }

        ulong tail = 0;
        if (bytes >= 4)
        {
            tail = Unsafe.ReadUnaligned<uint>(ref at);
            at = ref Unsafe.Add(ref at, 4);
            bytes -= 4;
        }

        if (bytes >= 2) tail = (tail << 16) | Unsafe.ReadUnaligned<ushort>(ref at);
        hash = Mix(hash ^ tail);
        return (uint)(hash ^ (hash >> 32));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong x)
    {
        ulong high = Math.BigMul(x, 0x9E3779B97F4A7C15UL, out ulong low);
        return BitOperations.RotateLeft(high ^ low, 23);
    }
}
