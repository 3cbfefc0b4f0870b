using System.Buffers;
using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>SentencePiece's own segmentation under the ids of a tokenizer class: what a raw <c>.model</c> file is encoded by.</summary>
internal sealed class SentencePieceModel : ITokenModel
{
    private readonly SentencePieceFile _file;
    private readonly SentencePieceVocabulary _vocabulary;
    private readonly ISentencePieceSegmenter _segmenter;
    private readonly string[] _tokens;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly int[] _ofPiece;
    private readonly int[] _ofByte = new int[256];
    private readonly Lazy<ITokenModel> _converted;

    /// <param name="file">The model file.</param>
    /// <param name="vocabulary">Its pieces by text.</param>
    /// <param name="layout">The ids.</param>
    /// <param name="converted">Makes the model of tokenizer.json that comes nearest: what is saved.</param>
    public SentencePieceModel(SentencePieceFile file, SentencePieceVocabulary vocabulary, SentencePieceLayout layout, Func<ITokenModel> converted)
    {
        (_file, _vocabulary, _converted) = (file, vocabulary, new Lazy<ITokenModel>(converted));
        _segmenter = file.ModelType == SentencePieceModelType.Unigram ? new UnigramSegmenter(vocabulary) : new MergeSegmenter(vocabulary);
        _tokens = [.. layout.Before, .. file.Pieces.Skip(layout.FirstPiece).Select(piece => piece.Text), .. layout.After];
        for (int id = _tokens.Length - 1; id >= 0; id--) _ids[_tokens[id]] = id;
        _ofPiece = [.. Enumerable.Range(0, file.Pieces.Count).Select(piece => layout.IdOf(piece) is >= 0 and int id ? id : _ids.GetValueOrDefault(file.Pieces[piece].Text, -1))];
        if (layout.UnknownId is { } unknown) _ofPiece[file.UnknownId] = unknown;
        if (!file.ByteFallback) return;
        for (int b = 0; b < _ofByte.Length; b++) _ofByte[b] = _ofPiece[vocabulary.IdOf(BytePieces.Of((byte)b))];
    }

    public int VocabularySize => _tokens.Length;

    public IEnumerable<KeyValuePair<string, int>> Vocabulary => _tokens.Select((token, id) => new KeyValuePair<string, int>(token, id));

    /// <summary>Id of the unknown token.</summary>
    public int UnknownId => _ofPiece[_file.UnknownId];

    public int IdOf(ReadOnlySpan<char> token) => _ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token, out int id) ? id : -1;

    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    public void Write(Utf8JsonWriter json) => _converted.Value.Write(json);

    public void Tokenize(ReadOnlySpan<char> piece, TokenList tokens)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(System.Text.Encoding.UTF8.GetMaxByteCount(piece.Length));
        try
        {
            ReadOnlySpan<byte> utf8 = rented.AsSpan(0, System.Text.Encoding.UTF8.GetBytes(piece, rented));
            long steps = 0;
            List<Segment> segments = _segmenter.Cut(utf8, ref steps);
            tokens.Operations += steps;
            int at = 0, unit = 0;
            for (int i = 0; i < segments.Count; i++)
            {
                (int start, int length, int id) = segments[i];
                bool unknown = id == _vocabulary.UnknownId;
                while (unknown && i + 1 < segments.Count && segments[i + 1].Id == id) length += segments[++i].Length;
                int from = unit;
                for (; at < start + length; at++) unit += Units(utf8[at]);
                if (unknown && _file.ByteFallback)
                {
                    foreach (byte b in utf8.Slice(start, length)) tokens.Add(_ofByte[b], from, unit);
                    continue;
                }

                tokens.Add(_ofPiece[id], from, unit);
                if (unknown && tokens.WantTexts) tokens.SetText(tokens.Count - 1, piece[from..unit].ToString());
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>UTF-16 units that the first byte of a character counts for; 0 for its other bytes.</summary>
    private static int Units(byte b) => (b & 0xC0) == 0x80 ? 0 : b >= 0xF0 ? 2 : 1;
}
