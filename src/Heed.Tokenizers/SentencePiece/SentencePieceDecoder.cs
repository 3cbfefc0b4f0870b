using System.Text;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>Ids back to text, as SentencePiece does: the space that encoding adds goes, byte pieces become characters, broken ones
/// U+FFFD.</summary>
internal sealed class SentencePieceDecoder(SentencePieceFile file, SentencePieceVocabulary vocabulary)
{
    public string Decode(IReadOnlyList<int> ids)
    {
        StringBuilder text = new();
        List<byte> bytes = [];
        bool atStart = true, sawSpace = false;
        foreach (int given in ids)
        {
            if (given < 0 || given >= file.Pieces.Count)
                throw new InputException($"The id {given} is outside the vocabulary of {file.Source}, which has the ids 0 to {file.Pieces.Count - 1}.");
            // Pieces go by their text: of two with the same text, the reserved one counts.
            string piece = file.Pieces[given].Text;
            int id = vocabulary.IdOf(piece);
            if (vocabulary.Type(id) == SentencePieceType.Byte)
            {
                bytes.Add((byte)BytePieces.ValueOf(piece));
                continue;
            }

            AppendBytes(bytes, text);
            if (sawSpace || text.Length > 0) atStart = false;
            sawSpace = AppendPiece(piece, id, atStart, text);
        }

        AppendBytes(bytes, text);
        return text.ToString();
    }

    /// <summary>Whether the one space of the dummy prefix was taken off.</summary>
    private bool AppendPiece(string piece, int id, bool atStart, StringBuilder text)
    {
        if (vocabulary.Type(id) == SentencePieceType.Control) return false;
        if (id == vocabulary.UnknownId)
        {
            text.Append(file.Pieces[id].Text == piece ? file.UnknownSurface : piece);
            return false;
        }

        bool takenOff = false;
        if (atStart && (file.Normalizer.AddDummyPrefix || file.Normalizer.RemoveExtraWhitespaces) && piece.StartsWith(SentencePieceNormalizer.SpaceSymbol, StringComparison.Ordinal))
        {
            piece = piece[SentencePieceNormalizer.SpaceSymbol.Length..];
            takenOff = !file.Normalizer.RemoveExtraWhitespaces;   // where spaces are tidied, all leading ones go
        }

        text.Append(piece.Replace(SentencePieceNormalizer.SpaceSymbol, " ", StringComparison.Ordinal));
        return takenOff;
    }

    private static void AppendBytes(List<byte> bytes, StringBuilder text)
    {
        ReadOnlySpan<byte> rest = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes);
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(rest, out Rune rune, out int used) != System.Buffers.OperationStatus.Done) (rune, used) = (Rune.ReplacementChar, 1);
            text.Append(rune.ToString());
            rest = rest[used..];
        }

        bytes.Clear();
    }
}
