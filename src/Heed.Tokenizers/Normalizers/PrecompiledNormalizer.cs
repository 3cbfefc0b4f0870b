using System.Text;
using System.Text.Json;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Normalizers;

/// <summary>A charsmap applied by grapheme cluster, as Hugging Face does: a short cluster as a whole, others character by character.</summary>
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
        Rewriting found = new(old.Length);
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

        if (modified) text.Rewrite(found.Points, found.Changes);
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

    private bool ReplaceEach(ReadOnlySpan<char> cluster, Span<byte> bytes, Rewriting found)
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

    private bool TryReplace(ReadOnlySpan<char> part, Span<byte> bytes, Rewriting found)
    {
        int n = System.Text.Encoding.UTF8.GetBytes(part, bytes);
        if (!_map.TryFind(bytes[..n], longest: false, out ReadOnlySpan<byte> replacement, out _)) return false;
        found.Replace(CodePoint.Count(part), replacement);
        return true;
    }

    /// <summary>Code points and changes under construction.</summary>
    private sealed class Rewriting(int capacity)
    {
        private readonly List<int> _points = new(capacity);
        private readonly List<int> _changes = new(capacity);

        public ReadOnlySpan<int> Points => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_points);

        public ReadOnlySpan<int> Changes => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_changes);

        public void Add(int point, int change)
        {
            _points.Add(point);
            _changes.Add(change);
        }

        /// <summary>New characters count as new from the end; what is missing counts to the last one, even of the part before.</summary>
        public void Replace(int oldCount, ReadOnlySpan<byte> replacement)
        {
            int first = _points.Count;
            while (!replacement.IsEmpty)
            {
                _ = Rune.DecodeFromUtf8(replacement, out Rune rune, out int used);
                Add(rune.Value, 0);
                replacement = replacement[used..];
            }

            int difference = _points.Count - first - oldCount;
            for (int i = 0; i < difference; i++) _changes[^(i + 1)] = 1;
            if (difference < 0 && _changes.Count > 0) _changes[^1] += difference;
        }
    }
}
