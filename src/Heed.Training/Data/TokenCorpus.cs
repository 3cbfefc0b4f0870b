using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Heed.Training.Data;

/// <summary>A corpus as ids: every document followed by the end-of-text id, split into training and held-out parts, kept on disk between
/// runs.</summary>
public sealed class TokenCorpus
{
    private const uint Magic = 0x4B4F5448;   // "HTOK"
    private const int Version = 3, HeadBytes = 48, SumBytes = 32;

    private TokenCorpus(int[] training, int[] heldOut, long trainingBytes, long heldOutBytes, int documents, string fingerprint)
    {
        TrainingIds = training;
        HeldOutIds = heldOut;
        TrainingBytes = trainingBytes;
        HeldOutBytes = heldOutBytes;
        Documents = documents;
        Fingerprint = fingerprint;
    }

    /// <summary>Ids of the training documents, one after another.</summary>
    public ReadOnlyMemory<int> Training => TrainingIds;

    internal int[] TrainingIds { get; }

    /// <summary>Ids of the held-out documents, one after another.</summary>
    public ReadOnlyMemory<int> HeldOut => HeldOutIds;

    internal int[] HeldOutIds { get; }

    /// <summary>UTF-8 bytes of the training documents.</summary>
    public long TrainingBytes { get; }

    /// <summary>UTF-8 bytes of the held-out documents: what bits per byte divide by.</summary>
    public long HeldOutBytes { get; }

    /// <summary>Number of documents in both parts.</summary>
    public int Documents { get; }

    /// <summary>SHA-256 of the ids of both parts, in hex: a resumed run must find the same.</summary>
    public string Fingerprint { get; }

    /// <summary>A corpus of ids that are made already.</summary>
    /// <param name="training">Ids of the training documents.</param>
    /// <param name="heldOut">Ids of the held-out documents; may be empty.</param>
    /// <param name="heldOutBytes">UTF-8 bytes that they encode, for bits per byte.</param>
    public static TokenCorpus Of(int[] training, int[] heldOut, long heldOutBytes = 0)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(heldOut);
        return new TokenCorpus(training, heldOut, 0, heldOutBytes, 0, FingerprintOf(training, heldOut));
    }

    /// <summary>Encodes documents.</summary>
    /// <param name="documents">The texts.</param>
    /// <param name="encode">Text to ids.</param>
    /// <param name="endId">Id put after each document.</param>
    /// <param name="heldOut">Part of the documents held out, decided by their text.</param>
    /// <param name="progress">Reports the number of documents encoded; may be null.</param>
    /// <param name="cancellationToken">Looked at before each document.</param>
    /// <exception cref="InputException">There is no text, nothing is left for training, or the ids of a part do not fit into one
    /// array.</exception>
    public static TokenCorpus Encode(
        IEnumerable<TextDocument> documents,
        Func<string, IReadOnlyList<int>> encode,
        int endId,
        double heldOut,
        IProgress<int>? progress = null,
        CancellationToken cancellationToken = default)
        => Encode(documents, encode, endId, heldOut, Array.MaxLength, progress, cancellationToken);

    internal static TokenCorpus Encode(
        IEnumerable<TextDocument> documents,
        Func<string, IReadOnlyList<int>> encode,
        int endId,
        double heldOut,
        int mostIds,
        IProgress<int>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(encode);
        List<int> training = [], held = [];
        long trainingBytes = 0, heldBytes = 0;
        int count = 0;
        foreach (TextDocument document in documents)
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool isHeld = document.IsHeldOut(heldOut);
            List<int> part = isHeld ? held : training;
            IReadOnlyList<int> ids = encode(document.Text);
            if ((long)part.Count + ids.Count + 1 > mostIds)
            {
                throw new InputException(string.Create(CultureInfo.InvariantCulture,
                    $"data: the text up to {document.Source} has more than {mostIds:N0} ids, and no more can be held. "
                    + $"Set maximum_characters, or give less text."));
            }

            part.AddRange(ids);
            part.Add(endId);
            long bytes = Encoding.UTF8.GetByteCount(document.Text);
            if (isHeld) heldBytes += bytes;
            else trainingBytes += bytes;
            count++;
            if (count % 16 == 0) progress?.Report(count);
        }

        if (count == 0) throw new InputException("data: the corpus is empty. Give text files that hold text.");
        if (training.Count == 0) throw new InputException($"data: all {count} documents fell into the held-out part. Give more text or a smaller part held out (now {heldOut}).");
        progress?.Report(count);
        int[] a = [.. training], b = [.. held];
        return new TokenCorpus(a, b, trainingBytes, heldBytes, count, FingerprintOf(a, b));
    }

    /// <summary>Reads a corpus that <see cref="Write"/> kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">What the ids depend on: sums of texts, tokenizer and settings.</param>
    /// <param name="damaged">True if the file is there and not whole; it is then encoded anew.</param>
    /// <returns>Null if there is no such file, it has another key, or it is damaged.</returns>
    internal static TokenCorpus? Read(string path, string key, out bool damaged)
    {
        damaged = false;
        if (!File.Exists(path)) return null;
        damaged = true;
        using FileStream stream = InputFile.Open(path);
        byte[] head = new byte[HeadBytes];
        if (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length) return null;
        int keyLength = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(8));
        int training = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(16)), held = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(20));
        bool sound = BinaryPrimitives.ReadUInt32LittleEndian(head) == Magic && BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(4)) == Version
            && keyLength >= 0 && training >= 0 && held >= 0 && stream.Length == head.Length + (long)keyLength + (4L * training) + (4L * held) + SumBytes;
        if (!sound) return null;
        byte[] text = new byte[keyLength], sum = new byte[SumBytes];
        int[] a = new int[training], b = new int[held];
        stream.ReadExactly(text);
        stream.ReadExactly(MemoryMarshal.AsBytes(a.AsSpan()));
        stream.ReadExactly(MemoryMarshal.AsBytes(b.AsSpan()));
        stream.ReadExactly(sum);
        if (!SumOf(head, text, a, b).AsSpan().SequenceEqual(sum)) return null;
        damaged = false;
        if (Encoding.UTF8.GetString(text) != key) return null;
        return new TokenCorpus(a, b, BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(24)), BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(32)),
            BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(40)), FingerprintOf(a, b));
    }

    /// <summary>Keeps the corpus in a file whose every byte is under one sum.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">See <see cref="Read"/>.</param>
    internal void Write(string path, string key) => DurableFile.Write(path, stream =>
    {
        byte[] text = Encoding.UTF8.GetBytes(key), head = new byte[HeadBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(4), Version);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), text.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(16), Training.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(20), HeldOut.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(24), TrainingBytes);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(32), HeldOutBytes);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(40), Documents);
        stream.Write(head);
        stream.Write(text);
        stream.Write(MemoryMarshal.AsBytes<int>(TrainingIds));
        stream.Write(MemoryMarshal.AsBytes<int>(HeldOutIds));
        stream.Write(SumOf(head, text, TrainingIds, HeldOutIds));
    });

    private static byte[] SumOf(byte[] head, byte[] key, int[] training, int[] held)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        hash.AppendData(key);
        hash.AppendData(MemoryMarshal.AsBytes<int>(training));
        hash.AppendData(MemoryMarshal.AsBytes<int>(held));
        return hash.GetHashAndReset();
    }

    private static string FingerprintOf(int[] training, int[] held)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> lengths = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(lengths, training.Length);
        BinaryPrimitives.WriteInt32LittleEndian(lengths[4..], held.Length);
        hash.AppendData(lengths);
        hash.AppendData(MemoryMarshal.AsBytes<int>(training));
        hash.AppendData(MemoryMarshal.AsBytes<int>(held));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
