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

    /// <summary>Every format.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } = [Float32, BFloat16, Float16, Q8_0];

    /// <summary>The word of the option <c>--dtype</c>: <c>f32</c>, <c>bf16</c>, <c>f16</c>, <c>q8_0</c>.</summary>
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

    /// <summary>Whether the micro-kernels widen panels of it in registers while they stream; others are widened into scratch
    /// first.</summary>
    internal virtual bool IsStreamed => true;

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

    /// <summary>A panel is [K/32] blocks, each [lane] scales and then [32][lane] bytes: the file's bytes, those of one input side by
    /// side.</summary>
    private sealed class Q8Format() : WeightFormat("q8_0", Q8Block.Length, Q8Block.Bytes)
    {
        internal override bool IsStreamed => false;

        internal override void ReadPanel(byte* panel, int lane, nint k0, nint count, float* target)
        {
            float* scales = stackalloc float[MatMulTile512.Columns];
            for (nint k = k0; k < k0 + count; k++, target += lane)
            {
                byte* block = Block(panel, lane, k);
                if (k == k0 || k % Q8Block.Length == 0) HalfFormats.FromFloat16((ushort*)block, scales, lane);
                Q8Block.Widen(scales, Values(block, lane) + (k % Q8Block.Length * lane), target, lane);
            }
        }

        internal override void ReadColumn(byte* panel, int lane, int column, nint K, float* target)
        {
            for (nint k0 = 0; k0 < K; k0 += Q8Block.Length)
            {
                byte* block = Block(panel, lane, k0);
                float scale = (float)BitConverter.UInt16BitsToHalf(((ushort*)block)[column]);
                sbyte* values = Values(block, lane) + column;
                for (nint k = k0; k < Math.Min(K, k0 + Q8Block.Length); k++) target[k] = scale * values[(k - k0) * lane];
            }
        }

        internal override void WriteColumns(float* source, int rows, nint K, byte* panel, int lane, int column)
        {
            for (nint k0 = 0; k0 < K; k0 += Q8Block.Length)
                for (int j = 0; j < rows; j++) Round(source + (j * K) + k0, 1, (int)Math.Min(Q8Block.Length, K - k0), Block(panel, lane, k0), lane, column + j);
        }

        internal override void WriteBlock(float* source, nint stride, nint k0, int count, int width, byte* panel, int lane)
        {
            for (int j = 0; j < width; j++) Round(source + j, stride, count, Block(panel, lane, k0), lane, j);
        }

        internal override void CopyColumns(byte* source, int rows, nint K, byte* panel, int lane, int column)
        {
            nint blocks = (K + Q8Block.Length - 1) / Q8Block.Length;
            for (nint b = 0; b < blocks; b++)
            {
                byte* block = panel + (b * lane * Q8Block.Bytes);
                for (int j = 0; j < rows; j++)
                {
                    byte* from = source + (((j * blocks) + b) * Q8Block.Bytes);
                    ((ushort*)block)[column + j] = *(ushort*)from;
                    sbyte* values = Values(block, lane) + column + j;
                    for (int i = 0; i < Q8Block.Length; i++) values[i * lane] = (sbyte)from[sizeof(ushort) + i];
                }
            }
        }

        internal override void Widen(byte* source, float* target, nint count)
        {
            for (nint i = 0; i < count; i += Q8Block.Length, source += Q8Block.Bytes)
                Q8Block.Scalar(new ReadOnlySpan<byte>(source, Q8Block.Bytes), new Span<float>(target + i, (int)Math.Min(Q8Block.Length, count - i)));
        }

        private static void Round(float* source, nint stride, int count, byte* block, int lane, int column)
        {
            float* values = stackalloc float[Q8Block.Length];
            byte* bytes = stackalloc byte[Q8Block.Bytes];
            for (int i = 0; i < count; i++) values[i] = source[i * stride];
            Q8Block.Round(new ReadOnlySpan<float>(values, count), new Span<byte>(bytes, Q8Block.Bytes));
            ((ushort*)block)[column] = *(ushort*)bytes;
            sbyte* target = Values(block, lane) + column;
            for (int i = 0; i < Q8Block.Length; i++) target[i * lane] = (sbyte)bytes[sizeof(ushort) + i];
        }

        private static byte* Block(byte* panel, int lane, nint k) => panel + (k / Q8Block.Length * lane * Q8Block.Bytes);

        private static sbyte* Values(byte* block, int lane) => (sbyte*)(block + (lane * sizeof(ushort)));
    }
}
