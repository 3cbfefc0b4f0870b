using System.Collections;
using Heed.Engine.Kernels;
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
    /// <param name="parameter">Name, shape and initialiser are set; <see cref="Parameter.Assign"/> is to be called.</param>
    public abstract void Fill(Parameter parameter);

    /// <summary>False for a parameter that is known to be missing: a part that a model can do without is then not built.</summary>
    internal virtual bool Holds(string name) => true;

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
            parameter.Assign(value);
        }
    }
}

/// <summary>All parameters of one model, in the order in which the model names them.</summary>
public sealed class ParameterSet(ParameterSource source) : IReadOnlyCollection<Parameter>, IDisposable
{
    private readonly Dictionary<string, Parameter> _byName = new(StringComparer.Ordinal);
    private readonly List<Parameter> _ordered = [];
    private readonly Dictionary<Parameter, ModulePlace> _places = new(ReferenceEqualityComparer.Instance);
    private readonly List<Module> _modules = [];
    private readonly List<AttentionPart> _attentions = [];
    private readonly Dictionary<string, string> _shared = new(StringComparer.Ordinal);
    private readonly HashSet<Parameter> _frozen = new(ReferenceEqualityComparer.Instance);
    private ParameterSource _source = source;
    private ModulePlace? _root;
    private PlaceTree? _tree;

    /// <summary>False for a parameter that the source is known not to have.</summary>
    internal bool CanFill(string name) => _source.Holds(name);

    /// <summary>The place from which a model takes its parameters.</summary>
    public ParameterScope Root => new(_root ??= new ModulePlace(this, null, "", ""));

    /// <summary>Further keys under which a checkpoint may hold a parameter, and the parameter's own: <c>lm_head.weight</c> →
    /// <c>transformer.wte.weight</c>.</summary>
    public IReadOnlyDictionary<string, string> SharedNames => _shared;

    /// <summary>From here on, what is made (an adapter, a new head) begins with its initialiser's values: the file has been read.</summary>
    /// <param name="seed">Of the values.</param>
    internal void EndLoading(ulong seed) => _source = ParameterSource.Random(seed);

    /// <summary>Who belongs to whom.</summary>
    internal PlaceTree Tree => _tree ??= new PlaceTree(_modules, _ordered.Select(p => KeyValuePair.Create(p, _places[p])));

    /// <inheritdoc/>
    public int Count => _ordered.Count;

    /// <summary>The model's attentions, in the order in which it makes them.</summary>
    internal IReadOnlyList<AttentionPart> Attentions => _attentions;

    /// <summary>Bytes that the values of all parameters take, as they are held.</summary>
    public long Bytes => _ordered.Sum(p => p.Bytes);

    /// <summary>Bytes that all parameters take in inference where weights are held in a format: gains, biases and the like are float32
    /// always.</summary>
    public long BytesAs(WeightFormat format) => _ordered.Sum(p => p.BytesAs(format));

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

    /// <summary>Excludes parameters from training: no gradient is computed for them.</summary>
    /// <param name="pattern">
    /// A name with <c>*</c> for any characters: of a parameter in the checkpoint (<c>transformer.h.*.attn.c_attn.weight</c>), of it by its
    /// hook path (<c>blocks.0.attn.qkv.weight</c>), or of a module, with all below it (<c>blocks.0</c>, <c>embed</c>); <c>*</c> is all.
    /// </param>
    /// <returns>Number of parameters that match.</returns>
    /// <exception cref="ArgumentException">No parameter matches.</exception>
    public int Freeze(string pattern) => Each(pattern, p =>
    {
        if (p.NeedsGradient) _frozen.Add(p);
        p.NeedsGradient = false;
        p.Leaf.Clear();
    });

    /// <summary>Undoes <see cref="Freeze"/>. Parameters that their architecture never trains stay as they are.</summary>
    /// <param name="pattern">As in <see cref="Freeze"/>.</param>
    /// <returns>Number of parameters that match.</returns>
    /// <exception cref="ArgumentException">No parameter matches.</exception>
    public int Unfreeze(string pattern) => Each(pattern, p =>
    {
        if (_frozen.Remove(p)) p.NeedsGradient = true;
    });

    /// <summary>The name of a parameter by the words of hooks, such as <c>blocks.3.attn.q.weight</c>.</summary>
    public string SiteOf(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        string site = _places[parameter].Site, name = parameter.Name[(parameter.Name.LastIndexOf('.') + 1)..];
        return site.Length == 0 ? name : $"{site}.{name}";
    }

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

    internal void Add(Module module)
    {
        _modules.Add(module);
        _tree = null;
    }

    internal void Share(string name, Parameter parameter) => _shared[name] = parameter.Name;

    /// <summary>A module takes another's place, and the other one with its parameters moves to the place below.</summary>
    internal void Exchange(Module old, Module replacement, IReadOnlyList<Parameter> own, ModulePlace below)
    {
        foreach (Parameter p in own) _places[p] = below;
        _modules.Remove(replacement);
        _modules.Insert(_modules.IndexOf(old), replacement);
        _tree = null;
    }

    /// <summary>Undoes <see cref="Exchange"/>.</summary>
    internal void Restore(Module replacement, IReadOnlyList<Parameter> own, ModulePlace place)
    {
        foreach (Parameter p in own) _places[p] = place;
        _modules.Remove(replacement);
        _tree = null;
    }

    /// <summary>Forgets a parameter and returns its memory.</summary>
    internal void Remove(Parameter parameter)
    {
        _byName.Remove(parameter.Name);
        _ordered.Remove(parameter);
        _places.Remove(parameter);
        _frozen.Remove(parameter);
        _tree = null;
        parameter.Dispose();
    }

    private int Each(string pattern, Action<Parameter> change)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        int count = 0;
        foreach (Parameter p in _ordered)
        {
            string site = SiteOf(p);
            if (!Wildcard.Matches(pattern, p.Name) && !Wildcard.Matches(pattern, site)) continue;
            change(p);
            count++;
        }

        if (count > 0) return count;
        string near = Printable.Nearest(pattern, _modules.Select(m => m.Site).Concat(_ordered.Select(p => p.Name))) is { } nearest ? $" The nearest name is '{nearest}'." : "";
        throw new ArgumentException($"No parameter of the model matches '{Printable.Shorten(pattern)}'.{near} A pattern is a name, with * for any characters; 'heed info' lists the modules.", nameof(pattern));
    }

    internal Parameter Add(ModulePlace place, string name, Shape shape, Initializer initializer, bool? inputMajor = null, bool table = false)
    {
        Parameter parameter = new(name, shape, initializer) { InputMajor = inputMajor, IsTable = table };
        if (!_byName.TryAdd(name, parameter)) throw new InvalidOperationException($"The model makes the parameter '{name}' twice.");
        _ordered.Add(parameter);
        _places.Add(parameter, place);
        _tree = null;
        _source.Fill(parameter);
        return parameter;
    }
}
