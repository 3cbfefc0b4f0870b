using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Heed.Checkpoints;

namespace Heed.Retrieval;

/// <summary>A document of a segment.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Title">Its title, or null.</param>
/// <param name="Hash">What tells its versions apart.</param>
/// <param name="First">Its first chunk.</param>
/// <param name="Chunks">How many it has.</param>
/// <param name="Metadata">Its fields.</param>
internal sealed record SegmentDocument(
    string Key, string? Title, string Hash, int First, int Chunks, IReadOnlyDictionary<string, object> Metadata);

/// <summary>A segment that was read: all of it in memory but the texts, which stay in the open file.</summary>
internal sealed class IndexSegment : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly RawTensor _texts;
    private readonly long[] _textOffsets, _headingOffsets, _wordOffsets, _postingOffsets;
    private readonly byte[] _headings, _words;
    private readonly int[] _places, _postings;

    private IndexSegment(SafetensorsFile file, int width)
    {
        _file = file;
        WordCounts = Integers("word_counts", 1);
        _places = Integers("places", 2);
        (_texts, _textOffsets) = (Tensor("texts", DType.U8), Offsets("texts", WordCounts.Length));
        _headings = Tensor("headings", DType.U8).ToBytes();
        _headingOffsets = Offsets("headings", WordCounts.Length);
        _postings = Integers("postings", 2);
        RawTensor ends = Tensor("posting_offsets", DType.I64);
        _postingOffsets = Longs(ends);
        Check("posting_offsets", IsRising(_postingOffsets, _postings.Length / 2));
        _words = Tensor("words", DType.U8).ToBytes();
        _wordOffsets = Offsets("words", _postingOffsets.Length - 1);
        Check("places", _places.Length == 2 * WordCounts.Length);
        Check("word_counts", WordCounts.All(c => c >= 0));
        for (int p = 0; p < _postings.Length; p += 2)
            Check("postings", (uint)_postings[p] < WordCounts.Length && _postings[p + 1] > 0);
        Documents = ReadDocuments();
        DocumentOf = new int[WordCounts.Length];
        for (int d = 0; d < Documents.Count; d++) DocumentOf.AsSpan(Documents[d].First, Documents[d].Chunks).Fill(d);
        if (width > 0) Vectors = ReadVectors(width);
    }

    /// <summary>The documents, in ordinal order of their keys.</summary>
    public IReadOnlyList<SegmentDocument> Documents { get; }

    /// <summary>Number of chunks.</summary>
    public int Chunks => WordCounts.Length;

    /// <summary>Words of each chunk.</summary>
    public int[] WordCounts { get; }

    /// <summary>The document of each chunk.</summary>
    public int[] DocumentOf { get; }

    /// <summary>The chunks' vectors; null without.</summary>
    public PackedVectors? Vectors { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Numbers per vector; 0: the index has none.</param>
    /// <exception cref="InvalidFileException">The file is damaged.</exception>
    public static IndexSegment Open(string path, int width)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        try
        {
            return new IndexSegment(file, width);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Where a word stands: pairs of a chunk and how often; empty for an unknown word.</summary>
    public ReadOnlySpan<int> Postings(ReadOnlySpan<byte> word)
    {
        int from = 0, to = _postingOffsets.Length - 1;
        while (from < to)
        {
            int middle = from + ((to - from) / 2);
            int order = _words.AsSpan((int)_wordOffsets[middle]..(int)_wordOffsets[middle + 1]).SequenceCompareTo(word);
            if (order == 0)
                return _postings.AsSpan(2 * (int)_postingOffsets[middle], 2 * (int)(_postingOffsets[middle + 1] - _postingOffsets[middle]));
            if (order < 0) from = middle + 1;
            else to = middle;
        }

        return [];
    }

    /// <summary>A chunk with its text, read from the file.</summary>
    public StoredChunk Chunk(int chunk)
    {
        byte[] text = new byte[_textOffsets[chunk + 1] - _textOffsets[chunk]];
        _texts.ReadBytes(_textOffsets[chunk], text);
        string heading = Encoding.UTF8.GetString(_headings.AsSpan((int)_headingOffsets[chunk]..(int)_headingOffsets[chunk + 1]));
        return new StoredChunk(_places[2 * chunk], _places[(2 * chunk) + 1], heading, Encoding.UTF8.GetString(text))
        {
            Vector = Vectors?[chunk],
        };
    }

    /// <summary>A document with its texts and vectors.</summary>
    public StoredDocument Document(int document)
    {
        SegmentDocument d = Documents[document];
        return new StoredDocument(d.Key, d.Title, d.Hash, d.Metadata,
            [.. Enumerable.Range(d.First, d.Chunks).Select(Chunk)]);
    }

    public void Dispose() => _file.Dispose();

    private List<SegmentDocument> ReadDocuments()
    {
        byte[] lines = Tensor("documents", DType.U8).ToBytes();
        List<SegmentDocument> documents = [];
        int first = 0;
        for (int at = 0; at < lines.Length;)
        {
            int end = lines.AsSpan(at).IndexOf((byte)'\n');
            Check("documents", end > 0);
            string where = $"documents[{documents.Count}]";
            using JsonDocument json = StrictJson.Parse(lines.AsMemory(at, end), $"{_file.Path}: {where}");
            JsonElement root = json.RootElement;
            int chunks = StrictJson.Integer(Field(root, "chunks"), _file.Path, where, 0, WordCounts.Length - first);
            Dictionary<string, object> metadata = new(StringComparer.Ordinal);
            foreach (JsonProperty field in Field(root, "metadata").EnumerateObject())
                metadata[field.Name] = Metadata.Read(field.Value, _file.Path, $"{where}.{field.Name}");
            documents.Add(new SegmentDocument(StrictJson.Text(Field(root, "key"), _file.Path, where),
                root.TryGetProperty("title", out JsonElement title) ? StrictJson.Text(title, _file.Path, where) : null,
                StrictJson.Text(Field(root, "hash"), _file.Path, where), first, chunks, metadata));
            first += chunks;
            at += end + 1;
        }

        Check("documents", first == WordCounts.Length);
        return documents;
    }

    private JsonElement Field(JsonElement row, string name) => row.ValueKind == JsonValueKind.Object
        && row.TryGetProperty(name, out JsonElement value) ? value
        : throw new InvalidFileException(_file.Path, "documents", $"has a row without '{name}'. Build the index again");

    private PackedVectors ReadVectors(int width)
    {
        RawTensor tensor = Tensor("vectors");
        Check("vectors", tensor.Shape.Count == 2 && tensor.Shape[0] == Chunks && tensor.Shape[1] == width
            && tensor.DType is DType.F32 or DType.F16);
        return tensor.DType == DType.F32 ? PackedVectors.OfFloats(tensor.ToFloats(), width)
            : PackedVectors.OfHalves(MemoryMarshal.Cast<byte, Half>(tensor.ToBytes()).ToArray(), width);
    }

    private long[] Offsets(string name, int count)
    {
        long[] offsets = Longs(Tensor(name + "_offsets", DType.I64));
        Check(name + "_offsets", offsets.Length == count + 1 && IsRising(offsets, Tensor(name).ByteLength));
        return offsets;
    }

    private static bool IsRising(long[] offsets, long last)
    {
        if (offsets.Length == 0 || offsets[0] != 0 || offsets[^1] != last) return false;
        for (int i = 1; i < offsets.Length; i++)
            if (offsets[i] < offsets[i - 1]) return false;
        return true;
    }

    private static long[] Longs(RawTensor tensor) => MemoryMarshal.Cast<byte, long>(tensor.ToBytes()).ToArray();

    private int[] Integers(string name, int columns)
    {
        int[] values = MemoryMarshal.Cast<byte, int>(Tensor(name, DType.I32).ToBytes()).ToArray();
        Check(name, values.Length % columns == 0);
        return values;
    }

    private RawTensor Tensor(string name, DType? type = null)
    {
        RawTensor tensor = _file[name];
        Check(name, (type is null || tensor.DType == type) && tensor.ByteLength <= Array.MaxLength);
        return tensor;
    }

    private void Check(string name, bool holds)
    {
        if (!holds) throw new InvalidFileException(_file.Path, name, "does not fit the other tensors. Restore the file, or build the "
            + "index again");
    }
}
