using System.Diagnostics.CodeAnalysis;

namespace Heed.Checkpoints.Gguf;

/// <summary>
/// A GGUF file, opened and checked: metadata and tensors by the file's own names. Every rule is checked on opening, before anything is
/// allocated from a number that the file states; tensors are read afterwards, in parts.
/// </summary>
/// <remarks>Format: github.com/ggml-org/ggml, docs/gguf.md, versions 2 and 3, little-endian.</remarks>
internal sealed class GgufFile : IDisposable
{
    /// <summary>Longest name of a tensor, in bytes.</summary>
    public const int MaximumNameBytes = 64;

    private const string AlignmentKey = "general.alignment";
    private const int MaximumRank = 4;

    private readonly ModelFile _file;
    private readonly Dictionary<string, GgufValue> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GgufTensor> _byName = new(StringComparer.Ordinal);
    private readonly List<GgufTensor> _tensors = [];

    private GgufFile(ModelFile file) => _file = file;

    /// <summary>The path, as given.</summary>
    public string Path => _file.Path;

    /// <summary>Keys and values of the metadata.</summary>
    public IReadOnlyDictionary<string, GgufValue> Metadata => _metadata;

    /// <summary>The tensors, in the file's order. They can be read until the file is disposed.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _tensors;

    /// <summary>True if a file's name says that it is of this format.</summary>
    public static bool IsName(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    /// <summary>Opens and checks a file.</summary>
    /// <param name="file">The file; the result owns it, also if opening fails.</param>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks a rule of the format; the error names key or tensor, value and
    /// rule.</exception>
    public static GgufFile Open(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Heed needs a little-endian computer.");
        try
        {
            GgufFile result = new(file);
            result.Read();
            return result;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor by the file's name for it.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out GgufTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Closes the file; its tensors can no longer be read.</summary>
    public void Dispose() => _file.Dispose();

    private void Read()
    {
        GgufReader reader = new(_file);
        uint magic = reader.U32("magic");
        if (magic != 0x46554747) throw reader.Bad("magic", $"is 0x{magic:X8}; a GGUF file begins with the letters GGUF");
        uint version = reader.U32("version");
        if (version is not (2 or 3))
        {
            throw reader.Bad("version", (version & 0xFFFF) == 0 && version != 0
                ? $"is 0x{version:X8}: the file is big-endian; little-endian files are read"
                : $"is {version}; versions 2 and 3 are read");
        }

        // A tensor takes at least a name of one byte, its rank, type and offset; a key its name, type and one byte.
        int tensors = reader.Count("number of tensors", 8 + 1 + 4 + 4 + 8), keys = reader.Count("number of keys", 8 + 1 + 4 + 1);
        for (int i = 0; i < keys; i++)
        {
            string key = reader.Text($"key {i}");
            if (key.Length == 0) throw reader.Bad($"key {i}", "has no name");
            if (!_metadata.TryAdd(key, reader.Value(key))) throw reader.Bad(key, "appears twice; each key may appear once");
        }

        long alignment = Alignment(reader);
        List<(string Name, GgufType Type, long[] Sizes, ulong Offset, long Bytes)> infos = new(tensors);
        for (int i = 0; i < tensors; i++) infos.Add(Info(reader, i));
        long start = (reader.Position + alignment - 1) / alignment * alignment;
        if (tensors > 0 && start > _file.Length) throw reader.Bad(AlignmentKey,
            $"is {alignment}: the data would begin at byte {start} of {_file.Length}");
        foreach ((string name, GgufType type, long[] sizes, ulong offset, long bytes) in infos)
        {
            if (offset % (ulong)alignment != 0) throw reader.Bad($"tensor '{name}'",
                $"begins at offset {offset}, no multiple of the alignment {alignment}");
            if (offset > (ulong)(_file.Length - start) || bytes > _file.Length - start - (long)offset)
                throw reader.Bad($"tensor '{name}'", $"has {bytes} bytes from offset {offset} on, but the data has {_file.Length - start}");
            GgufTensor tensor = new(name, type, sizes, _file, start + (long)offset);
            if (!_byName.TryAdd(name, tensor)) throw reader.Bad($"tensor '{name}'", "appears twice; each name may appear once");
            _tensors.Add(tensor);
        }

        CheckOverlap(reader, infos);
    }

    private long Alignment(GgufReader reader)
    {
        if (!_metadata.TryGetValue(AlignmentKey, out GgufValue? value)) return 32;
        if (value is not { Type: GgufValueType.U32, Value: decimal number }) throw reader.Bad(AlignmentKey,
            $"is {value}; a 32-bit whole number was expected");
        long alignment = (long)number;
        if (alignment < 8 || !long.IsPow2(alignment)) throw reader.Bad(AlignmentKey,
            $"is {alignment}; a power of two from 8 on was expected");
        return alignment;
    }

    private static (string Name, GgufType Type, long[] Sizes, ulong Offset, long Bytes) Info(GgufReader reader, int index)
    {
        string name = reader.Text($"tensor {index}: name");
        string at = $"tensor '{Printable.Shorten(name)}'";
        if (name.Length == 0) throw reader.Bad($"tensor {index}", "has no name");
        if (System.Text.Encoding.UTF8.GetByteCount(name) > MaximumNameBytes) throw reader.Bad(at,
            $"has a name of more than {MaximumNameBytes} bytes");
        uint rank = reader.U32(at);
        if (rank > MaximumRank) throw reader.Bad(at, $"has {rank} dimensions; at most {MaximumRank} are allowed");
        long[] sizes = new long[rank];
        UInt128 count = 1;
        for (int d = 0; d < sizes.Length; d++)
        {
            ulong size = reader.U64(at);
            if (size > RawTensor.MaximumDimension) throw reader.Bad(at,
                $"has a dimension of {size}; at most {RawTensor.MaximumDimension} is accepted");
            // The file's order is innermost first.
            sizes[sizes.Length - 1 - d] = (long)size;
            count *= size;
            if (count > long.MaxValue / 8) throw reader.Bad(at, "has dimensions whose product is too large");
        }

        uint number = reader.U32(at);
        GgufType type = (GgufType)number;
        if (!GgufTypes.IsKnown(type))
        {
            throw reader.Bad(at, GgufTypes.NameOfRefused(number) is { } refused ? $"is of type {number}: {refused}; it is not read here"
                : $"is of type {number}, which is none of the format's ({GgufTypes.Names})");
        }

        long row = sizes.Length == 0 ? 1 : sizes[^1];
        if (row % type.BlockValues() != 0) throw reader.Bad(at,
            $"has rows of {row} values; {type} stores blocks of {type.BlockValues()}, and rows are whole blocks");
        return (name, type, sizes, reader.U64(at), (long)(count / (uint)type.BlockValues() * (uint)type.BlockBytes()));
    }

    private static void CheckOverlap(GgufReader reader, List<(string Name, GgufType Type, long[] Sizes, ulong Offset, long Bytes)> infos)
    {
        ulong end = 0;
        string before = "";
        foreach ((string name, _, _, ulong offset, long bytes) in infos.Where(i => i.Bytes > 0).OrderBy(i => i.Offset))
        {
            if (offset < end) throw reader.Bad($"tensor '{name}'", $"begins at offset {offset} inside '{before}', which ends at {end}");
            (end, before) = (offset + (ulong)bytes, name);
        }
    }
}
