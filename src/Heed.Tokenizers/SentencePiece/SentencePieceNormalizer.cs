using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Training;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>UTF-8 text as the model sees it.</summary>
/// <param name="Bytes">The text, spaces as U+2581 where the model says so.</param>
/// <param name="Origins">For each byte, and for the end, the byte of the original text it came from.</param>
internal readonly record struct NormalizedBytes(byte[] Bytes, int[] Origins);

/// <summary>
/// SentencePiece's normalization: user-defined symbols stay, the charsmap replaces the longest prefix it knows, white space is
/// tidied and shown as U+2581.
/// </summary>
internal sealed class SentencePieceNormalizer
{
    public const string SpaceSymbol = "\u2581";
    private static readonly byte[] SpaceBytes = [0xE2, 0x96, 0x81];
    private static readonly byte[] PlainSpace = [(byte)' '];
    private readonly CharacterMap? _map;
    private readonly ByteTrie? _keep;
    private readonly bool _dummyPrefix;
    private readonly bool _removeExtra;
    private readonly bool _escape;
    private readonly bool _suffix;

    public SentencePieceNormalizer(NormalizerRules rules, ByteTrie? keep, bool spaceAsSuffix)
    {
        (_map, _keep, _suffix) = (rules.Map, keep, spaceAsSuffix);
        (_dummyPrefix, _removeExtra, _escape) = (rules.AddDummyPrefix, rules.RemoveExtraWhitespaces, rules.EscapeWhitespaces);
    }

    /// <summary>Bytes of the character that begins with <paramref name="first"/>; 1 for a byte that begins none.</summary>
    public static int CharacterLength(byte first) => first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    /// <summary>Normalizes a text.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="limit">Most bytes that may come of it.</param>
    /// <param name="source">The model's file, for errors.</param>
    /// <exception cref="BudgetException">The charsmap lengthens the text to more than <paramref name="limit"/>.</exception>
    public NormalizedBytes Normalize(ReadOnlySpan<byte> text, long limit, string source)
    {
        if (text.IsEmpty) return new NormalizedBytes([], [0]);
        Output output = new(text.Length + 16, limit, source);
        int at = 0;
        if (_removeExtra)
        {
            while (at < text.Length)
            {
                ReadOnlySpan<byte> first = Prefix(text[at..], out int used);
                if (!first.SequenceEqual(PlainSpace)) break;
                at += used;
            }

            if (at == text.Length) return new NormalizedBytes([], [0]);
        }

        ReadOnlySpan<byte> space = _escape ? SpaceBytes : PlainSpace;
        if (_dummyPrefix && !_suffix) output.Add(space, at);
        bool afterSpace = _removeExtra;
        while (at < text.Length)
        {
            ReadOnlySpan<byte> piece = Prefix(text[at..], out int used);
            while (afterSpace && piece.Length > 0 && piece[0] == ' ') piece = piece[1..];
            foreach (byte b in piece)
            {
                if (b == ' ') output.Add(space, at);
                else output.Add(b, at);
            }

            if (piece.Length > 0) afterSpace = piece[^1] == ' ';
            at += used;
            afterSpace &= _removeExtra;
        }

        if (_removeExtra)
            while (output.Bytes.EndsWith(space)) at = output.RemoveEnd(space.Length);
        if (_dummyPrefix && _suffix) output.Add(space, at);
        return output.Finish(at);
    }

    private ReadOnlySpan<byte> Prefix(ReadOnlySpan<byte> text, out int used)
    {
        if (_keep is not null && (used = _keep.LongestPrefix(text)) > 0) return text[..used];
        if (_map is not null && _map.TryFind(text, longest: true, out ReadOnlySpan<byte> replacement, out used)) return replacement;
        used = Math.Min(CharacterLength(text[0]), text.Length);
        return text[..used];
    }

    private sealed class Output(int capacity, long limit, string source)
    {
        private byte[] _bytes = new byte[capacity];
        private int[] _origins = new int[capacity];
        private int _length;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

        public void Add(byte b, int origin)
        {
            if (_length == _bytes.Length)
            {
                if (_length > limit) throw GrowthLimit.Passed(source, limit, "bytes");
                Array.Resize(ref _bytes, _length * 2);
                Array.Resize(ref _origins, _length * 2);
            }

            _bytes[_length] = b;
            _origins[_length++] = origin;
        }

        public void Add(ReadOnlySpan<byte> bytes, int origin)
        {
            foreach (byte b in bytes) Add(b, origin);
        }

        /// <summary>Takes bytes off the end; returns where the first of them came from.</summary>
        public int RemoveEnd(int count) => _origins[_length -= count];

        public NormalizedBytes Finish(int end) => new(Bytes.ToArray(), [.. _origins.AsSpan(0, _length), end]);
    }
}
