namespace Heed.Engine.Kernels;

/// <summary>
/// How a weight's values are held: how many values along K one block stores, in how many bytes, and what they mean as float32. Products
/// compute in float32 whatever the format, with the bits of the same product over the values widened before.
/// </summary>
public abstract unsafe class WeightFormat
{
    internal WeightFormat(string name, int blockLength, int blockBytes)
    {
        Name = name;
        BlockLength = blockLength;
        BlockBytes = blockBytes;
    }

    /// <summary>IEEE 754 binary32: exact.</summary>
    public static WeightFormat Float32 { get; } = new Float32Format();

    /// <summary>The upper half of a binary32, rounded to nearest even.</summary>
    public static WeightFormat BFloat16 { get; } = new BFloat16Format();

    /// <summary>IEEE 754 binary16, rounded to nearest even.</summary>
    public static WeightFormat Float16 { get; } = new Float16Format();

    /// <summary>GGUF's Q8_0: blocks of 32 values along K, one binary16 scale and 32 signed bytes each. A last block that K does not fill
    /// ends in zeros.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1707", Justification = "The name that GGUF gives it.")]
    public static WeightFormat Q8_0 { get; } = new Q8Format();

    /// <summary>GGUF's Q4_0: blocks of 32 values along K, one binary16 scale and 32 × 4 bits each.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1707", Justification = "The name that GGUF gives it.")]
    public static WeightFormat Q4_0 { get; } = new Q4Format();

    /// <summary>GGUF's Q4_K: blocks of 256 values along K, with a scale and a minimum for each 32, and 256 × 4 bits.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1707", Justification = "The name that GGUF gives it.")]
    public static WeightFormat Q4_K { get; } = new Q4KFormat();

    /// <summary>GGUF's Q6_K: blocks of 256 values along K, with a scale for each 16, and 256 × 6 bits.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1707", Justification = "The name that GGUF gives it.")]
    public static WeightFormat Q6_K { get; } = new Q6KFormat();

    /// <summary>Every format, the most exact first.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } = [Float32, BFloat16, Float16, Q8_0, Q6_K, Q4_K, Q4_0];

    /// <summary>The word of the option <c>--dtype</c>: <c>f32</c>, <c>bf16</c>, <c>f16</c>, <c>q8_0</c>, <c>q6_k</c>, <c>q4_k</c>,
    /// <c>q4_0</c>.</summary>
    public string Name { get; }

    /// <summary>Values along K in one block; 1 where each value stands alone.</summary>
    public int BlockLength { get; }

    /// <summary>Bytes of one block.</summary>
    public int BlockBytes { get; }

    /// <summary>The format with this name, or null.</summary>
    public static WeightFormat? Find(string name) => All.FirstOrDefault(format => format.Name == name);

    /// <summary>Bytes of one output's K values: whole blocks.</summary>
    public long RowBytes(int inputs) => ((long)inputs + BlockLength - 1) / BlockLength * BlockBytes;

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>target[(k − k0)·lane + j] = the panel's values of input k, for k0 ≤ k &lt; k0 + count.</summary>
    internal abstract void ReadPanel(byte* panel, int lane, nint k0, nint count, float* target);

    /// <summary>target[k] = the values of one output, a column of the panel.</summary>
    internal abstract void ReadColumn(byte* panel, int lane, int column, nint K, float* target);

    /// <summary>Rounds <paramref name="rows"/> ≤ 8 rows of K floats, which follow each other, into columns of the panel.</summary>
    internal abstract void WriteColumns(float* source, int rows, nint K, byte* panel, int lane, int column);

    /// <summary>Rounds one block of inputs, from k0 on, of the panel's first <paramref name="width"/> columns: source[(k − k0)·stride +
    /// j].</summary>
    internal abstract void WriteBlock(float* source, nint stride, nint k0, int count, int width, byte* panel, int lane);

    /// <summary>Copies up to eight rows of K values in this format, as a file holds them, into columns of the panel bit for bit.</summary>
    internal abstract void CopyColumns(byte* source, int rows, nint K, byte* panel, int lane, int column);

    /// <summary>target[i] = source[i] for one row of values in this format, as a file holds them.</summary>
    internal abstract void Widen(byte* source, float* target, nint count);

    private sealed class Float32Format() : WeightFormat("f32", 1, sizeof(float))
    {
        internal override void ReadPanel(byte* panel, int lane, nint k0, nint count, float* target) => Widen(panel + (k0 * lane * sizeof(float)), target, count * lane);

        internal override void ReadColumn(byte* panel, int lane, int column, nint K, float* target)
        {
            float* source = (float*)panel + column;
            for (nint k = 0; k < K; k++) target[k] = source[k * lane];
        }

        internal override void WriteColumns(float* source, int rows, nint K, byte* panel, int lane, int column)
            => MatMulPacking.Eight(source, K, rows, K, (float*)panel + column, lane);

        internal override void WriteBlock(float* source, nint stride, nint k0, int count, int width, byte* panel, int lane)
            => Widen((byte*)source, (float*)panel + (k0 * lane), width);

        internal override void CopyColumns(byte* source, int rows, nint K, byte* panel, int lane, int column)
            => WriteColumns((float*)source, rows, K, panel, lane, column);

        internal override void Widen(byte* source, float* target, nint count)
            => Buffer.MemoryCopy(source, target, count * sizeof(float), count * sizeof(float));
    }

    private abstract class HalfFormat(string name) : WeightFormat(name, 1, sizeof(ushort))
    {
        protected abstract ushort Narrow(float value);

        protected abstract float Widen(ushort bits);

        internal override void ReadPanel(byte* panel, int lane, nint k0, nint count, float* target)
            => Widen(panel + (k0 * lane * sizeof(ushort)), target, count * lane);

        internal override void ReadColumn(byte* panel, int lane, int column, nint K, float* target)
        {
            ushort* source = (ushort*)panel + column;
            for (nint k = 0; k < K; k++) target[k] = Widen(source[k * lane]);
        }

        internal override void WriteColumns(float* source, int rows, nint K, byte* panel, int lane, int column)
        {
            ushort* target = (ushort*)panel + column;
            for (nint k = 0; k < K; k++)
                for (int j = 0; j < rows; j++) target[(k * lane) + j] = Narrow(source[(j * K) + k]);
        }

        internal override void WriteBlock(float* source, nint stride, nint k0, int count, int width, byte* panel, int lane)
        {
            ushort* target = (ushort*)panel + (k0 * lane);
            for (int j = 0; j < width; j++) target[j] = Narrow(source[j]);
        }

        internal override void CopyColumns(byte* source, int rows, nint K, byte* panel, int lane, int column)
        {
            ushort* from = (ushort*)source, target = (ushort*)panel + column;
            for (nint k = 0; k < K; k++)
                for (int j = 0; j < rows; j++) target[(k * lane) + j] = from[(j * K) + k];
        }
    }

    private sealed class BFloat16Format() : HalfFormat("bf16")
    {
        protected override ushort Narrow(float value) => HalfFormats.ToBFloat16(value);

        protected override float Widen(ushort bits) => HalfFormats.FromBFloat16(bits);

        internal override void Widen(byte* source, float* target, nint count) => HalfFormats.FromBFloat16((ushort*)source, target, count);
    }

    private sealed class Float16Format() : HalfFormat("f16")
    {
        protected override ushort Narrow(float value) => BitConverter.HalfToUInt16Bits((Half)value);

        protected override float Widen(ushort bits) => (float)BitConverter.UInt16BitsToHalf(bits);

        internal override void Widen(byte* source, float* target, nint count) => HalfFormats.FromFloat16((ushort*)source, target, count);
    }
}
