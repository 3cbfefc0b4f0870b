using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Heed.Training.Data;

/// <summary>A corpus as ids: every document followed by the end-of-text id, split into training and held-out parts, kept on disk between runs.</summary>
public sealed class TokenCorpus
{
    private const uint Magic = 0x4B4F5448;   // "HTOK"
    private const int Version = 2;

    private TokenCorpus(int[] training, int[] heldOut, long trainingBytes, long heldOutBytes, int documents, string fingerprint)
    {
        Training = training;
        HeldOut = heldOut;
        TrainingBytes = trainingBytes;
        HeldOutBytes = heldOutBytes;
        Documents = documents;
        Fingerprint = fingerprint;
    }

    /// <summary>Ids of the training documents, one after another.</summary>
    public int[] Training { get; }

    /// <summary>Ids of the held-out documents, one after another.</summary>
    public int[] HeldOut { get; }

    /// <summary>UTF-8 bytes of the training documents.</summary>
    public long TrainingBytes { get; }

    /// <summary>UTF-8 bytes of the held-out documents: what bits per byte divide by.</summary>
    public long HeldOutBytes { get; }

    /// <summary>Number of documents in both parts.</summary>
    public int Documents { get; }

    /// <summary>SHA-256 of the ids of both parts, in hex: a resumed run must find the same.</summary>
    public string Fingerprint { get; }

    /// <summary>Encodes documents.</summary>
    /// <param name="documents">The texts.</param>
    /// <param name="encode">Text to ids.</param>
    /// <param name="endId">Id put behind each document.</param>
    /// <param name="heldOut">Part of the documents held out, decided by their text.</param>
    /// <param name="progress">Told the number of documents encoded; may be null.</param>
    /// <param name="cancellationToken">Looked at before each document.</param>
    /// <exception cref="InputException">There is no text, or nothing is left for training.</exception>
    public static TokenCorpus Encode(IEnumerable<TextDocument> documents, Func<string, IReadOnlyList<int>> encode, int endId, double heldOut, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
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
            part.AddRange(encode(document.Text));
            part.Add(endId);
            long bytes = Encoding.UTF8.GetByteCount(document.Text);
            if (isHeld) heldBytes += bytes;
            else trainingBytes += bytes;
            count++;
            if (count % 256 == 0) progress?.Report(count);
        }

        if (count == 0) throw new InputException("data: the corpus is empty. Give text files that hold text.");
        if (training.Count == 0) throw new InputException($"data: all {count} documents fell into the held-out part. Give more text or a smaller part held out (now {heldOut}).");
        progress?.Report(count);
        int[] a = [.. training], b = [.. held];
        return new TokenCorpus(a, b, trainingBytes, heldBytes, count, FingerprintOf(a, b));
    }

    /// <summary>Reads a corpus from the cache, or encodes it and writes the cache.</summary>
    /// <param name="path">The cache file.</param>
    /// <param name="key">What the ids depend on: hashes of texts, tokenizer and settings. Another key encodes anew.</param>
    /// <param name="encode">Encodes the corpus.</param>
    public static TokenCorpus Cached(string path, string key, Func<TokenCorpus> encode)
    {
        ArgumentNullException.ThrowIfNull(encode);
        if (File.Exists(path) && TryRead(path, key) is { } cached) return cached;
        TokenCorpus corpus = encode();
        corpus.Write(path, key);
        return corpus;
    }

    private void Write(string path, string key) => DurableFile.Write(path, stream =>
    {
        byte[] keyBytes = Encoding.UTF8.GetBytes(key), mark = Encoding.UTF8.GetBytes(Fingerprint);
        Span<byte> head = stackalloc byte[48];
        BinaryPrimitives.WriteUInt32LittleEndian(head, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(head[4..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(head[8..], keyBytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], mark.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[16..], Training.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[20..], HeldOut.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head[24..], TrainingBytes);
        BinaryPrimitives.WriteInt64LittleEndian(head[32..], HeldOutBytes);
        BinaryPrimitives.WriteInt32LittleEndian(head[40..], Documents);
        stream.Write(head);
        stream.Write(keyBytes);
        stream.Write(mark);
        stream.Write(MemoryMarshal.AsBytes<int>(Training));
        stream.Write(MemoryMarshal.AsBytes<int>(HeldOut));
    });

    /// <summary>The cached corpus, or null where the file has another key or is damaged: it is then encoded anew.</summary>
    private static TokenCorpus? TryRead(string path, string key)
    {
        using FileStream stream = InputFile.Open(path);
        Span<byte> head = stackalloc byte[48];
        if (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length) return null;
        int keyLength = BinaryPrimitives.ReadInt32LittleEndian(head[8..]), markLength = BinaryPrimitives.ReadInt32LittleEndian(head[12..]);
        int training = BinaryPrimitives.ReadInt32LittleEndian(head[16..]), held = BinaryPrimitives.ReadInt32LittleEndian(head[20..]);
        bool sound = BinaryPrimitives.ReadUInt32LittleEndian(head) == Magic && BinaryPrimitives.ReadInt32LittleEndian(head[4..]) == Version
            && keyLength >= 0 && markLength >= 0 && training >= 0 && held >= 0
            && stream.Length == head.Length + (long)keyLength + markLength + (4L * training) + (4L * held);
        if (!sound) return null;
        byte[] text = new byte[keyLength + markLength];
        stream.ReadExactly(text);
        if (Encoding.UTF8.GetString(text, 0, keyLength) != key) return null;
        int[] a = new int[training], b = new int[held];
        stream.ReadExactly(MemoryMarshal.AsBytes(a.AsSpan()));
        stream.ReadExactly(MemoryMarshal.AsBytes(b.AsSpan()));
        string mark = Encoding.UTF8.GetString(text, keyLength, markLength);
        if (FingerprintOf(a, b) != mark) return null;
        return new TokenCorpus(a, b, BinaryPrimitives.ReadInt64LittleEndian(head[24..]), BinaryPrimitives.ReadInt64LittleEndian(head[32..]), BinaryPrimitives.ReadInt32LittleEndian(head[40..]), mark);
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
