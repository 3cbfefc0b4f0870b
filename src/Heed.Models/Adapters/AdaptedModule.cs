using Heed.Engine.Nn;

namespace Heed.Models.Adapters;

/// <summary>A module with its change: a projection, whose place a <see cref="LowRankLinear"/> takes, or a table.</summary>
internal sealed class AdaptedModule
{
    private readonly LowRankLinear? _replacement;

    private AdaptedModule(Linear? linear, Embedding? table, LowRankLinear? replacement, LowRank change)
        => (Linear, Table, _replacement, Change) = (linear, table, replacement, change);

    /// <summary>The projection, or null.</summary>
    public Linear? Linear { get; }

    /// <summary>The table, or null.</summary>
    public Embedding? Table { get; }

    /// <summary>A, B and m.</summary>
    public LowRank Change { get; }

    /// <summary>W.</summary>
    public Parameter Weight => Linear?.Weight ?? Table!.Weight;

    /// <summary>The module's name in checkpoints.</summary>
    public string Path => Linear?.Path ?? Table!.Path;

    /// <summary>Changes a projection.</summary>
    public static AdaptedModule Of(Linear linear, LowRankConfig config)
    {
        LowRankLinear replacement = (LowRankLinear)Module.ReplaceFound(linear.Path, linear, _ => new LowRankLinear(linear, config));
        // What no loss reaches, no change of it is reached by either.
        if (linear.Weight.MayBeUnused)
            foreach (Parameter p in replacement.Change.Parameters) p.AllowUnused();
        return new AdaptedModule(linear, null, replacement, replacement.Change);
    }

    /// <summary>Changes a table.</summary>
    public static AdaptedModule Of(Embedding table, LowRankConfig config)
    {
        LowRank change = LowRank.Of(table, config);
        table.Change = change;
        return new AdaptedModule(null, table, null, change);
    }

    /// <summary>Takes the change off again.</summary>
    public void Detach()
    {
        if (_replacement is not null)
        {
            Module.Restore(_replacement, Linear!);
            return;
        }

        Table!.Change = null;
        foreach (Parameter p in Change.Parameters) Table.Scope.Set.Remove(p);
    }
}
