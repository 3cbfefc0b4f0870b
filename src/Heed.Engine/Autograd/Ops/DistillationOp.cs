using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>T²·KL(teacher ‖ student) of the logits divided by the temperature T, averaged over the rows: a scalar. student, teacher: [N,
/// C].</summary>
/// <remarks>Hinton et al. 2015, arXiv:1503.02531 §2.</remarks>
internal sealed class DistillationOp : Op
{
    private readonly Variable _student;
    private readonly Tensor _gradient;

    private DistillationOp(Variable student, Tensor gradient) => (_student, _gradient) = (student, Save(gradient));

    public static Variable Apply(Variable student, Tensor teacher, float temperature)
    {
        (int N, int C) = student.Shape.Bind2(nameof(student), "[N, C]");
        if (teacher.Shape != student.Shape) throw new ShapeException("Distillation", nameof(teacher), teacher.Shape, student.Shape.ToString(), "the student has this shape");
        bool record = IsRecorded(student);
        Tensor losses = Tensor.Uninitialized(N);
        Tensor? gradient = record ? Tensor.Uninitialized(N, C) : null;
        DistillationKernel.Invoke(student.Value.Span, teacher.Span, C, temperature, losses.Span, 1f / Math.Max(1, N), gradient is null ? [] : gradient.Span);
        Tensor y = Tensor.Scalar(ReductionKernel.Sum(losses.Span) / Math.Max(1, N));
        return record ? Tape.Record(new DistillationOp(student, gradient!), y) : y;
    }

    // dstudent = dy·T·(p_student − p_teacher) / N, computed beside the loss
    protected override void Backward(Tensor dy) => Accumulate(_student, _gradient * dy.ToScalar());
}
