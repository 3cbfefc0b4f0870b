using System.Globalization;
using Heed.Inspection;

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

    /// <summary>The changes of a run that it stands for.</summary>
    /// <param name="layout">The model's attentions.</param>
    public abstract IEnumerable<Inspection.Intervention> Changes(ModelLayout layout);
}

/// <summary>One head's z becomes 0: it adds nothing.</summary>
internal sealed record ZeroHead(string Site, int Head) : Intervention
{
    public override string Text => $"zero:{Site}:{Head.ToString(CultureInfo.InvariantCulture)}";

    public override IEnumerable<Inspection.Intervention> Changes(ModelLayout layout)
        => [Inspection.Intervention.Zero($"{Site}.z", Head)];
}

/// <summary>Scores without the factor 1/√K: what the softmax would make of them.</summary>
internal sealed record Unscaled(string Site) : Intervention
{
    public override string Text => $"unscaled:{Site}";

    public override IEnumerable<Inspection.Intervention> Changes(ModelLayout layout)
        => [Inspection.Intervention.From($"{Site}.scaled", $"{Site}.dot", dot => dot)];
}

/// <summary>Another mask in all self-attentions of a stack.</summary>
internal sealed record OtherMask(string Stack, MaskRule Rule) : Intervention
{
    public override string Text => $"mask:{Stack}:{Rule.Text}";

    public override IEnumerable<Inspection.Intervention> Changes(ModelLayout layout)
        => layout.Stack(Stack).Layers.Select(l => Inspection.Intervention.From($"{l.Self.Site}.masked", $"{l.Self.Site}.biased", Rule.Of));
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

    /// <summary>Scores [H, T, S], −∞ where a query does not see a key.</summary>
    public ValueArray Of(ValueArray scores)
    {
        (int H, int T, int S) = (scores.Shape[0], scores.Shape[1], scores.Shape[2]);
        float[] masked = scores.ToArray();
        for (int h = 0; h < H; h++)
            for (int i = 0; i < T; i++)
                for (int j = 0; j < S; j++)
                    if (!Sees(i, j, S)) masked[(((h * T) + i) * S) + j] = float.NegativeInfinity;
        return new ValueArray(masked, scores.Shape);
    }
}
