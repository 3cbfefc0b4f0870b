using System.Globalization;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Explorer.Traces;

/// <summary>A change of what the model computes; its text is what stands in the address of a page.</summary>
internal abstract record Intervention
{
    /// <summary>Interventions of one run, at most.</summary>
    public const int Most = 64;

    /// <summary>Reads <c>zero:SITE:HEAD</c>, <c>mask:STACK:KIND</c> or <c>unscaled:SITE</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="layout">The model's attentions.</param>
    /// <exception cref="InputException">It is none of these, or names what the model has not.</exception>
    public static Intervention Parse(string text, ModelLayout layout)
    {
        string[] words = text.Split(':');
        switch (words)
        {
            case ["zero", string site, string head]:
                AttentionSite attention = layout.Attention(site);
                if (!int.TryParse(head, NumberStyles.None, CultureInfo.InvariantCulture, out int h) || h >= attention.Config.Heads)
                    throw new InputException($"iv: head {Printable.Shorten(head)} of {site} is outside 0 to {attention.Config.Heads - 1}.");
                return new ZeroHead(site, h);
            case ["mask", string stack, string kind]:
                _ = layout.Stack(stack);
                return new OtherMask(stack, MaskRule.Parse(kind));
            case ["unscaled", string site]:
                _ = layout.Attention(site);
                return new Unscaled(site);
            default:
                throw new InputException($"iv: '{Printable.Shorten(text)}' is no intervention; zero:SITE:HEAD, mask:STACK:KIND or "
                    + $"unscaled:SITE was expected.");
        }
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public abstract string Text { get; }

    /// <summary>Adds the change to a run.</summary>
    /// <param name="changes">The run's replacements.</param>
    /// <param name="layout">The model's attentions.</param>
    public abstract void AddTo(Replacements changes, ModelLayout layout);
}

/// <summary>One head's z becomes 0: it adds nothing.</summary>
internal sealed record ZeroHead(string Site, int Head) : Intervention
{
    public override string Text => $"zero:{Site}:{Head.ToString(CultureInfo.InvariantCulture)}";

    public override void AddTo(Replacements changes, ModelLayout layout) => changes.Replace($"{Site}.z", z =>
    {
        float[] kept = new float[z.Shape[1]];
        Array.Fill(kept, 1);
        kept[Head] = 0;
        return z * Tensor.Create(kept, 1, kept.Length, 1);
    });
}

/// <summary>Scores without the factor 1/√K: what the softmax would make of them.</summary>
internal sealed record Unscaled(string Site) : Intervention
{
    public override string Text => $"unscaled:{Site}";

    public override void AddTo(Replacements changes, ModelLayout layout)
    {
        Variable? dot = null;
        changes.Watch($"{Site}.dot", x => dot = x);
        changes.Replace($"{Site}.scaled", scaled => dot is { } x ? x : scaled);
    }
}

/// <summary>Another mask in all self-attentions of a stack.</summary>
internal sealed record OtherMask(string Stack, MaskRule Rule) : Intervention
{
    public override string Text => $"mask:{Stack}:{Rule.Text}";

    public override void AddTo(Replacements changes, ModelLayout layout)
    {
        foreach (LayerSite layer in layout.Stack(Stack).Layers)
        {
            Variable? biased = null;
            changes.Watch($"{layer.Self.Site}.biased", x => biased = x);
            changes.Replace($"{layer.Self.Site}.masked", masked => biased is { } scores ? scores
                + Rule.Of(masked.Shape[2], masked.Shape[3]) : masked);
        }
    }
}

/// <summary>Which keys a query may see.</summary>
/// <param name="Kind"><c>none</c>, <c>causal</c>, <c>window</c> or <c>padding</c>.</param>
/// <param name="Size">Tokens of a window; tokens at the end that count as padding.</param>
internal sealed record MaskRule(string Kind, int Size)
{
    private static readonly string[] Kinds = ["none", "causal", "window", "padding"];

    /// <summary><c>none</c>, <c>causal</c>, <c>window-3</c>, <c>padding-2</c>.</summary>
    public string Text => Size == 0 ? Kind : $"{Kind}-{Size.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Reads <see cref="Text"/>.</summary>
    /// <exception cref="InputException">It is none of them.</exception>
    public static MaskRule Parse(string text)
    {
        string[] words = text.Split('-');
        int size = 0;
        bool sized = words is [_, string number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out size);
        if (words.Length > 2 || !Kinds.Contains(words[0]) || (words.Length == 2 && (!sized || size is < 1 or > 4096))
            || (words[0] is "window" or "padding") != (words.Length == 2))
            throw new InputException($"mask: '{Printable.Shorten(text)}' is no mask; none, causal, window-N or padding-N (N from 1 to "
                + $"4096) was expected.");
        return new MaskRule(words[0], size);
    }

    /// <summary>True where query i sees key j of T queries and S keys.</summary>
    public bool Sees(int i, int j, int keys) => Kind switch
    {
        "none" => true,
        "causal" => j <= i,
        "window" => j <= i && j > i - Size,
        _ => j < keys - Size,
    };

    /// <summary>[1, 1, T, S]: 0 where a query sees a key, else −∞.</summary>
    public Tensor Of(int queries, int keys)
    {
        float[] values = new float[queries * keys];
        for (int i = 0; i < queries; i++)
            for (int j = 0; j < keys; j++) values[(i * keys) + j] = Sees(i, j, keys) ? 0 : float.NegativeInfinity;
        return Tensor.Create(values, 1, 1, queries, keys);
    }
}

/// <summary>What a run replaces and watches, before a trace is told of the result.</summary>
internal sealed class Replacements
{
    private readonly Dictionary<string, Func<Variable, Variable>> _changes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Action<Variable>> _watches = new(StringComparer.Ordinal);

    /// <summary>Adds a replacement; several of one tensor follow each other.</summary>
    public void Replace(string name, Func<Variable, Variable> change)
        => _changes[name] = _changes.TryGetValue(name, out Func<Variable, Variable>? before) ? x => change(before(x)) : change;

    /// <summary>Looks at a tensor that a replacement needs.</summary>
    public void Watch(string name, Action<Variable> look)
        => _watches[name] = _watches.TryGetValue(name, out Action<Variable>? before) ? before + look : look;

    /// <summary>Adds all to hooks; <paramref name="changed"/> gets what was put in a tensor's place.</summary>
    public void AddTo(Hooks hooks, Action<string, Variable> changed)
    {
        foreach ((string name, Action<Variable> look) in _watches) hooks.Observe(name, (_, x) => look(x));
        foreach ((string name, Func<Variable, Variable> change) in _changes)
        {
            hooks.Replace(name, (site, x) =>
            {
                Variable y = change(x);
                changed(site, y);
                return y;
            });
        }
    }
}
