namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>The intervention that takes a head out: its z at all positions is replaced.</summary>
    /// <param name="attention">Which attention, such as <c>decoder.blocks.3.attn</c>.</param>
    /// <param name="head">Which head, from 0.</param>
    /// <param name="kind">What takes its place.</param>
    /// <param name="reference">Texts of equal length whose values are taken: all for a mean, the first to resample (which has the length of
    /// the text that is run).</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">There is no such attention or head, or no reference for a mean or a sample.</exception>
    /// <remarks>Michel et al. 2019, arXiv:1905.10650 §3; of means and samples Zhang and Nanda 2023, arXiv:2309.16042.</remarks>
    public Intervention AblateHead(
        string attention, int head, Ablation kind = Ablation.Zero, IReadOnlyList<InspectedText>? reference = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(attention);
        string name = Find(attention.EndsWith(".z", StringComparison.Ordinal) ? attention : $"{attention}.z");
        if (kind == Ablation.Zero) return Intervention.Zero(name, head);
        if (reference is not { Count: > 0 })
            throw new InputException($"reference: {kind} needs texts whose values take the place of the head's; give at least one.");
        ValueArray z = Gather(kind == Ablation.Mean ? reference : [reference[0]], n => n == name, null,
            cancellationToken)[name];   // [B, T, H, K]
        if (kind == Ablation.Resample) return Intervention.Set(name, z.At(0), head);
        int H = z.Shape[2], K = z.Shape[3], rows = z.Shape[0] * z.Shape[1];
        if ((uint)head >= (uint)H) throw new InputException($"head {head}: '{name}' has the heads 0 to {H - 1}.");
        double[] sums = new double[K];
        for (int n = 0; n < rows; n++)
            for (int k = 0; k < K; k++) sums[k] += z.Span[(((n * H) + head) * K) + k];
        return Intervention.Set(name, new ValueArray(Array.ConvertAll(sums, s => (float)(s / rows)), K), head);
    }

    /// <summary>What each head of one attention does for the metric: F without it less F of the text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="attention">Which attention, such as <c>decoder.blocks.3.attn</c>.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[H].</returns>
    /// <exception cref="InputException">There is no such attention, id or position.</exception>
    public ValueArray AblateEach(InspectedText text, LogitDifference metric, string attention,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(attention);
        string name = Find(attention.EndsWith(".z", StringComparison.Ordinal) ? attention : $"{attention}.z");
        string[] parts = name.Split('.');
        int layer = int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture);
        ValueArray? states = parts[0] == LastStack.Name && layer > 0 ? StatesBefore(text, cancellationToken) : null;
        return AblateEach(text, metric, name, states, cancellationToken);
    }

    /// <summary>As the public method, with what enters each layer; null runs all of them.</summary>
    private ValueArray AblateEach(
        InspectedText text, LogitDifference metric, string name, ValueArray? states, CancellationToken cancellationToken)
    {
        string[] parts = name.Split('.');
        int layer = int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture);
        int heads = ConfigOf(PartsOf(parts[0]), layer, parts[3]).Heads;
        IReadOnlyList<Intervention>[] each =
            [[], .. Enumerable.Range(0, heads).Select(h => (IReadOnlyList<Intervention>)[Intervention.Zero(name, h)])];
        float[] scores = Measure(text, metric, each, cancellationToken, states is null ? null : new KnownState(layer, states.At(layer)));
        return new ValueArray([.. scores.Skip(1).Select(f => (float)((double)f - scores[0]))], heads);
    }

    /// <summary>What each head of the model does for the metric: F without it less F of the text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[L, H] by stack and attention: <c>decoder.attn</c>, <c>decoder.cross_attn</c>.</returns>
    /// <inheritdoc cref="AblateEach(InspectedText, LogitDifference, string, CancellationToken)" path="/exception"/>
    public IReadOnlyDictionary<string, ValueArray> AblateEach(
        InspectedText text, LogitDifference metric, CancellationToken cancellationToken = default)
    {
        ValueArray states = StatesBefore(text, cancellationToken);
        return EachAttention((stack, attention) => Stacked([.. Enumerable.Range(0, stack.Blocks.Count).Select(l => AblateEach(
            text, metric, $"{stack.Name}.blocks.{l}.{attention}.z", stack == LastStack ? states : null, cancellationToken))]));
    }

    /// <summary>Something of each attention, by stack and attention.</summary>
    private Dictionary<string, ValueArray> EachAttention(Func<StackParts, string, ValueArray> find)
    {
        _ = LastStack;
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach (StackParts stack in Parts)
            foreach (string attention in stack.AttentionNames) found[$"{stack.Name}.{attention}"] = find(stack, attention);
        return found;
    }

    /// <summary>Arrays of one shape as one, with an axis before theirs.</summary>
    internal static ValueArray Stacked(IReadOnlyList<ValueArray> parts)
    {
        float[] all = new float[parts.Sum(p => p.Count)];
        int at = 0;
        foreach (ValueArray part in parts)
        {
            part.Span.CopyTo(all.AsSpan(at));
            at += part.Count;
        }

        return new ValueArray(all, new Engine.Tensors.Shape([parts.Count, .. parts[0].Shape.ToArray()]));
    }
}
