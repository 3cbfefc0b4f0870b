using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Training.Finetuning;

namespace Heed.Training.Objectives;

/// <summary>What a student is to take over from a teacher, as sums over tokens (Sanh et al. 2019, arXiv:1910.01108, §3).</summary>
internal static class TeacherParts
{
    /// <summary>Σ T²·KL(softmax(teacher ÷ T) ‖ softmax(student ÷ T)).</summary>
    /// <param name="student">[N, V]: logits.</param>
    /// <param name="teacher">[N, V]: logits.</param>
    /// <param name="temperature">T.</param>
    public static Variable SoftTargets(Variable student, Tensor teacher, float temperature)
        => Loss.Distillation(student, teacher, temperature) * student.Shape[0];

    /// <summary>Σ (student − teacher)² over tokens and vocabulary.</summary>
    /// <param name="student">[N, V]: logits.</param>
    /// <param name="teacher">[N, V]: logits.</param>
    public static Variable SquaredError(Variable student, Tensor teacher) => Loss.MeanSquaredError(student, teacher) * student.Shape.Count;

    /// <summary>Σ 1 − cos(student, teacher).</summary>
    /// <param name="student">[N, D]: last hidden states.</param>
    /// <param name="teacher">[N, D].</param>
    public static Variable Cosine(Variable student, Tensor teacher) => Vectors.Distance(student, teacher, VectorDistance.Cosine).Sum();
}
