using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Engine.Tests.Kernels;

namespace Heed.Engine.Tests.Autograd;

/// <summary>Every operation on every kind of weight has the bits of the same operation on plain float32 of the same values.</summary>
public class WeightTests
{
    public static TheoryData<string, bool, int, int> Kinds
    {
        get
        {
            TheoryData<string, bool, int, int> kinds = [];
            foreach (WeightFormat format in WeightFormat.All)
                foreach (bool inputMajor in (bool[])[false, true])
                    foreach ((int N, int K) in ((int, int)[])[(1, 1), (7, 33), (16, 32), (37, 95), (65, 300)]) kinds.Add(format.Name, inputMajor, N, K);
            return kinds;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Product_and_input_gradient_have_the_bits_of_plain_values(string format, bool inputMajor, int N, int K)
    {
        using Pair pair = new(format, inputMajor, N, K);
        foreach (int M in (int[])[1, 2, 5, 8, 35, 70])
        {
            Tensor x = Tensor.Create(MatMulData.Random(M * K, M), M, K), bias = Tensor.Create(MatMulData.Random(N, 2), N), dy = Tensor.Create(MatMulData.Random(M * N, 3), M, N);
            (Tensor Y, Tensor Dx, Tensor Db) Run(Parameter weight)
            {
                weight.NeedsGradient = false;
                Leaf input = new(), offset = new();
                using Tape tape = Tape.Begin();
                Variable y = weight.AsWeight().Multiply(input.Of(x), offset.Of(bias));
                tape.Backward(y, dy);
                (Tensor, Tensor, Tensor) result = (y.Value, input.Gradient!.Clone(), offset.Gradient!.Clone());
                input.Clear();
                offset.Clear();
                return result;
            }

            (Tensor expected, Tensor expectedDx, Tensor expectedDb) = Run(pair.Plain);
            (Tensor y, Tensor dx, Tensor db) = Run(pair.Packed);
            MatMulData.AssertSameBits(expected.Span, y.Span);
            MatMulData.AssertSameBits(expectedDx.Span, dx.Span);
            MatMulData.AssertSameBits(expectedDb.Span, db.Span);
            MatMulData.AssertSameBits(expected.Span, pair.Packed.AsWeight().Multiply(x, bias).Value.Span);
            // A row alone has the bits of its place in the batch.
            MatMulData.AssertSameBits(expected.Rows(M - 1, 1).Span, pair.Packed.AsWeight().Multiply(x.Rows(M - 1, 1), bias).Value.Span);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Rows_and_vocabulary_loss_have_the_bits_of_plain_values(string format, bool inputMajor, int N, int K)
    {
        using Pair pair = new(format, inputMajor, N, K);
        pair.Plain.NeedsGradient = pair.Packed.NeedsGradient = false;
        int[] rows = [N - 1, 0, N / 2, N / 2, 0];
        if (inputMajor) Assert.Throws<NotSupportedException>(() => pair.Packed.AsWeight().Gather(rows));
        else MatMulData.AssertSameBits(pair.Plain.AsWeight().Gather(rows).Value.Span, pair.Packed.AsWeight().Gather(rows).Value.Span);

        Tensor hidden = Tensor.Create(MatMulData.Random(rows.Length * K, 4), rows.Length, K), bias = Tensor.Create(MatMulData.Random(N, 5), N);
        (float Loss, float[] Dx) Run(Parameter weight)
        {
            Leaf input = new();
            using Tape tape = Tape.Begin();
            Variable loss = Loss.VocabularyCrossEntropy(input.Of(hidden), weight.AsWeight(), bias, rows);
            tape.Backward(loss);
            float[] dx = input.Gradient!.ToArray();
            input.Clear();
            return (loss.Value.ToScalar(), dx);
        }

        (float expected, float[] expectedDx) = Run(pair.Plain);
        (float found, float[] dx) = Run(pair.Packed);
        Assert.Equal(expected, found);
        MatMulData.AssertSameBits(expectedDx, dx);
        Assert.Equal(expected, Loss.VocabularyCrossEntropy(hidden, pair.Packed.AsWeight(), bias, rows).Value.ToScalar());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Ranges_of_rows_are_copied_in_the_stored_order(string format, bool inputMajor, int N, int K)
    {
        using Pair pair = new(format, inputMajor, N, K);
        float[] whole = pair.Plain.Value.ToArray(), found = new float[whole.Length];
        pair.Packed.CopyTo(found);
        MatMulData.AssertSameBits(whole, found);
        (int rows, int width) = (pair.Plain.Shape[0], pair.Plain.Shape[1]);
        for (int first = 0, count = 1; first < rows; first += count, count = 1 + (count * 3 % 11))
        {
            float[] piece = new float[Math.Min(count, rows - first) * width], plain = new float[piece.Length];
            pair.Packed.CopyTo(first, piece);
            pair.Plain.CopyTo(first, plain);
            MatMulData.AssertSameBits(whole.AsSpan(first * width, piece.Length), piece);
            MatMulData.AssertSameBits(plain, piece);
        }
    }

    [Fact]
    public void A_packed_weight_that_is_not_frozen_gets_no_gradient_and_says_so()
    {
        using Pair pair = new("q8_0", false, 4, 32);
        using Tape tape = Tape.Begin();
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => pair.Packed.AsWeight());
        Assert.Contains("'weight' is packed for inference as q8_0", error.Message, StringComparison.Ordinal);
        Assert.Contains("ParameterSet.Freeze", error.Message, StringComparison.Ordinal);
        pair.Packed.NeedsGradient = false;
        Assert.False(pair.Packed.AsWeight().NeedsGradient);
        Assert.True(pair.Plain.AsWeight().NeedsGradient);
    }

    [Fact]
    public void Wrong_shapes_are_refused_by_every_kind()
    {
        using Pair pair = new("bf16", false, 4, 3);
        Tensor x = Tensor.Zeros(2, 5), fits = Tensor.Zeros(2, 3);
        foreach (Parameter weight in (Parameter[])[pair.Plain, pair.Packed])
        {
            Assert.Throws<ShapeException>(() => weight.AsWeight().Multiply(x));
            Assert.Throws<ShapeException>(() => weight.AsWeight().Multiply(fits, Tensor.Zeros(5)));
            Assert.Throws<ShapeException>(() => Loss.VocabularyCrossEntropy(x, weight.AsWeight(), null, [0, 1]));
            Assert.Throws<ArgumentOutOfRangeException>(() => weight.AsWeight().Gather([0, 4]));
        }

        Assert.Throws<ShapeException>(() => new Weight(Tensor.Zeros(3)));
    }

    /// <summary>A packed weight, and a plain one of the values that it reads as.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly ParameterSet _packed = new(ParameterSource.Random(3)), _plain = new(ParameterSource.ShapesOnly);

        public Pair(string format, bool inputMajor, int N, int K)
        {
            Shape shape = inputMajor ? new Shape(K, N) : new Shape(N, K);
            Packed = _packed.Root.Weight("weight", shape, Initializer.Normal(1), inputMajor);
            Packed.Pack(WeightFormat.Find(format)!);
            Assert.True(Packed.IsPacked);
            Plain = _plain.Root.Weight("weight", shape, Initializer.Normal(1), inputMajor);
            Plain.Assign(Packed.ToTensor());
        }

        public Parameter Packed { get; }

        public Parameter Plain { get; }

        public void Dispose()
        {
            _packed.Dispose();
            _plain.Dispose();
        }
    }
}
