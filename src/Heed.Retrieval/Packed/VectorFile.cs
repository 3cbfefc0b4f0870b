using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Retrieval;

/// <summary>The forms of a file of vectors.</summary>
internal enum VectorFileForm
{
    /// <summary>One JSON array of numbers per line.</summary>
    JsonLines,

    /// <summary>NumPy's <c>.npy</c>: rows × numbers.</summary>
    Npy,

    /// <summary>One tensor <c>embeddings</c> in a safetensors file.</summary>
    Safetensors,
}

/// <summary>
/// A file of vectors that is written row by row, beside its final name, and takes that name when it is whole. After a kill it is resumed:
/// the
/// rows that are on the disk stay.
/// </summary>
internal sealed class VectorFile : IDisposable
{
    // Both headers are padded to this length, so that the number of rows can be written at the end.
    private const int HeaderBytes = 256;
    private const string PartEnding = ".part", StateEnding = ".part.json";

    private readonly string _path, _settings;
    private readonly VectorFileForm _form;
    private readonly VectorFormat _format;
    private readonly int _width;
    private readonly FileStream _stream;

    private VectorFile(string path, VectorFileForm form, VectorFormat format, int width, string settings, FileStream stream, long rows)
        => (_path, _form, _format, _width, _settings, _stream, Rows) = (path, form, format, width, settings, stream, rows);

    /// <summary>Rows that are in the file.</summary>
    public long Rows { get; private set; }

    private bool HasHeader => _form != VectorFileForm.JsonLines;

    /// <summary>Begins a file, or resumes what an earlier process began with the same settings.</summary>
    /// <param name="path">The final name.</param>
    /// <param name="form">What is written.</param>
    /// <param name="format">How numbers are kept; JSON lines hold the numbers as text, binary ones as bytes.</param>
    /// <param name="width">D, numbers of a vector.</param>
    /// <param name="settings">What decides the rows; a file that was begun with others is begun anew.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public static VectorFile Open(string path, VectorFileForm form, VectorFormat format, int width, string settings)
    {
        settings = $"{form}/{format}/{width}/{settings}";
        (long rows, long bytes) = ReadState(path + StateEnding, settings);
        try
        {
            FileStream stream = new(path + PartEnding, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
            if (stream.Length < bytes) (rows, bytes) = (0, 0);
            stream.SetLength(bytes);
            stream.Position = bytes;
            VectorFile file = new(path, form, format, width, settings, stream, rows);
            if (bytes == 0 && file.HasHeader) stream.Write(new byte[HeaderBytes]);
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{path}{PartEnding}: cannot be written: {e.Message.TrimEnd('.')}. Choose another place.", e);
        }
    }

    /// <summary>Adds rows, and records on the disk that they are there.</summary>
    /// <param name="vectors">Vectors of D numbers each.</param>
    /// <exception cref="StorageException">The disk is full or the file cannot be written.</exception>
    public void Append(IReadOnlyList<float[]> vectors)
    {
        try
        {
            foreach (float[] vector in vectors) Write(vector);
            _stream.Flush();
            DurableFile.Synchronize(_stream.SafeFileHandle, _path + PartEnding);
        }
        catch (IOException e)
        {
            throw new StorageException($"{_path}{PartEnding}: cannot be written: {e.Message.TrimEnd('.')}. Free space, and run the "
                + "command again: it resumes.", e);
        }

        Rows += vectors.Count;
        DurableFile.WriteText(_path + StateEnding, StrictJson.Format(new JsonObject
        {
            ["settings"] = _settings,
            ["rows"] = Rows,
            ["bytes"] = _stream.Position,
        }));
    }

    /// <summary>Gives the file its name.</summary>
    public void Finish()
    {
        if (HasHeader)
        {
            _stream.Position = 0;
            _stream.Write(_form == VectorFileForm.Npy ? NpyHeader() : SafetensorsHeader());
        }

        _stream.Flush();
        DurableFile.Synchronize(_stream.SafeFileHandle, _path + PartEnding);
        _stream.Dispose();
        File.Move(_path + PartEnding, _path, overwrite: true);
        File.Delete(_path + StateEnding);
    }

    /// <summary>Closes the file; what is not finished can be resumed.</summary>
    public void Dispose() => _stream.Dispose();

    /// <summary>A vector as a line of JSON, without its end.</summary>
    public static string Line(ReadOnlySpan<float> vector, VectorFormat format)
    {
        StringBuilder text = new("[");
        if (format == VectorFormat.Binary)
        {
            foreach (byte bits in Bits(vector)) text.Append(text.Length > 1 ? "," : "").Append(bits.ToString(CultureInfo.InvariantCulture));
            return text.Append(']').ToString();
        }

        foreach (float number in vector)
        {
            float kept = format == VectorFormat.Float16 ? (float)(Half)number : number;
            text.Append(text.Length > 1 ? "," : "").Append(kept.ToString("R", CultureInfo.InvariantCulture));
        }

        return text.Append(']').ToString();
    }

    private static byte[] Bits(ReadOnlySpan<float> vector)
    {
        byte[] bits = new byte[(vector.Length + 7) / 8];
        for (int i = 0; i < vector.Length; i++)
            if (vector[i] > 0) bits[i / 8] |= (byte)(0x80 >> (i % 8));
        return bits;
    }

    private static (long Rows, long Bytes) ReadState(string path, string settings)
    {
        if (!File.Exists(path)) return (0, 0);
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.GetProperty("settings").GetString() == settings
                ? (document.RootElement.GetProperty("rows").GetInt64(), document.RootElement.GetProperty("bytes").GetInt64()) : (0, 0);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return (0, 0); // not a state of ours: the file begins anew
        }
    }

    private void Write(float[] vector)
    {
        if (vector.Length != _width) throw new ArgumentException($"A vector has {vector.Length} numbers; {_width} were expected.",
            nameof(vector));
        if (_form == VectorFileForm.JsonLines)
        {
            _stream.Write(Encoding.UTF8.GetBytes(Line(vector, _format) + "\n"));
            return;
        }

        switch (_format)
        {
            case VectorFormat.Float32: _stream.Write(MemoryMarshal.AsBytes(vector.AsSpan())); break;
            case VectorFormat.Float16: _stream.Write(MemoryMarshal.AsBytes(PackedVectors.Halves(vector).AsSpan())); break;
            default: _stream.Write(Bits(vector)); break;
        }
    }

    private (string Npy, string Safetensors, long Columns, long RowBytes) Stored() => _format switch
    {
        VectorFormat.Float32 => ("<f4", "F32", _width, 4L * _width),
        VectorFormat.Float16 => ("<f2", "F16", _width, 2L * _width),
        _ => ("|u1", "U8", (_width + 7) / 8, (_width + 7) / 8),
    };

    // numpy.lib.format, version 1.0: magic, version, length of the header, a Python dictionary, blanks, a line end.
    private byte[] NpyHeader()
    {
        (string type, _, long columns, _) = Stored();
        byte[] header = new byte[HeaderBytes];
        header.AsSpan().Fill((byte)' ');
        ((ReadOnlySpan<byte>)[0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0, HeaderBytes - 10, 0]).CopyTo(header);
        string shape = FormattableString.Invariant($"({Rows}, {columns})");
        Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}").CopyTo(header, 10);
        header[^1] = (byte)'\n';
        return header;
    }

    private byte[] SafetensorsHeader()
    {
        (_, string type, long columns, long rowBytes) = Stored();
        byte[] header = new byte[HeaderBytes];
        header.AsSpan().Fill((byte)' ');
        BitConverter.TryWriteBytes(header, (ulong)(HeaderBytes - 8));
        string sizes = FormattableString.Invariant($"[{Rows},{columns}],\"data_offsets\":[0,{Rows * rowBytes}]");
        string entry = $"\"dtype\":\"{type}\",\"shape\":{sizes}";
        Encoding.ASCII.GetBytes($"{{\"embeddings\":{{{entry}}}}}").CopyTo(header, 8);
        return header;
    }
}
