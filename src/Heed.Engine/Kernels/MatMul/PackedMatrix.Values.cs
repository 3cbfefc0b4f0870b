using System.Runtime.InteropServices;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>Filling a packed weight piece by piece, so that a file's tensor never lies in memory twice, and reading it back.</summary>
public sealed unsafe partial class PackedMatrix
{
    // Rows of W that are turned at a time.
    private const int Turn = 8;

    /// <summary>Sets rows <paramref name="first"/> … of W from the bytes of a row-major [N, K] tensor, as a file holds them (little-endian).</summary>
    /// <param name="first">The first row, an output.</param>
    /// <param name="values">Whole rows of K values.</param>
    /// <param name="stored">The values' format; narrowing rounds to nearest even, the same format is copied bit for bit.</param>
    /// <exception cref="ArgumentException">The bytes are not whole rows, or reach beyond row N − 1.</exception>
    public void SetRows(int first, ReadOnlySpan<byte> values, WeightFormat stored = WeightFormat.Float32)
    {
        int count = CheckPiece(first, values.Length, stored, Inputs, Outputs);
        BeginUse();
        try
        {
            fixed (byte* source = values)
            {
                var work = new RowsWork(this, source, first, count, stored);
                ComputeContext.Run(work, work.Parts);
            }
        }
        finally
        {
            EndUse();
        }
    }

    /// <summary>Sets columns <paramref name="first"/> … of W from the bytes of a row-major [K, N] tensor (GPT-2's Conv1D), as a file holds them (little-endian).</summary>
    /// <param name="first">The first column, an input.</param>
    /// <param name="values">Whole rows of N values, one for each input.</param>
    /// <param name="stored">The values' format; narrowing rounds to nearest even, the same format is copied bit for bit.</param>
    /// <exception cref="ArgumentException">The bytes are not whole rows, or reach beyond input K − 1.</exception>
    public void SetColumns(int first, ReadOnlySpan<byte> values, WeightFormat stored = WeightFormat.Float32)
    {
        int count = CheckPiece(first, values.Length, stored, Outputs, Inputs);
        BeginUse();
        try
        {
            fixed (byte* source = values)
            {
                var work = new ColumnsWork(this, source, first, count, stored);
                ComputeContext.Run(work, work.Parts);
            }
        }
        finally
        {
            EndUse();
        }
    }

    /// <summary>Row <paramref name="n"/> of W: a token's embedding where the table is tied to the output.  target: [K].</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is not in 0 … N − 1.</exception>
    /// <exception cref="ArgumentException">The target has not K elements.</exception>
    public void ReadRow(int n, Span<float> target)
    {
        KernelThrow.UnlessIndex(nameof(n), 0, n, Outputs);
        KernelThrow.UnlessLength(nameof(target), target.Length, Inputs);
        BeginUse();
        byte* panel = _memory + ((n / _lane) * _panelBytes);
        int lane = n % _lane;
        switch (Format)
        {
            case WeightFormat.Float32:
                for (int k = 0; k < target.Length; k++) target[k] = ((float*)panel)[((nint)k * _lane) + lane];
                break;
            case WeightFormat.BFloat16:
                for (int k = 0; k < target.Length; k++) target[k] = WeightFormats.FromBFloat16(((ushort*)panel)[((nint)k * _lane) + lane]);
                break;
            default:
                for (int k = 0; k < target.Length; k++) target[k] = (float)BitConverter.UInt16BitsToHalf(((ushort*)panel)[((nint)k * _lane) + lane]);
                break;
        }

        EndUse();
    }

    /// <summary>All values as float32, row by row, or transposed.  target: [N, K] or [K, N].</summary>
    /// <exception cref="ArgumentException">The target has not N·K elements.</exception>
    public void Unpack(Span<float> target, bool transposed = false)
    {
        KernelThrow.UnlessLength(nameof(target), target.Length, (long)Outputs * Inputs);
        if (!transposed)
        {
            for (int n = 0; n < Outputs; n++) ReadRow(n, target.Slice(n * Inputs, Inputs));
            return;
        }

        float[] row = new float[Inputs];
        for (int n = 0; n < Outputs; n++)
        {
            ReadRow(n, row);
            for (int k = 0; k < row.Length; k++) target[(k * Outputs) + n] = row[k];
        }
    }

    private int CheckPiece(int first, int bytes, WeightFormat stored, int width, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        long rowBytes = (long)width * WeightFormats.Size(stored);
        if (bytes % rowBytes != 0) throw new ArgumentException($"{bytes} bytes are not whole rows of {width} values ({rowBytes} bytes).", nameof(bytes));
        long count = bytes / rowBytes;
        return first + count <= limit
            ? (int)count
            : throw new ArgumentException($"Rows {first} to {first + count - 1} were given to a weight of {limit}.", nameof(first));
    }

    private static void ToFloats(byte* source, WeightFormat stored, float* target, nint count)
    {
        switch (stored)
        {
            case WeightFormat.Float32: Buffer.MemoryCopy(source, target, count * sizeof(float), count * sizeof(float)); break;
            case WeightFormat.BFloat16: WeightFormats.FromBFloat16((ushort*)source, target, count); break;
            default: WeightFormats.FromFloat16((ushort*)source, target, count); break;
        }
    }

    private static ushort Narrow(float value, WeightFormat format) =>
        format == WeightFormat.BFloat16 ? WeightFormats.ToBFloat16(value) : BitConverter.HalfToUInt16Bits((Half)value);

    private readonly struct RowsWork(PackedMatrix matrix, byte* source, int first, int count, WeightFormat stored) : IWork
    {
        // Parts share no cache line of the target: each is whole multiples of eight outputs.
        private int Base => first / Turn;

        public int Parts => count == 0 ? 0 : ((first + count - 1) / Turn) - Base + 1;

        public void Part(int part)
        {
            int row = Math.Max(first, (Base + part) * Turn);
            int end = Math.Min(first + count, (Base + part + 1) * Turn);
            int rows = end - row;
            nint K = matrix.Inputs;
            int lane = matrix._lane;
            byte* from = source + ((row - first) * K * WeightFormats.Size(stored));
            byte* panel = matrix._memory + ((row / lane) * matrix._panelBytes);
            int column = row % lane;
            if (matrix.Format == stored && stored != WeightFormat.Float32)
            {
                ushort* target = (ushort*)panel + column;
                for (nint k = 0; k < K; k++)
                    for (int j = 0; j < rows; j++) target[(k * lane) + j] = ((ushort*)from)[(j * K) + k];
                return;
            }

            if (stored == WeightFormat.Float32)
            {
                Lay((float*)from, rows, panel, column);
                return;
            }

            ScratchPool scratch = ComputeContext.Current.Scratch;
            float* floats = scratch.Rent(rows * K);
            ToFloats(from, stored, floats, rows * K);
            Lay(floats, rows, panel, column);
            scratch.Return(floats, rows * K);
        }

        private void Lay(float* floats, int rows, byte* panel, int column)
        {
            nint K = matrix.Inputs;
            int lane = matrix._lane;
            if (matrix.Format == WeightFormat.Float32)
            {
                MatMulPacking.Eight(floats, K, rows, K, (float*)panel + column, lane);
                return;
            }

            ushort* target = (ushort*)panel + column;
            for (nint k = 0; k < K; k++)
                for (int j = 0; j < rows; j++) target[(k * lane) + j] = Narrow(floats[(j * K) + k], matrix.Format);
        }
    }

    private readonly struct ColumnsWork(PackedMatrix matrix, byte* source, int first, int count, WeightFormat stored) : IWork
    {
        private const int PanelsPerPart = 8;

        public int Parts => count == 0 ? 0 : (matrix.Outputs + (PanelsPerPart * matrix._lane) - 1) / (PanelsPerPart * matrix._lane);

        public void Part(int part)
        {
            int lane = matrix._lane, N = matrix.Outputs;
            int from = part * PanelsPerPart * lane, end = Math.Min(N, from + (PanelsPerPart * lane));
            int size = WeightFormats.Size(stored), own = WeightFormats.Size(matrix.Format);
            float* floats = stackalloc float[PanelsPerPart * lane];
            for (int k = 0; k < count; k++)
            {
                byte* row = source + ((((nint)k * N) + from) * size);
                if (stored != matrix.Format) ToFloats(row, stored, floats, end - from);
                for (int n = from; n < end; n += lane)
                {
                    int width = Math.Min(lane, end - n);
                    byte* target = matrix._memory + ((n / lane) * matrix._panelBytes) + ((nint)(first + k) * lane * own);
                    if (stored == matrix.Format)
                    {
                        new ReadOnlySpan<byte>(row + ((n - from) * size), width * size).CopyTo(new Span<byte>(target, width * size));
                    }
                    else if (matrix.Format == WeightFormat.Float32)
                    {
                        new ReadOnlySpan<float>(floats + (n - from), width).CopyTo(new Span<float>(target, width));
                    }
                    else
                    {
                        for (int j = 0; j < width; j++) ((ushort*)target)[j] = Narrow(floats[n - from + j], matrix.Format);
                    }
                }
            }
        }
    }
}
