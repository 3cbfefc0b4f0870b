using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>T²·KL(teacher ‖ student) of the logits divided by the temperature T, averaged over the rows: a scalar.  student, teacher: [N, C].</summary>
/// <remarks>Hinton et al. 2015, arXiv:1503.02531 §2.</remarks>
internal sealed class DistillationOp : Op
{
    private readonly Variable _student;
    private readonly Tensor _difference;
    private readonly float _factor;

    private DistillationOp(Variable student, Tensor difference, float factor) => (_student, _difference, _factor) = (student, Save(difference), factor);

    public static Variable Apply(Variable student, Tensor teacher, float temperature)
    {
        (int N, _) = student.Shape.Bind2(nameof(student), "[N, C]");
        if (teacher.Shape != student.Shape) throw new ShapeException("Distillation", nameof(teacher), teacher.Shape, student.Shape.ToString(), "the student has this shape");
        if (!(temperature > 0)) throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature is above 0.");
        Tensor logTeacher = (teacher / temperature).LogSoftmax(), logStudent = (student.Value / temperature).LogSoftmax();
        Tensor terms = Tensor.Uninitialized(student.Shape);
        MapKernel.Invoke(default(DivergenceFunction), logTeacher.Span, logStudent.Span, terms.Span);
        Tensor y = Tensor.Scalar(temperature * temperature * ReductionKernel.Sum(terms.Span) / Math.Max(1, N));
        if (!IsRecorded(student)) return y;
        return Tape.Record(new DistillationOp(student, logStudent.Exp() - logTeacher.Exp(), temperature / Math.Max(1, N)), y);
    }

    // dstudent = dy·T·(p_student − p_teacher) / N
    protected override void Backward(Tensor dy) => Accumulate(_student, _difference * (dy.ToScalar() * _factor));

    /// <summary>p·(ln p − ln q) from the logarithms; 0 where p is 0.</summary>
    private readonly struct DivergenceFunction : IMap2
    {
        public L Lane<L>(L logP, L logQ) where L : struct, ILanes<L>
        {
            L p = MathFunctions.Exp(logP);
            return L.Select(L.GreaterThan(p, L.Zero), p * (logP - logQ), L.Zero);
        }

        public T Scalar<T>(T logP, T logQ) where T : System.Numerics.IFloatingPointIeee754<T>
        {
            T p = T.Exp(logP);
            return p > T.Zero ? p * (logP - logQ) : T.Zero;
        }
    }
}
