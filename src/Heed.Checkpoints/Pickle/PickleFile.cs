using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Heed.Checkpoints;

/// <summary>
/// A PyTorch checkpoint (<c>pytorch_model.bin</c>, <c>torch.save</c>) read as pure data: the zip form of PyTorch 1.6 and later, and the
/// form before it. Nothing in the file is executed; an opcode or a global outside tensors and containers is refused by name and byte
/// offset.
/// </summary>
public sealed class PickleFile : IDisposable
{
    /// <summary>Longest pickle accepted, without the tensors' data, in bytes.</summary>
    public const int MaximumPickleBytes = 64 << 20;

    private static readonly BigInteger LegacyMagic = BigInteger.Parse("119547037146038801333356", CultureInfo.InvariantCulture);

    private readonly ModelFile _file;

    private PickleFile(ModelFile file)
    {
        _file = file;
        Tensors = [];
        Skipped = [];
    }

    /// <summary>The path, as given.</summary>
    public string Path => _file.Path;

    /// <summary>The tensors in the file's order; those of nested dicts have names joined by dots. They can be read until the file is
    /// disposed.</summary>
    public IReadOnlyList<RawTensor> Tensors { get; private set; }

    /// <summary>Names of the values that are no tensors (numbers, texts, lists).</summary>
    public IReadOnlyList<string> Skipped { get; private set; }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is damaged or holds more than tensors and containers.</exception>
    public static PickleFile Open(string path) => Open(new DiskFile(path));

    /// <summary>Opens and checks a file of any store.</summary>
    /// <param name="source">The file; the result owns it, also if opening fails.</param>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is damaged or holds more than tensors and containers.</exception>
    public static PickleFile Open(ModelFile source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Heed needs a little-endian computer.");
        PickleFile file = new(source);
        try
        {
            long length = source.Length;
            Span<byte> start = stackalloc byte[4];
            if (length < 4) throw file.Bad("", $"has {length} bytes; a PyTorch checkpoint was expected. Download it again");
            source.Read(0, start);
            if (BinaryPrimitives.ReadUInt32LittleEndian(start) == 0x04034B50) file.ReadZip();
            else if (start[0] == 0x80) file.ReadLegacy(length);
            else throw file.Bad("byte 0", $"is 0x{start[0]:X2}; a PyTorch checkpoint starts with a zip header or a pickle. Files of PyTorch before 0.1.10 (tar) are not read");
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Closes the file; its tensors can no longer be read.</summary>
    public void Dispose() => _file.Dispose();

    private void ReadZip()
    {
        Dictionary<string, (long Offset, long Length)> entries = ZipIndex.Read(_file);
        string[] roots = [.. entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal)).Select(name => name[..^8])];
        if (roots.Length != 1) throw Bad("zip directory", $"has {roots.Length} entries named data.pkl; a PyTorch checkpoint has exactly one");
        string root = roots[0];
        if (entries.ContainsKey(root + "constants.pkl")) throw Bad(root + "constants.pkl", "belongs to a TorchScript program; only checkpoints are read");
        if (entries.TryGetValue(root + "byteorder", out (long Offset, long Length) order))
        {
            Span<byte> text = stackalloc byte[(int)Math.Min(order.Length, 16)];
            _file.Read(order.Offset, text);
            if (!text.SequenceEqual("little"u8)) throw Bad(root + "byteorder", "is not 'little'; files of big-endian computers are not read");
        }

        (long offset, long size) = entries[root + "data.pkl"];
        byte[] pickle = Load(offset, size, root + "data.pkl");
        object? value = PickleMachine.Read(pickle, Path, offset, out int used);
        if (used != size) throw Bad(root + "data.pkl", $"has {size - used} bytes after its end. The file is damaged");
        Collect(value, storage =>
        {
            string name = $"{root}data/{storage.Key}";
            if (!entries.TryGetValue(name, out (long Offset, long Length) entry)) throw Bad($"zip entry '{Printable.Shorten(name)}'", "is missing, though a tensor needs it. The file is damaged");
            long needed = storage.Count * (storage.DType.Bits() / 8);
            return entry.Length == needed ? entry.Offset : throw Bad($"zip entry '{Printable.Shorten(name)}'", $"has {entry.Length} bytes; {needed} are needed. The file is damaged");
        });
    }

    // Five pickles (magic number, protocol, system, object, keys of the storages), then each storage: its element count in 8 bytes, its
    // data.
    private void ReadLegacy(long length)
    {
        byte[] head = Load(0, Math.Min(length, MaximumPickleBytes), "");
        int at = 0;
        if (Next(head, ref at) is not BigInteger magic || magic != LegacyMagic) throw Bad("byte 0", "is a pickle but no PyTorch checkpoint (its magic number is missing)");
        if (Next(head, ref at) is not 1001L) throw Bad("protocol", "is not 1001, the only one of this form");
        if (Next(head, ref at) is not PickleDict system || system["little_endian"] is not true) throw Bad("system", "does not say little_endian; files of big-endian computers are not read");
        object? value = Next(head, ref at);
        if (Next(head, ref at) is not PickleList keys) throw Bad("storage keys", "are no list. The file is damaged");

        // Element sizes are known only from the tensors that use a storage.
        List<(string Name, PickleTensor Tensor)> tensors = Flatten(value);
        Dictionary<string, int> widths = new(StringComparer.Ordinal);
        foreach ((string name, PickleTensor tensor) in tensors)
        {
            int width = tensor.Storage.DType.Bits() / 8;
            if (!widths.TryAdd(tensor.Storage.Key, width) && widths[tensor.Storage.Key] != width) throw Bad($"tensor '{Printable.Shorten(name)}'", "uses a storage with another element size than before. The file is damaged");
        }

        Dictionary<string, (long Offset, long Count)> places = new(StringComparer.Ordinal);
        long position = at;
        Span<byte> prefix = stackalloc byte[8];
        foreach (object? key in keys.Items)
        {
            if (key is not string text || !widths.TryGetValue(text, out int width)) throw Bad("storage keys", "name a storage that no tensor uses, so its size is unknown. The file is damaged");
            if (position > length - 8) throw Bad($"byte {position}", $"the storage {text} is missing. The file is cut short; download it again");
            _file.Read(position, prefix);
            long count = BinaryPrimitives.ReadInt64LittleEndian(prefix);
            position += 8;
            if (count < 0 || count > (length - position) / width) throw Bad($"byte {position - 8}", $"states {count} elements of {width} bytes, but only {length - position} bytes follow. The file is damaged or cut short");
            if (!places.TryAdd(text, (position, count))) throw Bad("storage keys", $"name {text} twice. The file is damaged");
            position += count * width;
        }

        if (position != length) throw Bad($"byte {position}", $"{length - position} bytes follow the last storage; nothing may follow it. The file is damaged");
        Build(tensors, storage =>
        {
            if (!places.TryGetValue(storage.Key, out (long Offset, long Count) place)) throw Bad("storage keys", $"do not name {Printable.Shorten(storage.Key)}, though a tensor needs it. The file is damaged");
            return place.Count == storage.Count ? place.Offset : throw Bad($"byte {place.Offset - 8}", $"states {place.Count} elements, but the tensors need {storage.Count}. The file is damaged");
        });
    }

    private object? Next(byte[] head, ref int at)
    {
        object? value = PickleMachine.Read(head.AsSpan(at), Path, at, out int used);
        at += used;
        return value;
    }

    private byte[] Load(long offset, long size, string where)
    {
        if (size > MaximumPickleBytes) throw Bad(where, $"has {Printable.Bytes(size)}; at most {Printable.Bytes(MaximumPickleBytes)} of pickle are read");
        byte[] bytes = new byte[size];
        _file.Read(offset, bytes);
        return bytes;
    }

    private void Collect(object? value, Func<PickleStorage, long> place) => Build(Flatten(value), place);

    private void Build(List<(string Name, PickleTensor Tensor)> found, Func<PickleStorage, long> place)
    {
        List<RawTensor> tensors = new(found.Count);
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach ((string name, PickleTensor t) in found)
        {
            if (!names.Add(name)) throw Bad($"tensor '{Printable.Shorten(name)}'", "appears twice");
            long first = checked(place(t.Storage) + ((t.Storage.ViewOffset + t.Offset) * (t.DType.Bits() / 8)));
            tensors.Add(StridedTensor.IsContiguous(t.Shape, t.Strides)
                ? new FileTensor(name, t.DType, t.Shape, _file, first)
                : new StridedTensor(name, t.DType, t.Shape, t.Strides, _file, first));
        }

        Tensors = tensors;
    }

    // Dicts within dicts, without recursion; a dict met twice (or inside itself) is refused, since names would repeat without end.
    private List<(string Name, PickleTensor Tensor)> Flatten(object? value)
    {
        if (value is not PickleDict top) throw Bad("pickle", "holds no dict of tensors at its top; a state dict was expected");
        List<(string, PickleTensor)> tensors = [];
        List<string> skipped = [];
        HashSet<PickleDict> seen = new(ReferenceEqualityComparer.Instance) { top };
        Stack<(string Prefix, PickleDict Dict, int Next)> open = new([("", top, 0)]);
        while (open.TryPop(out (string Prefix, PickleDict Dict, int Next) at))
        {
            if (at.Next == at.Dict.Items.Count) continue;
            open.Push(at with { Next = at.Next + 1 });
            (object key, object? item) = at.Dict.Items[at.Next];
            string name = at.Prefix + Convert.ToString(key, CultureInfo.InvariantCulture);
            if (item is PickleTensor tensor) tensors.Add((name, tensor));
            else if (item is not PickleDict dict) skipped.Add(name);
            else if (!seen.Add(dict)) throw Bad($"'{Printable.Shorten(name)}'", "is a dict that appears twice");
            else if (open.Count >= 16) throw Bad($"'{Printable.Shorten(name)}'", "is nested deeper than 16 dicts");
            else open.Push((name + ".", dict, 0));
        }

        Skipped = skipped;
        return tensors;
    }

    private InvalidFileException Bad(string where, string reason) => new(Path, where, reason);
}
