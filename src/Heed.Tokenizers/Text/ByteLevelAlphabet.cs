namespace Heed.Tokenizers.Text;

/// <summary>The 256 printable characters that stand for bytes in byte-level vocabularies.  Radford et al. 2019.</summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] ByteToChar = BuildCharacters();
    private static readonly short[] CharToByte = BuildBytes();

    /// <summary>The character of each byte.</summary>
    public static ReadOnlySpan<char> Characters => ByteToChar;

    /// <summary>The byte that a character stands for; −1 for none.</summary>
    public static int ByteOf(char c) => c < CharToByte.Length ? CharToByte[c] : -1;

    /// <summary>Writes the bytes of old units <c>[start, end)</c> as characters, each from where its character came from.</summary>
    public static void Spell(NormalizedText text, int start, int end)
    {
        ReadOnlySpan<char> old = text.Span;
        Span<byte> bytes = stackalloc byte[4];
        for (int at = start; at < end;)
        {
            char c = old[at];
            if (c < 0x80)
            {
                text.Emit(ByteToChar[c], at++);
                continue;
            }

            int units = char.IsHighSurrogate(c) && at + 1 < end ? 2 : 1;
            int n = System.Text.Encoding.UTF8.GetBytes(old.Slice(at, units), bytes);
            for (int i = 0; i < n; i++) text.Emit(ByteToChar[bytes[i]], at);
            at += units;
        }
    }

    private static char[] BuildCharacters()
    {
        char[] characters = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;
            characters[b] = printable ? (char)b : (char)next++;
        }

        return characters;
    }

    private static short[] BuildBytes()
    {
        short[] bytes = new short[0x144];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++) bytes[ByteToChar[b]] = (short)b;
        return bytes;
    }
}
