using System.Buffers.Binary;
using System.Text.Unicode;

namespace Heed.Tokenizers.Normalizers;

/// <summary>
/// SentencePiece's precompiled charsmap: a double array over UTF-8 bytes (darts-clone) whose values are places in a pool of texts that end
/// in NUL.
/// </summary>
internal sealed class CharacterMap
{
    private readonly uint[] _units;
    private readonly byte[] _pool;

    private CharacterMap(byte[] data, uint[] units, byte[] pool) => (Data, _units, _pool) = (data, units, pool);

    /// <summary>The charsmap as it was read.</summary>
    public byte[] Data { get; }

    /// <summary>Reads a charsmap.</summary>
    /// <param name="data">Length of the trie in bytes (32 bits, little-endian), trie, pool.</param>
    /// <param name="reason">What is wrong, where null is returned.</param>
    public static CharacterMap? TryRead(byte[] data, out string reason)
    {
        reason = "";
        if (data.Length < 4)
        {
            reason = $"has {data.Length} bytes; a charsmap begins with the length of its trie in 4 bytes";
            return null;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(data);
        if (length > data.Length - 4 || length % 4 != 0 || length == 0)
        {
            reason = $"says that its trie has {length} bytes, but {data.Length - 4} follow; a charsmap's trie is a multiple of 4 bytes and not empty";
            return null;
        }

        uint[] units = new uint[length / 4];
        for (int i = 0; i < units.Length; i++) units[i] = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4 + (i * 4)));
        byte[] pool = data[(4 + (int)length)..];
        if (!Utf8.IsValid(pool))
        {
            reason = "has replacement texts that are not UTF-8";
            return null;
        }

        return new CharacterMap(data, units, pool);
    }

    /// <summary>The replacement of a prefix of <paramref name="utf8"/>: of the shortest that has one (Hugging Face) or the longest
    /// (SentencePiece).</summary>
    /// <param name="utf8">UTF-8 text.</param>
    /// <param name="longest">Longest instead of shortest prefix.</param>
    /// <param name="replacement">The UTF-8 text that replaces it.</param>
    /// <param name="length">Bytes of the prefix.</param>
    /// <returns>Whether a prefix has a replacement.</returns>
    public bool TryFind(ReadOnlySpan<byte> utf8, bool longest, out ReadOnlySpan<byte> replacement, out int length)
    {
        replacement = default;
        length = 0;
        int value = -1;
        uint at = Offset(_units[0]);
        for (int i = 0; i < utf8.Length && utf8[i] != 0; i++)
        {
            at ^= utf8[i];
            if (at >= _units.Length) break;
            uint unit = _units[at];
            if ((unit & 0x800000FF) != utf8[i]) break;
            at ^= Offset(unit);
            if ((unit >> 8 & 1) == 0) continue;
            if (at >= _units.Length) break;
            value = (int)(_units[at] & 0x7FFFFFFF);
            length = i + 1;
            if (!longest) break;
        }

        if (value < 0 || value > _pool.Length)
        {
            length = 0;
            return false;
        }

        ReadOnlySpan<byte> rest = _pool.AsSpan(value);
        int end = rest.IndexOf((byte)0);
        replacement = end < 0 ? rest : rest[..end];
        return true;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1u << 9)) >> 6);
}
