using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>z = softmax(q·kᵀ·scale + bias, masked)·v, head by head and sequence by sequence. q: [N, H·K], k, v: [S, G·K], z: [N, H·K]. No
/// [T, S] matrix is held.</summary>
/// <remarks>Dao, arXiv:2307.08691 (FlashAttention-2), algorithms 1 and 2.</remarks>
internal sealed class AttentionOp : Op
{
    private readonly ColumnRange _query;
    private readonly ColumnRange _key;
    private readonly ColumnRange _value;
    private readonly Variable? _distances;
    private readonly Variable? _bias;
    private readonly AttentionOptions _options;
    private readonly AttentionSequence[] _sequences;
    private readonly Tensor _output;
    private readonly Tensor _logSumExp;

    private AttentionOp(
        ColumnRange query, ColumnRange key, ColumnRange value, Variable? distances, Variable? bias, AttentionOptions options,
        AttentionSequence[] sequences, Tensor output, Tensor logSumExp)
    {
        (_query, _key, _value, _distances, _bias, _options, _sequences) = (query, key, value, distances, bias, options, sequences);
        Save(query.Source);
        Save(key.Source);
        Save(value.Source);
        if (distances is { } d) Save(d);
        if (bias is { } dense) Save(dense);
        _output = Save(output);
        _logSumExp = Save(logSumExp);
    }

    /// <param name="query">H·K columns.</param>
    /// <param name="key">G·K columns; not read where there are pages.</param>
    /// <param name="value">G·K columns; not read where there are pages.</param>
    /// <param name="distances">[H, range] or null.</param>
    /// <param name="options">Heads, mask, scale.</param>
    /// <param name="sequences">Which rows belong together.</param>
    /// <param name="pages">The keys and values of each sequence, in inference with a cache; else null.</param>
    /// <param name="bias">Added to the scores, in the layout that the options name, or null; not with pages.</param>
    public static Variable Apply(
        ColumnRange query, ColumnRange key, ColumnRange value, Variable? distances, AttentionOptions options, AttentionSequence[] sequences,
        KeyValuePages[]? pages, Variable? bias = null)
    {
        int N = query.Source.Shape[0];
        Tensor z = Tensor.Uninitialized(N, options.Heads * options.ValueWidth);
        if (pages is not null)
        {
            AttentionKernel.Forward(query.Span, query.Stride, pages, distances is { } table ? table.Value.Span : default, options, sequences, z.Span, []);
            return z;
        }

        bool record = IsRecorded(query.Source, key.Source) || IsRecorded(value.Source)
            || (distances is { } d && IsRecorded(d)) || (bias is { } dense && IsRecorded(dense));
        Tensor? lse = record ? Tensor.Uninitialized(N, options.Heads) : null;
        AttentionKernel.Forward(Inputs(query, key, value, distances, bias), options, sequences, z.Span, lse is null ? [] : lse.Span);
        return record ? Tape.Record(new AttentionOp(query, key, value, distances, bias, options, sequences, z, lse!), z) : z;
    }

    protected override void Backward(Tensor dy)
    {
        // Parts of one fused product share one gradient [N, C]; each part writes its own columns.
        Dictionary<Op, Tensor> gradients = [];
        Tensor Of(ColumnRange part)
        {
            if (part.Source.Op is not { } op) return Tensor.Uninitialized(part.Source.Shape);
            if (!gradients.TryGetValue(op, out Tensor? gradient)) gradients[op] = gradient = Covered(part.Source) ? Tensor.Uninitialized(part.Source.Shape) : Tensor.Zeros(part.Source.Shape);
            return gradient;
        }

        Tensor dq = Of(_query), dk = Of(_key), dv = Of(_value);
        Tensor? dDistances = _distances is { NeedsGradient: true } d ? Tensor.Uninitialized(d.Shape) : null;
        Tensor? dBias = _bias is { NeedsGradient: true } dense ? Tensor.Uninitialized(dense.Shape) : null;
        AttentionInputs<float> inputs = Inputs(_query, _key, _value, _distances, _bias);
        AttentionKernel.Backward(inputs, _options, _sequences, _output.Span, _logSumExp.Span, dy.Span, new AttentionGradients<float>
        {
            Query = dq.Span[_query.Start..],
            QueryStride = _query.Stride,
            Key = dk.Span[_key.Start..],
            KeyStride = _key.Stride,
            Value = dv.Span[_value.Start..],
            ValueStride = _value.Stride,
            RelativeBias = dDistances is null ? default : dDistances.Span,
            Bias = dBias is null ? default : dBias.Span,
        });
        foreach ((ColumnRange part, Tensor gradient) in new[] { (_query, dq), (_key, dk), (_value, dv) })
            if (part.Source.Op is { } op && gradients.Remove(op)) Accumulate(part.Source, gradient);
        if (dDistances is not null) Accumulate(_distances!.Value, dDistances);
        if (dBias is not null) Accumulate(_bias!.Value, dBias);
    }

    /// <summary>True where every element of this source's gradient is written, so that it need not be cleared: all columns, and no row that
    /// nobody attends to.</summary>
    private bool Covered(Variable source)
    {
        int columns = 0, keys = 0;
        foreach (AttentionSequence s in _sequences) keys += s.KeyCount;
        if (keys != _key.Source.Shape[0]) return false;
        foreach (ColumnRange part in (ReadOnlySpan<ColumnRange>)[_query, _key, _value])
            if (ReferenceEquals(part.Source.Value, source.Value)) columns += part.Width;
        return columns == source.Shape.Last;
    }

    private static AttentionInputs<float> Inputs(
        ColumnRange query, ColumnRange key, ColumnRange value, Variable? distances, Variable? bias) => new()
        {
            Query = query.Span,
            QueryStride = query.Stride,
            Key = key.Span,
            KeyStride = key.Stride,
            Value = value.Span,
            ValueStride = value.Stride,
            RelativeBias = distances is { } d ? d.Value.Span : default,
            Bias = bias is { } dense ? dense.Value.Span : default,
        };
}
