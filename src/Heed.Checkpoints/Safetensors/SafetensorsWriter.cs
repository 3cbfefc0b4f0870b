using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Heed.Checkpoints;

/// <summary>
/// Writes safetensors files with the same bytes as the reference library: compact header padded by blanks to a multiple of 8, tensors by
/// dtype (widest first) and then by name. Tensors are streamed, never held together.
/// </summary>
public static class SafetensorsWriter
{
    /// <summary>The metadata that transformers writes and asks for: <c>{"format":"pt"}</c>.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> PyTorchMetadata { get; } = [new("format", "pt")];

    /// <summary>Writes a file; on any failure the old file stays.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors, in any order; names must differ.</param>
    /// <param name="metadata">Pairs for <c>__metadata__</c>, in this order; null writes none.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, a name is <c>__metadata__</c> or holds a lone surrogate, or the
    /// header is too long.</exception>
    /// <exception cref="HeedException">A tensor cannot be read or the file not be written.</exception>
    public static void Write(string path, IEnumerable<RawTensor> tensors, IReadOnlyList<KeyValuePair<string, string>>? metadata = null)
    {
        RawTensor[] sorted = Sort(tensors);
        byte[] header = Header(sorted, metadata);
        DurableFile.Write(path, stream => Write(stream, header, sorted));
    }

    /// <summary>Writes the same bytes to a stream.</summary>
    /// <inheritdoc cref="Write(string, IEnumerable{RawTensor}, IReadOnlyList{KeyValuePair{string, string}}?)"/>
    /// <param name="stream">Where to write.</param>
    /// <param name="tensors">The tensors, in any order; names must differ.</param>
    /// <param name="metadata">Pairs for <c>__metadata__</c>, in this order; null writes none.</param>
    public static void Write(Stream stream, IEnumerable<RawTensor> tensors, IReadOnlyList<KeyValuePair<string, string>>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        RawTensor[] sorted = Sort(tensors);
        Write(stream, Header(sorted, metadata), sorted);
    }

    private static void Write(Stream stream, byte[] header, RawTensor[] sorted)
    {
        stream.Write(header);
        foreach (RawTensor tensor in sorted) tensor.CopyTo(stream);
    }

    private static RawTensor[] Sort(IEnumerable<RawTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        RawTensor[] sorted = [.. tensors];
        Array.Sort(sorted, static (a, b) => a.DType != b.DType ? b.DType.CompareTo(a.DType) : CompareUtf8(a.Name, b.Name));
        HashSet<string> names = new(sorted.Length, StringComparer.Ordinal);
        foreach (RawTensor tensor in sorted)
            if (!names.Add(tensor.Name)) throw new ArgumentException($"Two tensors have the name '{Printable.Escape(tensor.Name)}'.", nameof(tensors));
        return names.Contains("__metadata__") ? throw new ArgumentException("'__metadata__' is not a tensor's name; the format reserves it.", nameof(tensors)) : sorted;
    }

    // The reference compares UTF-8 bytes, which is the order of code points; UTF-16 units differ from it above U+D7FF.
    internal static int CompareUtf8(string a, string b)
    {
        int shared = Math.Min(a.Length, b.Length);
        for (int i = 0; i < shared; i++)
        {
            if (a[i] == b[i]) continue;
            bool surrogateA = char.IsSurrogate(a[i]), surrogateB = char.IsSurrogate(b[i]);
            return surrogateA == surrogateB ? a[i].CompareTo(b[i]) : surrogateA ? 1 : -1;
        }

        return a.Length.CompareTo(b.Length);
    }

    private static byte[] Header(RawTensor[] sorted, IReadOnlyList<KeyValuePair<string, string>>? metadata)
    {
        StringBuilder text = new();
        text.Append('{');
        if (metadata is not null)
        {
            text.Append("\"__metadata__\":{");
            for (int i = 0; i < metadata.Count; i++)
            {
                if (i > 0) text.Append(',');
                AppendString(text, metadata[i].Key);
                text.Append(':');
                AppendString(text, metadata[i].Value);
            }

            text.Append("},");
        }

        long at = 0;
        foreach (RawTensor tensor in sorted)
        {
            AppendString(text, tensor.Name);
            long end = checked(at + tensor.ByteLength);
            text.Append(CultureInfo.InvariantCulture, $":{{\"dtype\":\"{tensor.DType.Name()}\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{at},{end}]}},");
            at = end;
        }

        if (text[^1] == ',') text.Length--;
        text.Append('}');
        byte[] json;
        try
        {
            json = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetBytes(text.ToString());
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("A tensor's name or a metadata string holds a lone surrogate, which is not a character.", nameof(sorted), e);
        }

        int padded = (json.Length + 7) & ~7;
        if (padded > SafetensorsFile.MaximumHeaderBytes)
            throw new ArgumentException($"The header would have {padded} bytes; readers accept at most {SafetensorsFile.MaximumHeaderBytes}. Save in shards.", nameof(sorted));
        byte[] header = new byte[8 + padded];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)padded);
        json.CopyTo(header, 8);
        header.AsSpan(8 + json.Length).Fill((byte)' ');
        return header;
    }

    // As serde_json escapes: only the quote, the backslash and control characters.
    private static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case < ' ': text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default: text.Append(c); break;
            }
        }

        text.Append('"');
    }
}
