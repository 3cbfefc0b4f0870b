using Heed.Tokenizers.PostProcessors;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>What a tokenizer class makes of a <c>.model</c> file: which ids its pieces get, its special tokens, and the marks around
/// texts.</summary>
/// <remarks>
/// Ids: <see cref="Before"/>, then the file's pieces from <see cref="FirstPiece"/> on, then <see cref="After"/>. The file's pieces before
/// <see cref="FirstPiece"/> are those that <see cref="Before"/> names anew.
/// </remarks>
internal sealed record SentencePieceLayout
{
    public IReadOnlyList<string> Before { get; init; } = [];

    /// <summary>Index in the file of the first piece after <see cref="Before"/>.</summary>
    public int FirstPiece { get; init; }

    /// <summary>Id of the unknown token; null: the file's piece, where it comes to lie.</summary>
    public int? UnknownId { get; init; }

    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>The class's special tokens, which become ids where their text stands in the input; null: the file's control pieces and the
    /// unknown one.</summary>
    public IReadOnlyList<AddedToken>? Specials { get; init; }

    /// <summary>What stands around a single text; empty: nothing.</summary>
    public IReadOnlyList<TemplatePiece> Single { get; init; } = [];

    public IReadOnlyList<TemplatePiece> Pair { get; init; } = [];

    /// <summary>Whether text is put in lower case first.</summary>
    public bool Lowercase { get; init; }

    /// <summary>Id of a piece of the file; −1 for one that <see cref="Before"/> names anew.</summary>
    public int IdOf(int piece) => piece < FirstPiece ? -1 : piece - FirstPiece + Before.Count;

    /// <summary>The same with templates, see <see cref="Template"/>.</summary>
    public SentencePieceLayout With(string[] single, string[] pair) => this with { Single = Template(single), Pair = Template(pair) };

    /// <summary>The marks that a class puts before and after each text, pairs with type 1 for the second.</summary>
    public static SentencePieceLayout Marks(string? before, string? after)
    {
        string[] Around(string text, string type) => [.. before is null ? [] : (string[])[before + type], text + type, .. after is null ? [] : (string[])[after + type]];
        if (before is null && after is null) return new SentencePieceLayout();
        return new SentencePieceLayout().With(Around("$A", ""), [.. Around("$A", ""), .. Around("$B", ":1")]);
    }

    /// <summary><c>$A</c> and <c>$B</c> are the texts, others tokens; <c>:1</c> gives the type.</summary>
    private static TemplatePiece[] Template(string[] pieces) => [.. pieces.Select(piece =>
    {
        int type = piece.EndsWith(":1", StringComparison.Ordinal) ? 1 : 0;
        string token = type == 1 ? piece[..^2] : piece;
        return new TemplatePiece(token == "$A" ? 0 : token == "$B" ? 1 : -1, token is "$A" or "$B" ? "" : token, type);
    })];
}
