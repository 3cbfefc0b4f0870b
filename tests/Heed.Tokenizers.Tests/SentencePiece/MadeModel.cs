using System.Buffers.Binary;
using Heed.Tokenizers.SentencePiece;

namespace Heed.Tokenizers.Tests.SentencePiece;

/// <summary>One piece of a model that a test writes.</summary>
internal sealed record MadePiece(string Text, float Score, SentencePieceType Type = SentencePieceType.Normal);

/// <summary>Models written piece by piece: the types and options that no stored model has.</summary>
internal static class MadeModel
{
    private static readonly MadePiece[] Reserved = [new("<unk>", 0, SentencePieceType.Unknown), new("<s>", 0, SentencePieceType.Control), new("</s>", 0, SentencePieceType.Control)];

    public static SentencePieceProcessor Build(SentencePieceModelType type, IEnumerable<MadePiece> pieces, bool suffix = false, bool escape = true, bool dummyPrefix = true)
        => SentencePieceProcessor.Parse(Bytes(type, Reserved.Concat(pieces), suffix, escape, dummyPrefix), "made.model");

    /// <summary>The file's bytes; all of its pieces are given.</summary>
    public static byte[] Bytes(SentencePieceModelType type, IEnumerable<MadePiece> pieces, bool suffix = false, bool escape = true, bool dummyPrefix = true)
    {
        List<byte> file = [];
        foreach (MadePiece piece in pieces)
        {
            byte[] score = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(score, piece.Score);
            byte[] text = System.Text.Encoding.UTF8.GetBytes(piece.Text);
            Message(file, 1, [0x0A, (byte)text.Length, .. text, 0x15, .. score, 0x18, (byte)piece.Type]);
        }

        Message(file, 2, [3 << 3, (byte)type, 0xC0, 0x01, (byte)(suffix ? 1 : 0)]);
        Message(file, 3, [3 << 3, (byte)(dummyPrefix ? 1 : 0), 5 << 3, (byte)(escape ? 1 : 0)]);
        return [.. file];
    }

    private static void Message(List<byte> file, int field, byte[] bytes)
    {
        file.Add((byte)((field << 3) | 2));
        file.Add((byte)bytes.Length);
        file.AddRange(bytes);
    }
}
