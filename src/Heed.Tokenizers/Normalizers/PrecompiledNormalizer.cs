using System.Text;
using System.Text.Json;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Normalizers;

/// <summary>A charsmap applied by grapheme cluster, as Hugging Face does: a short cluster as a whole, others character by
/// character.</summary>
internal sealed class PrecompiledNormalizer : INormalizer
{
    private const int LongestCluster = 5;   // UTF-8 bytes

    private readonly CharacterMap _map;
    private readonly bool[] _asciiChanges = new bool[128];

    public PrecompiledNormalizer(CharacterMap map)
    {
        _map = map;
        for (byte c = 1; c < 128; c++) _asciiChanges[c] = map.TryFind([c], longest: false, out _, out _);
    }

    /// <summary>The map itself, for SentencePiece's own way of applying it.</summary>
    public CharacterMap Map => _map;

    public void Normalize(NormalizedText text)
    {
        ReadOnlySpan<char> old = text.Span;
        int at = PlainPrefix(old, 0);
        if (at == old.Length) return;
        CodePointChanges found = text.Changes;
        found.Clear();
        bool modified = false;
        Span<byte> bytes = stackalloc byte[LongestCluster + 4];
        for (int i = 0; i < at; i++) found.Add(old[i], 0);
        while (at < old.Length)
        {
            int plain = PlainPrefix(old, at);
            for (; at < plain; at++) found.Add(old[at], 0);
            if (at == old.Length) break;
            int end = GraphemeClusters.End(old, at);
            ReadOnlySpan<char> cluster = old[at..end];
            if (end - at <= LongestCluster && System.Text.Encoding.UTF8.GetByteCount(cluster) <= LongestCluster
                && TryReplace(cluster, bytes, found))
                modified = true;
            else
                modified |= ReplaceEach(cluster, bytes, found);
            at = end;
        }

        if (modified) found.WriteTo(text);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Precompiled");
        json.WriteString("precompiled_charsmap", Convert.ToBase64String(_map.Data));
        json.WriteEndObject();
    }

    /// <summary>End of the run of ASCII characters that are clusters of their own and stand for themselves.</summary>
    private int PlainPrefix(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && text[at] < 128 && !_asciiChanges[text[at]] && text[at] != '\r' && (at + 1 == text.Length || text[at + 1] < 128)) at++;
        return at;
    }

    private bool ReplaceEach(ReadOnlySpan<char> cluster, Span<byte> bytes, CodePointChanges found)
    {
        bool modified = false;
        for (int at = 0; at < cluster.Length;)
        {
            int c = CodePoint.At(cluster, at, out int units);
            if (TryReplace(cluster.Slice(at, units), bytes, found)) modified = true;
            else found.Add(c, 0);
            at += units;
        }

        return modified;
    }

    private bool TryReplace(ReadOnlySpan<char> part, Span<byte> bytes, CodePointChanges found)
    {
        int n = System.Text.Encoding.UTF8.GetBytes(part, bytes);
        if (!_map.TryFind(bytes[..n], longest: false, out ReadOnlySpan<byte> replacement, out _)) return false;
        Replace(found, CodePoint.Count(part), replacement);
        return true;
    }

    /// <summary>New characters count as new from the end; what is missing counts to the last one, even of the part before.</summary>
    private static void Replace(CodePointChanges found, int oldCount, ReadOnlySpan<byte> replacement)
    {
        int first = found.Count;
        while (!replacement.IsEmpty)
        {
            _ = Rune.DecodeFromUtf8(replacement, out Rune rune, out int used);
            found.Add(rune.Value, 0);
            replacement = replacement[used..];
        }

        int difference = found.Count - first - oldCount;
        for (int i = 0; i < difference; i++) found.Changes[found.Count - 1 - i] = 1;
        if (difference < 0 && found.Count > 0) found.Changes[found.Count - 1] += difference;
    }
}
