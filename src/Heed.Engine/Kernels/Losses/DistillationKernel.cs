using System.Numerics;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>loss(row) = T²·KL(softmax(teacher/T) ‖ softmax(student/T)), and its gradient T·(softmax(student/T) −
/// softmax(teacher/T)).</summary>
/// <remarks>Hinton et al. 2015, arXiv:1503.02531 §2.</remarks>
internal static unsafe class DistillationKernel
{
    /// <summary>student, teacher: [N, C]; losses: [N], nats. Unless gradient is empty it becomes scale·dloss/dstudent: [N, C], and may be
    /// the student's logits themselves.</summary>
    public static void Invoke(ReadOnlySpan<float> student, ReadOnlySpan<float> teacher, int classes, float temperature, Span<float> losses, float scale, Span<float> gradient)
    {
        if (!(temperature > 0f && float.IsFinite(temperature))) throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature is a positive number.");
        KernelThrow.UnlessLength(nameof(student), student.Length, (long)losses.Length * classes);
        KernelThrow.UnlessLength(nameof(teacher), teacher.Length, student.Length);
        if (!gradient.IsEmpty) KernelThrow.UnlessLength(nameof(gradient), gradient.Length, student.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(student, teacher, classes, temperature, losses, scale, gradient);
            return;
        }

        fixed (float* ps = student, pt = teacher, pl = losses, pg = gradient)
        {
            int each = LaneParts.RowsPerPart(classes);
            LaneParts.Run(
                new RowWork { Student = ps, Teacher = pt, Losses = pl, Gradient = pg, Temperature = temperature, Scale = scale, Rows = losses.Length, Classes = classes, Each = each },
                LaneParts.Count(losses.Length, each));
        }
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> student, ReadOnlySpan<T> teacher, int classes, T temperature, Span<T> losses, T scale, Span<T> gradient) where T : IFloatingPointIeee754<T>
    {
        T[] s = new T[classes], t = new T[classes];
        for (int n = 0; n < losses.Length; n++)
        {
            for (int c = 0; c < classes; c++) (s[c], t[c]) = (student[(n * classes) + c] / temperature, teacher[(n * classes) + c] / temperature);
            T sumS = SoftmaxKernel.LogSum<T>(s), sumT = SoftmaxKernel.LogSum<T>(t), loss = T.Zero;
            for (int c = 0; c < classes; c++)
            {
                T p = T.Exp(t[c] - sumT);
                if (p > T.Zero) loss += p * (t[c] - sumT - (s[c] - sumS));
                if (!gradient.IsEmpty) gradient[(n * classes) + c] = scale * temperature * (T.Exp(s[c] - sumS) - p);
            }

            losses[n] = temperature * temperature * loss;
        }
    }

    private struct RowWork : ILaneWork
    {
        public float* Student;
        public float* Teacher;
        public float* Losses;
        public float* Gradient;
        public float Temperature;
        public float Scale;
        public int Rows;
        public int Classes;
        public int Each;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
            {
                long at = (long)n * Classes;
                Losses[n] = Temperature * Temperature * Row<L>(Student + at, Teacher + at, Gradient == null ? null : Gradient + at);
            }
        }

        private readonly float Row<L>(float* s, float* t, float* gradient) where L : struct, ILanes<L>
        {
            float cold = 1f / Temperature;
            (float maxS, float logS) = Fold.LogSumOfExp<L>(s, cold, Classes);
            (float maxT, float logT) = Fold.LogSumOfExp<L>(t, cold, Classes);
            L factor = L.Broadcast(cold), scale = L.Broadcast(Scale * Temperature), sum = L.Zero;
            for (int c = 0; c < Classes; c += Lanes.Count)
            {
                int rest = Math.Min(Lanes.Count, Classes - c);
                bool whole = rest == Lanes.Count;
                L zs = whole ? L.Load(s + c) : L.LoadPart(s + c, rest, 0f), zt = whole ? L.Load(t + c) : L.LoadPart(t + c, rest, float.NegativeInfinity);
                L qs = L.Fma(zs, factor, L.Broadcast(-maxS)) - L.Broadcast(logS), qt = L.Fma(zt, factor, L.Broadcast(-maxT)) - L.Broadcast(logT);
                L p = MathFunctions.Exp(qt);
                sum += L.Select(L.GreaterThan(p, L.Zero), p * (qt - qs), p);   // 0·∞ where the teacher gives nothing; a NaN stays
                if (gradient == null) continue;
                L d = scale * (MathFunctions.Exp(qs) - p);
                if (whole) L.Store(d, gradient + c);
                else L.StorePart(d, gradient + c, rest);
            }

            return L.Sum(sum);
        }
    }
}
