using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Checkpoints;

/// <summary>What <see cref="CheckpointConversion"/> did.</summary>
/// <param name="Tensors">Tensors written.</param>
/// <param name="Converted">Tensors whose type changed.</param>
/// <param name="Bytes">Bytes of tensors written.</param>
/// <param name="WeightFiles">Names of the weight files written.</param>
/// <param name="CopiedFiles">Names of the other files copied, relative to the folder.</param>
internal sealed record ConversionReport(int Tensors, int Converted, long Bytes, IReadOnlyList<string> WeightFiles,
    IReadOnlyList<string> CopiedFiles)
{
    /// <summary>Tensors with values that are not finite, in the source already or by the conversion.</summary>
    public IReadOnlyList<NonFiniteValues> NonFinite { get; init; } = [];

    /// <summary>Weight files in the target that were not written, such as the pickle that was converted in place; the new ones are read
    /// before them.</summary>
    public IReadOnlyList<string> OldWeightFiles { get; init; } = [];

    /// <summary>Those of them that were deleted.</summary>
    public IReadOnlyList<string> DeletedFiles { get; init; } = [];
}

/// <summary>How a folder is converted.</summary>
internal sealed record ConversionOptions
{
    /// <summary>F32, F16 or BF16 for the floating-point tensors, or null to keep each as it is. <c>dtype</c> of <c>config.json</c>
    /// follows.</summary>
    public DType? DType { get; init; }

    /// <summary>Largest file, in bytes of tensors.</summary>
    public long ShardSize { get; init; } = CheckpointFolder.DefaultShardSize;

    /// <summary>Maps stored names to new ones, or null to keep them.</summary>
    public Func<string, string>? Rename { get; init; }

    /// <summary>True: a value that is not finite ends the conversion, and the target's old weights stay.</summary>
    public bool Strict { get; init; }

    /// <summary>True: the target may hold files; those of the same names are replaced, others stay.</summary>
    public bool Overwrite { get; init; }

    /// <summary>True: weight files of the target that the new ones replace under another name are deleted at the end.</summary>
    public bool DeleteOld { get; init; }
}

/// <summary>Rewrites a model folder: any form of weights in, safetensors out, in another float type or shard size.</summary>
internal static class CheckpointConversion
{
    private const string ConfigName = "config.json";

    /// <summary>Converts <paramref name="source"/> to <paramref name="target"/>, tensor by tensor in chunks, and copies all files that are
    /// not weights.</summary>
    /// <param name="source">A model folder.</param>
    /// <param name="target">Another folder, made where it is missing; the same folder converts in place.</param>
    /// <param name="dtype">F32, F16 or BF16 for the floating-point tensors, or null to keep each as it is. <c>dtype</c> of
    /// <c>config.json</c> follows.</param>
    /// <param name="shardSize">Largest file, in bytes of tensors.</param>
    /// <param name="rename">Maps stored names to new ones, or null to keep them.</param>
    /// <param name="cancellationToken">Stops between tensors; the target's old weights stay.</param>
    /// <exception cref="HeedException">The source cannot be read or the target not be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ConversionReport Run(
        string source, string target, DType? dtype = null, long shardSize = CheckpointFolder.DefaultShardSize, Func<string,
            string>? rename = null, CancellationToken cancellationToken = default)
        => Run(source, target, new ConversionOptions { DType = dtype, ShardSize = shardSize, Rename = rename }, cancellationToken);

    /// <summary>Converts <paramref name="source"/> to <paramref name="target"/>, tensor by tensor in chunks, and copies all files that are
    /// not weights.</summary>
    /// <param name="source">A model folder.</param>
    /// <param name="target">Another folder, made where it is missing; the same folder converts in place.</param>
    /// <param name="options">Type, shard size, and what is allowed.</param>
    /// <param name="cancellationToken">Stops between tensors; the target's old weights stay.</param>
    /// <exception cref="UsageException">The target is another folder that holds files, and <see cref="ConversionOptions.Overwrite"/> is not
    /// set.</exception>
    /// <exception cref="NumericalException">With <see cref="ConversionOptions.Strict"/>: a finite value would become infinite.</exception>
    /// <exception cref="InputException">With <see cref="ConversionOptions.Strict"/>: the source holds NaN or infinite values.</exception>
    /// <exception cref="HeedException">The source cannot be read or the target not be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ConversionReport Run(string source, string target, ConversionOptions options,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        if (!Directory.Exists(source)) throw new StorageException($"{source}: is not a folder; name the folder of a model.");
        string from = Path.GetFullPath(source), to = Path.GetFullPath(target);
        bool inPlace = Path.TrimEndingDirectorySeparator(from) == Path.TrimEndingDirectorySeparator(to);
        bool isNew = !Directory.Exists(target);
        if (!inPlace && !isNew && !options.Overwrite) RefuseFilled(target);
        // Refused here, a damaged configuration leaves nothing behind.
        if (File.Exists(Path.Combine(source, ConfigName))) ReadConfig(Path.Combine(source, ConfigName));
        try
        {
            return Convert(source, target, inPlace, options, cancellationToken);
        }
        catch when (isNew)
        {
            DeleteEmpty(target);
            throw;
        }
    }

    private static ConversionReport Convert(string source, string target, bool inPlace, ConversionOptions options,
        CancellationToken cancellationToken)
    {
        List<ConvertingTensor> tensors;
        List<string> copied = [];
        HashSet<string> weights;
        IReadOnlyList<string> files;
        using (CheckpointFolder checkpoint = CheckpointFolder.Open(source))
        {
            weights = [.. checkpoint.Files.Select(file => Path.GetFileName(file))];
            tensors = [.. checkpoint.Tensors.Select(stored => ConvertingTensor.Of(source, stored, options, cancellationToken))];
            // A metadata of the source that is not transformers' own (a generator's note) is kept.
            files = CheckpointFolder.Save(target, tensors, options.ShardSize, checkpoint.Metadata.Count > 0 ? checkpoint.Metadata : null);
        }

        if (!inPlace) CopyOthers(Path.GetFullPath(source), Path.GetFullPath(target), weights, copied, cancellationToken);
        if (options.DType is { } type) UpdateConfig(Path.Combine(target, ConfigName), type.ConfigName()!);
        string[] old = [.. Directory.EnumerateFiles(target).Select(f => Path.GetFileName(f)).Where(name
            => (CheckpointFolder.IsWeightFile(name) || (inPlace && weights.Contains(name))) && !files.Contains(name))
            .Order(StringComparer.Ordinal)];
        if (options.DeleteOld) Delete(target, old);
        return new ConversionReport(tensors.Count, tensors.Count(t => t.Changes), tensors.Sum(tensor => tensor.ByteLength), files, copied)
        {
            NonFinite = [.. tensors.Select(t => t.NonFinite).Where(n => n.InSource + n.Overflowed > 0)],
            OldWeightFiles = options.DeleteOld ? [] : old,
            DeletedFiles = options.DeleteOld ? old : [],
        };
    }

    /// <summary>Refuses a folder that holds files.</summary>
    internal static void RefuseFilled(string target)
    {
        if (!Directory.Exists(target)) return;
        string[] names = [.. Directory.EnumerateFileSystemEntries(target).Select(f
            => Path.GetFileName(f)).Order(StringComparer.Ordinal).Take(4)];
        if (names.Length > 0)
            throw new UsageException($"{target}: is not empty; it holds "
                + $"{string.Join(", ", names.Take(3))}{(names.Length > 3 ? ", …" : "")}, which would be mixed with the converted "
                + $"model. Name a new or an empty folder, or replace files with --overwrite.");
    }

    private static void DeleteEmpty(string folder)
    {
        try
        {
            if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that ended the conversion matters more than an empty folder.
        }
    }

    private static void Delete(string folder, string[] names)
    {
        try
        {
            foreach (string name in names) File.Delete(Path.Combine(folder, name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: the converted weights are written, and an old weight file cannot be deleted: "
                + $"{e.Message}", e);
        }
    }

    /// <summary>Reads a configuration and refuses one that is damaged.</summary>
    private static byte[] ReadConfig(string path)
    {
        byte[] bytes = InputFile.ReadAll(path, 64 << 20);
        using JsonDocument strict = StrictJson.Parse(bytes, path);
        return strict.RootElement.ValueKind == JsonValueKind.Object ? bytes
            : throw new InvalidFileException(path, "$", $"is {StrictJson.Describe(strict.RootElement)}; an object was expected");
    }

    /// <summary>Writes <c>dtype</c> into a <c>config.json</c>: under the key that is there (<c>torch_dtype</c> in old files), every other
    /// key untouched.</summary>
    internal static void UpdateConfig(string path, string dtype)
    {
        if (!File.Exists(path)) return;
        byte[] bytes = ReadConfig(path);
        JsonObject config = JsonNode.Parse(bytes)!.AsObject();
        string key = config.ContainsKey("torch_dtype") && !config.ContainsKey("dtype") ? "torch_dtype" : "dtype";
        if (config[key] is JsonValue old && old.GetValueKind() == JsonValueKind.String && old.GetValue<string>() == dtype) return;
        config[key] = dtype;
        DurableFile.WriteText(path, StrictJson.Format(config));
    }

    /// <summary>True for weights in any form: those that are not converted (TensorFlow, Flax, ONNX, GGUF) would disagree with the new
    /// ones and stay behind.</summary>
    internal static bool IsOtherWeights(string name)
        => CheckpointFolder.IsWeightFile(name) || name is ".heed-save.json"
            || Path.GetExtension(name) is ".h5" or ".msgpack" or ".ot" or ".onnx" or ".gguf" or ".heed-new" or DurableFile.TemporaryEnding;

    private static void CopyOthers(string source, string target, HashSet<string> weights, List<string> copied,
        CancellationToken cancellationToken)
    {
        Stack<string> folders = new([""]);
        while (folders.TryPop(out string? relative))
        {
            DirectoryInfo folder = new(Path.Combine(source, relative));
            foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                cancellationToken.ThrowIfCancellationRequested();
                string name = Path.Combine(relative, entry.Name);
                if (entry is DirectoryInfo)
                {
                    // A hidden folder (.git, .cache) is no part of the model; a linked one could lead around in circles; the target may lie
                    // inside.
                    if (entry.Name.StartsWith('.') || entry.LinkTarget is not null || entry.FullName == target) continue;
                    folders.Push(name);
                }
                else if (!(relative.Length == 0 && (IsOtherWeights(entry.Name) || weights.Contains(entry.Name))))
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

    // The stop is checked at every read, that is at every MiB; what is not finite is known when the last byte is read.
    private sealed class ConvertingTensor : RawTensor
    {
        private readonly string _folder;
        private readonly bool _strict;
        private readonly CountedTensor _stored, _written;
        private readonly CancellationToken _cancellation;

        private ConvertingTensor(string folder, CountedTensor stored, RawTensor written, ConversionOptions options,
            CancellationToken cancellationToken)
            : base(options.Rename?.Invoke(stored.Name) ?? stored.Name, written.DType, written.Sizes)
        {
            _folder = folder;
            _strict = options.Strict;
            _stored = stored;
            _written = ReferenceEquals(stored, written) ? stored : new CountedTensor(written);
            _cancellation = cancellationToken;
        }

        public static ConvertingTensor Of(string folder, RawTensor stored, ConversionOptions options, CancellationToken cancellationToken)
        {
            CountedTensor counted = new(stored);
            return new ConvertingTensor(folder, counted, options.DType is { } dtype ? counted.As(dtype) : counted, options,
                cancellationToken);
        }

        public bool Changes => !ReferenceEquals(_stored, _written);

        public NonFiniteValues NonFinite => new(Name, ElementCount, _stored.Found.Total, _written.Found.Total - _stored.Found.Total,
            _stored.DType, DType)
        {
            NaN = _stored.Found.NaN,
        };

        protected override void ReadCore(long start, Span<byte> destination)
        {
            _cancellation.ThrowIfCancellationRequested();
            _written.ReadBytes(start, destination);
            if (!_strict || start + destination.Length < ByteLength) return;
            NonFiniteValues found = NonFinite;
            if (found.Overflowed > 0) throw new NumericalException($"{_folder}: {found.Describe()} Nothing was written; without "
                + $"--strict it is converted all the same.");
            if (found.InSource > 0) throw new InputException($"{_folder}: {found.Describe()} Nothing was written; without --strict "
                + $"it is converted all the same.");
        }
    }
}
