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
        ["hook_embed"] = "embed.token",
        ["hook_pos_embed"] = "embed.position",
        ["hook_token_type_embed"] = "embed.type",
        ["hook_full_embed"] = "embed.out",
        ["hook_resid_pre"] = "resid_pre",
        ["hook_resid_mid"] = "resid_mid",
        ["hook_resid_mid_cross"] = "resid_mid_cross",
        ["hook_resid_post"] = "resid_post",
        ["hook_normalized_resid_post"] = "out",
        ["hook_attn_out"] = "attn.out",
        ["hook_cross_attn_out"] = "cross_attn.out",
        ["hook_mlp_out"] = "mlp.out",
        ["mlp.hook_pre"] = "mlp.pre",
        ["mlp.hook_pre_linear"] = "mlp.up",
        ["mlp.hook_post"] = "mlp.post",
        ["unembed.hook_out"] = "logits",
    };

    private static readonly (string Alias, string Own)[] Parts =
    [
        ("hook_q", "q"), ("hook_k", "k"), ("hook_v", "v"), ("hook_rot_q", "rot_q"), ("hook_rot_k", "rot_k"), ("hook_z", "z"),
        ("hook_result", "result"), ("hook_attn_scores", "masked"), ("hook_pattern", "pattern"),
    ];

    private static readonly (string Alias, string Own)[] Norms =
    [
        ("embed.ln", "embed.norm"), ("ln1", "attn_norm"), ("ln2", "mlp_norm"), ("ln3", "mlp_norm"), ("ln_final", "final_norm"),
        ("mlm_head.ln", "head.norm"), ("attn.q_norm", "attn.q_norm"), ("attn.k_norm", "attn.k_norm"),
    ];

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

    /// <summary>The name of our vocabulary for a TransformerLens name; other names are returned as they are. In its decoders with
    /// cross-attention <c>ln2</c> is that part's norm: a model that has one reads it so
    /// (<see cref="OwnName(string, bool)"/>).</summary>
    public static string OwnName(string name) => OwnName(name, hasCrossAttention: false);

    /// <summary>The name of our vocabulary for a TransformerLens name.</summary>
    /// <param name="name">Any name.</param>
    /// <param name="hasCrossAttention">True where the layer has cross-attention, whose norm is then <c>ln2</c>.</param>
    internal static string OwnName(string name, bool hasCrossAttention)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!name.Contains("hook_", StringComparison.Ordinal)) return name;
        foreach ((string alias, string own) in Aliases)
            if (Ends(name, alias)) return Ended(name, alias, own);
        foreach ((string alias, string own) in Parts)
        {
            foreach (string part in (ReadOnlySpan<string>)["cross_attn", "attn"])
                if (Ends(name, $"{part}.{alias}")) return Ended(name, $"{part}.{alias}", $"{part}.{own}");
        }

        foreach ((string alias, string own) in Norms)
        {
            foreach (string value in (ReadOnlySpan<string>)["scale", "normalized"])
            {
                if (!Ends(name, $"{alias}.hook_{value}")) continue;
                return Ended(name, $"{alias}.hook_{value}", $"{(hasCrossAttention && alias == "ln2" ? "cross_attn_norm" : own)}.{value}");
            }
        }

        return name;

        static bool Ends(string name, string alias)
            => name.EndsWith(alias, StringComparison.Ordinal) && (name.Length == alias.Length || name[^(alias.Length + 1)] == '.');

        static string Ended(string name, string alias, string own) => string.Concat(name.AsSpan(0, name.Length - alias.Length), own);
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
            throw new ArgumentException($"Hooks: no tensor of this run is named "
                + $"{string.Join(", ", unused.Select(name => $"'{Printable.Shorten(name)}'"))}.{near} docs/hooks.md lists the "
                + $"names; layers count from 0.");
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
        if (changed.Shape != x.Shape) throw new Tensors.ShapeException("Hooks.Replace", full, changed.Shape, x.Shape.ToString(),
            "a replacement has the shape of what it replaces");
        return changed;
    }

    private static string Join(string site, string name) => site.Length == 0 ? name : $"{site}.{name}";
}
