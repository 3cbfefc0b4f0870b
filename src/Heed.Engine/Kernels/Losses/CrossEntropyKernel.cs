using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>What a cross-entropy over rows of logits leaves out or weighs.</summary>
internal readonly ref struct CrossEntropyOptions
{
    /// <summary>Rows with this target have no loss and no gradient.</summary>
    public int IgnoreIndex { get; init; }

    /// <summary>ε: this share of the target's mass is spread evenly over all classes.</summary>
    public float Smoothing { get; init; }

    /// <summary>A weight for each class, or empty for 1.</summary>
    public ReadOnlySpan<float> ClassWeights { get; init; }
}

/// <summary>loss(row) = (1−ε)·w_y·(−ln p_y) + (ε/C)·Σ_c w_c·(−ln p_c) with p = softmax(logits): no probability matrix exists beside the
/// logits.</summary>
internal static unsafe partial class CrossEntropyKernel
{
    /// <summary>Losses of the rows; the greatest logit and ln Σ e^(z − greatest) of each row are kept for the gradient. Ignored rows have
    /// the loss 0.</summary>
    /// <param name="logits">[N, C].</param>
    /// <param name="targets">[N], classes 0 … C−1 or the ignored index.</param>
    /// <param name="classes">C.</param>
    /// <param name="options">What is left out or weighed.</param>
    /// <param name="losses">[N], nats.</param>
    /// <param name="logSums">[N, 2].</param>
    /// <exception cref="ArgumentOutOfRangeException">A target is neither a class nor the ignored index.</exception>
    public static void Invoke(ReadOnlySpan<float> logits, ReadOnlySpan<int> targets, int classes, CrossEntropyOptions options, Span<float> losses, Span<float> logSums)
    {
        Check(logits.Length, targets, classes, options);
        KernelThrow.UnlessLength(nameof(losses), losses.Length, targets.Length);
        KernelThrow.UnlessLength(nameof(logSums), logSums.Length, 2L * targets.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(logits, targets, classes, options.IgnoreIndex, options.Smoothing, options.ClassWeights, losses, logSums);
            return;
        }

        fixed (float* pz = logits, pw = options.ClassWeights, pl = losses, ps = logSums)
        fixed (int* pt = targets)
        {
            Run(new RowWork
            {
                Logits = pz,
                Targets = pt,
                Weights = pw,
                Losses = pl,
                LogSums = ps,
                Rows = targets.Length,
                Classes = classes,
                IgnoreIndex = options.IgnoreIndex,
                Smoothing = options.Smoothing,
                WantsLoss = true,
            });
        }
    }

    /// <summary>Overwrites the logits by their gradient: scale·(p·((1−ε)·w_y + (ε/C)·Σw) − (ε/C)·w − [c = y]·(1−ε)·w_y), 0 in ignored
    /// rows.</summary>
    /// <param name="logits">[N, C] in, the gradient out.</param>
    /// <param name="targets">[N].</param>
    /// <param name="classes">C.</param>
    /// <param name="options">As in the forward pass.</param>
    /// <param name="logSums">[N, 2], from the forward pass.</param>
    /// <param name="scale">The gradient of each row's loss: [N], or one number for all rows.</param>
    public static void Gradient(Span<float> logits, ReadOnlySpan<int> targets, int classes, CrossEntropyOptions options, ReadOnlySpan<float> logSums, ReadOnlySpan<float> scale)
    {
        Check(logits.Length, targets, classes, options);
        KernelThrow.UnlessLength(nameof(logSums), logSums.Length, 2L * targets.Length);
        if (scale.Length != 1) KernelThrow.UnlessLength(nameof(scale), scale.Length, targets.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            ScalarGradient(logits, targets, classes, options.IgnoreIndex, options.Smoothing, options.ClassWeights, logSums, scale);
            return;
        }

        fixed (float* pz = logits, pw = options.ClassWeights, ps = logSums, pc = scale)
        fixed (int* pt = targets)
        {
            Run(new RowWork
            {
                Logits = pz,
                Targets = pt,
                Weights = pw,
                LogSums = ps,
                Scale = pc,
                ScaleStep = scale.Length == 1 ? 0 : 1,
                Rows = targets.Length,
                Classes = classes,
                IgnoreIndex = options.IgnoreIndex,
                Smoothing = options.Smoothing,
                WantsGradient = true,
            });
        }
    }

    /// <summary>Losses and gradient in one visit of each row while it is in cache: the logits become scale·gradient.</summary>
    public static void InvokeWithGradient(Span<float> logits, ReadOnlySpan<int> targets, int classes, CrossEntropyOptions options, float scale, Span<float> losses)
    {
        Check(logits.Length, targets, classes, options);
        KernelThrow.UnlessLength(nameof(losses), losses.Length, targets.Length);
        if (targets.IsEmpty) return;
        float[] logSums = RowBlocks.RentFloats(2 * targets.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            Span<float> sums = logSums.AsSpan(0, 2 * targets.Length);
            Scalar(logits, targets, classes, options.IgnoreIndex, options.Smoothing, options.ClassWeights, losses, sums);
            ScalarGradient(logits, targets, classes, options.IgnoreIndex, options.Smoothing, options.ClassWeights, sums, [scale]);
        }
        else
        {
            fixed (float* pz = logits, pw = options.ClassWeights, pl = losses, ps = logSums)
            fixed (int* pt = targets)
            {
                Run(new RowWork
                {
                    Logits = pz,
                    Targets = pt,
                    Weights = pw,
                    Losses = pl,
                    LogSums = ps,
                    Scale = &scale,
                    Rows = targets.Length,
                    Classes = classes,
                    IgnoreIndex = options.IgnoreIndex,
                    Smoothing = options.Smoothing,
                    WantsLoss = true,
                    WantsGradient = true,
                });
            }
        }

        RowBlocks.Return(logSums);
    }

    /// <summary>Σᵢ w_{yᵢ} over the rows that are not ignored: what the mean divides by.</summary>
    public static double TotalWeight(ReadOnlySpan<int> targets, CrossEntropyOptions options)
    {
        double total = 0;
        foreach (int y in targets)
            if (y != options.IgnoreIndex) total += options.ClassWeights.IsEmpty ? 1 : options.ClassWeights[y];
        return total;
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> logits, ReadOnlySpan<int> targets, int classes, int ignoreIndex, T smoothing, ReadOnlySpan<T> weights, Span<T> losses, Span<T> logSums)
        where T : IFloatingPointIeee754<T>
    {
        T share = smoothing / T.CreateTruncating(classes);
        for (int n = 0; n < targets.Length; n++)
        {
            ReadOnlySpan<T> row = logits.Slice(n * classes, classes);
            T log = logSums[2 * n] = SoftmaxKernel.LogSum(row);
            logSums[(2 * n) + 1] = T.Zero;
            losses[n] = T.Zero;
            int y = targets[n];
            if (y == ignoreIndex) continue;
            losses[n] = (T.One - smoothing) * Weight(weights, y) * (log - row[y]);
            if (smoothing == T.Zero) continue;
            for (int c = 0; c < classes; c++) losses[n] += share * Weight(weights, c) * (log - row[c]);
        }
    }

    /// <summary>The definition of the gradient.</summary>
    public static void ScalarGradient<T>(Span<T> logits, ReadOnlySpan<int> targets, int classes, int ignoreIndex, T smoothing, ReadOnlySpan<T> weights, ReadOnlySpan<T> logSums, ReadOnlySpan<T> scale)
        where T : IFloatingPointIeee754<T>
    {
        T share = smoothing / T.CreateTruncating(classes), total = T.Zero;
        for (int c = 0; c < classes; c++) total += Weight(weights, c);
        for (int n = 0; n < targets.Length; n++)
        {
            Span<T> row = logits.Slice(n * classes, classes);
            int y = targets[n];
            if (y == ignoreIndex)
            {
                row.Clear();
                continue;
            }

            T s = scale[scale.Length == 1 ? 0 : n], onTarget = (T.One - smoothing) * Weight(weights, y);
            for (int c = 0; c < classes; c++)
            {
                T p = T.Exp(row[c] - logSums[2 * n] - logSums[(2 * n) + 1]);
                row[c] = s * ((p * (onTarget + (share * total))) - (share * Weight(weights, c)) - (c == y ? onTarget : T.Zero));
            }
        }
    }

    private static T Weight<T>(ReadOnlySpan<T> weights, int c) where T : IFloatingPointIeee754<T> => weights.IsEmpty ? T.One : weights[c];

    private static void Check(int elements, ReadOnlySpan<int> targets, int classes, CrossEntropyOptions options)
    {
        KernelThrow.UnlessLength("logits", elements, (long)targets.Length * classes);
        if (!options.ClassWeights.IsEmpty) KernelThrow.UnlessLength(nameof(options.ClassWeights), options.ClassWeights.Length, classes);
        for (int n = 0; n < targets.Length; n++)
            if (targets[n] != options.IgnoreIndex) KernelThrow.UnlessIndex(nameof(targets), n, targets[n], classes);
    }
}
