using System.Buffers.Binary;
using System.Text;

namespace Heed.Checkpoints.Gguf;

/// <summary>Ids of a SentencePiece model's special pieces; −1 where there is none.</summary>
internal readonly record struct SentencePieceRoles(int Unknown, int Bos, int Eos, int Padding);

/// <summary>Writes a vocabulary with scores as a SentencePiece model of byte-pair encoding (sentencepiece_model.proto:
/// ModelProto).</summary>
internal static class SentencePieceModelWriter
{
    private const int ByteType = 6;

    /// <summary>The file.</summary>
    /// <param name="pieces">Pieces by id.</param>
    /// <param name="scores">Their scores: of two merges the one with the larger comes first.</param>
    /// <param name="types">Their types, SentencePiece's own numbers.</param>
    /// <param name="roles">Special pieces.</param>
    /// <param name="prefix">True to put a blank before each text.</param>
    public static byte[] Write(string[] pieces, double[] scores, long[] types, SentencePieceRoles roles, bool prefix)
    {
        MemoryStream file = new();
        Span<byte> score = stackalloc byte[4];
        for (int i = 0; i < pieces.Length; i++)
        {
            MemoryStream piece = new();
            Bytes(piece, 1, Encoding.UTF8.GetBytes(pieces[i]));
            Tag(piece, 2, 5);
            BinaryPrimitives.WriteSingleLittleEndian(score, (float)scores[i]);
            piece.Write(score);
            Number(piece, 3, types[i]);
            Bytes(file, 1, piece.ToArray());
        }

        MemoryStream trainer = new();
        Number(trainer, 3, 2); // model_type: BPE
        Number(trainer, 4, pieces.Length);
        Number(trainer, 35, types.Contains(ByteType) ? 1 : 0);
        Number(trainer, 40, roles.Unknown);
        Number(trainer, 41, roles.Bos);
        Number(trainer, 42, roles.Eos);
        Number(trainer, 43, roles.Padding);
        Bytes(file, 2, trainer.ToArray());
        MemoryStream normalizer = new();
        Bytes(normalizer, 1, "identity"u8);
        Number(normalizer, 3, prefix ? 1 : 0);
        Number(normalizer, 4, 0); // remove_extra_whitespaces
        Number(normalizer, 5, 1); // escape_whitespaces
        Bytes(file, 3, normalizer.ToArray());
        return file.ToArray();
    }

    private static void Tag(MemoryStream stream, int field, int wire) => Varint(stream, (ulong)((field << 3) | wire));

    private static void Number(MemoryStream stream, int field, long value)
    {
        Tag(stream, field, 0);
        Varint(stream, (ulong)value);
    }

    private static void Bytes(MemoryStream stream, int field, ReadOnlySpan<byte> bytes)
    {
        Tag(stream, field, 2);
        Varint(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    private static void Varint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7) stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }
}
