using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Files;

/// <summary>Fills parameters from a checkpoint while the model is built, under today's names or older ones, and keeps account of what fits.</summary>
internal sealed class CheckpointSource : ParameterSource
{
    private readonly CheckpointFolder _folder;
    private readonly LoadOptions _options;
    private readonly string _prefix;
    private readonly Dictionary<string, RawTensor> _stored = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<string> _missing = [];
    private readonly List<string> _mismatched = [];
    private readonly Dictionary<string, DType> _types = new(StringComparer.Ordinal);
    private readonly ParameterSource _first;

    public CheckpointSource(CheckpointFolder folder, ModelFamily family, LoadOptions options)
    {
        _folder = folder;
        _options = options;
        _prefix = family.BasePrefix + ".";
        _first = Random(options.Seed);
        foreach (RawTensor tensor in folder.Tensors)
        {
            if (family.CurrentName(tensor.Name) is not { } name) continue;
            if (!_stored.TryAdd(name, tensor))
                throw new FileFormatException(folder.Path, tensor.Name, $"is stored twice: '{_stored[name].Name}' is the same parameter under another name; remove one");
        }
    }

    public override void Fill(Parameter parameter)
    {
        if (Find(parameter.Name) is not { } tensor)
        {
            _missing.Add(parameter.Name);
            if (_options.AllowMissing) _first.Fill(parameter);
            return;
        }

        if (!SameShape(tensor.Shape, parameter.Shape))
        {
            _mismatched.Add($"{parameter.Name} is [{string.Join(", ", tensor.Shape)}] in the file and {parameter.Shape} in the model");
            if (_options.AllowMissing) _first.Fill(parameter);
            return;
        }

        if (!tensor.DType.IsFloat()) throw new FileFormatException(_folder.Path, tensor.Name, $"is stored as {tensor.DType.Name()}; weights are F32, F16, BF16 or F64");
        _types[parameter.Name] = tensor.DType;
        if (!_options.ForTraining && parameter.InputMajor is not null && parameter.Shape.Rank == 2 && FormatOf(tensor.DType) is { } stored)
        {
            BadValues bad = new(stored);
            parameter.PackFrom(stored, stored, (start, chunk) =>
            {
                tensor.ReadBytes(start, chunk);
                bad.Count(chunk);
            });
            Check(parameter.Name, bad.Found, tensor.ElementCount);
            return;
        }

        Tensor value = Tensor.Uninitialized(parameter.Shape);
        tensor.ReadFloats(value.Span);
        BadValues plain = new(WeightFormat.Float32);
        plain.Count(System.Runtime.InteropServices.MemoryMarshal.AsBytes(value.Span));
        Check(parameter.Name, plain.Found, tensor.ElementCount);
        parameter.Value = value;
        if (!_options.ForTraining) parameter.Pack(FormatOf(tensor.DType) ?? WeightFormat.Float32);
    }

    /// <summary>What was found; to be called when the model is complete.</summary>
    public LoadReport Report(Model model)
    {
        List<string> unexpected = [];
        foreach ((string name, RawTensor tensor) in _stored)
        {
            // A tied output stored beside its table carries nothing of its own.
            if (!_used.Contains(name) && !model.LeavesOut(name) && !model.TiedNames.ContainsKey(name) && !model.TiedNames.ContainsKey(_prefix + name)) unexpected.Add(tensor.Name);
        }

        return new LoadReport(_missing, unexpected, _mismatched) { StoredTypes = _types };
    }

    private RawTensor? Find(string name)
    {
        foreach (string key in (ReadOnlySpan<string>)[name, name.StartsWith(_prefix, StringComparison.Ordinal) ? name[_prefix.Length..] : _prefix + name])
        {
            if (!_stored.TryGetValue(key, out RawTensor? tensor)) continue;
            _used.Add(key);
            return tensor;
        }

        return null;
    }

    private void Check(string name, long bad, long values)
    {
        if (bad == 0) return;
        string sentence = $"{_folder.Path}: tensor '{name}' has {bad} of {values} values that are NaN or infinite";
        if (_options.Strict) throw new InputException($"{sentence}; load it without --strict to use it all the same, or restore it from a good checkpoint.");
        _options.Warn?.Invoke(sentence + ".");
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
