using System.Globalization;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>The pieces <c>&lt;0x00&gt;</c>…<c>&lt;0xFF&gt;</c> that stand for single bytes.</summary>
internal static class BytePieces
{
    public static string Of(byte value) => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");

    /// <summary>The byte, or −1 where <paramref name="piece"/> is not exactly such a piece (capital digits only).</summary>
    public static int ValueOf(string piece)
    {
        if (piece.Length != 6 || !piece.StartsWith("<0x", StringComparison.Ordinal) || piece[5] != '>') return -1;
        int high = Digit(piece[3]), low = Digit(piece[4]);
        return high < 0 || low < 0 ? -1 : (high << 4) | low;
    }

    private static int Digit(char c) => c is >= '0' and <= '9' ? c - '0' : c is >= 'A' and <= 'F' ? c - 'A' + 10 : -1;
}
