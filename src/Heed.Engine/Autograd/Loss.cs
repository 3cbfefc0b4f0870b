using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>The losses: scalars that training differentiates. Where there is nothing to predict they are 0 and give no gradient.</summary>
public static class Loss
{
    /// <summary>Cross-entropy of rows of logits.</summary>
    /// <param name="logits">[N, C].</param>
    /// <param name="targets">[N]: classes 0 … C − 1, or the ignored index; it must not change before the backward pass.</param>
    /// <param name="settings">Smoothing, class weights, reduction; <see cref="CrossEntropySettings.Default"/> where null.</param>
    /// <returns>[], nats.</returns>
    /// <exception cref="ShapeException">The logits are not [N, C].</exception>
    /// <exception cref="ArgumentOutOfRangeException">A target is neither a class nor the ignored index.</exception>
    public static Variable CrossEntropy(Variable logits, int[] targets, CrossEntropySettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return CrossEntropyOp.Apply(logits, targets, settings ?? CrossEntropySettings.Default);
    }

    /// <summary>
    /// Cross-entropy over a vocabulary straight from the last hidden states, without ever holding the logits of all rows: hidden·Wᵀ + bias
    /// is made, used and overwritten by its gradient in chunks of rows.
    /// </summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="weight">[V, D], of any kind: no copy of it is made.</param>
    /// <param name="bias">[V] or null.</param>
    /// <param name="targets">[N]: tokens 0 … V − 1, or the ignored index.</param>
    /// <param name="settings">Smoothing, class weights, reduction; <see cref="CrossEntropySettings.Default"/> where null.</param>
    /// <returns>[], nats.</returns>
    /// <exception cref="ShapeException">Weight or bias do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A target is neither a token nor the ignored index.</exception>
    public static Variable VocabularyCrossEntropy(Variable hidden, Weight weight, Variable? bias, int[] targets, CrossEntropySettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return VocabularyCrossEntropyOp.Apply(hidden, weight, bias, targets, settings ?? CrossEntropySettings.Default);
    }

    /// <summary>Mean binary cross-entropy of logits with targets in [0, 1].</summary>
    /// <param name="logits">Any shape.</param>
    /// <param name="targets">Of the same shape.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Variable BinaryCrossEntropy(Variable logits, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return BinaryCrossEntropyOp.Apply(logits, targets);
    }

    /// <summary>Mean of the squared differences.</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Variable MeanSquaredError(Variable x, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return MeanSquaredErrorOp.Apply(x, target);
    }

    /// <summary>T²·KL(teacher ‖ student) of logits divided by the temperature T, averaged over the rows (Hinton et al. 2015, §2).</summary>
    /// <param name="student">[N, C], logits.</param>
    /// <param name="teacher">[N, C], logits.</param>
    /// <param name="temperature">T, above 0.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Variable Distillation(Variable student, Tensor teacher, float temperature)
    {
        ArgumentNullException.ThrowIfNull(teacher);
        return DistillationOp.Apply(student, teacher, temperature);
    }
}
