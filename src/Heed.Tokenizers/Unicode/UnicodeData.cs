using System.Reflection;

namespace Heed.Tokenizers.Unicode;

/// <summary>The Unicode tables, read once from the resource that tools/unicode/generate.mjs writes.</summary>
internal static class UnicodeData
{
    private const int Limit = 0x110000;
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    static UnicodeData()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("unicode.bin")
            ?? throw new InvalidOperationException("The assembly lacks its resource unicode.bin.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        int at = 0;
        Flags = ReadTable(bytes, ref at);
        Scripts9 = ReadTable(bytes, ref at);
        Scripts16 = ReadTable(bytes, ref at);
        Clusters = ReadTable(bytes, ref at);
        Combining = ReadTable(bytes, ref at);
        ScriptNames = ReadNames(bytes, ref at);
        ReadDecompositions(bytes, ref at);
        ReadPairs(bytes, ref at, Lower);
        ReadPairs(bytes, ref at, Folds);
    }

    /// <summary>General category in five bits, properties above them: see <see cref="CharacterClasses"/>.</summary>
    public static PagedTable Flags { get; }

    /// <summary>Scripts of Unicode 9.0; 0 is none, as of what was not assigned then.</summary>
    public static PagedTable Scripts9 { get; }

    /// <summary>Scripts of Unicode 16.0, indices into <see cref="ScriptNames"/>.</summary>
    public static PagedTable Scripts16 { get; }

    /// <summary>Grapheme cluster properties: break in four bits, then Extended_Pictographic and Indic_Conjunct_Break.</summary>
    public static PagedTable Clusters { get; }

    /// <summary>Canonical combining classes of Unicode 9.0.</summary>
    public static PagedTable Combining { get; }

    /// <summary>Names of the scripts of Unicode 16.0.</summary>
    public static string[] ScriptNames { get; }

    /// <summary>Full canonical decompositions of Unicode 9.0, Hangul left out.</summary>
    public static Dictionary<int, int[]> Canonical { get; } = [];

    /// <summary>Full compatibility decompositions where they differ from the canonical ones.</summary>
    public static Dictionary<int, int[]> Compatible { get; } = [];

    /// <summary>Primary composites by their two parts.</summary>
    public static Dictionary<(int First, int Second), int> Compositions { get; } = [];

    /// <summary>Simple lower-case mappings of Unicode 17.0.</summary>
    public static Dictionary<int, int> Lower { get; } = [];

    /// <summary>Simple case foldings where they are not the lower case.</summary>
    public static Dictionary<int, int> Folds { get; } = [];

    private static int Number(byte[] bytes, ref int at)
    {
        int value = 0, shift = 0;
        byte b;
        do
        {
            b = bytes[at++];
            value |= (b & 127) << shift;
            shift += 7;
        }
        while (b >= 128);
        return value;
    }

    private static PagedTable ReadTable(byte[] bytes, ref int at)
    {
        ushort[] flat = new ushort[Limit];
        int runs = Number(bytes, ref at);
        int position = 0;
        for (int i = 0; i < runs; i++)
        {
            int length = Number(bytes, ref at);
            flat.AsSpan(position, length).Fill((ushort)Number(bytes, ref at));
            position += length;
        }

        return new PagedTable(flat, PageBits);
    }

    private static string[] ReadNames(byte[] bytes, ref int at)
    {
        string[] names = new string[Number(bytes, ref at)];
        for (int i = 0; i < names.Length; i++)
        {
            int length = Number(bytes, ref at);
            names[i] = System.Text.Encoding.ASCII.GetString(bytes, at, length);
            at += length;
        }

        return names;
    }

    private static void ReadPairs(byte[] bytes, ref int at, Dictionary<int, int> pairs)
    {
        for (int count = Number(bytes, ref at); count > 0; count--)
        {
            int from = Number(bytes, ref at);
            pairs.Add(from, Number(bytes, ref at));
        }
    }

    private static void ReadDecompositions(byte[] bytes, ref int at)
    {
        Dictionary<int, (bool Compatible, int[] To)> single = [];
        List<(int From, int[] To)> primary = [];
        int count = Number(bytes, ref at);
        for (int i = 0; i < count; i++)
        {
            int from = Number(bytes, ref at);
            int kind = Number(bytes, ref at);
            int[] to = new int[Number(bytes, ref at)];
            for (int j = 0; j < to.Length; j++) to[j] = Number(bytes, ref at);
            single.Add(from, ((kind & 1) != 0, to));
            // Composition leaves out listed exclusions, singletons and decompositions that begin with a mark.
            if (kind == 0 && to.Length == 2 && Combining[from] == 0 && Combining[to[0]] == 0) primary.Add((from, to));
        }

        foreach ((int from, int[] to) in primary) Compositions.Add((to[0], to[1]), from);
        foreach ((int from, (bool compatible, _)) in single)
        {
            List<int> canonical = [], full = [];
            Expand(from, single, false, canonical);
            Expand(from, single, true, full);
            if (!compatible) Canonical.Add(from, [.. canonical]);
            if (compatible || !full.SequenceEqual(canonical)) Compatible.Add(from, [.. full]);
        }
    }

    private static void Expand(int codePoint, Dictionary<int, (bool Compatible, int[] To)> single, bool compatible, List<int> to)
    {
        Stack<int> waiting = new([codePoint]);
        while (waiting.TryPop(out int c))
        {
            if (single.TryGetValue(c, out (bool Compatible, int[] To) found) && (compatible || !found.Compatible))
                for (int i = found.To.Length - 1; i >= 0; i--) waiting.Push(found.To[i]);
            else
                to.Add(c);
        }
    }
}

/// <summary>A value for each code point: equal pages of 256 stored once.</summary>
internal sealed class PagedTable
{
    private readonly ushort[] _pages;
    private readonly ushort[] _values;

    public PagedTable(ReadOnlySpan<ushort> flat, int pageBits)
    {
        int size = 1 << pageBits;
        _pages = new ushort[flat.Length / size];
        List<ushort> values = [];
        Dictionary<string, ushort> known = new(StringComparer.Ordinal);
        for (int page = 0; page < _pages.Length; page++)
        {
            ReadOnlySpan<ushort> content = flat.Slice(page * size, size);
            string key = new(System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, char>(content));
            if (!known.TryGetValue(key, out ushort at))
            {
                known.Add(key, at = (ushort)(values.Count / size));
                foreach (ushort value in content) values.Add(value);
            }

            _pages[page] = at;
        }

        _values = [.. values];
    }

    /// <summary>The value of a code point below 0x110000.</summary>
    public int this[int codePoint] => _values[(_pages[codePoint >> 8] << 8) | (codePoint & 255)];
}
