using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>
/// Observes or replaces named tensors inside a model while it runs. The names are the same in every architecture
/// (<c>blocks.3.attn.q</c>, with <c>encoder.</c> or <c>decoder.</c> in front where there are both; <c>docs/hooks.md</c> lists them);
/// TransformerLens' names (<c>blocks.3.attn.hook_q</c>) are understood as aliases. A run without hooks pays nothing, and a hook that
/// changes nothing leaves every bit as it was.
/// </summary>
public sealed class Hooks
{
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["hook_embed"] = "embed",
        ["hook_pos_embed"] = "pos_embed",
        ["hook_resid_pre"] = "resid_pre",
        ["hook_resid_mid"] = "resid_mid",
        ["hook_resid_post"] = "resid_post",
        ["hook_attn_out"] = "attn_out",
        ["hook_mlp_out"] = "mlp_out",
        ["attn.hook_q"] = "attn.q",
        ["attn.hook_k"] = "attn.k",
        ["attn.hook_v"] = "attn.v",
        ["attn.hook_rot_q"] = "attn.rot_q",
        ["attn.hook_rot_k"] = "attn.rot_k",
        ["attn.hook_z"] = "attn.z",
        ["attn.hook_result"] = "attn.result",
        ["attn.hook_attn_scores"] = "attn.masked",
        ["attn.hook_pattern"] = "attn.pattern",
        ["mlp.hook_pre"] = "mlp.pre",
        ["mlp.hook_post"] = "mlp.post",
        ["ln1.hook_scale"] = "norm1.scale",
        ["ln1.hook_normalized"] = "norm1.normalized",
        ["ln2.hook_scale"] = "norm2.scale",
        ["ln2.hook_normalized"] = "norm2.normalized",
        ["ln_final.hook_scale"] = "norm_final.scale",
        ["ln_final.hook_normalized"] = "norm_final.normalized",
    };

    private readonly Dictionary<string, Func<string, Variable, Variable>> _exact = new(StringComparer.Ordinal);
    private readonly List<(Func<string, bool> Matches, Func<string, Variable, Variable> Visit)> _matching = [];
    private readonly HashSet<string> _shown = new(StringComparer.Ordinal);

    /// <summary>Sees the tensor with this name each time the model computes it. The value dies with the run: clone what is to be
    /// kept.</summary>
    /// <param name="name">A full name or a TransformerLens alias.</param>
    /// <param name="observer">Gets the name and the tensor.</param>
    /// <returns>This, to chain.</returns>
    public Hooks Observe(string name, Action<string, Variable> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return Replace(name, (site, x) =>
        {
            observer(site, x);
            return x;
        });
    }

    /// <summary>Sees every tensor whose name satisfies <paramref name="matches"/>.</summary>
    /// <returns>This, to chain.</returns>
    public Hooks ObserveWhere(Func<string, bool> matches, Action<string, Variable> observer)
    {
        ArgumentNullException.ThrowIfNull(matches);
        ArgumentNullException.ThrowIfNull(observer);
        _matching.Add((matches, (site, x) =>
        {
            observer(site, x);
            return x;
        }
        ));
        return this;
    }

    /// <summary>Replaces the tensor with this name.</summary>
    /// <param name="name">A full name or a TransformerLens alias.</param>
    /// <param name="replacement">Gets name and tensor, returns a tensor of the same shape (the same one to change nothing).</param>
    /// <returns>This, to chain.</returns>
    public Hooks Replace(string name, Func<string, Variable, Variable> replacement)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(replacement);
        string own = OwnName(name);
        _exact[own] = _exact.TryGetValue(own, out Func<string, Variable, Variable>? before)
            ? (site, x) => replacement(site, before(site, x))
            : replacement;
        return this;
    }

    /// <summary>The name of our vocabulary for a TransformerLens name; other names are returned as they are.</summary>
    public static string OwnName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach ((string alias, string own) in Aliases)
        {
            if (name == alias || name.EndsWith("." + alias, StringComparison.Ordinal))
                return string.Concat(name.AsSpan(0, name.Length - alias.Length), own);
        }

        return name;
    }

    /// <summary>Refuses names that no run so far has shown: a layer that the model does not have, a slip of the pen. Models ask it at the
    /// end of each run.</summary>
    /// <exception cref="ArgumentException">A name was given to <see cref="Observe"/> or <see cref="Replace"/> and no tensor has it; the
    /// error lists all such names, and the nearest that there is.</exception>
    public void CheckUsed()
    {
        lock (_shown)
        {
            string[] unused = [.. _exact.Keys.Where(name => !_shown.Contains(name)).Order(StringComparer.Ordinal)];
            if (unused.Length == 0) return;
            string near = Printable.Nearest(unused[0], _shown) is { } nearest ? $" The nearest to the first is '{nearest}'." : "";
            throw new ArgumentException($"Hooks: no tensor of this run is named {string.Join(", ", unused.Select(name => $"'{Printable.Shorten(name)}'"))}.{near} docs/hooks.md lists the names; layers count from 0.");
        }
    }

    /// <summary>True where somebody asked for this tensor, so that the fast path must give way to the one that has it.</summary>
    internal bool Wants(string site, string name)
    {
        if (_exact.Count == 0 && _matching.Count == 0) return false;
        string full = Join(site, name);
        return _exact.ContainsKey(full) || _matching.Exists(m => m.Matches(full));
    }

    /// <summary>Shows a tensor to whoever asked for it; returns it, or what was put in its place.</summary>
    internal Variable Visit(string site, string name, Variable x)
    {
        string full = Join(site, name);
        lock (_shown) _shown.Add(full);
        foreach ((Func<string, bool> matches, Func<string, Variable, Variable> visit) in _matching)
            if (matches(full)) x = visit(full, x);
        if (!_exact.TryGetValue(full, out Func<string, Variable, Variable>? replace)) return x;
        Variable changed = replace(full, x);
        if (changed.Shape != x.Shape) throw new Tensors.ShapeException("Hooks.Replace", full, changed.Shape, x.Shape.ToString(), "a replacement has the shape of what it replaces");
        return changed;
    }

    private static string Join(string site, string name) => site.Length == 0 ? name : $"{site}.{name}";
}
