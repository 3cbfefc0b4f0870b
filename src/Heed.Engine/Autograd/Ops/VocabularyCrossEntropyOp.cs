using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// Cross-entropy over a vocabulary, from the last hidden states: loss of hidden·Wᵀ + bias, W of any kind. Logits exist for a chunk of rows
/// at a time, and their
/// gradient takes their place at once: neither logits nor probabilities of all rows are ever held.  hidden: [N, D], W: [V, D], bias: [V].
/// </summary>
internal sealed class VocabularyCrossEntropyOp : Op
{
    /// <summary>Logits held at once: 64 MiB, so that the weight and its gradient are passed over seldom.</summary>
    private const int ChunkLogits = 1 << 24;

    private readonly Variable _hidden;
    private readonly Variable? _weight;
    private readonly Variable? _bias;
    private readonly Tensor? _dhidden;
    private readonly Tensor? _dweight;
    private readonly Tensor? _dbias;

    private VocabularyCrossEntropyOp(Variable hidden, Variable? weight, Variable? bias, Tensor? dhidden, Tensor? dweight, Tensor? dbias)
    {
        (_hidden, _weight, _bias, _dhidden, _dweight, _dbias) = (hidden, weight, bias, dhidden, dweight, dbias);
    }

    public static Variable Apply(Variable hidden, Weight weight, Variable? bias, int[] targets, CrossEntropySettings settings)
    {
        (int N, int D) = hidden.Shape.Bind2(nameof(hidden), "[N, D]");
        if (weight.Inputs != D) throw new ShapeException("VocabularyCrossEntropy", nameof(weight), weight.Shape, $"[V, {D}]", $"D = {D} was bound by 'hidden' {hidden.Shape}");
        int V = weight.Outputs;
        if (bias is { } b0 && (b0.Shape.Rank != 1 || b0.Shape[0] != V)) throw new ShapeException("VocabularyCrossEntropy", nameof(bias), b0.Shape, $"[{V}]", $"V = {V} was bound by 'weight' {weight.Shape}");
        if (targets.Length != N) throw new ArgumentException($"{targets.Length} targets were given for {N} rows; there must be one each.", nameof(targets));
        double divisor = settings.DivisorOf(targets);
        bool recorded = Tape.IsRecording && (hidden.NeedsGradient || weight.NeedsGradient || bias is { NeedsGradient: true });
        bool wanted = recorded && divisor != 0;
        // What waits for the backward pass belongs to the op alone.
        Tensor? dhidden = wanted && hidden.NeedsGradient ? Tensor.Uninitialized(N, D).LeaveScope() : null;
        Tensor? dweight = wanted && weight.NeedsGradient ? Tensor.Uninitialized(weight.Shape).LeaveScope() : null;
        Tensor? dbias = wanted && bias is { NeedsGradient: true } ? Tensor.Uninitialized(V).LeaveScope() : null;
        double loss = 0;
        using (TensorScope scope = TensorScope.Begin())
        {
            // Chunks of equal size, which follows from N and V alone.
            int most = Math.Max(16, ChunkLogits / Math.Max(1, V)), chunks = Math.Max(1, (N + most - 1) / most), size = (N + chunks - 1) / chunks;
            Tensor logits = Tensor.Uninitialized(Math.Min(N, size), V), losses = Tensor.Uninitialized(Math.Min(N, size)), sums = Tensor.Uninitialized(V), logSums = Tensor.Uninitialized(2 * Math.Min(N, size));
            for (int row = 0; row < N; row += size)
            {
                int rows = Math.Min(size, N - row);
                ReadOnlySpan<float> x = hidden.Value.Span.Slice(row * D, rows * D);
                Span<float> z = logits.Span[..(rows * V)];
                ReadOnlySpan<int> y = targets.AsSpan(row, rows);
                weight.Multiply(x, z, rows, new Epilogue { Bias = bias is { } b ? b.Value.Span : [] });
                if (wanted) CrossEntropyKernel.InvokeWithGradient(z, y, V, settings.ForKernel(), (float)(1 / divisor), losses.Span[..rows]);
                else CrossEntropyKernel.Invoke(z, y, V, settings.ForKernel(), losses.Span[..rows], logSums.Span[..(2 * rows)]);
                loss += ReductionKernel.Sum(losses.Span[..rows]);
                // z is now the logits' gradient dz:  dx = dz·W, dW += dzᵀ·x, db += Σ dz
                if (dhidden is not null) weight.MultiplyTransposed(z, dhidden.Span.Slice(row * D, rows * D), rows);
                if (dweight is not null) weight.Gradient(z, x, dweight.Span, rows, accumulate: row > 0);
                if (dbias is null) continue;
                if (row == 0) ReductionKernel.SumRows(z, V, dbias.Span);
                else
                {
                    ReductionKernel.SumRows(z, V, sums.Span);
                    AddKernel.InPlace(dbias.Span, sums.Span);
                }
            }
        }

        Tensor result = Tensor.Scalar(divisor == 0 ? 0 : (float)(loss / divisor));
        return recorded ? Tape.Record(new VocabularyCrossEntropyOp(hidden, weight.Plain, bias, dhidden, dweight, dbias), result) : result;
    }

    // the gradients are there already, but for the factor dy
    protected override void Backward(Tensor dy)
    {
        float factor = dy.ToScalar();
        Give(_hidden, _dhidden, factor);
        if (_weight is { } weight) Give(weight, _dweight, factor);
        if (_bias is { } bias) Give(bias, _dbias, factor);
    }

    internal override void Forget()
    {
        base.Forget();
        _dhidden?.Dispose();
        _dweight?.Dispose();
        _dbias?.Dispose();
    }

    private static void Give(Variable input, Tensor? gradient, float factor)
    {
        if (gradient is null) return;
        if (factor != 1) ElementKernel.Scale(gradient.Span, factor, gradient.Span);
        HandOver(input, gradient);
    }
}
