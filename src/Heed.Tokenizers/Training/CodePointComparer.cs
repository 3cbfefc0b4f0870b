namespace Heed.Tokenizers.Training;

/// <summary>Orders strings by Unicode code point, which is also the order of their UTF-8 bytes; ordinal order puts U+E000–U+FFFF after the
/// astral planes.</summary>
internal sealed class CodePointComparer : IComparer<string>
{
    public static CodePointComparer Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        if (x is null || y is null) return x is null ? (y is null ? 0 : -1) : 1;
        int common = Math.Min(x.Length, y.Length);
        for (int i = 0; i < common; i++)
        {
            char a = x[i], b = y[i];
            if (a == b) continue;
            // A surrogate stands for a code point above U+FFFF: move the surrogates after the rest of the plane.
            return (char.IsSurrogate(a) ? a + 0x10000 : a) - (char.IsSurrogate(b) ? b + 0x10000 : b);
        }

        return x.Length - y.Length;
    }
}
