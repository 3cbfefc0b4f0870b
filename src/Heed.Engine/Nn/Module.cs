namespace Heed.Engine.Nn;

/// <summary>
/// A part of a model: it owns parameters, taken from a <see cref="ParameterScope"/> when it is built, and has a <c>Forward</c> with typed
/// inputs. Modules hold no state between calls.
/// </summary>
/// <remarks>
/// A module registers itself at the scope that it is given; the modules built at scopes derived from that one are its
/// <see cref="Children"/>.
/// Modules without parameters (dropout, fixed positions) need no scope and do not appear in the tree.
/// </remarks>
public abstract class Module
{
    /// <summary>A module without parameters of its own, which does not appear in the tree.</summary>
    protected Module()
    {
    }

    /// <summary>A module at a place of the checkpoint.</summary>
    /// <param name="at">Where its parameters and children are named; derived from the parent's scope.</param>
    protected Module(ParameterScope at)
    {
        Place = at.Place;
        Place?.Attach(this);
    }

    /// <summary>The module's place in its model's tree; null for a module without parameters.</summary>
    internal ModulePlace? Place { get; private set; }

    /// <summary>Where the module's parameters are named in checkpoints, such as <c>transformer.h.3.attn</c>; empty for the whole
    /// model.</summary>
    public string Path => Place?.Path ?? "";

    /// <summary>Where <see cref="Hooks"/> find the module, such as <c>blocks.3.attn</c>: the same words in every architecture.</summary>
    public string Site => Place?.Site ?? "";

    /// <summary>The modules that this one is made of, in the order in which it makes them.</summary>
    public IReadOnlyList<Module> Children => Place?.Set.Tree.ChildrenOf(this) ?? [];

    /// <summary>This module and all below it: each before its children, in the order in which they are made.</summary>
    public IEnumerable<Module> Modules
    {
        get
        {
            Stack<Module> waiting = new([this]);
            while (waiting.TryPop(out Module? module))
            {
                yield return module;
                IReadOnlyList<Module> children = module.Children;
                for (int i = children.Count - 1; i >= 0; i--) waiting.Push(children[i]);
            }
        }
    }

    /// <summary>The parameters that belong to this module itself and to none of its children, in the order in which they are
    /// made.</summary>
    public IReadOnlyList<Parameter> OwnParameters => Place?.Set.Tree.ParametersOf(this) ?? [];

    /// <summary>The module of this one or below it with a name, or null.</summary>
    /// <param name="path">A hook path (<c>blocks.3.attn.q</c>), a checkpoint path (<c>transformer.h.3.attn.c_attn</c>), or a hook path
    /// relative to this module (<c>attn.q</c>).</param>
    public Module? Find(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string relative = Site.Length == 0 ? path : $"{Site}.{path}";
        foreach (Module module in Modules)
            if (module.Site == path || module.Path == path || module.Site == relative) return module;
        return null;
    }

    /// <summary>Replaces a projection below this module, as adapters do.</summary>
    /// <param name="path">Which one, as in <see cref="Find"/>: <c>blocks.3.attn.q</c>.</param>
    /// <param name="make">
    /// From the old projection to the new one, which takes its place in the computation and in the tree. The old one keeps its parameters
    /// and their checkpoint keys, and becomes a child of the new one, with <c>.base</c> appended to its hook path; further parameters are
    /// made at its <see cref="Scope"/>.
    /// </param>
    /// <returns>The new projection.</returns>
    /// <exception cref="ArgumentException">There is no projection with this name.</exception>
    /// <exception cref="InvalidOperationException">The module that holds it cannot run another in its place.</exception>
    /// <exception cref="Tensors.ShapeException">The new projection has other widths.</exception>
    public Projection Replace(string path, Func<Projection, Projection> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        if (Find(path) is not Projection old)
        {
            string near = Printable.Nearest(path, Modules.OfType<Projection>().Select(m => m.Site)) is { } nearest ? $" The nearest is '{nearest}'." : "";
            throw new ArgumentException($"Module.Replace: there is no projection '{Printable.Shorten(path)}'.{near} 'heed info' lists the modules.", nameof(path));
        }

        return ReplaceFound(path, old, make);
    }

    /// <summary>Whether <see cref="Replace"/> can put another projection in this one's place.</summary>
    internal static bool CanReplace(Projection projection)
        => projection.Place?.Set.Tree.ParentOf(projection)?.ExchangeHereOrAbove(projection, projection) == true;

    /// <summary>As <see cref="Replace"/>, of a projection that is found already.</summary>
    internal static Projection ReplaceFound(string path, Projection old, Func<Projection, Projection> make)
    {
        Module parent = old.Place!.Set.Tree.ParentOf(old) ?? throw new InvalidOperationException($"Module.Replace: '{path}' belongs to no other module.");
        IReadOnlyList<Parameter> own = old.OwnParameters;
        Projection made = make(old);
        if (ReferenceEquals(made, old)) return old;
        if ((made.Inputs, made.Outputs) != (old.Inputs, old.Outputs))
            throw new Tensors.ShapeException($"Module.Replace: '{path}' is {old.Inputs} → {old.Outputs} wide and its replacement {made.Inputs} → {made.Outputs}.");
        if (!parent.ExchangeHereOrAbove(old, made))
            throw new InvalidOperationException($"Module.Replace: {parent.GetType().Name} at '{parent.Site}' reads the weight of '{path}' itself and cannot run another projection in its place.");
        (made.Place, old.Place) = (old.Place, old.Place.Exchange(old, made, own));
        return made;
    }

    /// <summary>Undoes <see cref="Replace"/>: a projection takes its old place again, and the parameters of the other one are
    /// forgotten.</summary>
    /// <param name="made">What took its place.</param>
    /// <param name="old">The projection.</param>
    internal static void Restore(Projection made, Projection old)
    {
        Module parent = made.Place!.Set.Tree.ParentOf(made)!;
        IReadOnlyList<Parameter> own = old.OwnParameters, extra = made.OwnParameters;
        parent.ExchangeHereOrAbove(made, old);
        (old.Place, made.Place) = (made.Place.Restore(made, old, own), null);
        foreach (Parameter p in extra) old.Place!.Set.Remove(p);
    }

    /// <summary>Exchanges a projection in the module that runs it: its parent, or, of a part of a head, which is no module of the tree, one
    /// above.</summary>
    private bool ExchangeHereOrAbove(Projection old, Projection replacement)
    {
        for (Module? holder = this; holder is not null; holder = holder.Place!.Set.Tree.ParentOf(holder))
            if (holder.Exchange(old, replacement)) return true;
        return false;
    }

    /// <summary>Offers an exchange to a part that is no module of the tree: a head.</summary>
    internal bool TryExchange(Projection old, Projection replacement) => Exchange(old, replacement);

    /// <summary>The scope at which the module was built: where an adapter makes its parameters.</summary>
    /// <exception cref="InvalidOperationException">The module was built without one.</exception>
    public ParameterScope Scope => new(Place ?? throw new InvalidOperationException($"This {GetType().Name} was built without a place in a checkpoint."));

    /// <summary>Puts another projection into the slot of a child. Modules that run projections override it.</summary>
    /// <param name="old">A child.</param>
    /// <param name="replacement">Of the same widths.</param>
    /// <returns>False where the child has no such slot.</returns>
    protected virtual bool Exchange(Projection old, Projection replacement) => false;
}
