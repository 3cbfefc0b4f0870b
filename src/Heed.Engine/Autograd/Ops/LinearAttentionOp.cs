using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>z(i) = Σ (q'(i)·k'(j))·v(j) / (Σ q'(i)·k'(j) + ε) over features q', k' ≥ 0. q': [N, H·M], k': [S, H·M], v: [S, H·V], z: [N,
/// H·V].</summary>
/// <remarks>Katharopoulos et al., arXiv:2006.16236.</remarks>
internal sealed class LinearAttentionOp : Op
{
    private readonly Variable _query;
    private readonly Variable _key;
    private readonly Variable _value;
    private readonly AttentionOptions _options;
    private readonly AttentionSequence[] _sequences;
    private readonly Tensor _output;
    private readonly Tensor _normalizer;

    private LinearAttentionOp(Variable query, Variable key, Variable value, AttentionOptions options, AttentionSequence[] sequences, Tensor output, Tensor normalizer)
    {
        (_query, _key, _value, _options, _sequences) = (Save(query), Save(key), Save(value), options, sequences);
        (_output, _normalizer) = (Save(output), Save(normalizer));
    }

    /// <summary>Computes z; with <paramref name="sums"/> the sequences resume from earlier tokens, and nothing is recorded.</summary>
    public static Variable Apply(Variable query, Variable key, Variable value, AttentionOptions options, AttentionSequence[] sequences, FeatureSum[]? sums = null)
    {
        Tensor z = Tensor.Zeros(query.Shape[0], options.Heads * options.ValueWidth), normalizer = Tensor.Zeros(query.Shape[0], options.Heads);
        LinearAttentionKernel.Forward(query.Value.Span, key.Value.Span, value.Value.Span, options, sequences, z.Span, normalizer.Span, sums);
        return sums is null && (IsRecorded(query, key) || IsRecorded(value)) ? Tape.Record(new LinearAttentionOp(query, key, value, options, sequences, z, normalizer), z) : z;
    }

    protected override void Backward(Tensor dy)
    {
        // Rows of no sequence get zeros.
        Tensor dq = Tensor.Zeros(_query.Shape), dk = Tensor.Zeros(_key.Shape), dv = Tensor.Zeros(_value.Shape);
        LinearAttentionKernel.Backward(
            _query.Value.Span, _key.Value.Span, _value.Value.Span, _options, _sequences, _output.Span, _normalizer.Span, dy.Span, dq.Span, dk.Span, dv.Span);
        Accumulate(_query, dq);
        Accumulate(_key, dk);
        Accumulate(_value, dv);
    }
}
