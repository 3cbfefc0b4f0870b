using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>Filling a packed weight piece by piece, so that a file's tensor never lies in memory twice, and reading it back.</summary>
internal sealed unsafe partial class PackedMatrix
{
    // Rows of W that are turned, or read back, at a time.
    private const int Turn = 8;

    /// <summary>Sets rows <paramref name="first"/> … of W from the bytes of a row-major [N, K] tensor, as a file holds them (little-endian).</summary>
    /// <param name="first">The first row, an output.</param>
    /// <param name="values">Whole rows of K values.</param>
    /// <param name="stored">The values' format, float32 if omitted; they are rounded to the weight's, and the same format is copied bit for bit.</param>
    /// <exception cref="ArgumentException">The bytes are not whole rows, or reach beyond row N − 1.</exception>
    public void SetRows(int first, ReadOnlySpan<byte> values, WeightFormat? stored = null)
    {
        stored ??= WeightFormat.Float32;
        int count = CheckPiece(first, values.Length, stored, Inputs, Outputs);
        using Use use = BeginUse();
        fixed (byte* source = values)
        {
            var work = new RowsWork(this, source, first, count, stored);
            ComputeContext.Run(work, work.Parts);
        }
    }

    /// <summary>Sets columns <paramref name="first"/> … of W from the bytes of a row-major [K, N] tensor (GPT-2's Conv1D), as a file holds them (little-endian).</summary>
    /// <param name="first">The first column, an input: a multiple of the format's <see cref="WeightFormat.BlockLength"/>.</param>
    /// <param name="values">Whole rows of N values, one for each input: whole blocks, or up to input K − 1.</param>
    /// <param name="stored">The values' format, float32 if omitted, of blocks of one value; they are rounded to the weight's, and the same format is copied bit for bit.</param>
    /// <exception cref="ArgumentException">The bytes are not whole rows or whole blocks, reach beyond input K − 1, or are stored in blocks.</exception>
    public void SetColumns(int first, ReadOnlySpan<byte> values, WeightFormat? stored = null)
    {
        stored ??= WeightFormat.Float32;
        if (stored.BlockLength != 1) throw new ArgumentException($"Blocks of {stored} run along K; a [K, N] tensor cannot hold them.", nameof(stored));
        int count = CheckPiece(first, values.Length, stored, Outputs, Inputs), block = Format.BlockLength;
        if (first % block != 0 || (count % block != 0 && first + count != Inputs))
            throw new ArgumentException($"Inputs {first} to {first + count - 1} are not whole blocks of {block}, as {Format} holds them.", nameof(first));
        using Use use = BeginUse();
        fixed (byte* source = values)
        {
            var work = new ColumnsWork(this, source, first, count, stored);
            ComputeContext.Run(work, work.Parts);
        }
    }

    /// <summary>Row <paramref name="n"/> of W as float32.  target: [K].</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is not in 0 … N − 1.</exception>
    /// <exception cref="ArgumentException">The target has not K elements.</exception>
    public void ReadRow(int n, Span<float> target)
    {
        KernelThrow.UnlessLength(nameof(target), target.Length, Inputs);
        ReadRows([n], target);
    }

    /// <summary>Rows <paramref name="first"/> … of W as float32, as many as the target holds.  target: [rows, K].</summary>
    /// <exception cref="ArgumentException">The target does not hold whole rows, or they reach beyond row N − 1.</exception>
    public void ReadRows(int first, Span<float> target)
    {
        int count = CheckTarget(first, target.Length, Inputs, Outputs);
        using Use use = BeginUse();
        fixed (float* to = target) ComputeContext.Run(new ReadWork(this, null, first, count, to), (count + Turn - 1) / Turn);
    }

    /// <summary>Rows of W by number: the embeddings of tokens.  target: [rows, K].</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in 0 … N − 1.</exception>
    /// <exception cref="ArgumentException">The target has not a row for each number.</exception>
    public void ReadRows(ReadOnlySpan<int> rows, Span<float> target)
    {
        ObjectDisposedException.ThrowIf(_memory == null, this);
        KernelThrow.UnlessLength(nameof(target), target.Length, (long)rows.Length * Inputs);
        for (int i = 0; i < rows.Length; i++) KernelThrow.UnlessIndex(nameof(rows), i, rows[i], Outputs);
        using Use use = BeginUse();
        fixed (int* numbers = rows)
        fixed (float* to = target) ComputeContext.Run(new ReadWork(this, numbers, 0, rows.Length, to), (rows.Length + Turn - 1) / Turn);
    }

    /// <summary>Columns <paramref name="first"/> … of W as float32, one after another, as many as the target holds: rows of the tensor where it is stored [K, N].  target: [columns, N].</summary>
    /// <exception cref="ArgumentException">The target does not hold whole columns, or they reach beyond input K − 1.</exception>
    public void ReadColumns(int first, Span<float> target)
    {
        int count = CheckTarget(first, target.Length, Outputs, Inputs);
        using Use use = BeginUse();
        fixed (float* to = target) ComputeContext.Run(new ReadColumnsWork(this, first, count, to), (Outputs + _lane - 1) / _lane);
    }

    /// <summary>All values as float32, row by row, or transposed.  target: [N, K] or [K, N].</summary>
    /// <exception cref="ArgumentException">The target has not N·K elements.</exception>
    public void Unpack(Span<float> target, bool transposed = false)
    {
        KernelThrow.UnlessLength(nameof(target), target.Length, (long)Outputs * Inputs);
        if (transposed) ReadColumns(0, target);
        else ReadRows(0, target);
    }

    private int CheckPiece(int first, int bytes, WeightFormat stored, int width, int limit)
    {
        ObjectDisposedException.ThrowIf(_memory == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        long rowBytes = stored.RowBytes(width);
        if (bytes % rowBytes != 0) throw new ArgumentException($"{bytes} bytes are not whole rows of {width} values ({rowBytes} bytes).", nameof(bytes));
        return CheckRange(first, bytes / rowBytes, limit);
    }

    private int CheckTarget(int first, int length, int width, int limit)
    {
        ObjectDisposedException.ThrowIf(_memory == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        if (length % width != 0) throw new ArgumentException($"{length} elements are not whole rows of {width}.", nameof(length));
        return CheckRange(first, length / width, limit);
    }

    private static int CheckRange(int first, long count, int limit) => first + count <= limit
        ? (int)count
        : throw new ArgumentException($"Rows {first} to {first + count - 1} were asked of a weight of {limit}.", nameof(first));

    private readonly struct RowsWork(PackedMatrix matrix, byte* source, int first, int count, WeightFormat stored) : IWork
    {
        // Parts share no cache line of the target: each is whole multiples of eight outputs.
        private int Base => first / Turn;

        public int Parts => count == 0 ? 0 : ((first + count - 1) / Turn) - Base + 1;

        public void Part(int part)
        {
            int row = Math.Max(first, (Base + part) * Turn);
            int rows = Math.Min(first + count, (Base + part + 1) * Turn) - row;
            nint K = matrix.Inputs, rowBytes = (nint)stored.RowBytes(matrix.Inputs);
            int lane = matrix._lane;
            byte* from = source + ((row - first) * rowBytes);
            byte* panel = matrix._memory + ((row / lane) * matrix._panelBytes);
            if (matrix.Format == stored)
            {
                stored.CopyColumns(from, rows, K, panel, lane, row % lane);
                return;
            }

            if (stored == WeightFormat.Float32)
            {
                matrix.Format.WriteColumns((float*)from, rows, K, panel, lane, row % lane);
                return;
            }

            ScratchPool scratch = ComputeContext.Current.Scratch;
            float* floats = scratch.Rent(rows * K);
            for (int j = 0; j < rows; j++) stored.Widen(from + (j * rowBytes), floats + (j * K), K);
            matrix.Format.WriteColumns(floats, rows, K, panel, lane, row % lane);
            scratch.Return(floats, rows * K);
        }
    }

    private readonly struct ColumnsWork(PackedMatrix matrix, byte* source, int first, int count, WeightFormat stored) : IWork
    {
        private const int PanelsPerPart = 8;

        public int Parts => count == 0 ? 0 : (matrix.Outputs + (PanelsPerPart * matrix._lane) - 1) / (PanelsPerPart * matrix._lane);

        public void Part(int part)
        {
            WeightFormat format = matrix.Format;
            int lane = matrix._lane, N = matrix.Outputs, size = stored.BlockBytes, block = format.BlockLength;
            int from = part * PanelsPerPart * lane, end = Math.Min(N, from + (PanelsPerPart * lane)), stride = end - from;
            ScratchPool scratch = ComputeContext.Current.Scratch;
            float* floats = stored == format ? null : scratch.Rent(block * stride);
            for (int k = 0; k < count; k += block)
            {
                int inputs = Math.Min(block, count - k);
                byte* row = source + ((((nint)k * N) + from) * size);
                for (int i = 0; floats != null && i < inputs; i++) stored.Widen(row + ((nint)i * N * size), floats + (i * stride), stride);
                for (int n = from; n < end; n += lane)
                {
                    int width = Math.Min(lane, end - n);
                    byte* panel = matrix._memory + ((n / lane) * matrix._panelBytes);
                    if (floats != null) format.WriteBlock(floats + (n - from), stride, first + k, inputs, width, panel, lane);
                    else new ReadOnlySpan<byte>(row + ((n - from) * size), width * size).CopyTo(new Span<byte>(panel + ((nint)(first + k) * lane * size), width * size));
                }
            }

            if (floats != null) scratch.Return(floats, block * stride);
        }
    }

    /// <summary>Rows to be read: those of the numbers, or from the first on.</summary>
    private readonly struct ReadWork(PackedMatrix matrix, int* rows, int first, int count, float* target) : IWork
    {
        public void Part(int part)
        {
            int lane = matrix._lane;
            nint K = matrix.Inputs;
            for (int i = part * Turn; i < Math.Min(count, (part + 1) * Turn); i++)
            {
                int n = rows == null ? first + i : rows[i];
                matrix.Format.ReadColumn(matrix._memory + ((n / lane) * matrix._panelBytes), lane, n % lane, K, target + (i * K));
            }
        }
    }

    private readonly struct ReadColumnsWork(PackedMatrix matrix, int first, int count, float* target) : IWork
    {
        public void Part(int part)
        {
            int lane = matrix._lane, n = part * lane, width = Math.Min(lane, matrix.Outputs - n);
            float* values = stackalloc float[MatMulTile512.Columns];
            for (int k = 0; k < count; k++)
            {
                matrix.Format.ReadPanel(matrix._memory + (part * matrix._panelBytes), lane, first + k, 1, values);
                new ReadOnlySpan<float>(values, width).CopyTo(new Span<float>(target + ((nint)k * matrix.Outputs) + n, width));
            }
        }
    }
}
