namespace Heed.Tokenizers.SentencePiece;

/// <summary>What <see cref="SentencePieceProcessor.Encode"/> does besides cutting.</summary>
public sealed record SentencePieceOptions
{
    /// <summary>Puts the piece for the beginning of a text before the others.</summary>
    public bool AddBos { get; init; }

    /// <summary>Appends the piece for the end of a text.</summary>
    public bool AddEos { get; init; }

    /// <summary>Turns the order of the pieces around, before the two above are added.</summary>
    public bool Reverse { get; init; }

    /// <summary>Shows unknown pieces as the unknown piece instead of their text.</summary>
    public bool EmitUnknownPiece { get; init; }
}

/// <summary>One piece of an encoded text.</summary>
/// <param name="Id">The id.</param>
/// <param name="Piece">The piece as text; for an unknown one the normalized text it stands for.</param>
/// <param name="Surface">The stretch of the original text it stands for; empty for all but the last byte of a character spelled in
/// bytes.</param>
/// <param name="Start">Where that stretch begins, in UTF-16 units of the original text.</param>
/// <param name="End">Where it ends (exclusive).</param>
public readonly record struct SentencePieceToken(int Id, string Piece, string Surface, int Start, int End);

/// <summary>A segmentation and its log probability.</summary>
/// <param name="Tokens">The pieces in order.</param>
/// <param name="Score">Sum of the pieces' scores, as float32.</param>
public sealed record ScoredSegmentation(IReadOnlyList<SentencePieceToken> Tokens, float Score);
