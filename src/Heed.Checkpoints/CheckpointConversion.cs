using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Checkpoints;

/// <summary>What <see cref="CheckpointConversion.Run"/> did.</summary>
/// <param name="Tensors">Tensors written.</param>
/// <param name="Converted">Tensors whose type changed.</param>
/// <param name="Bytes">Bytes of tensors written.</param>
/// <param name="WeightFiles">Names of the weight files written.</param>
/// <param name="CopiedFiles">Names of the other files copied, relative to the folder.</param>
public sealed record ConversionReport(int Tensors, int Converted, long Bytes, IReadOnlyList<string> WeightFiles, IReadOnlyList<string> CopiedFiles);

/// <summary>Rewrites a model folder: any form of weights in, safetensors out, in another float type or shard size.</summary>
public static class CheckpointConversion
{
    /// <summary>Converts <paramref name="source"/> to <paramref name="target"/>, tensor by tensor in chunks, and copies all files that are not weights.</summary>
    /// <param name="source">A model folder.</param>
    /// <param name="target">Another folder, made where it is missing; the same folder converts in place.</param>
    /// <param name="dtype">F32, F16 or BF16 for the floating-point tensors, or null to keep each as it is. <c>dtype</c> of <c>config.json</c> follows.</param>
    /// <param name="shardSize">Largest file, in bytes of tensors.</param>
    /// <param name="rename">Maps stored names to new ones, or null to keep them.</param>
    /// <param name="cancellation">Stops between tensors; the target's old weights stay.</param>
    /// <exception cref="HeedException">The source cannot be read or the target not be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ConversionReport Run(
        string source, string target, DType? dtype = null, long shardSize = CheckpointFolder.DefaultShardSize, Func<string, string>? rename = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        if (!Directory.Exists(source)) throw new StorageException($"{source}: is not a folder; name the folder of a model.");
        using CheckpointFolder checkpoint = CheckpointFolder.Open(source);
        List<RawTensor> tensors = new(checkpoint.Tensors.Count);
        int converted = 0;
        foreach (RawTensor stored in checkpoint.Tensors)
        {
            RawTensor tensor = dtype is { } wanted ? stored.As(wanted) : stored;
            if (!ReferenceEquals(tensor, stored)) converted++;
            tensors.Add(new StoppableTensor(rename is null ? tensor : tensor.Rename(rename(tensor.Name)), cancellation));
        }

        // A metadata of the source that is not transformers' own (a generator's note) is kept.
        IReadOnlyList<string> files = CheckpointFolder.Save(target, tensors, shardSize, checkpoint.Metadata.Count > 0 ? checkpoint.Metadata : null);
        List<string> copied = [];
        string from = Path.GetFullPath(source), to = Path.GetFullPath(target);
        if (Path.TrimEndingDirectorySeparator(from) != Path.TrimEndingDirectorySeparator(to)) CopyOthers(from, to, copied, cancellation);
        if (dtype is { } type) UpdateConfig(Path.Combine(target, "config.json"), type.ConfigName()!);
        return new ConversionReport(tensors.Count, converted, tensors.Sum(tensor => tensor.ByteLength), files, copied);
    }

    /// <summary>Writes <c>dtype</c> into a <c>config.json</c>: under the key that is there (<c>torch_dtype</c> in old files), every other key untouched.</summary>
    internal static void UpdateConfig(string path, string dtype)
    {
        if (!File.Exists(path)) return;
        byte[] bytes = InputFile.ReadAll(path, 64 << 20);
        using (JsonDocument strict = StrictJson.Parse(bytes, path))
        {
            if (strict.RootElement.ValueKind != JsonValueKind.Object) throw new FileFormatException(path, "$", $"is {StrictJson.Describe(strict.RootElement)}; an object was expected");
        }

        JsonObject config = JsonNode.Parse(bytes)!.AsObject();
        string key = config.ContainsKey("torch_dtype") && !config.ContainsKey("dtype") ? "torch_dtype" : "dtype";
        if (config[key] is JsonValue old && old.GetValueKind() == JsonValueKind.String && old.GetValue<string>() == dtype) return;
        config[key] = dtype;
        DurableFile.WriteText(path, StrictJson.Format(config));
    }

    // Weights in forms that are not converted (TensorFlow, Flax, ONNX, GGUF) would disagree with the new ones: they stay behind.
    private static bool IsOtherWeights(string name)
        => CheckpointFolder.IsWeightFile(name) || name is ".heed-save.json" || Path.GetExtension(name) is ".h5" or ".msgpack" or ".ot" or ".onnx" or ".gguf" or ".heed-new" or DurableFile.TemporaryEnding;

    private static void CopyOthers(string source, string target, List<string> copied, CancellationToken cancellation)
    {
        Stack<string> folders = new([""]);
        while (folders.TryPop(out string? relative))
        {
            DirectoryInfo folder = new(Path.Combine(source, relative));
            foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                cancellation.ThrowIfCancellationRequested();
                string name = Path.Combine(relative, entry.Name);
                if (entry is DirectoryInfo)
                {
                    // A hidden folder (.git, .cache) is no part of the model; a linked one could lead around in circles; the target may lie inside.
                    if (entry.Name.StartsWith('.') || entry.LinkTarget is not null || entry.FullName == target) continue;
                    folders.Push(name);
                }
                else if (!(relative.Length == 0 && IsOtherWeights(entry.Name)))
                {
                    Copy(entry.FullName, Path.Combine(target, name));
                    copied.Add(name);
                }
            }
        }
    }

    private static void Copy(string from, string to)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{to}: its folder cannot be made: {e.Message}", e);
        }

        using FileStream stream = InputFile.Open(from);
        DurableFile.Write(to, stream.CopyTo);
    }

    // Checked at every read, that is at every MiB.
    private sealed class StoppableTensor(RawTensor inner, CancellationToken cancellation) : RawTensor(inner.Name, inner.DType, inner.Shape)
    {
        protected override void ReadCore(long start, Span<byte> destination)
        {
            cancellation.ThrowIfCancellationRequested();
            inner.ReadBytes(start, destination);
        }
    }
}
