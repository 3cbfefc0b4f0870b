namespace Heed.Inspection;

/// <summary>How one value differs between two traces.</summary>
/// <param name="Name">The value.</param>
/// <param name="Largest">The largest absolute difference; infinite where one has a number and the other none (NaN, ∞).</param>
/// <param name="Relative">L2 length of the difference, as a share of that of the first trace's value.</param>
/// <param name="Index">Where the largest lies, counted over the whole value.</param>
/// <param name="First">What the first trace has there.</param>
/// <param name="Second">What the second has there.</param>
public sealed record ValueDifference(string Name, double Largest, double Relative, int Index, float First, float Second);

/// <summary>Two traces side by side.</summary>
/// <param name="Values">Every value that differs in any bit, in the order of the computation.</param>
/// <param name="Compared">Number of values that both have with one shape.</param>
/// <param name="Others">Names that only one has, or that have other shapes.</param>
/// <param name="SameWeights">True if both are of the same weights.</param>
/// <param name="SameText">True if both are of the same ids.</param>
public sealed record TraceDifference(
    IReadOnlyList<ValueDifference> Values, int Compared, IReadOnlyList<string> Others, bool SameWeights, bool SameText)
{
    /// <summary>True if all that both have is equal bit for bit, and both have the same values.</summary>
    public bool IsEqual => Values.Count == 0 && Others.Count == 0;

    /// <summary>The first value that differs in the order of the computation: where to look for the cause; null if none.</summary>
    public ValueDifference? First => Values.Count > 0 ? Values[0] : null;

    /// <summary>The value with the largest difference; null if none.</summary>
    public ValueDifference? Largest => Values.Count > 0 ? Values.MaxBy(v => v.Largest) : null;
}

public sealed partial class Trace
{
    /// <summary>Compares two traces bit for bit, name by name: of two texts, two models, two precisions, two programs.</summary>
    /// <param name="other">The second trace.</param>
    public TraceDifference Diff(Trace other)
    {
        ArgumentNullException.ThrowIfNull(other);
        List<ValueDifference> differences = [];
        List<string> others = [];
        int compared = 0;
        foreach (string name in Names)
        {
            if (!other._values.TryGetValue(name, out ValueArray? theirs) || theirs.Shape != _values[name].Shape)
            {
                others.Add(name);
                continue;
            }

            compared++;
            if (Compare(name, _values[name].Span, theirs.Span) is { } difference) differences.Add(difference);
        }

        others.AddRange(other.Names.Where(name => !_values.ContainsKey(name)));
        bool sameText = Text.Ids.SequenceEqual(other.Text.Ids) && Text.DecoderIds.SequenceEqual(other.Text.DecoderIds)
            && (Text.TypeIds ?? []).SequenceEqual(other.Text.TypeIds ?? []);
        return new TraceDifference(differences, compared, others, WeightsHash == other.WeightsHash, sameText);
    }

    /// <summary>Runs the text again in a model and compares: a colleague's trace against one's own copy.</summary>
    /// <param name="inspector">The model.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>What differs; <see cref="TraceDifference.SameWeights"/> tells whether the model is the same.</returns>
    /// <exception cref="InputException">Something was changed while the trace was made, so it cannot be made again from its text; or the
    /// model does not read the text.</exception>
    public TraceDifference Verify(Inspector inspector, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inspector);
        if (Interventions.Count > 0)
            throw new InputException(
                $"trace: was made with changes ({string.Join("; ", Interventions)}), which a file does not hold; only a trace without "
                    + "changes can be verified.");
        HashSet<string> names = [.. Names];
        return Diff(inspector.Trace(Text, names.Contains, null, cancellationToken));
    }

    private static ValueDifference? Compare(string name, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        (int at, double largest, double square, double norm) = (-1, -1, 0, 0);
        for (int i = 0; i < a.Length; i++)
        {
            if (float.IsFinite(a[i])) norm += (double)a[i] * a[i];
            if (BitConverter.SingleToInt32Bits(a[i]) == BitConverter.SingleToInt32Bits(b[i])) continue;
            double difference = float.IsFinite(a[i]) && float.IsFinite(b[i]) ? Math.Abs((double)a[i] - b[i]) : double.PositiveInfinity;
            square += difference * difference;
            if (difference > largest) (at, largest) = (i, difference);
        }

        return at < 0 ? null
            : new ValueDifference(name, largest, norm > 0 ? Math.Sqrt(square / norm) : Math.Sqrt(square), at, a[at], b[at]);
    }
}
