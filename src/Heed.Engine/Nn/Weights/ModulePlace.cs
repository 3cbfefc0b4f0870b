namespace Heed.Engine.Nn;

/// <summary>One node of the tree of scopes from which a model was built. The module attached to it owns the parameters made here and at the
/// unattached places below.</summary>
internal sealed class ModulePlace(ParameterSet set, ModulePlace? parent, string path, string site)
{
    public ParameterSet Set { get; } = set;

    /// <summary>The place that this one was derived from; null at the root.</summary>
    public ModulePlace? Parent { get; } = parent;

    public string Path { get; } = path;

    public string Site { get; } = site;

    /// <summary>The first module built here, or null: a step on the way to a deeper name.</summary>
    public Module? Module { get; private set; }

    /// <summary>The module that owns what is made here: this place's, else that of the nearest above.</summary>
    public Module? Owner
    {
        get
        {
            ModulePlace? place = this;
            while (place is { Module: null }) place = place.Parent;
            return place?.Module;
        }
    }

    public void Attach(Module module)
    {
        Module ??= module;
        Set.Add(module);
    }

    /// <summary>Attaches another module instead of one, which moves a step down.</summary>
    /// <param name="old">The module attached here.</param>
    /// <param name="replacement">The one that takes its place.</param>
    /// <param name="own">The old one's parameters, which move with it.</param>
    /// <returns>The old module's new place.</returns>
    public ModulePlace Exchange(Module old, Module replacement, IReadOnlyList<Parameter> own)
    {
        ModulePlace below = new(Set, this, Path, $"{Site}.base") { Module = old };
        Module = replacement;
        Set.Exchange(old, replacement, own, below);
        return below;
    }

    /// <summary>Undoes <see cref="Exchange"/>: the old module is attached here again.</summary>
    public ModulePlace Restore(Module replacement, Module old, IReadOnlyList<Parameter> own)
    {
        Module = old;
        Set.Restore(replacement, own, this);
        return this;
    }
}

/// <summary>Which modules and parameters belong to which module: made when it is first asked for, as children may be built before their
/// parent's constructor runs.</summary>
internal sealed class PlaceTree
{
    private readonly Dictionary<Module, List<Module>> _children = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Module, List<Parameter>> _parameters = new(ReferenceEqualityComparer.Instance);

    public PlaceTree(IEnumerable<Module> modules, IEnumerable<KeyValuePair<Parameter, ModulePlace>> parameters)
    {
        foreach (Module module in modules)
            if (ParentOf(module) is { } parent) Entry(_children, parent).Add(module);
        foreach ((Parameter parameter, ModulePlace place) in parameters)
            if (place.Owner is { } owner) Entry(_parameters, owner).Add(parameter);
    }

    public IReadOnlyList<Module> ChildrenOf(Module module) => _children.TryGetValue(module, out List<Module>? children) ? children : [];

    public IReadOnlyList<Parameter> ParametersOf(Module module) => _parameters.TryGetValue(module, out List<Parameter>? parameters) ? parameters : [];

    /// <summary>The module of the nearest place above; of a second module at one place, the first.</summary>
    public Module? ParentOf(Module module)
    {
        ModulePlace place = module.Place!;
        return ReferenceEquals(place.Module, module) ? place.Parent?.Owner : place.Owner;
    }

    private static List<T> Entry<T>(Dictionary<Module, List<T>> lists, Module key)
    {
        if (!lists.TryGetValue(key, out List<T>? list)) lists[key] = list = [];
        return list;
    }
}
