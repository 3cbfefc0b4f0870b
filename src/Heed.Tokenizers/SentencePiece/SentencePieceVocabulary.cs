using Heed.Tokenizers.Training;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>The pieces by text. Reserved ones (control, unknown, byte) lie in a map of their own, which is asked first and only for whole
/// pieces.</summary>
internal sealed class SentencePieceVocabulary
{
    private readonly SentencePieceFile _file;
    private readonly Dictionary<string, int> _reserved = new(StringComparer.Ordinal);

    public SentencePieceVocabulary(SentencePieceFile file)
    {
        _file = file;
        for (int id = 0; id < file.Pieces.Count; id++)
        {
            (string text, float score, SentencePieceType type) = file.Pieces[id];
            byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(text);
            if (type is SentencePieceType.Normal or SentencePieceType.UserDefined or SentencePieceType.Unused) Ordinary.Set(utf8, id);
            else _reserved.Add(text, id);
            if (type == SentencePieceType.UserDefined) (UserDefined ??= new ByteTrie()).Set(utf8, id);
            if (type != SentencePieceType.Normal) continue;
            LowestScore = Math.Min(LowestScore, score);
            HighestScore = Math.Max(HighestScore, score);
        }
    }

    /// <summary>Pieces that text can become: normal, user-defined and unused ones.</summary>
    public ByteTrie Ordinary { get; } = new();

    /// <summary>User-defined pieces, or null where there are none.</summary>
    public ByteTrie? UserDefined { get; }

    public int UnknownId => _file.UnknownId;

    /// <summary>Lowest score of a normal piece.</summary>
    public float LowestScore { get; } = float.MaxValue;

    /// <summary>Highest score of a normal piece; the smallest positive number where all are negative, as in SentencePiece.</summary>
    public float HighestScore { get; } = 1.17549435e-38f;

    public float Score(int id) => _file.Pieces[id].Score;

    public SentencePieceType Type(int id) => _file.Pieces[id].Type;

    /// <summary>The id of a piece, or the unknown id.</summary>
    public int IdOf(string piece) => _reserved.TryGetValue(piece, out int id) ? id : IdOfOrdinary(System.Text.Encoding.UTF8.GetBytes(piece));

    public int IdOf(ReadOnlySpan<byte> piece) => IdOf(System.Text.Encoding.UTF8.GetString(piece));

    private int IdOfOrdinary(ReadOnlySpan<byte> piece) => Ordinary.Find(piece) is var found and >= 0 ? found : UnknownId;
}
