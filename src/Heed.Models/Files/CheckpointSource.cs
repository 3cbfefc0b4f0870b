using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Files;

/// <summary>Fills parameters from a checkpoint while the model is built, under today's names or older ones, and keeps account of what
/// fits.</summary>
internal sealed class CheckpointSource : ParameterSource
{
    private readonly CheckpointFolder _folder;
    private readonly ModelFamily _family;
    private readonly LoadOptions _options;
    private readonly string _prefix;
    private readonly Dictionary<string, RawTensor> _stored = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<string> _missing = [];
    private readonly List<string> _mismatched = [];
    private readonly Dictionary<string, DType> _types = new(StringComparer.Ordinal);
    private readonly ILookup<string, string> _secondNames;
    private readonly ParameterSource _first;
    private readonly bool _namesOnly;
    private long _readBytes;

    /// <param name="folder">The weights.</param>
    /// <param name="family">Knows older names.</param>
    /// <param name="tied">The model's tied names: the writer of a file may have kept another of them than its own.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="namesOnly">True to hold names, shapes and types against the model, and to read no value.</param>
    public CheckpointSource(
        CheckpointFolder folder, ModelFamily family, IReadOnlyDictionary<string, string> tied, LoadOptions options, bool namesOnly = false)
    {
        _namesOnly = namesOnly;
        _secondNames = tied.ToLookup(pair => pair.Value, pair => pair.Key);
        _folder = folder;
        _family = family;
        _options = options;
        _prefix = family.BasePrefix + ".";
        _first = Random(options.Seed);
        foreach (RawTensor tensor in folder.Tensors)
        {
            if (family.CurrentName(tensor.Name) is not { } name) continue;
            if (!_stored.TryAdd(name, tensor))
                throw new InvalidFileException(folder.Path, tensor.Name, "is stored twice: "
                    + $"'{_stored[name].Name}' is the same parameter under another name; remove one");
        }
    }

    internal override bool Holds(string name) => (Find(name, out _) ?? _options.Merged?.Whole(name)) is not null;

    public override void Fill(Parameter parameter)
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        if (Use(parameter.Name) is not { } tensor)
        {
            // Sines are what they are: a file that lacks them loses nothing.
            bool optional = _family.MayBeLeftOut(parameter.Name) || parameter.Initializer == Initializer.Sinusoids;
            if (!optional) _missing.Add(parameter.Name);
            if ((optional || _options.AllowMissing) && !_namesOnly) _first.Fill(parameter);
            return;
        }

        if (!SameShape(tensor.Sizes, parameter.Shape))
        {
            _mismatched.Add($"{parameter.Name} is [{string.Join(", ", tensor.Shape)}] in the file and {parameter.Shape} in the model");
            if (_options.AllowMissing) _first.Fill(parameter);
            return;
        }

        if (!tensor.DType.IsFloat())
            throw new InvalidFileException(_folder.Path, tensor.Name, $"is stored as {tensor.DType.Name()}; weights are F32, F16, BF16, "
                + "F64, F8_E4M3 or F8_E5M2. Convert the tensor with the program that made it");
        _types[parameter.Name] = tensor.DType;
        if (_namesOnly) return;
        Read(parameter, tensor);
        _readBytes += tensor.ByteLength;
        _options.Progress?.Report(new LoadProgress(tensor.Name, _readBytes, _folder.TotalBytes));
    }

    private void Read(Parameter parameter, RawTensor tensor)
    {
        bool changes = _options.Merged?.Changes(parameter.Name) == true;
        if (!changes && Blocks(parameter, tensor) is { } blocks)
        {
            NonFiniteCount bad = default;
            parameter.PackRows(FormatOf(blocks.Type)!, (start, chunk) =>
            {
                blocks.Read(start, chunk);
                bad += GgufBlocks.CountNonFinite(blocks.Type, chunk);
            });
            Check(parameter.Name, bad, tensor.ElementCount);
            return;
        }

        if (!changes && HeldAs(parameter, tensor) is { } format && FormatOf(tensor.DType) is { } stored)
        {
            NonFiniteCount bad = default;
            parameter.PackFrom(format, stored, (start, chunk) =>
            {
                tensor.ReadBytes(start, chunk);
                bad += tensor.DType.CountNonFinite(chunk);
            });
            Check(parameter.Name, bad, tensor.ElementCount);
            return;
        }

        Tensor value = Tensor.Uninitialized(parameter.Shape);
        tensor.ReadFloats(value.Span);
        Check(
            parameter.Name, DType.F32.CountNonFinite(System.Runtime.InteropServices.MemoryMarshal.AsBytes(value.Span)),
            tensor.ElementCount);
        parameter.Assign(value);
        if (changes) _options.Merged!.Change(parameter);
        if (HeldAs(parameter, tensor) is { } packed) parameter.Pack(packed);
    }

    /// <summary>What the parameters of a model will take, in bytes, held as <see cref="Fill"/> holds them; one that is not stored takes
    /// float32.</summary>
    public long HeldBytes(Model shapes)
    {
        long bytes = 0;
        foreach (Parameter p in shapes.Parameters)
            bytes += p.BytesAs(Find(p.Name, out _) is { } tensor && HeldAs(p, tensor) is { } format ? format : WeightFormat.Float32);
        return bytes;
    }

    /// <summary>What was found; to be called when the model is complete.</summary>
    public LoadReport Report(Model model)
    {
        List<string> unexpected = [];
        foreach ((string name, RawTensor tensor) in _stored)
        {
            // A tied output stored beside its table carries nothing of its own.
            if (!_used.Contains(name) && !_family.LeavesOut(name, _family.HeadOf(model.Architecture)) && !model.TiedNames.ContainsKey(name)
                && !model.TiedNames.ContainsKey(_prefix + name))
                unexpected.Add(tensor.Name);
        }

        if (!_namesOnly)
            foreach ((string second, string owner) in model.TiedNames) CheckCopy(second, owner);
        return new LoadReport(_missing, unexpected, _mismatched) { StoredTypes = _types };
    }

    /// <summary>A tied tensor that is stored a second time must be a copy: with other values it is a tensor of its own, and the
    /// configuration is wrong.</summary>
    private void CheckCopy(string second, string owner)
    {
        if (Stored(second) is not { } copy || Stored(owner) is not { } table || copy.HasEqualData(table)) return;
        string sentence = $"{_folder.Path}: tensor '{copy.Name}' is stored with other values than '{table.Name}', and config.json says that both are one";
        if (!_options.AllowMissing)
            throw new InputException($"{sentence}. Set tie_word_embeddings to false where each has its own values, "
                + "or remove the tensor that is not meant.");
        _options.Warnings?.Report($"{sentence}; '{table.Name}' is used for both.");
    }

    /// <summary>The format in which a parameter is packed: the one asked for, else the stored one. Null where it is plain float32: in
    /// training, and for gains, biases and tables of float32.</summary>
    private WeightFormat? HeldAs(Parameter parameter, RawTensor tensor)
    {
        if (_options.ForTraining) return null;
        // An adapter's part would be lost if the sum were rounded to four bits again.
        WeightFormat? blocks = tensor.Blocks is { } b && _options.Merged?.Changes(parameter.Name) != true ? FormatOf(b.Type) : null;
        WeightFormat format = _options.Format ?? blocks ?? FormatOf(tensor.DType) ?? WeightFormat.Float32;
        return parameter.IsPackedAs(format) ? format : null;
    }

    /// <summary>The blocks of a GGUF file, where the parameter is held as they are stored: rows of the stored matrix are its
    /// outputs.</summary>
    private StoredBlocks? Blocks(Parameter parameter, RawTensor tensor)
    {
        if (tensor.Blocks is not { } blocks || FormatOf(blocks.Type) is not { } stored) return null;
        return HeldAs(parameter, tensor) == stored && blocks.IsTransposed == (parameter.InputMajor == true) ? blocks : null;
    }

    private static WeightFormat? FormatOf(GgufType type) => type switch
    {
        GgufType.Q8_0 => WeightFormat.Q8_0,
        GgufType.Q6_K => WeightFormat.Q6_K,
        GgufType.Q4_K => WeightFormat.Q4_K,
        GgufType.Q4_0 => WeightFormat.Q4_0,
        _ => null,
    };

    private RawTensor? Use(string name)
    {
        RawTensor? tensor = Find(name, out string key);
        if (tensor is not null) _used.Add(key);
        return _options.Merged?.Whole(name) ?? tensor;
    }

    private RawTensor? Stored(string name) => Find(name, out _);

    /// <summary>A tensor under its name, or, of a tied table, under that of a copy.</summary>
    private RawTensor? Find(string name, out string key)
    {
        if (FindOne(name, out key) is { } tensor) return tensor;
        foreach (string second in _secondNames[name])
            if (FindOne(second, out key) is { } copy) return copy;
        return _options.Copies?.TryGetValue(name, out string? source) == true ? FindOne(source, out key) : null;
    }

    /// <summary>A tensor under its name, or as checkpoints of the bare stack have it.</summary>
    private RawTensor? FindOne(string name, out string key)
    {
        foreach (string candidate in (ReadOnlySpan<string>)[name, name.StartsWith(_prefix, StringComparison.Ordinal) ? name[_prefix.Length..] : _prefix + name])
        {
            key = candidate;
            if (_stored.TryGetValue(candidate, out RawTensor? tensor)) return tensor;
        }

        key = name;
        return null;
    }

    private void Check(string name, NonFiniteCount bad, long values)
    {
        if (bad.Total == 0) return;
        string sentence = $"{_folder.Path}: tensor '{name}': {bad.Describe(values)}";
        if (_options.Strict)
            throw new InputException($"{sentence}; load it without --strict to use it all the same, or restore it from a good checkpoint.");
        _options.Warnings?.Report(sentence + ".");
    }

    private static WeightFormat? FormatOf(DType dtype) => dtype switch
    {
        DType.F32 => WeightFormat.Float32,
        DType.BF16 => WeightFormat.BFloat16,
        DType.F16 => WeightFormat.Float16,
        _ => null,
    };

    private static bool SameShape(long[] stored, Shape shape)
    {
        if (stored.Length != shape.Rank) return false;
        for (int i = 0; i < stored.Length; i++)
            if (stored[i] != shape[i]) return false;
        return true;
    }
}
