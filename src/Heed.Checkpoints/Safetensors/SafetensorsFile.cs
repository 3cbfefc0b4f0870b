using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Heed.Checkpoints;

/// <summary>
/// A safetensors file, opened and checked: 8 bytes of header length, a JSON header, the tensors' bytes. Every rule of the format is checked
/// on opening, before anything is allocated from a size that the file states; tensors are read afterwards, in parts, without a memory map.
/// </summary>
/// <remarks>
/// Format: github.com/huggingface/safetensors, README "Format". Limits: header ≤ 100,000,000 bytes (the reference's), rank ≤
/// <see cref="RawTensor.MaximumRank"/>,
/// dimension ≤ <see cref="RawTensor.MaximumDimension"/>, tensors ≤ <see cref="MaximumTensors"/>. Stricter than the reference library where
/// the README is: duplicate keys, also escaped ones, and padding other than blanks are refused.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>Longest header accepted, in bytes.</summary>
    public const int MaximumHeaderBytes = 100_000_000;

    /// <summary>Most tensors accepted in one file: a header of 100 MB could declare so many empty ones that their names alone need
    /// gigabytes.</summary>
    public const int MaximumTensors = 250_000;

    private readonly ModelFile _file;
    private readonly Dictionary<string, RawTensor> _byName;

    private SafetensorsFile(ModelFile file, List<KeyValuePair<string, string>>? metadata, List<RawTensor> tensors)
    {
        (_file, Metadata, Tensors) = (file, metadata, tensors);
        _byName = new(tensors.Count, StringComparer.Ordinal);
        foreach (RawTensor tensor in tensors) _byName.Add(tensor.Name, tensor);
    }

    /// <summary>The path, as given.</summary>
    public string Path => _file.Path;

    /// <summary>The pairs of <c>__metadata__</c> in the file's order; null where the header has none.</summary>
    public IReadOnlyList<KeyValuePair<string, string>>? Metadata { get; }

    /// <summary>The tensors, in the order of the header. They can be read until the file is disposed.</summary>
    public IReadOnlyList<RawTensor> Tensors { get; }

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="InvalidFileException">There is none.</exception>
    public RawTensor this[string name] => TryGet(name, out RawTensor? tensor) ? tensor
        : throw new InvalidFileException(Path, name, $"is missing; the file has {Tensors.Count} tensors{Similar(name)}");

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks a rule of the format; the error names the tensor, the field, the value and
    /// the rule.</exception>
    public static SafetensorsFile Open(string path) => Open(new DiskFile(path));

    /// <summary>Opens and checks a file of any store.</summary>
    /// <param name="file">The file; the result owns it, also if opening fails.</param>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks a rule of the format; the error names the tensor, the field, the value and
    /// the rule.</exception>
    public static SafetensorsFile Open(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Heed needs a little-endian computer.");
        try
        {
            byte[] header = ReadHeader(file);
            SafetensorsHeader parsed = SafetensorsHeader.Parse(header, file.Path, file.Length - 8 - header.Length);
            List<RawTensor> tensors = new(parsed.Entries.Count);
            foreach (SafetensorsHeader.Entry e in parsed.Entries)
                tensors.Add(new FileTensor(e.Name, e.DType, e.Shape, file, 8 + header.Length + e.Begin));
            return new SafetensorsFile(file, parsed.Metadata, tensors);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out RawTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Closes the file; its tensors can no longer be read.</summary>
    public void Dispose() => _file.Dispose();

    private static byte[] ReadHeader(ModelFile file)
    {
        (string path, long length) = (file.Path, file.Length);
        if (length < 8) throw new InvalidFileException(path, "header length", $"the file has {length} bytes; a safetensors file starts with 8 bytes of header length. Download it again");
        Span<byte> prefix = stackalloc byte[8];
        file.Read(0, prefix);
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (size > MaximumHeaderBytes)
            throw new InvalidFileException(path, "header length", $"is {size}; at most {MaximumHeaderBytes} is allowed. The file is damaged or not a safetensors file; download it again");
        if (size > (ulong)(length - 8))
            throw new InvalidFileException(path, "header length", $"is {size}, but only {length - 8} bytes follow. The file is cut short; download it again");
        if (size == 0) throw new InvalidFileException(path, "header length", "is 0; the header holds at least {}. The file is damaged; download it again");
        byte[] header = new byte[size];
        file.Read(8, header);
        return header;
    }

    private string Similar(string name) => Printable.Nearest(name, _byName.Keys) is { } nearest ? $"; the nearest name is '{nearest}'" : "";
}
