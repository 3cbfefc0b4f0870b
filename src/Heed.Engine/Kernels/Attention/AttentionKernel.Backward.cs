using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

internal static unsafe partial class AttentionKernel
{
    /// <summary>Gradients from those of the output: the weights are computed anew, page by page, from the scores' log Σ exp.</summary>
    /// <param name="x">What the forward pass got.</param>
    /// <param name="options">What the forward pass got.</param>
    /// <param name="sequences">What the forward pass got; no two sequences share a row of keys.</param>
    /// <param name="output">[N, H·V], of the forward pass.</param>
    /// <param name="logSumExp">[N, H], of the forward pass.</param>
    /// <param name="outputGradient">[N, H·V].</param>
    /// <param name="gradients">Overwritten: the rows of the sequences, and the biases as a whole.</param>
    /// <exception cref="ArgumentException">A span is too short, or sequences and options do not fit.</exception>
    public static void Backward(
        in AttentionInputs<float> x, AttentionOptions options, AttentionSequence[] sequences, ReadOnlySpan<float> output, ReadOnlySpan<float> logSumExp,
        ReadOnlySpan<float> outputGradient, in AttentionGradients<float> gradients)
    {
        (int queries, int keys) = AttentionChecks.Sequences(options, sequences);
        CheckInputs(x, options, sequences, queries, keys);
        CheckOutput(options, output.Length, logSumExp.Length, queries);
        AttentionChecks.Rows(nameof(logSumExp), logSumExp.Length, options.Heads, queries, options.Heads);
        AttentionChecks.Rows(nameof(outputGradient), outputGradient.Length, options.Heads * options.ValueWidth, queries, options.Heads * options.ValueWidth);
        AttentionChecks.Rows("Query's gradient", gradients.Query.Length, gradients.QueryStride, queries, options.Heads * options.HeadWidth);
        AttentionChecks.Rows("Key's gradient", gradients.Key.Length, gradients.KeyStride, keys, options.KeyHeads * options.HeadWidth);
        AttentionChecks.Rows("Value's gradient", gradients.Value.Length, gradients.ValueStride, keys, options.KeyHeads * options.ValueWidth);
        bool relativeWanted = options.RelativeRange > 0 && gradients.RelativeBias.Length > 0, biasWanted = options.Bias != DenseLayout.None && gradients.Bias.Length > 0;
        if (relativeWanted) AttentionChecks.Relative("RelativeBias's gradient", gradients.RelativeBias.Length, options);
        if (biasWanted) AttentionChecks.Dense("Bias's gradient", gradients.Bias.Length, options.Bias, options, sequences, mask: false);
        gradients.RelativeBias.Clear();
        gradients.Bias.Clear();

        long distances = relativeWanted ? (long)sequences.Length * options.Heads * options.RelativeRange : 0;
        float* relativeParts = distances > 0 ? ComputeContext.Current.Scratch.Rent(distances) : null;
        fixed (AttentionSequence* s = sequences)
        fixed (float* q = x.Query, k = x.Key, v = x.Value, relative = x.RelativeBias, bias = x.Bias, z = output, lse = logSumExp, dz = outputGradient)
        fixed (float* dq = gradients.Query, dk = gradients.Key, dv = gradients.Value, dRelative = gradients.RelativeBias, dBias = gradients.Bias)
        fixed (bool* mask = x.Mask, allowed = options.Blocks?.Allowed)
        {
            // Parts that would add into the same bias run one after another, as one part.
            bool sharesHeads = biasWanted && options.Bias == DenseLayout.Shared, sharesSequences = biasWanted && Overlap(options, sequences);
            AttentionBackwardWork work = new()
            {
                Problem = new AttentionProblem(options)
                {
                    Sequences = s,
                    SequenceCount = sequences.Length,
                    Query = q,
                    QueryStride = x.QueryStride,
                    Key = k,
                    KeyStride = x.KeyStride,
                    Value = v,
                    ValueStride = x.ValueStride,
                    Relative = relative,
                    Bias = bias,
                    Mask = mask,
                    Allowed = allowed,
                },
                Output = z,
                LogSumExp = lse,
                OutputGradient = dz,
                QueryGradient = dq,
                QueryStride = gradients.QueryStride,
                KeyGradient = dk,
                KeyStride = gradients.KeyStride,
                ValueGradient = dv,
                ValueStride = gradients.ValueStride,
                RelativeParts = relativeParts,
                BiasGradient = biasWanted ? dBias : null,
                PerPart = sharesSequences ? sequences.Length * options.KeyHeads : sharesHeads ? options.KeyHeads : 1,
            };
            try
            {
                LaneParts.Run(work, sequences.Length * options.KeyHeads / work.PerPart);
                if (relativeParts != null) ComputeContext.Run(new RelativeWork { Parts = relativeParts, Sequences = sequences.Length, Heads = options.Heads, Range = options.RelativeRange, Sum = dRelative }, options.Heads);
            }
            finally
            {
                if (relativeParts != null) ComputeContext.Current.Scratch.Return(relativeParts, distances);
            }
        }
    }

    private static bool Overlap(AttentionOptions o, AttentionSequence[] sequences)
    {
        for (int b = 1; b < sequences.Length; b++)
            if (sequences[b].BiasStart < sequences[b - 1].BiasStart + AttentionChecks.DenseLength(o.Bias, sequences[b - 1], o.Heads)) return true;
        return false;
    }

    /// <summary>Adds the sequences' gradients of one head's distances, in their order.</summary>
    private struct RelativeWork : IWork
    {
        public float* Parts;
        public int Sequences;
        public int Heads;
        public int Range;
        public float* Sum;

        public readonly void Part(int head)
        {
            float* sum = Sum + ((long)head * Range);
            for (int b = 0; b < Sequences; b++)
            {
                float* part = Parts + ((((long)b * Heads) + head) * Range);
                for (int d = 0; d < Range; d++) sum[d] += part[d];
            }
        }
    }
}
