using System.Runtime.InteropServices;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Engine.Tests.Kernels;

namespace Heed.Engine.Tests.Nn;

public class ParameterTests
{
    [Fact]
    public void Packed_values_are_copied_only_on_request()
    {
        using ParameterSet set = new(ParameterSource.Random(1));
        Parameter p = set.Root.Weight("weight", new Shape(20, 64), Initializer.Normal(1));
        float[] values = p.Value.ToArray();
        Assert.Equal((WeightFormat.Float32, 20 * 64 * 4L), (p.Format, p.Bytes));
        p.Pack(WeightFormat.Q8_0);
        Assert.Equal(WeightFormat.Q8_0, p.Format);
        string message = Assert.Throws<InvalidOperationException>(() => p.Value).Message;
        Assert.Contains("'weight' is packed for inference as q8_0 and has no plain values", message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => p.ToVariable());
        float[] rounded = p.ToTensor().ToArray();
        // Half a step of 1/127 of a block's greatest value.
        for (int i = 0; i < values.Length; i++) Assert.InRange(Math.Abs(values[i] - rounded[i]), 0, 4f / 127 / 1.9f);
        Assert.Throws<ArgumentException>(() => p.CopyTo(new float[19 * 64]));
        p.Unpack();
        Assert.False(p.IsPacked);
        MatMulData.AssertSameBits(rounded, p.Value.Span);
    }

    // cases: 16
    [Fact]
    public void A_disposed_model_and_one_of_shapes_alone_have_no_values_for_different_reasons()
    {
        using ParameterSet shapes = new(ParameterSource.ShapesOnly);
        Parameter empty = shapes.Root.Weight("weight", new Shape(2, 2), Initializer.Zeros);
        foreach (Action read in (Action[])[() => _ = empty.Value, () => empty.AsWeight(), () => empty.ToTensor(), () => empty.CopyTo(new float[4])])
            Assert.Contains("built from shapes only", Assert.Throws<InvalidOperationException>(read).Message, StringComparison.Ordinal);

        ParameterSet set = new(ParameterSource.Random(1));
        Parameter plain = set.Root.Weight("plain", new Shape(2, 2), Initializer.Ones), packed = set.Root.Weight("packed", new Shape(2, 2), Initializer.Ones);
        packed.Pack();
        set.Dispose();
        foreach (Parameter p in (Parameter[])[plain, packed])
        {
            Assert.False(p.HasValue);
            foreach (Action read in (Action[])[() => _ = p.Value, () => p.AsWeight(), () => p.ToVariable(), () => p.ToTensor(), () => p.Assign(Tensor.Zeros(2, 2))])
                Assert.Throws<ObjectDisposedException>(read);
            Assert.Contains($"'{p.Name}' was disposed", Assert.Throws<ObjectDisposedException>(() => p.AsWeight()).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_packed_follows_from_the_slot_and_the_format()
    {
        using ParameterSet set = new(ParameterSource.ShapesOnly);
        Parameter weight = set.Root.Weight("weight", new Shape(10, 33), Initializer.Zeros), turned = set.Root.Weight("turned", new Shape(33, 10), Initializer.Zeros, inputMajor: true);
        Parameter table = set.Root.Table("table", new Shape(10, 33), Initializer.Zeros), gain = set.Root.Parameter("gain", new Shape(33), Initializer.Ones);
        foreach (WeightFormat format in WeightFormat.All)
        {
            Assert.True(weight.IsPackedAs(format));
            Assert.Equal(format != WeightFormat.Float32, table.IsPackedAs(format));
            Assert.False(gain.IsPackedAs(format));
            Assert.Equal(10 * format.RowBytes(33), weight.BytesAs(format));
            Assert.Equal(10 * format.RowBytes(33), turned.BytesAs(format));
            Assert.Equal(33 * 4, gain.BytesAs(format));
        }

        Assert.Throws<InvalidOperationException>(() => gain.PackFrom(WeightFormat.Float32, WeightFormat.Float32, (_, _) => { }));
    }

    // Larger than the pieces in which it is read, and blocks must not be cut.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_weight_is_filled_piece_by_piece_in_any_format(bool inputMajor)
    {
        Shape shape = inputMajor ? new Shape(100, 40_001) : new Shape(40_001, 100);
        float[] values = MatMulData.Random(shape.Count, 1);
        foreach (WeightFormat format in WeightFormat.All)
        {
            using ParameterSet set = new(ParameterSource.ShapesOnly);
            Parameter streamed = set.Root.Weight("streamed", shape, Initializer.Zeros, inputMajor), packed = set.Root.Weight("packed", shape, Initializer.Zeros, inputMajor);
            long read = 0;
            streamed.PackFrom(format, WeightFormat.Float32, (start, chunk) =>
            {
                MemoryMarshal.AsBytes(values.AsSpan()).Slice((int)start, chunk.Length).CopyTo(chunk);
                read += chunk.Length;
            });
            Assert.Equal(shape.Count * 4L, read);
            packed.Assign(Tensor.Create(values, shape));
            packed.Pack(format);
            using Tensor expected = packed.ToTensor(), found = streamed.ToTensor();
            MatMulData.AssertSameBits(expected.Span, found.Span);
        }
    }
}
