using System.Text.Json.Nodes;
using Heed.Checkpoints;

namespace Heed.Cli.Commands;

/// <summary><c>heed info FILE.safetensors</c>: what a weight file or an index holds. Opening checks the form, and every value is read
/// once.</summary>
internal static class WeightFileReport
{
    /// <summary>True for names of weight files and of their indices.</summary>
    public static bool IsFor(string path)
        => path.EndsWith(".safetensors", StringComparison.Ordinal) || path.EndsWith(".bin", StringComparison.Ordinal) || path.EndsWith(".index.json", StringComparison.Ordinal);

    /// <summary>Prints tensors, metadata and what is wrong with the values.</summary>
    /// <exception cref="InvalidFileException">The file breaks a rule of its format.</exception>
    public static int Run(Terminal terminal, string path)
    {
        using CheckpointFolder file = CheckpointFolder.Open(path);
        foreach (string warning in file.Warnings) terminal.Warn(warning);
        List<(RawTensor Tensor, NonFiniteCount Bad)> tensors = [.. file.Tensors.Select(tensor => (tensor, Count(tensor)))];
        foreach ((RawTensor tensor, NonFiniteCount bad) in tensors.Where(t => t.Bad.Total > 0))
            terminal.Warn($"{path}: tensor '{Printable.Shorten(tensor.Name)}': {bad.Describe(tensor.ElementCount)}.");
        if (terminal.IsJson) terminal.Json(Json(path, file, tensors));
        else Show(terminal, file, tensors);
        return ExitCode.Ok;
    }

    private static void Show(Terminal terminal, CheckpointFolder file, List<(RawTensor Tensor, NonFiniteCount Bad)> tensors)
    {
        terminal.Line(terminal.Bold(file.Path));
        foreach ((string key, string value) in file.Metadata) terminal.Line($"  {Printable.Escape(key)}: {Printable.Shorten(Printable.Escape(value))}");
        terminal.Line();
        int wide = tensors.Count == 0 ? 0 : Math.Min(60, tensors.Max(t => t.Tensor.Name.Length));
        foreach ((RawTensor tensor, _) in tensors)
            terminal.Line($"{Printable.Escape(tensor.Name).PadRight(wide)}  {tensor.DType.Name(),-7}  {Printable.Bytes(tensor.ByteLength),10}  [{string.Join(", ", tensor.Shape)}]");
        terminal.Line();
        string types = string.Join(", ", tensors.GroupBy(t => t.Tensor.DType).Select(g => $"{g.Key.Name()} {Printable.Bytes(g.Sum(t => t.Tensor.ByteLength))}"));
        terminal.Line($"{tensors.Count} tensors, {tensors.Sum(t => t.Tensor.ElementCount):N0} values, {Printable.Bytes(file.TotalBytes)}{(types.Length > 0 ? $" ({types})" : "")}; the file is whole.");
    }

    private static JsonObject Json(string path, CheckpointFolder file, List<(RawTensor Tensor, NonFiniteCount Bad)> tensors) => new()
    {
        ["source"] = path,
        ["files"] = new JsonArray([.. file.Files.Select(f => (JsonNode)f)]),
        ["metadata"] = new JsonObject(file.Metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        ["bytes"] = file.TotalBytes,
        ["tensors"] = new JsonArray([.. tensors.Select(t => (JsonNode)new JsonObject
        {
            ["name"] = t.Tensor.Name,
            ["dtype"] = t.Tensor.DType.Name(),
            ["shape"] = new JsonArray([.. t.Tensor.Shape.Select(size => (JsonNode)size)]),
            ["bytes"] = t.Tensor.ByteLength,
            ["nan"] = t.Bad.NaN,
            ["infinite"] = t.Bad.Infinite,
        })]),
    };

    private static NonFiniteCount Count(RawTensor tensor)
    {
        const int Piece = 1 << 20;
        NonFiniteCount bad = default;
        byte[] buffer = new byte[(int)Math.Min(Piece, tensor.ByteLength)];
        for (long at = 0; at < tensor.ByteLength; at += buffer.Length)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, tensor.ByteLength - at));
            tensor.ReadBytes(at, piece);
            bad += tensor.DType.CountNonFinite(piece);
        }

        return bad;
    }
}
