using System.Runtime.InteropServices;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Every entry point of a kernel, run over guarded operands of about <c>n</c> elements (a row, a width, a number of
/// keys).</summary>
internal static unsafe class GuardedKernels
{
    private const int Rows = 3;

    /// <summary>Name of the entry point, and a run of it.</summary>
    public static IEnumerable<(string Name, Action<GuardedMemory, int> Run)> All => [.. Elementwise(), .. RowWise(), .. Products(), .. Attention(), .. Pointers()];

    private static ReadOnlySpan<float> In(GuardedMemory g, int count, int seed = 1) => g.Read<float>(Floats(count, seed));

    private static ReadOnlySpan<float> Positive(GuardedMemory g, int count, int seed = 1) => g.Read<float>([.. Floats(count, seed).Select(v => MathF.Abs(v) + 0.1f)]);

    private static Span<float> Both(GuardedMemory g, int count, int seed = 9) => g.Write<float>(Floats(count, seed));

    private static ReadOnlySpan<int> Numbers(GuardedMemory g, int count, int bound) => g.Read<int>(Ids(count, bound));

    private static IEnumerable<(string, Action<GuardedMemory, int>)> Elementwise()
    {
        yield return ("ActivationKernel.Invoke", (g, n) => { foreach (Activation kind in Enum.GetValues<Activation>()) ActivationKernel.Invoke(kind, In(g, n), g.Result(n)); });
        yield return ("ActivationKernel.Gradient", (g, n) => { foreach (Activation kind in Enum.GetValues<Activation>()) ActivationKernel.Gradient(kind, In(g, n), In(g, n, 2), g.Result(n)); });
        yield return ("RowScoreKernel.Invoke", (g, n) =>
        {
            foreach (RowScore kind in Enum.GetValues<RowScore>())
            {
                RowScoreKernel.Invoke(kind, In(g, n), In(g, Rows * n, 2), g.Result(Rows));
                RowScoreKernel.Invoke(kind, In(g, n), g.Read<Half>([.. Floats(Rows * n, 3).Select(v => (Half)v)]), g.Result(Rows));
            }
        }
        );
        yield return ("AddKernel.InPlace", (g, n) => AddKernel.InPlace(Both(g, n), In(g, n)));
        yield return ("ElementKernel.Add", (g, n) => ElementKernel.Add(In(g, n), In(g, n, 2), g.Result(n)));
        yield return ("ElementKernel.Subtract", (g, n) => ElementKernel.Subtract(In(g, n), In(g, n, 2), g.Result(n)));
        yield return ("ElementKernel.Multiply", (g, n) => ElementKernel.Multiply(In(g, n), In(g, n, 2), g.Result(n)));
        yield return ("ElementKernel.Divide", (g, n) => ElementKernel.Divide(In(g, n), In(g, n, 2), g.Result(n)));
        yield return ("ElementKernel.Scale", (g, n) => ElementKernel.Scale(In(g, n), 3, g.Result(n)));
        yield return ("ElementKernel.Affine", (g, n) => ElementKernel.Affine(In(g, n), 3, 1, g.Result(n)));
        yield return ("ElementKernel.AddScaled", (g, n) => ElementKernel.AddScaled(In(g, n), 3, Both(g, n)));
        yield return ("ElementKernel.AddProduct", (g, n) => ElementKernel.AddProduct(In(g, n), In(g, n, 2), Both(g, n)));
        yield return ("ElementKernel.Exp", (g, n) => ElementKernel.Exp(In(g, n), g.Result(n)));
        yield return ("ElementKernel.Log", (g, n) => ElementKernel.Log(Positive(g, n), g.Result(n)));
        yield return ("ElementKernel.Sqrt", (g, n) => ElementKernel.Sqrt(Positive(g, n), g.Result(n)));
        yield return ("MapKernel.Invoke", (g, n) =>
        {
            MapKernel.Invoke(new AffineFunction(2, 1), In(g, n), g.Result(n));
            MapKernel.Invoke(default(AddFunction), In(g, n), In(g, n, 2), g.Result(n));
        }
        );
        yield return ("BroadcastKernel.Invoke", (g, n) =>
        {
            Shape whole = new(Rows, n), row = new(n), column = new(Rows, 1), one = new(1);
            foreach (Shape b in (Shape[])[whole, row, column, one])
            {
                BroadcastKernel.Invoke(default(AddFunction), In(g, (int)whole.Count), whole, In(g, (int)b.Count), b, g.Result((int)whole.Count), whole);
                BroadcastKernel.Invoke(default(AddFunction), In(g, (int)b.Count), b, In(g, (int)whole.Count), whole, g.Result((int)whole.Count), whole);
            }
        }
        );
        yield return ("GatedKernel.Invoke", (g, n) => GatedKernel.Invoke(Activation.Silu, In(g, n), In(g, n, 2), g.Result(n)));
        yield return ("GatedKernel.InvokeJoined", (g, n) => GatedKernel.InvokeJoined(Activation.Silu, In(g, 2 * Rows * n), n, g.Result(Rows * n)));
        yield return ("GatedKernel.Gradient", (g, n) => GatedKernel.Gradient(Activation.Silu, In(g, n), In(g, n, 2), In(g, n, 3), g.Result(n), g.Result(n)));
        yield return ("GatedKernel.GradientJoined", (g, n) => GatedKernel.GradientJoined(Activation.Silu, In(g, 2 * Rows * n), n, In(g, Rows * n, 3), g.Result(2 * Rows * n)));
        yield return ("LossKernel.BinaryCrossEntropy", (g, n) => LossKernel.BinaryCrossEntropy(In(g, n), Positive(g, n, 2), g.Result(n)));
        yield return ("LossKernel.BinaryCrossEntropyGradient", (g, n) => LossKernel.BinaryCrossEntropyGradient(In(g, n), Positive(g, n, 2), 2, g.Result(n)));
        yield return ("LossKernel.SquaredError", (g, n) => LossKernel.SquaredError(In(g, n), In(g, n, 2), g.Result(n)));
        yield return ("LossKernel.SquaredErrorGradient", (g, n) => LossKernel.SquaredErrorGradient(In(g, n), In(g, n, 2), 2, g.Result(n)));
        yield return ("DropoutKernel.Invoke", (g, n) => DropoutKernel.Invoke(In(g, n), 0.3f, new CounterRandom(1, 2), 5, g.Result(n)));
        yield return ("DropoutKernel.InvokeRows", (g, n) => DropoutKernel.InvokeRows(In(g, Rows * n), n, 0.3f, new CounterRandom(1, 2), g.Read<long>([7, 2, 9]), g.Result(Rows * n)));
        yield return ("CounterRandom.Uniform", (g, n) => new CounterRandom(1, 2).Uniform(g.Result(n)));
        yield return ("CounterRandom.Normal", (g, n) => new CounterRandom(1, 2).Normal(g.Result(n), 0, 1));
        yield return ("OptimizerKernel.Update", (g, n) =>
        {
            UpdatePreparation preparation = new(1, 0.1, 0.1, true);
            OptimizerKernel.Update(new SgdRule(preparation, 0.1, 0, false), Both(g, n), In(g, n));
            OptimizerKernel.Update(new SgdRule(preparation, 0.1, 0.9, true), Both(g, n), In(g, n), Both(g, n));
            OptimizerKernel.Update(new AdamRule(preparation, 0.1, 0.9, 0.99, 1e-8, 1, false), Both(g, n), In(g, n), Both(g, n), g.Write(Positive(g, n)));
            OptimizerKernel.Update(new AdamRule(preparation, 0.1, 0.9, 0.99, 1e-8, 1, true), Both(g, n), In(g, n), Both(g, n), g.Write(Positive(g, n)), g.Write(Positive(g, n)));
        }
        );
        yield return ("AdafactorKernel.Update", (g, n) => AdafactorKernel.Update(Both(g, 2 * Rows * n), In(g, 2 * Rows * n), g.Write(Positive(g, 2 * Rows)), g.Write(Positive(g, 2 * n)), Rows, n, 0.1, 0.1, 1, 2));
        yield return ("AdafactorKernel.UpdateVector", (g, n) => AdafactorKernel.UpdateVector(Both(g, n), In(g, n), g.Write(Positive(g, n)), 0.1, 0.1, 1, 2));
        yield return ("RecurrentCell.Forward", (g, n) => Cells((cell, s) => cell.Forward(
            In(g, cell.Gates * n), In(g, cell.Gates * n, 2), In(g, n, 3), In(g, s * n, 4), g.Result(cell.Gates * n), g.Result(cell.HasInner ? n : 0), g.Result(n), g.Result(s * n))));
        yield return ("RecurrentCell.Backward", (g, n) => Cells((cell, s) => cell.Backward(
            In(g, cell.Gates * n), In(g, cell.HasInner ? n : 0, 2), In(g, cell.States * n, 3), In(g, n, 4), In(g, s * n, 5), Both(g, n), Both(g, s * n), g.Result(cell.Gates * n), g.Result(cell.Gates * n))));
    }

    private static void Cells(Action<RecurrentCell, int> run)
    {
        foreach (RecurrentCell cell in (RecurrentCell[])[RecurrentCell.Tanh, RecurrentCell.Relu, RecurrentCell.Gru, RecurrentCell.Lstm]) run(cell, cell.States - 1);
    }

    private static IEnumerable<(string, Action<GuardedMemory, int>)> RowWise()
    {
        yield return ("SoftmaxKernel.Invoke", (g, n) => SoftmaxKernel.Invoke(In(g, Rows * n), n, g.Result(Rows * n)));
        yield return ("SoftmaxKernel.Gradient", (g, n) => SoftmaxKernel.Gradient(Positive(g, Rows * n), In(g, Rows * n, 2), n, g.Result(Rows * n)));
        yield return ("SoftmaxKernel.LogInvoke", (g, n) => SoftmaxKernel.LogInvoke(In(g, Rows * n), n, g.Result(Rows * n)));
        yield return ("SoftmaxKernel.LogGradient", (g, n) => SoftmaxKernel.LogGradient(In(g, Rows * n), In(g, Rows * n, 2), n, g.Result(Rows * n)));
        yield return ("LayerNormKernel.Invoke", (g, n) => LayerNormKernel.Invoke(In(g, Rows * n), In(g, n, 2), In(g, n, 3), 1e-5f, n, g.Result(Rows * n), g.Result(Rows), g.Result(Rows)));
        yield return ("LayerNormKernel.Gradient", (g, n) => LayerNormKernel.Gradient(
            In(g, Rows * n), In(g, n, 2), In(g, Rows, 3), Positive(g, Rows, 4), In(g, Rows * n, 5), n, g.Result(Rows * n), g.Result(n), g.Result(n)));
        yield return ("RmsNormKernel.Invoke", (g, n) => RmsNormKernel.Invoke(In(g, Rows * n), In(g, n, 2), 1e-5f, n, g.Result(Rows * n), g.Result(Rows)));
        yield return ("RmsNormKernel.Gradient", (g, n) => RmsNormKernel.Gradient(In(g, Rows * n), In(g, n, 2), Positive(g, Rows, 4), In(g, Rows * n, 5), n, g.Result(Rows * n), g.Result(n)));
        yield return ("CrossEntropyKernel.Invoke", (g, n) => CrossEntropyKernel.Invoke(
            In(g, Rows * n), Numbers(g, Rows, n), n, new CrossEntropyOptions { IgnoreIndex = -100, Smoothing = 0.1f, ClassWeights = Positive(g, n, 2) }, g.Result(Rows), g.Result(2 * Rows)));
        yield return ("CrossEntropyKernel.Gradient", (g, n) => CrossEntropyKernel.Gradient(
            Both(g, Rows * n), Numbers(g, Rows, n), n, new CrossEntropyOptions { IgnoreIndex = -100, Smoothing = 0.1f, ClassWeights = Positive(g, n, 2) }, In(g, 2 * Rows, 3), In(g, Rows, 4)));
        yield return ("CrossEntropyKernel.InvokeWithGradient", (g, n) => CrossEntropyKernel.InvokeWithGradient(
            Both(g, Rows * n), Numbers(g, Rows, n), n, new CrossEntropyOptions { IgnoreIndex = -100, Smoothing = 0.1f, ClassWeights = Positive(g, n, 2) }, 2, g.Result(Rows)));
        yield return ("CrossEntropyKernel.TotalWeight", (g, n) => CrossEntropyKernel.TotalWeight(Numbers(g, Rows, n), new CrossEntropyOptions { IgnoreIndex = -100, ClassWeights = Positive(g, n, 2) }));
        yield return ("DistillationKernel.Invoke", (g, n) => DistillationKernel.Invoke(In(g, Rows * n), In(g, Rows * n, 2), n, 2, g.Result(Rows), 3, g.Result(Rows * n)));
        yield return ("EmbeddingKernel.Invoke", (g, n) => EmbeddingKernel.Invoke(In(g, 5 * n), Numbers(g, Rows, 5), n, g.Result(Rows * n)));
        yield return ("EmbeddingKernel.AddGradient", (g, n) => EmbeddingKernel.AddGradient(In(g, Rows * n), Numbers(g, Rows, 5), n, Both(g, 5 * n)));
        yield return ("ReductionKernel.Sum", (g, n) => ReductionKernel.Sum(In(g, n)));
        yield return ("ReductionKernel.SumOfSquares", (g, n) => ReductionKernel.SumOfSquares(In(g, n)));
        yield return ("ReductionKernel.Dot", (g, n) => ReductionKernel.Dot(In(g, n), In(g, n, 2)));
        yield return ("ReductionKernel.SumLast", (g, n) => ReductionKernel.SumLast(In(g, Rows * n), n, g.Result(Rows)));
        yield return ("ReductionKernel.MaxLast", (g, n) => ReductionKernel.MaxLast(In(g, Rows * n), n, g.Result(Rows), g.Write<int>(new int[Rows])));
        yield return ("ReductionKernel.ArgMax", (g, n) => ReductionKernel.ArgMax(In(g, n)));
        yield return ("ReductionKernel.SumRows", (g, n) => ReductionKernel.SumRows(In(g, Rows * n), n, g.Result(n)));
        yield return ("ReductionKernel.MaxRows", (g, n) => ReductionKernel.MaxRows(In(g, Rows * n), n, g.Result(n), g.Write<int>(new int[n])));
        yield return ("Axis.Sum", (g, n) => { new Axis(Rows, 2, n).Sum(In(g, 2 * Rows * n), g.Result(Rows * n)); new Axis(Rows, n, 1).Sum(In(g, Rows * n), g.Result(Rows)); });
        yield return ("Axis.Max", (g, n) =>
        {
            new Axis(Rows, 2, n).Max(In(g, 2 * Rows * n), g.Result(Rows * n), g.Write<int>(new int[Rows * n]));
            new Axis(Rows, n, 1).Max(In(g, Rows * n), g.Result(Rows), g.Write<int>(new int[Rows]));
        }
        );
        yield return ("RowBlocks.Add", (g, n) => RowBlocks.Add(Floats(2 * RowBlocks.Padded(n)), 2, 1, 0, n, g.Result(n)));
        yield return ("PermuteKernel.Invoke", (g, n) =>
        {
            PermuteKernel.Invoke(In(g, Rows * n), new Shape(Rows, n), [1, 0], g.Result(Rows * n));
            PermuteKernel.Invoke(In(g, 2 * Rows * n), new Shape(2, Rows, n), [1, 0, 2], g.Result(2 * Rows * n));
            PermuteKernel.Invoke(In(g, 2 * Rows * n), new Shape(n, 2, Rows), [2, 1, 0], g.Result(2 * Rows * n));
        }
        );
        yield return ("StripKernel.Copy", (g, n) => StripKernel.Copy(In(g, Rows * (n + 2)), n + 2, 1, Both(g, Rows * (n + 3)), n + 3, 3, n));
        yield return ("StripKernel.Add", (g, n) => StripKernel.Add(In(g, Rows * (n + 2)), n + 2, 2, Both(g, Rows * (n + 3)), n + 3, 3, n));
        yield return ("RotaryKernel.FillTables", (g, n) => RotaryKernel.FillTables(g.Read<double>([.. Enumerable.Range(0, n).Select(i => 1.0 / (i + 1))]), 1, 3, g.Result(Rows * n), g.Result(Rows * n)));
        yield return ("RotaryKernel.Invoke", (g, n) =>
        {
            foreach (RotaryPairs pairs in Enum.GetValues<RotaryPairs>())
            {
                foreach (int width in (int[])[2 * n, (2 * n) + 1])
                    RotaryKernel.Invoke(In(g, Rows * 2 * width), 2 * width, Numbers(g, Rows, 4), In(g, 4 * n, 2), In(g, 4 * n, 3), 2, width, 2 * n, pairs, false, g.Result(Rows * 2 * width), 2 * width);
            }
        }
        );
    }

    private static IEnumerable<(string, Action<GuardedMemory, int>)> Products()
    {
        yield return ("MatMulKernel.Invoke", (g, n) =>
        {
            foreach ((int M, int N, int K) in Shapes(n))
            {
                foreach (bool turnedA in (bool[])[false, true])
                {
                    foreach (bool turnedB in (bool[])[false, true])
                    {
                        MatrixLayout a = turnedA ? MatrixLayout.Transposed : MatrixLayout.RowMajor, b = turnedB ? MatrixLayout.Transposed : MatrixLayout.RowMajor;
                        MatMulKernel.Invoke(In(g, M * K), a, In(g, K * N, 2), b, Both(g, M * N), M, N, K, accumulate: true);
                        MatMulKernel.Invoke<MatMulTile128>(In(g, M * K), a, In(g, K * N, 2), b, g.Result(M * N), M, N, K, epilogue: Last(g, N));
                        MatMulKernel.Invoke<MatMulTile256>(In(g, M * K), a, In(g, K * N, 2), b, g.Result(M * N), M, N, K, epilogue: Last(g, N));
                        MatMulKernel.Invoke<MatMulTile512>(In(g, M * K), a, In(g, K * N, 2), b, g.Result(M * N), M, N, K, epilogue: Last(g, N));
                    }
                }
            }
        }
        );
        yield return ("MatMulKernel.Batch", (g, n) =>
        {
            foreach ((int M, int N, int K) in Shapes(n))
            {
                MatMulKernel.Batch(Rows, In(g, Rows * M * K), MatrixLayout.RowMajor, M * K, In(g, Rows * K * N, 2), MatrixLayout.RowMajor, K * N, g.Result(Rows * M * N), M * N, M, N, K);
                MatMulKernel.Batch(Rows, In(g, Rows * M * K), MatrixLayout.Transposed, M * K, In(g, K * N, 2), MatrixLayout.Transposed, 0, Both(g, Rows * M * N), M * N, M, N, K, accumulate: true);
            }
        }
        );
        yield return ("BatchedMatMul.Invoke", (g, n) => Batches(n, (plan, a, b, y) => plan.Invoke(In(g, a), In(g, b, 2), g.Result(y))));
        yield return ("BatchedMatMul.GradientA", (g, n) => Batches(n, (plan, a, b, y) => plan.GradientA(In(g, y), In(g, b, 2), Both(g, a), accumulate: true)));
        yield return ("BatchedMatMul.GradientB", (g, n) => Batches(n, (plan, a, b, y) => plan.GradientB(In(g, y), In(g, a, 2), g.Result(b), accumulate: false)));
        yield return ("PackedMatrix.Pack", (g, n) => Formats(format =>
        {
            PackedMatrix.Pack(In(g, n * 7), n, 7, format).Dispose();
            PackedMatrix.Pack(In(g, n * 7), 7, n, format, transposed: true).Dispose();
        }));
        yield return ("PackedMatrix.Multiply", (g, n) => Formats(format =>
        {
            foreach ((int N, int K) in (ReadOnlySpan<(int, int)>)[(n, 7), (7, n), (n, n)])
            {
                using PackedMatrix w = PackedMatrix.Pack(Floats(N * K), N, K, format);
                foreach (int M in (int[])[1, 2, 3, 5, 7, 33]) w.Multiply(In(g, M * K), g.Result(M * N), M);
            }
        }));
        yield return ("PackedMatrix.SetRows", (g, n) => Formats(format =>
        {
            using PackedMatrix w = new(Rows + 1, n, WeightFormat.Float32);
            w.SetRows(1, g.Read<byte>(new byte[Rows * format.RowBytes(n)]), format);
            using PackedMatrix same = new(Rows + 1, n, format);
            same.SetRows(1, g.Read<byte>(new byte[Rows * format.RowBytes(n)]), format);
        }));
        yield return ("PackedMatrix.SetColumns", (g, n) => Formats(format =>
        {
            using PackedMatrix w = new(n, Rows, format);
            foreach (WeightFormat stored in (WeightFormat[])[WeightFormat.Float32, WeightFormat.BFloat16, WeightFormat.Float16])
                w.SetColumns(0, g.Read<byte>(new byte[Rows * n * stored.BlockBytes]), stored);
        }));
        yield return ("Q8Block.Round", (g, n) => Q8Block.Round(In(g, Math.Min(n, Q8Block.Length)), g.Write<byte>(new byte[Q8Block.Bytes])));
        yield return ("PackedMatrix.ReadRow", (g, n) => Formats(format =>
        {
            using PackedMatrix w = PackedMatrix.Pack(Floats(Rows * n), Rows, n, format);
            w.ReadRow(Rows - 1, g.Result(n));
        }));
        yield return ("PackedMatrix.ReadRows", (g, n) => Formats(format =>
        {
            using PackedMatrix w = PackedMatrix.Pack(Floats(Rows * n), Rows, n, format);
            w.ReadRows(1, g.Result((Rows - 1) * n));
            w.ReadRows(g.Read<int>([Rows - 1, 0, 1]), g.Result(3 * n));
        }));
        yield return ("PackedMatrix.ReadColumns", (g, n) => Formats(format =>
        {
            using PackedMatrix w = PackedMatrix.Pack(Floats(Rows * n), n, Rows, format);
            w.ReadColumns(1, g.Result((Rows - 1) * n));
        }));
        yield return ("PackedMatrix.MultiplyTransposed", (g, n) => Formats(format =>
        {
            using PackedMatrix w = PackedMatrix.Pack(Floats(Rows * n), Rows, n, format);
            foreach (int M in (int[])[1, 2, 3, 7, 33]) w.MultiplyTransposed(In(g, M * Rows), g.Result(M * n), M);
        }));
        yield return ("PackedMatrix.Unpack", (g, n) => Formats(format =>
        {
            using PackedMatrix w = PackedMatrix.Pack(Floats(Rows * n), Rows, n, format);
            w.Unpack(g.Result(Rows * n));
            w.Unpack(g.Result(Rows * n), transposed: true);
        }));
    }

    private static (int M, int N, int K)[] Shapes(int n) => [(n, 5, 7), (3, n, 7), (5, 3, n), (n, n, n), (1, n, n), (37, n, 9)];

    private static Epilogue Last(GuardedMemory g, int N) => new() { Bias = In(g, N, 5), Activation = Activation.Relu };

    private static void Batches(int n, Action<BatchedMatMul, int, int, int> run)
    {
        foreach ((Shape a, Shape b) in ((Shape, Shape)[])[(new(2, 3, n), new(2, n, 5)), (new(2, n, 3), new(3, 7)), (new(2, 1, n, 3), new(3, 3, n))])
        {
            BatchedMatMul plan = new(a, b, "test");
            run(plan, (int)a.Count, (int)b.Count, (int)plan.Output.Count);
        }
    }

    private static void Formats(Action<WeightFormat> run)
    {
        foreach (WeightFormat format in WeightFormat.All) run(format);
    }

    private static (RelativeEntries Entries, AttentionSequence[] Rows) Relative(int n)
    {
        int[] entries = [.. Enumerable.Range(0, Math.Max(1, (2 * n) - 1))];
        return (new RelativeEntries(entries, entries.Length), [new AttentionSequence(0, n, 0, n)]);
    }

    private static IEnumerable<(string, Action<GuardedMemory, int>)> Attention()
    {
        yield return ("RelativeScoresKernel.Invoke", (g, n) =>
        {
            (RelativeEntries entries, AttentionSequence[] rows) = Relative(n);
            int count = 2 * n * entries.Range;
            RelativeScoresKernel.Invoke(In(g, count), In(g, count, 2), 2, entries, 0.5f, rows, g.Result(2 * n * n));
        }
        );
        yield return ("RelativeScoresKernel.AddGradient", (g, n) =>
        {
            (RelativeEntries entries, AttentionSequence[] rows) = Relative(n);
            int count = 2 * n * entries.Range;
            RelativeScoresKernel.AddGradient(Both(g, count), Both(g, count), 2, entries, 0.5f, rows, In(g, 2 * n * n));
        }
        );
        yield return ("AttentionKernel.Forward", (g, n) =>
        {
            foreach (AttentionData data in Problems(n))
            {
                AttentionKernel.Forward(Inputs(g, data), data.Options, data.Sequences, g.Result(data.OutputLength), g.Result(data.Queries * data.Options.Heads));
                if (data.Options.Bias != DenseLayout.None || data.Options.Mask != DenseLayout.None) continue;
                using KeyValuePool pool = new(data.Options.KeyHeads, data.Options.HeadWidth, data.Options.ValueWidth);
                using KeyValuePages pages = pool.Create();
                pages.Append(data.Key, data.KeyStride, data.Value, data.ValueStride, data.Keys);
                AttentionKernel.Forward(g.Read<float>(Whole(data.Query, 3)), data.QueryStride, [pages], g.Read<float>(data.Relative), data.Options, data.Sequences, g.Result(data.OutputLength), []);
            }
        }
        );
        yield return ("AttentionKernel.Backward", (g, n) =>
        {
            foreach (AttentionData data in Problems(n))
            {
                (float[] z, float[] lse) = data.Forward();
                AttentionKernel.Backward(Inputs(g, data), data.Options, data.Sequences, g.Read<float>(z), g.Read<float>(lse), g.Read<float>(data.OutputGradient), new AttentionGradients<float>
                {
                    Query = g.Result(data.Query.Length - 3),
                    QueryStride = data.QueryStride,
                    Key = g.Result(data.Key.Length - 3),
                    KeyStride = data.KeyStride,
                    Value = g.Result(data.Value.Length - 3),
                    ValueStride = data.ValueStride,
                    RelativeBias = g.Result(data.Relative.Length),
                    Bias = g.Result(data.Bias.Length),
                });
            }
        }
        );
        yield return ("KeyValuePages.Append", (g, n) =>
        {
            using KeyValuePool pool = new(2, n, 5);
            using KeyValuePages pages = pool.Create();
            foreach (int rows in (int[])[1, 62, 3, 70]) pages.Append(In(g, (rows * ((2 * n) + 1)) - 1), (2 * n) + 1, In(g, rows * 10), 10, rows);
        }
        );
        yield return ("KeyValuePages.Read", (g, n) =>
        {
            using KeyValuePool pool = new(2, n, 5);
            using KeyValuePages pages = pool.Create();
            pages.Append(Floats(70 * 2 * n), 2 * n, Floats(70 * 10), 10, 70);
            pages.Read(g.Result(9 * 2 * n), g.Result(90), 60);
        }
        );
        yield return ("LinearAttentionKernel.Forward", (g, n) => Linear(n, (o, s, queries, keys) => LinearAttentionKernel.Forward(
            Positive(g, queries * o.HeadWidth), Positive(g, keys * o.HeadWidth, 2), In(g, keys * o.ValueWidth, 3), o, s, g.Result(queries * o.ValueWidth), g.Result(queries))));
        yield return ("LinearAttentionKernel.Backward", (g, n) => Linear(n, (o, s, queries, keys) => LinearAttentionKernel.Backward(
            Positive(g, queries * o.HeadWidth), Positive(g, keys * o.HeadWidth, 2), In(g, keys * o.ValueWidth, 3), o, s, In(g, queries * o.ValueWidth, 4), Positive(g, queries, 5),
            In(g, queries * o.ValueWidth, 6), g.Result(queries * o.HeadWidth), g.Result(keys * o.HeadWidth), g.Result(keys * o.ValueWidth))));
    }

    // A width of n, then n queries, then n keys; then everything that is added or hidden.
    private static IEnumerable<AttentionData> Problems(int n)
    {
        AttentionOptions o = new() { Heads = 2, HeadWidth = 5, Scale = 0.4f };
        yield return new(o with { HeadWidth = n, ValueWidth = n + 1, KeyHeads = 1, Causal = true }, new AttentionSequence(0, 7, 0, 7));
        yield return new(o with { Causal = true, Window = 11 }, new AttentionSequence(0, n, 0, n));
        yield return new(o, new AttentionSequence(0, 3, 0, n));
        yield return new(o with { RelativeRange = (2 * n) - 1, RelativeOffset = n - 1 }, new AttentionSequence(0, n, 0, n));
        yield return new(o with { Bias = DenseLayout.PerHead, Mask = DenseLayout.Shared }, new AttentionSequence(0, 3, 0, n));
        yield return new(o with { Bias = DenseLayout.Shared, Mask = DenseLayout.Keys, Dropout = 0.2f }, new AttentionSequence(0, n, 0, 5));
        yield return new(o with { Blocks = new BlockPattern(4, (n + 3) / 4, (n + 3) / 4, [.. Enumerable.Range(0, (n + 3) / 4 * ((n + 3) / 4)).Select(i => i % 3 > 0)]) }, new AttentionSequence(0, n, 0, n));
    }

    // The last row ends where its numbers end: the gap behind it is not there.
    private static AttentionInputs<float> Inputs(GuardedMemory g, AttentionData data) => new()
    {
        Query = g.Read<float>(Whole(data.Query, 3)),
        QueryStride = data.QueryStride,
        Key = g.Read<float>(Whole(data.Key, 3)),
        KeyStride = data.KeyStride,
        Value = g.Read<float>(Whole(data.Value, 3)),
        ValueStride = data.ValueStride,
        RelativeBias = g.Read<float>(data.Relative),
        Bias = g.Read<float>(data.Bias),
        Mask = g.Read<bool>(data.Mask),
    };

    private static ReadOnlySpan<float> Whole(float[] rows, int gap) => rows.AsSpan(0, rows.Length - gap);

    private static void Linear(int n, Action<AttentionOptions, AttentionSequence[], int, int> run)
    {
        run(new AttentionOptions { Heads = 1, HeadWidth = n, ValueWidth = 5, Scale = 1, Causal = true }, [new(0, 4, 0, 4), new(4, 2, 4, 3, 1)], 6, 7);
        run(new AttentionOptions { Heads = 1, HeadWidth = 5, ValueWidth = n, Scale = 1 }, [new(0, 4, 0, 4)], 4, 4);
        run(new AttentionOptions { Heads = 1, HeadWidth = 5, ValueWidth = 4, Scale = 1, Causal = true }, [new(0, n, 0, n)], n, n);
    }

    // What kernels are made of, by address.
    private static (string, Action<GuardedMemory, int>)[] Pointers() =>
    [
        ("Fold.Sum", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(0))),
        ("Fold.SumOfSquares", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(1))),
        ("Fold.Deviations", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(2))),
        ("Fold.Dot", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(3))),
        ("Fold.Max", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(4))),
        ("Fold.SumOfExp", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(5))),
        ("Fold.LogSumOfExp", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(6))),
        ("Fold.HasNaN", (g, n) => OfWidth(At(In(g, n)), n, new FoldRun(7))),
        ("AttentionPages.PackRows", (g, n) => AttentionPages.PackRows(At(In(g, (Rows * (n + 1)) - 1)), n + 1, Rows, n, At(g.Result(Rows * AttentionProblem.Pad(n))))),
        ("AttentionPages.PackKeys", (g, n) =>
        {
            // n tokens of 5, then 7 tokens of n.
            int tokens = Math.Min(n, AttentionProblem.Page);
            AttentionPages.PackKeys(At(In(g, (tokens * 6) - 1)), 6, tokens, 5, At(g.Result((4 * AttentionProblem.Page) + tokens)));
            AttentionPages.PackKeys(At(In(g, (7 * (n + 1)) - 1)), n + 1, 7, n, At(g.Result(((n - 1) * AttentionProblem.Page) + 7)));
        }),
        ("AttentionPages.ClearTail", (g, n) => AttentionPages.ClearTail(At(g.Result(5 * AttentionProblem.Page)), Math.Min(n, AttentionProblem.Page), 5)),
        ("AttentionTile.Multiply", (g, n) => OfWidth(At(In(g, n * n)), n, new TileRun(g, false))),
        ("AttentionTile.AddNonzero", (g, n) => OfWidth(At(In(g, n * n)), n, new TileRun(g, true))),
        ("HalfFormats.FromBFloat16", (g, n) => HalfFormats.FromBFloat16(At(g.Read<ushort>(new ushort[n])), At(g.Result(n)), n)),
        ("HalfFormats.FromFloat16", (g, n) => HalfFormats.FromFloat16(At(g.Read<ushort>(new ushort[n])), At(g.Result(n)), n)),
    ];

    private static T* At<T>(ReadOnlySpan<T> span) where T : unmanaged => (T*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));

    private static T* At<T>(Span<T> span) where T : unmanaged => (T*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));

    private interface IPointerRun
    {
        void Run<L>(float* x, int n) where L : struct, ILanes<L>;
    }

    private static void OfWidth<R>(float* x, int n, R run) where R : struct, IPointerRun
    {
        switch (Lanes.Width)
        {
            case LaneWidth.Lanes512: run.Run<Lanes512>(x, n); break;
            case LaneWidth.Lanes256: run.Run<Lanes256>(x, n); break;
            default: run.Run<Lanes128>(x, n); break;
        }
    }

    private readonly struct FoldRun(int which) : IPointerRun
    {
        public void Run<L>(float* x, int n) where L : struct, ILanes<L>
        {
            switch (which)
            {
                case 0: Fold.Sum<L>(x, n); break;
                case 1: Fold.SumOfSquares<L>(x, 1, n); break;
                case 2: Fold.Deviations<L>(x, 1, n); break;
                case 3: Fold.Dot<L>(x, x, n); break;
                case 4: Fold.Max<L>(x, n); break;
                case 5: Fold.SumOfExp<L>(x, 1, 0, n); break;
                case 7: Fold.HasNaN<L>(x, n); break;
                default: Fold.LogSumOfExp<L>(x, 1, n); break;
            }
        }
    }

    // A: [n, n] and its transpose; B and C of 16 and 80 columns, as their rows are padded.
    private readonly struct TileRun(GuardedMemory memory, bool skips) : IPointerRun
    {
        public void Run<L>(float* a, int n) where L : struct, ILanes<L>
        {
            foreach (int columns in (int[])[16, 80])
            {
                float* b = At(In(memory, n * columns)), c = At(Both(memory, n * columns));
                if (skips)
                {
                    AttentionTile.AddNonzero<L>(a, n, 1, b, columns, c, columns, n, columns, n);
                    AttentionTile.AddNonzero<L>(a, 1, n, b, columns, c, columns, n, columns, n);
                }
                else
                {
                    AttentionTile.Multiply<L>(a, n, 1, b, columns, c, columns, n, columns, n, false);
                    AttentionTile.Multiply<L>(a, 1, n, b, columns, c, columns, n, columns, n, true);
                }
            }
        }
    }
}
