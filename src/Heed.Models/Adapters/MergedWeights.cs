using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Adapters;

/// <summary>What an adapter makes of the weights of its base model while they are read.</summary>
internal sealed class MergedWeights : IDisposable
{
    private readonly Model _shapes;
    private readonly Dictionary<string, AdaptedModule> _changed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RawTensor> _whole = new(StringComparer.Ordinal);

    /// <param name="adapter">On a model of shapes: it alone has values. Both live until this is disposed.</param>
    /// <param name="tensors">Its file.</param>
    /// <param name="basePrefix">The prefix of the family.</param>
    public MergedWeights(Adapter adapter, AdapterTensors tensors, string basePrefix)
    {
        _shapes = adapter.Model;
        foreach (AdaptedModule module in adapter.Modules) _changed[module.Weight.Name] = module;
        foreach ((string key, Parameter p) in adapter.Keys)
        {
            string name = key[AdapterTensors.KeyOf("").Length..];
            if (_changed.Values.Any(m => m.Change.Parameters.Contains(p))) continue;
            _whole[p.Name] = tensors.Find(name, basePrefix) ?? tensors.Find(p.Name, basePrefix)!;
        }

        foreach (string name in tensors.Unused) _whole[AdapterTensors.BaseName(name)] = tensors.All[name];
    }

    /// <summary>The tensor that takes a parameter's place, or null.</summary>
    public RawTensor? Whole(string parameter) => _whole.GetValueOrDefault(parameter);

    /// <summary>True for a weight to which a change is added.</summary>
    public bool Changes(string parameter) => _changed.ContainsKey(parameter);

    /// <summary>Adds the change to the values of a parameter, which are plain.</summary>
    public void Change(Parameter parameter)
    {
        AdaptedModule module = _changed[parameter.Name];
        parameter.Assign(module.Change.Merged(parameter, module.Table is not null));
    }

    public void Dispose() => _shapes.Dispose();
}
