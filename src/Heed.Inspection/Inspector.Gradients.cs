using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation.Understanding;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>The gradient of F with respect to each token's row of the table, and gradient × input.</summary>
    /// <param name="text">The text.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>By stack.</returns>
    /// <remarks>Simonyan et al. 2013, arXiv:1312.6034; gradient × input: Kindermans et al. 2016, arXiv:1611.07270. A model whose embedding
    /// goes straight into a norm (BLOOM) does not depend on its length, so that gradient × input is 0 there.</remarks>
    public IReadOnlyDictionary<string, InputGradient> Gradient(
        InspectedText text, LogitDifference metric, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(metric);
        string[] names = [.. Names.Where(n => n.EndsWith(".embed.token", StringComparison.Ordinal))];
        Dictionary<string, ValueArray> gradients = Gradients(text, metric, names, cancellationToken);
        Dictionary<string, ValueArray> rows = Gather([text], names.Contains, null, cancellationToken);
        Dictionary<string, InputGradient> found = new(StringComparer.Ordinal);
        foreach (string name in names)
        {
            ValueArray g = gradients[name];
            int T = g.Shape[0], D = g.Shape[1];
            float[] norm = new float[T], times = new float[T];
            for (int t = 0; t < T; t++)
            {
                (double square, double product) = (0, 0);
                for (int i = t * D; i < (t + 1) * D; i++)
                {
                    square += (double)g.Span[i] * g.Span[i];
                    product += (double)g.Span[i] * rows[name].Span[i];
                }

                (norm[t], times[t]) = ((float)Math.Sqrt(square), (float)product);
            }

            found[name[..name.IndexOf('.', StringComparison.Ordinal)]] =
                new InputGradient(g, new ValueArray(norm, T), new ValueArray(times, T));
        }

        return found;
    }

    /// <summary>
    /// Integrated gradients from a baseline to the text's rows of the token table; all tokens move together, positions and segments stay.
    /// The values should add up to F − F(baseline): the gap says by how much they miss, and the steps are raised until it is below 1 %.
    /// </summary>
    /// <param name="text">The text; of an encoder-decoder the encoder's side moves.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="baseline">Where the way begins.</param>
    /// <param name="token">The id of <see cref="Baseline.Token"/>.</param>
    /// <param name="steps">Points of the way; null: 64, then four times as many until the gap is below 1 % or 1,024 are
    /// reached. <see cref="IntegratedGradients.IsComplete"/> says whether it is.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The token is missing or outside the vocabulary.</exception>
    /// <remarks>Sundararajan et al. 2017, arXiv:1703.01365 §3, at the midpoints of equal steps.</remarks>
    public IntegratedGradients IntegratedGradients(
        InspectedText text, LogitDifference metric, Baseline baseline = Baseline.Mean, int? token = null, int? steps = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(metric);
        if (steps is { } given) ArgumentOutOfRangeException.ThrowIfLessThan(given, 1, nameof(steps));
        StackParts stack = FirstStack;
        (TokenTable table, ValueArray rows) = TableOf(stack, text, cancellationToken);
        int T = rows.Shape[0], D = rows.Shape[1];
        float[] start = baseline switch
        {
            Baseline.Zero => new float[D],
            Baseline.Mean => table.Mean,
            _ => RowOf(stack, text, token
                ?? throw new InputException("token: the baseline 'Token' needs the id of a token, such as the mask or padding."),
                    cancellationToken),
        };
        string site = _names.Value.EngineName($"{stack.Name}.embed.token");
        float score = Score(text, metric, null, cancellationToken), from;
        using ModelUse use = Model.Enter();
        using (TensorScope scope = TensorScope.Begin())
            from = Ask([text], metric, PathGradients.Baseline(site, start, T), cancellationToken).Value.ToScalar();
        for (int count = steps ?? PathGradients.Steps; ; count *= 4)
        {
            double[] values = PathGradients.Integrate(site, rows.ToArray(), start, count,
                (copies, hooks) => Ask([.. Enumerable.Repeat(text, copies)], metric, hooks, cancellationToken));
            float[] byToken = new float[T];
            for (int t = 0; t < T; t++) byToken[t] = (float)values.AsSpan(t * D, D).ToArray().Sum();
            IntegratedGradients found =
                new(new ValueArray(Array.ConvertAll(values, v => (float)v), T, D), new ValueArray(byToken, T), score, from,
                (float)(values.Sum() - ((double)score - from)), count);
            if (steps is not null || found.IsComplete || count * 4 > 1024) return found;
        }
    }

    /// <summary>What changes when each token is cut out and the rest moves up, or becomes another token.</summary>
    /// <param name="text">The text; of an encoder-decoder tokens of the encoder's side.</param>
    /// <param name="metric">What is asked; the position that is read moves along.</param>
    /// <param name="replacement">The id that takes a token's place; null: the token is cut out. The token that is asked for (a mask, the
    /// only end token of a classifier that reads it) is not cut out: its entry is 0.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public LeaveOneOut LeaveOneOut(InspectedText text, LogitDifference metric, int? replacement = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(metric);
        int? readout = ReadoutOf(text, metric.Position);
        int T = text.Ids.Count;
        (float wholeTarget, float whole) = Scores(text, readout);
        float[] target = new float[T], difference = new float[T];
        for (int t = 0; t < T; t++)
        {
            (InspectedText other, int? position) = replacement is { } id ? (text.With(t, id), readout) : (text.Without(t), Moved(t));
            if (replacement is null && (T == 1 || Stays(t))) continue;
            (float newTarget, float changed) = Scores(other, position);
            (target[t], difference[t]) = ((float)((double)newTarget - wholeTarget), (float)((double)changed - whole));
        }

        return new LeaveOneOut(new ValueArray(target, T), new ValueArray(difference, T));

        // Decoders read one place earlier, also where the token that was read is cut out; encoders only of what comes after the cut.
        int? Moved(int t) => readout is not { } p || _runner.HasTwoStacks ? readout
            : Model is CausalLanguageModel ? (t <= p ? Math.Max(0, p - 1) : p)
            : t < p ? p - 1 : p;

        bool Stays(int t) => Model switch
        {
            CausalLanguageModel => readout == 0 && t == 0,
            SequenceToSequenceModel => false,
            SequenceClassifier { Head: EndTokenHead } => text.Ids[t] == Model.Config.EndId
                && text.Ids.Count(i => i == Model.Config.EndId) == 1,
            _ => readout == t,
        };

        (float Target, float Difference) Scores(InspectedText other, int? position)
        {
            (float one, float two) = (0, 0);
            ScoreEach(other, position, [[]], (_, scores) => (one, two) = (scores[metric.Target], Difference(scores, metric)),
                cancellationToken);
            return (one, two);
        }
    }

    /// <summary>The row of the token table for an id, as the stack uses it.</summary>
    private float[] RowOf(StackParts stack, InspectedText text, int id, CancellationToken cancellationToken)
    {
        string name = $"{stack.Name}.embed.token";
        ValueArray rows = Gather([text.With(0, id)], n => n == name, null, cancellationToken)[name].At(0);
        return rows.At(0).ToArray();
    }
}
