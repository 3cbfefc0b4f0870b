namespace Heed.Inspection;

/// <summary>What a model computed for one text: values by name, with what is needed to know what they are of.</summary>
public sealed partial class Trace
{
    private readonly Dictionary<string, ValueArray> _values;
    private readonly Lazy<string> _hash;

    internal Trace(InspectedText text, Dictionary<string, ValueArray> values, IReadOnlyList<string> interventions, string architecture,
        Lazy<string> hash)
    {
        (Text, _values, Interventions, Architecture, _hash) = (text, values, interventions, architecture, hash);
        Names = [.. values.Keys];
    }

    /// <summary>The text.</summary>
    public InspectedText Text { get; }

    /// <summary>The names that were kept, in the order of the computation.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>What was changed on the way, in words; empty: nothing.</summary>
    public IReadOnlyList<string> Interventions { get; }

    /// <summary>The model's class, such as <c>GPT2LMHeadModel</c>.</summary>
    public string Architecture { get; }

    /// <summary><see cref="Inspector.WeightsHash"/> of the model. Of a trace that was just made it is computed when first asked
    /// for.</summary>
    public string WeightsHash => _hash.Value;

    /// <summary>A value, without the axis of texts: [T, D], [T, H, K], [H, T, S], [T, 1], [T, V].</summary>
    /// <param name="name">As <see cref="Names"/> has it; where there is one stack, also without it, or TransformerLens'.</param>
    /// <exception cref="InputException">The trace has no such value.</exception>
    public ValueArray this[string name]
    {
        get
        {
            if (TryGet(name, out ValueArray? value)) return value;
            string near = Printable.Nearest(name, Names) is { } nearest ? $" The nearest is '{nearest}'." : "";
            throw new InputException(
                $"name '{Printable.Shorten(name)}': the trace has no value of this name.{near} It may have been left out by the filter "
                    + "of names.");
        }
    }

    /// <summary>A value, if the trace has it.</summary>
    public bool TryGet(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ValueArray? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (_values.TryGetValue(name, out value)) return true;
        bool cross = Names.Any(n => n.Contains(".cross_attn.", StringComparison.Ordinal))
            && !name.StartsWith("encoder", StringComparison.Ordinal);
        string own = Engine.Nn.Hooks.OwnName(name, cross);
        return _values.TryGetValue(own, out value) || _values.TryGetValue($"decoder.{own}", out value)
            || _values.TryGetValue($"encoder.{own}", out value);
    }
}
