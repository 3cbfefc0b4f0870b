using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Positions;

/// <summary>6: sinusoids make relative offsets linear.</summary>
internal sealed class Sinusoids : Experiment
{
    private const int Places = 500, Offsets = 50, Width = 64;

    private static readonly LabPlot Products = new("⟨PE(p), PE(p + k)⟩", "offset k", "product");

    public override int Number => 6;

    public override string Name => "sinusoids";

    public override string Claim => "With sinusoidal positions, PE(p + k) is a linear function of PE(p), the same for every p.";

    public override string Form => "500 places and 49 offsets at width 64; the matrix M_k by least squares, frequency by frequency.";

    public override string Measure
        => "Spread of ⟨PE(p), PE(p + k)⟩ over p; ‖M_kᵀ·M_k − I‖; what is left of PE(p + k) − M_k·PE(p). In double "
        + "precision by the paper's formula, rounded up to a power of ten, and in the engine's own float32 table.";

    public override string Refutation => "A spread, a remainder or a departure from a rotation above 10⁻¹².";

    public override string Source => "arXiv:1706.03762, §3.5";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("spread", "spread over p, double precision", 1e-12),
        Expectation.AtMost("remainder", "largest entry of PE(p + k) − M_k·PE(p), double precision", 1e-12),
        Expectation.AtMost("rotation", "largest entry of M_kᵀ·M_k − I, double precision", 1e-12),
        Expectation.AtMost("table", "spread over p, the engine's float32 table", 1e-5),
        Expectation.AtMost("formula", "largest difference of the engine's table and the formula", 1e-6),
    ];

    internal override void Run(LabRun run)
    {
        int rows = Places + Offsets;
        double[] exact = new double[rows * Width];
        for (int p = 0; p < rows; p++)
        {
            for (int i = 0; i < Width / 2; i++)
                (exact[(p * Width) + (2 * i)], exact[(p * Width) + (2 * i) + 1]) = Math.SinCos(p * Math.Pow(10000, -2.0 * i / Width));
        }

        Tensor table = new SinusoidalPositions(Width).Forward([.. Enumerable.Range(0, rows)]);
        double[] rounded = Array.ConvertAll(table.ToArray(), v => (double)v);
        double formula = 0, remainder = 0, rotation = 0;
        for (int i = 0; i < exact.Length; i++) formula = Math.Max(formula, Math.Abs(exact[i] - rounded[i]));
        for (int k = 1; k < Offsets; k++)
        {
            for (int i = 0; i < Width / 2; i++)
            {
                (double left, double turned) = Fit(exact, k, i);
                (remainder, rotation) = (Math.Max(remainder, left), Math.Max(rotation, turned));
            }

            run.Plot(Products, "⟨PE(p), PE(p + k)⟩", k, Product(exact, 0, k));
        }

        run.Set("spread", LabMath.PowerOfTenAbove(Spread(exact)));
        run.Set("remainder", LabMath.PowerOfTenAbove(remainder));
        run.Set("rotation", LabMath.PowerOfTenAbove(rotation));
        run.Set("table", Spread(rounded));
        run.Set("formula", LabMath.PowerOfTenAbove(formula));
    }

    private static double Spread(double[] rows)
    {
        double spread = 0;
        for (int k = 1; k < Offsets; k++)
        {
            double low = double.PositiveInfinity, high = double.NegativeInfinity;
            for (int p = 0; p < Places; p++)
            {
                double product = Product(rows, p, k);
                (low, high) = (Math.Min(low, product), Math.Max(high, product));
            }

            spread = Math.Max(spread, high - low);
        }

        return spread;
    }

    private static double Product(double[] rows, int p, int k)
    {
        double sum = 0;
        for (int d = 0; d < Width; d++) sum += rows[(p * Width) + d] * rows[((p + k) * Width) + d];
        return sum;
    }

    /// <summary>Least squares for the 2×2 block of one frequency, by Gram and Schmidt: what is left, and how far the block is from a
    /// rotation.</summary>
    private static (double Remainder, double Rotation) Fit(double[] rows, int k, int i)
    {
        int at = 2 * i;
        double ss = 0, sc = 0;
        for (int p = 0; p < Places; p++) ss += rows[(p * Width) + at] * rows[(p * Width) + at];
        for (int p = 0; p < Places; p++) sc += rows[(p * Width) + at] * rows[(p * Width) + at + 1];
        double r = sc / ss, cc = 0;
        for (int p = 0; p < Places; p++) cc += Square(rows[(p * Width) + at + 1] - (r * rows[(p * Width) + at]));
        double[] m = new double[4];
        for (int row = 0; row < 2; row++)
        {
            double ys = 0, yc = 0;
            for (int p = 0; p < Places; p++)
            {
                double y = rows[((p + k) * Width) + at + row], s = rows[(p * Width) + at];
                ys += y * s;
                yc += y * (rows[(p * Width) + at + 1] - (r * s));
            }

            m[(2 * row) + 1] = yc / cc;
            m[2 * row] = (ys / ss) - (r * m[(2 * row) + 1]);
        }

        double left = 0;
        for (int p = 0; p < Places; p++)
        {
            double s = rows[(p * Width) + at], c = rows[(p * Width) + at + 1];
            for (int row = 0; row < 2; row++)
                left = Math.Max(left, Math.Abs(rows[((p + k) * Width) + at + row] - (m[2 * row] * s) - (m[(2 * row) + 1] * c)));
        }

        double first = Math.Abs((m[0] * m[0]) + (m[2] * m[2]) - 1), second = Math.Abs((m[1] * m[1]) + (m[3] * m[3]) - 1);
        return (left, Math.Max(Math.Max(first, second), Math.Abs((m[0] * m[1]) + (m[2] * m[3]))));
    }

    private static double Square(double x) => x * x;
}
