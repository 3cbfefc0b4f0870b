using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Heed.Checkpoints;

namespace Heed.Retrieval;

/// <summary>Writes a segment: some documents with all that a search needs, in one safetensors file.</summary>
/// <remarks>docs/search.md lists the tensors.</remarks>
internal static class SegmentWriter
{
    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="documents">The documents, in ordinal order of their keys.</param>
    /// <param name="width">D; 0 without vectors.</param>
    /// <param name="format">How vectors are kept.</param>
    public static void Write(string path, IReadOnlyList<StoredDocument> documents, int width, VectorFormat format)
    {
        StoredChunk[] chunks = [.. documents.SelectMany(d => d.Chunks)];
        string?[] titles = [.. documents.SelectMany(d => d.Chunks.Select(_ => d.Title))];
        Dictionary<string, List<Posting>> postings = new(StringComparer.Ordinal);
        int[] wordCounts = new int[chunks.Length], places = new int[2 * chunks.Length];
        for (int c = 0; c < chunks.Length; c++)
        {
            wordCounts[c] = Bm25.Count(postings, c, chunks[c].Indexed(titles[c]));
            (places[2 * c], places[(2 * c) + 1]) = (chunks[c].Start, chunks[c].End);
        }

        List<RawTensor> tensors = [Bytes("documents", Documents(documents)), Integers("word_counts", wordCounts, [chunks.Length]),
            Integers("places", places, [chunks.Length, 2])];
        AddTexts(tensors, "texts", [.. chunks.Select(c => Encoding.UTF8.GetBytes(c.Text))]);
        AddTexts(tensors, "headings", [.. chunks.Select(c => Encoding.UTF8.GetBytes(c.Heading))]);
        AddWords(tensors, postings);
        if (width > 0) tensors.Add(Vectors(chunks, width, format));
        SafetensorsWriter.Write(path, tensors);
    }

    private static byte[] Documents(IReadOnlyList<StoredDocument> documents)
    {
        using MemoryStream lines = new();
        foreach (StoredDocument document in documents)
        {
            using (Utf8JsonWriter json = new(lines, new JsonWriterOptions { Encoder = StrictJson.WriterOptions.Encoder }))
            {
                json.WriteStartObject();
                json.WriteString("key", document.Key);
                if (document.Title is { } title) json.WriteString("title", title);
                json.WriteString("hash", document.Hash);
                json.WriteNumber("chunks", document.Chunks.Count);
                json.WriteStartObject("metadata");
                foreach ((string field, object value) in document.Metadata)
                {
                    json.WritePropertyName(field);
                    Metadata.Write(json, value);
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            lines.WriteByte((byte)'\n');
        }

        return lines.ToArray();
    }

    private static void AddWords(List<RawTensor> tensors, Dictionary<string, List<Posting>> postings)
    {
        (byte[] Word, List<Posting> Postings)[] sorted = [.. postings.Select(p => (Encoding.UTF8.GetBytes(p.Key), p.Value))];
        Array.Sort(sorted, static (a, b) => a.Word.AsSpan().SequenceCompareTo(b.Word));
        long[] offsets = new long[sorted.Length + 1];
        List<int> all = [];
        for (int w = 0; w < sorted.Length; w++)
        {
            foreach (Posting p in sorted[w].Postings) all.AddRange([p.Item, p.Count]);
            offsets[w + 1] = all.Count / 2;
        }

        AddTexts(tensors, "words", [.. sorted.Select(s => s.Word)]);
        tensors.Add(Longs("posting_offsets", offsets));
        tensors.Add(Integers("postings", [.. all], [all.Count / 2, 2]));
    }

    private static RawTensor Vectors(StoredChunk[] chunks, int width, VectorFormat format)
    {
        float[] values = new float[chunks.Length * width];
        for (int c = 0; c < chunks.Length; c++) chunks[c].Vector!.CopyTo(values.AsSpan(c * width));
        long[] shape = [chunks.Length, width];
        return format == VectorFormat.Float32 ? RawTensor.FromFloats("vectors", shape, values)
            : RawTensor.FromBytes("vectors", DType.F16, shape, MemoryMarshal.AsBytes<Half>(PackedVectors.Halves(values)).ToArray());
    }

    private static void AddTexts(List<RawTensor> tensors, string name, byte[][] texts)
    {
        long[] offsets = new long[texts.Length + 1];
        for (int i = 0; i < texts.Length; i++) offsets[i + 1] = offsets[i] + texts[i].Length;
        byte[] all = new byte[offsets[^1]];
        for (int i = 0; i < texts.Length; i++) texts[i].CopyTo(all, offsets[i]);
        tensors.Add(Bytes(name, all));
        tensors.Add(Longs(name + "_offsets", offsets));
    }

    private static RawTensor Bytes(string name, byte[] bytes) => RawTensor.FromBytes(name, DType.U8, [bytes.Length], bytes);

    private static RawTensor Integers(string name, int[] values, long[] shape)
        => RawTensor.FromBytes(name, DType.I32, shape, MemoryMarshal.AsBytes<int>(values).ToArray());

    private static RawTensor Longs(string name, long[] values)
        => RawTensor.FromBytes(name, DType.I64, [values.Length], MemoryMarshal.AsBytes<long>(values).ToArray());
}
