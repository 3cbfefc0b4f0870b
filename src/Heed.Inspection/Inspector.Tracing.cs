using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation.Understanding;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>
    /// Causal tracing: noise on the embeddings of some tokens, and the probability that returns when one state at one position is set back
    /// to what it was. The noise is normal, added before positions and norm (to the encoder of an encoder-decoder), with three times the
    /// standard deviation of the token table's entries.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="target">Id whose probability counts.</param>
    /// <param name="subject">Positions that get noise.</param>
    /// <param name="samples">R, number of samples of noise.</param>
    /// <param name="seed">Decides the noise.</param>
    /// <param name="position">Where scores are read; null: as <see cref="LogitDifference.Position"/> says.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">A position is not there.</exception>
    /// <remarks>Meng et al. 2022, arXiv:2202.05262 §2.</remarks>
    public CausalTracing CausalTrace(
        InspectedText text, int target, IReadOnlyList<int> subject, int samples = 4, ulong seed = 1, int? position = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        (TokenTable table, _) = TableOf(FirstStack, text, cancellationToken);
        float sigma = (float)(3 * table.Deviation);
        float[] noise = new float[samples * subject.Count * table.Mean.Length];
        new CounterRandom(seed, 0).Normal(noise, 0, sigma);
        return CausalTrace(text, target, subject, new ValueArray(noise, samples, subject.Count, table.Mean.Length), position, sigma,
            cancellationToken);
    }

    /// <summary>As the public method, with given noise [R, subjects, D].</summary>
    internal CausalTracing CausalTrace(
        InspectedText text, int target, IReadOnlyList<int> subject, ValueArray noise, int? position, float sigma,
            CancellationToken cancellationToken)
    {
        string embed = $"{FirstStack.Name}.embed.token";
        int R = noise.Shape[0];
        HashSet<string> names = [.. Parts.SelectMany(s => Enumerable.Range(0, s.Blocks.Count + 1).Select(s.StateName))];
        Dictionary<string, ValueArray> clean = Gather([text], names.Contains, null, cancellationToken);
        List<IReadOnlyList<Intervention>> runs = [[]];
        Intervention[][] noises =
            [.. Enumerable.Range(0, R)
                .Select(r => subject.Select((p, i) => Intervention.Add(embed, noise.At(r, i), position: p)).ToArray())];
        runs.AddRange(noises);
        foreach (StackParts stack in Parts)
        {
            for (int r = 0; r < R; r++)
            {
                for (int l = 0; l <= stack.Blocks.Count; l++)
                {
                    ValueArray state = clean[stack.StateName(l)].At(0);
                    for (int t = 0; t < state.Shape[0]; t++)
                        runs.Add([.. noises[r], Intervention.Set(stack.StateName(l), state, position: t)]);
                }
            }
        }

        float[] p = new float[runs.Count];
        ScoreEach(text, ReadoutOf(text, position), runs, (i, scores) => p[i] = Probability(scores, target), cancellationToken);
        Dictionary<string, ValueArray> restored = new(StringComparer.Ordinal);
        int done = 1 + R;
        foreach (StackParts stack in Parts)
        {
            int T = clean[stack.StateName(0)].Shape[1], count = R * (stack.Blocks.Count + 1) * T;
            restored[stack.Name] = new ValueArray(p[done..(done + count)], R, stack.Blocks.Count + 1, T);
            done += count;
        }

        return new CausalTracing(p[0], new ValueArray(p[1..(1 + R)], R), restored, sigma);
    }

    /// <summary>Softmax of a row of scores at one id.</summary>
    private static float Probability(ReadOnlySpan<float> scores, int id)
    {
        if ((uint)id >= (uint)scores.Length) throw new InputException($"target {id}: the model scores the ids 0 to {scores.Length - 1}.");
        double sum = 0;
        foreach (float score in scores) sum += Math.Exp((double)score - scores[id]);
        return (float)(1 / sum);
    }

    /// <summary>The token table of a stack, and the rows of a text before anything is added to them.</summary>
    private (TokenTable Table, ValueArray Rows) TableOf(StackParts stack, InspectedText text, CancellationToken cancellationToken)
    {
        string name = $"{stack.Name}.embed.token";
        ValueArray rows = Gather([text], n => n == name, null, cancellationToken)[name].At(0);
        using ModelUse use = Model.Enter();
        using TensorScope scope = TensorScope.Begin();
        Embedding tokens = Model.Find($"{stack.Prefix}embed") as Embedding ?? Model.Find("embed") as Embedding
            ?? throw new InputException($"{Model.Architecture}: its token table is not found under the name 'embed'.");
        IReadOnlyList<int> ids = stack.Name == "decoder" && _runner.HasTwoStacks ? text.DecoderIds : text.Ids;
        return (TokenTable.Of(tokens, ids, rows.Span), rows);
    }
}
