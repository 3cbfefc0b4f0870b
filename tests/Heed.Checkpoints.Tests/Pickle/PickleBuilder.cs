using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Heed.Checkpoints.Tests.Pickle;

/// <summary>Writes pickles opcode by opcode, as PyTorch does and as an attacker would.</summary>
internal sealed class PickleBuilder
{
    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public PickleBuilder Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleBuilder Op(char opcode) => Raw((byte)opcode);

    public PickleBuilder Proto() => Raw(0x80, 2);

    public PickleBuilder Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text), length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        return Op('X').Raw(length).Raw(utf8);
    }

    public PickleBuilder Int(long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Raw(0x8A, 8).Raw(bytes);
    }

    public PickleBuilder Global(string module, string name) => Raw(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    public PickleBuilder Tuple(params long[] values)
    {
        Op('(');
        foreach (long value in values) Int(value);
        return Op('t');
    }

    public PickleBuilder Storage(string type, string key, long count)
    {
        Op('(').Text("storage");
        int dot = type.LastIndexOf('.');
        return Global(type[..dot], type[(dot + 1)..]).Text(key).Text("cpu").Int(count).Op('t').Op('Q');
    }

    public PickleBuilder Tensor(string type, string key, long count, long offset, long[] shape, long[] strides)
        => Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage(type, key, count).Int(offset).Tuple(shape).Tuple(strides)
            .Raw(0x89).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');

    /// <summary>A state dict of one entry, whose value <paramref name="value"/> writes.</summary>
    public static byte[] Dict(params (string Name, Action<PickleBuilder> Value)[] entries)
    {
        PickleBuilder p = new PickleBuilder().Proto().Op('}').Op('(');
        foreach ((string name, Action<PickleBuilder> value) in entries) value(p.Text(name));
        return p.Op('u').Op('.').ToArray();
    }

    /// <summary>The form before PyTorch 1.6.</summary>
    public static byte[] Legacy(byte[] state, params (string Key, long Count, byte[] Data)[] storages) => Legacy(state, 0x88, storages);

    /// <summary>The form before PyTorch 1.6; <paramref name="little"/> is the opcode of its byte order.</summary>
    public static byte[] Legacy(byte[] state, byte little, params (string Key, long Count, byte[] Data)[] storages)
    {
        PickleBuilder p = new PickleBuilder().Proto().Raw(0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19).Op('.')
            .Proto().Int(1001).Op('.').Proto().Op('}').Text("little_endian").Raw(little).Op('s').Op('.').Raw(state).Proto().Op(']');
        foreach ((string key, _, _) in storages) p.Text(key).Op('a');
        p.Op('.');
        foreach ((_, long count, byte[] data) in storages)
        {
            byte[] prefix = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(prefix, count);
            p.Raw(prefix).Raw(data);
        }

        return p.ToArray();
    }

    /// <summary>Writes the zip form.</summary>
    public static void Zip(string path, byte[] pickle, IEnumerable<(string Key, byte[] Data)> storages, CompressionLevel level = CompressionLevel.NoCompression, params (string Name, byte[] Data)[] more)
    {
        using FileStream file = File.Create(path);
        using ZipArchive zip = new(file, ZipArchiveMode.Create);
        foreach ((string name, byte[] data) in storages.Select(s => ($"archive/data/{s.Key}", s.Data)).Prepend(("archive/data.pkl", pickle)).Concat(more.Select(m => ($"archive/{m.Name}", m.Data))))
        {
            using Stream entry = zip.CreateEntry(name, level).Open();
            entry.Write(data);
        }
    }
}
