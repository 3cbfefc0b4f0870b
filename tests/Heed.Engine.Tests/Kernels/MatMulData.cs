using System.Runtime.InteropServices;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Matrices for the tests of products.</summary>
internal static class MatMulData
{
    public static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (float)((random.NextDouble() * 2) - 1);
        return values;
    }

    public static float[] Transpose(float[] x, int rows, int columns)
    {
        float[] y = new float[x.Length];
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[(c * rows) + r] = x[(r * columns) + c];
        return y;
    }

    public static double RelativeError(double[] expected, float[] actual)
    {
        double error = 0, size = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            error += (expected[i] - actual[i]) * (expected[i] - actual[i]);
            size += expected[i] * expected[i];
        }

        return size == 0 ? Math.Sqrt(error) : Math.Sqrt(error / size);
    }

    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        if (MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual))) return;
        for (int i = 0; i < expected.Length; i++)
            if (BitConverter.SingleToUInt32Bits(expected[i]) != BitConverter.SingleToUInt32Bits(actual[i])) Assert.Fail($"Element {i}: {expected[i]:G9} expected, {actual[i]:G9} found.");
    }
}
