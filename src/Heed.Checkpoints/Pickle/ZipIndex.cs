using System.Buffers.Binary;
using System.Text;

namespace Heed.Checkpoints;

/// <summary>
/// The table of contents of a zip file whose entries are stored without compression, as <c>torch.save</c> writes them: where the bytes of
/// each entry lie, so that tensors can be read in place. Compressed or encrypted entries, and entries outside the file, are refused.
/// </summary>
/// <remarks>PKWARE APPNOTE 6.3, §4.3: end of central directory, its zip64 form, central and local headers.</remarks>
internal static class ZipIndex
{
    private const int MaximumDirectoryBytes = 64 << 20;

    /// <summary>Reads the entries: name → first byte and length.</summary>
    /// <exception cref="InvalidFileException">The zip is damaged or uses something that is not read.</exception>
    public static Dictionary<string, (long Offset, long Length)> Read(ModelFile file)
    {
        long fileLength = file.Length;
        (long start, long size, long count) = FindDirectory(file, fileLength);
        if (start < 0 || size < 0 || start > fileLength || size > fileLength - start || size > MaximumDirectoryBytes || count < 0 || count > size / 46)
            throw Bad(file, "zip directory", $"has {count} entries in {size} bytes at {start}, which does not fit the file of {fileLength} bytes. The file is damaged or cut short");
        byte[] directory = new byte[size];
        file.Read(start, directory);
        Dictionary<string, (long, long)> entries = new(StringComparer.Ordinal);
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < count; i++)
        {
            if (rest.Length < 46 || BinaryPrimitives.ReadUInt32LittleEndian(rest) != 0x02014B50) throw Bad(file, "zip directory", $"entry {i} is damaged");
            int nameLength = U16(rest, 28), extraLength = U16(rest, 30), commentLength = U16(rest, 32);
            if (rest.Length - 46 < nameLength + extraLength + commentLength) throw Bad(file, "zip directory", $"entry {i} is cut short");
            string name = Encoding.UTF8.GetString(rest.Slice(46, nameLength));
            (int flags, int method) = (U16(rest, 8), U16(rest, 10));
            long packed = U32(rest, 20), length = U32(rest, 24), local = U32(rest, 42);
            ReadZip64(rest.Slice(46 + nameLength, extraLength), ref length, ref packed, ref local);
            string at = $"zip entry '{Printable.Shorten(name)}'";
            if ((flags & 1) != 0) throw Bad(file, at, "is encrypted, which is not read");
            if (method != 0 || packed != length) throw Bad(file, at, $"is compressed (method {method}); torch.save stores entries without compression. Pack it again without compression");
            long data = DataStart(file, at, local, start);
            if (length < 0 || length > start - data) throw Bad(file, at, $"claims {length} bytes at {data}, beyond the zip's data, which ends at {start}. The file is damaged");
            if (!entries.TryAdd(name, (data, length))) throw Bad(file, at, "appears twice");
            rest = rest[(46 + nameLength + extraLength + commentLength)..];
        }

        return entries;
    }

    private static (long Start, long Size, long Count) FindDirectory(ModelFile file, long fileLength)
    {
        int tailLength = (int)Math.Min(fileLength, 22 + 65535);
        byte[] tail = new byte[tailLength];
        file.Read(fileLength - tailLength, tail);
        int end = -1;
        for (int i = tailLength - 22; i >= 0 && end < 0; i--)
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i)) == 0x06054B50 && i + 22 + U16(tail, i + 20) == tailLength) end = i;
        if (end < 0) throw Bad(file, "zip directory", "is missing at the end of the file. The file is cut short; download it again");
        (long count, long size, long start) = (U16(tail, end + 10), U32(tail, end + 12), U32(tail, end + 16));
        if (count != 0xFFFF && size != 0xFFFFFFFF && start != 0xFFFFFFFF) return (start, size, count);
        if (end < 20 || BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end - 20)) != 0x07064B50)
            throw Bad(file, "zip directory", "has no zip64 record though its fields say so. The file is damaged");
        long at = (long)BinaryPrimitives.ReadUInt64LittleEndian(tail.AsSpan(end - 12));
        if (at < 0 || at > fileLength - 56) throw Bad(file, "zip directory", $"places the zip64 record at {at}, outside the file. The file is damaged");
        Span<byte> record = stackalloc byte[56];
        file.Read(at, record);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != 0x06064B50) throw Bad(file, $"byte {at}", "is no zip64 record. The file is damaged");
        return ((long)BinaryPrimitives.ReadUInt64LittleEndian(record[48..]), (long)BinaryPrimitives.ReadUInt64LittleEndian(record[40..]), (long)BinaryPrimitives.ReadUInt64LittleEndian(record[32..]));
    }

    // Zip64 extra field (id 1): 8-byte values, in this order, for those fields alone that hold all ones.
    private static void ReadZip64(ReadOnlySpan<byte> extra, ref long length, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            (int id, int size) = (U16(extra, 0), U16(extra, 2));
            if (size > extra.Length - 4) return;
            ReadOnlySpan<byte> field = extra.Slice(4, size);
            if (id == 1)
            {
                if (length == 0xFFFFFFFF) length = Next(ref field, length);
                if (packed == 0xFFFFFFFF) packed = Next(ref field, packed);
                if (local == 0xFFFFFFFF) local = Next(ref field, local);
                return;
            }

            extra = extra[(4 + size)..];
        }

        static long Next(ref ReadOnlySpan<byte> field, long otherwise)
        {
            if (field.Length < 8) return otherwise;
            long value = (long)BinaryPrimitives.ReadUInt64LittleEndian(field);
            field = field[8..];
            return value;
        }
    }

    // The local header repeats name and extra field with lengths of its own: torch.save pads there, so that data is aligned.
    private static long DataStart(ModelFile file, string at, long local, long end)
    {
        if (local < 0 || local > end - 30) throw Bad(file, at, $"is placed at byte {local}, outside the zip's data. The file is damaged");
        Span<byte> header = stackalloc byte[30];
        file.Read(local, header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != 0x04034B50) throw Bad(file, at, $"has no header at byte {local}. The file is damaged");
        return local + 30 + U16(header, 26) + U16(header, 28);
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static long U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static InvalidFileException Bad(ModelFile file, string where, string reason) => new(file.Path, where, reason);
}
