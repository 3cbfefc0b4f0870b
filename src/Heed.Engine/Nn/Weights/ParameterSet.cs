using System.Collections;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Where the values of a model's parameters come from while it is built.</summary>
public abstract class ParameterSource
{
    /// <summary>Only names and shapes: for <c>heed info</c> of a model of any size.</summary>
    public static ParameterSource ShapesOnly { get; } = new NoValues();

    /// <summary>The initialisers of the papers; every value depends on the seed, the parameter's name and its index alone.</summary>
    public static ParameterSource Random(ulong seed) => new RandomValues(seed);

    /// <summary>Gives a parameter its value, or leaves it without one.</summary>
    /// <param name="parameter">Name, shape and initialiser are set; <see cref="Parameter.Value"/> is to be assigned.</param>
    public abstract void Fill(Parameter parameter);

    private sealed class NoValues : ParameterSource
    {
        public override void Fill(Parameter parameter)
        {
        }
    }

    private sealed class RandomValues(ulong seed) : ParameterSource
    {
        public override void Fill(Parameter parameter)
        {
            Tensor value = Tensor.Uninitialized(parameter.Shape).LeaveScope();
            parameter.Initializer.Fill(value.Span, parameter.Shape, seed, parameter.Name);
            parameter.Value = value;
        }
    }
}

/// <summary>All parameters of one model, in the order in which the model names them.</summary>
public sealed class ParameterSet(ParameterSource source) : IReadOnlyCollection<Parameter>, IDisposable
{
    private readonly Dictionary<string, Parameter> _byName = new(StringComparer.Ordinal);
    private readonly List<Parameter> _ordered = [];
    private readonly List<AttentionPart> _attentions = [];

    /// <summary>The place from which a model takes its parameters.</summary>
    public ParameterScope Root => new(this, "", "");

    /// <inheritdoc/>
    public int Count => _ordered.Count;

    /// <summary>The model's attentions, in the order in which it makes them.</summary>
    public IReadOnlyList<AttentionPart> Attentions => _attentions;

    /// <summary>Bytes that the values of all parameters take, as they are held.</summary>
    public long Bytes => _ordered.Sum(p => p.Bytes);

    /// <summary>Number of values in all parameters together.</summary>
    public long Values
    {
        get
        {
            long values = 0;
            foreach (Parameter p in _ordered) values += p.Shape.Count;
            return values;
        }
    }

    /// <summary>The parameter with this name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Parameter this[string name] => _byName.TryGetValue(name, out Parameter? p) ? p : throw new KeyNotFoundException($"The model has no parameter '{name}'.");

    /// <summary>Finds a parameter by name.</summary>
    public bool TryGet(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Parameter? parameter) => _byName.TryGetValue(name, out parameter);

    /// <summary>Undoes the packing of all parameters: before training a model that was opened for inference.</summary>
    public void Unpack()
    {
        foreach (Parameter p in _ordered) p.Unpack();
    }

    /// <summary>Forgets all gradients and returns their memory.</summary>
    public void ClearGradients()
    {
        foreach (Parameter p in _ordered) p.Leaf.Clear();
    }

    /// <summary>Returns the memory of all values and gradients.</summary>
    public void Dispose()
    {
        foreach (Parameter p in _ordered) p.Dispose();
    }

    /// <inheritdoc/>
    public IEnumerator<Parameter> GetEnumerator() => _ordered.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Add(AttentionPart attention) => _attentions.Add(attention);

    internal Parameter Add(string name, Shape shape, Initializer initializer, bool? inputMajor = null, bool table = false)
    {
        Parameter parameter = new(name, shape, initializer) { InputMajor = inputMajor, IsTable = table };
        if (!_byName.TryAdd(name, parameter)) throw new InvalidOperationException($"The model makes the parameter '{name}' twice.");
        _ordered.Add(parameter);
        source.Fill(parameter);
        return parameter;
    }
}
