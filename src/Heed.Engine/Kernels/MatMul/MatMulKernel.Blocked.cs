using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>The order of work: which blocks are packed when, and who computes which tiles. None of it touches the bits.</summary>
internal static unsafe partial class MatMulKernel
{
    /// <summary>Greatest length of a block of the reduction: a panel of B's block and two tiles of A's stay in the first-level
    /// cache.</summary>
    internal const int BlockK = 256;

    /// <summary>Rows of A packed at a time (in all) and columns of B packed at a time, and floats of both together: all fits into the
    /// last-level cache.</summary>
    private const int MaxRows = 3072;
    private const int MaxColumns = 4096;
    private const int MaxPacked = 1 << 21;

    /// <summary>Beyond so many columns of C, A's rows are packed too.</summary>
    private const int MaxColumnsInPlace = 1024;

    /// <summary>Rows and columns of a part: its block of A and its part of C stay in the second-level cache.</summary>
    private const int PartRows = 96;
    private const int PartColumns = 256;

    /// <summary>Up to here A is read where it lies, and each panel of B serves all its rows at once.</summary>
    private const int DirectRows = 32;

    /// <summary>Bytes of a block of a panel in float32, on the stack of the part that widens it, with room to align it to a cache
    /// line.</summary>
    private static int PanelBytes<TTile>()
        where TTile : struct, IMatMulTile => (BlockK * TTile.Columns * sizeof(float)) + CacheLine;

    private const int CacheLine = 64;

    private static float* Align(byte* memory) => (float*)(((nint)memory + CacheLine - 1) & -CacheLine);

    internal static void Multiply<TTile>(in MatMulOperands x)
        where TTile : struct, IMatMulTile
    {
        if (x.M == 0 || x.N == 0) return;
        if (x.M <= DirectRows) Direct<TTile>(in x);
        else Blocked<TTile>(in x);
    }

    private static void Blocked<TTile>(in MatMulOperands x)
        where TTile : struct, IMatMulTile
    {
        int rows = Share(x.M, MaxRows, TTile.Rows);
        int columns = x.IsPacked ? x.N : Share(x.N, MaxColumns, TTile.Columns);
        int packedColumns = x.IsPacked ? 0 : RoundUp(columns, TTile.Columns);
        int packedRows = IsReadInPlace(in x) ? 0 : rows;
        int depth = Math.Min(x.K, Share(x.K, Math.Max(1, MaxPacked / Math.Max(1, packedRows + packedColumns) / BlockK) * BlockK, BlockK));
        ScratchPool scratch = ComputeContext.Current.Scratch;
        long floatsA = (long)packedRows * depth, floatsB = (long)packedColumns * depth;
        float* packedA = null, packedB = null;
        try
        {
            if (packedRows > 0) packedA = scratch.Rent(floatsA);
            if (packedColumns > 0) packedB = scratch.Rent(floatsB);
            for (int row = 0; row < x.M; row += rows)
            {
                int M = Math.Min(rows, x.M - row);
                for (int column = 0; column < x.N; column += columns)
                {
                    int N = Math.Min(columns, x.N - column);
                    int k0 = 0;
                    do
                    {
                        var block = new BlockWork<TTile>(in x, row, M, column, N, k0, Math.Min(depth, x.K - k0), packedA, packedB);
                        if (block.PackParts > 0) ComputeContext.Run(new PackWork<TTile>(block), block.PackParts);
                        ComputeContext.Run(block, block.Parts);
                        k0 += depth;
                    }
                    while (k0 < x.K);
                }
            }
        }
        finally
        {
            if (packedB != null) scratch.Return(packedB, floatsB);
            if (packedA != null) scratch.Return(packedA, floatsA);
        }
    }

    /// <summary>Whether A's rows are read where they lie. Packing costs as much as some fifty columns of C: it pays where each row meets
    /// many more than those, and never for few rows, whose threads would wait for it.</summary>
    private static bool IsReadInPlace(in MatMulOperands x) => x.AStep == 1 && (x.N <= MaxColumnsInPlace || x.M <= 2 * PartRows);

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    private static int Ceiling(int value, int unit) => (value + unit - 1) / unit;

    // The greatest of the nearly equal shares, whole units each, into which a total falls when none may exceed the most.
    private static int Share(int total, int most, int unit) => total <= most ? total : RoundUp(Ceiling(total, Ceiling(total, most)), unit);

    private readonly struct PackWork<TTile>(BlockWork<TTile> block) : IWork
        where TTile : struct, IMatMulTile
    {
        public void Part(int part) => block.Pack(part);

        public WorkCost Cost => block.PackCost;
    }

    /// <summary>A range of rows, columns and k: its operands are packed, block of K by block of K, then its tiles computed.</summary>
    private readonly struct BlockWork<TTile> : IWork
        where TTile : struct, IMatMulTile
    {
        private const int PackUnit = 16;   // tiles of A, panels of B
        private const int Line = 16;       // floats of a cache line
        private readonly MatMulOperands _x;
        private readonly int _row;
        private readonly int _rows;
        private readonly int _columns;
        private readonly int _panel0;
        private readonly int _panels;
        private readonly int _k0;
        private readonly int _depth;
        private readonly int _blocks;
        private readonly float* _packedA;
        private readonly float* _packedB;
        private readonly int _tiles;
        private readonly int _tileRows;
        private readonly int _longerTiles;
        private readonly int _tilesPerPart;
        private readonly int _panelsPerPart;

        public BlockWork(in MatMulOperands x, int row, int M, int column, int N, int k0, int depth, float* packedA, float* packedB)
        {
            _x = x;
            _row = row;
            _rows = M;
            _columns = N;
            _panel0 = column / TTile.Columns;
            _panels = Ceiling(N, TTile.Columns);
            _k0 = k0;
            _depth = depth;
            _blocks = Math.Max(1, Ceiling(depth, BlockK));
            _packedA = packedA;
            _packedB = packedB;
            _tiles = Ceiling(M, TTile.Rows);
            (_tileRows, _longerTiles) = Math.DivRem(M, _tiles);
            // Where each part widens its panels anew, it has more rows for them.
            _tilesPerPart = Math.Min(_tiles, (IsWidened ? 2 * PartRows : PartRows) / TTile.Rows);
            _panelsPerPart = Math.Min(_panels, PartColumns / TTile.Columns);
            // Products too small for that many parts get smaller ones, so that threads end together.
            while (Parts < 64 && _tilesPerPart + _panelsPerPart > 2 && (long)_tilesPerPart * TTile.Rows * _panelsPerPart * TTile.Columns * depth > 1 << 20)
            {
                if (_panelsPerPart == 1 || _tilesPerPart * TTile.Rows > _panelsPerPart * TTile.Columns) _tilesPerPart = Ceiling(_tilesPerPart, 2);
                else _panelsPerPart = Ceiling(_panelsPerPart, 2);
            }
        }

        public int PackParts => _blocks * (PackPartsA + PackPartsB);

        public int Parts => RowParts * Ceiling(_panels, _panelsPerPart);

        public WorkCost Cost => new(
            Label, 2.0 * _rows * _columns * _depth,
            (sizeof(float) * (((double)_rows * _depth) + ((_x.Accumulate || _k0 > 0 ? 2.0 : 1.0) * _rows * _columns)))
            + ((double)_columns * (_packedB == null ? _x.Format!.RowBytes(_depth) : _depth * sizeof(float))));

        // Each value is read once and written once.
        public WorkCost PackCost => WorkCost.Pass(
            $"packing for {Label}", 2.0 * _depth * ((_packedA == null ? 0.0 : _rows) + (_packedB == null ? 0.0 : _panels * TTile.Columns)));

        private string Label => $"product {_x.M}×{_x.K}→{_x.N}{(_x.Format is { } f && f != WeightFormat.Float32 ? $" {f}" : "")}";

        private int PackPartsA => _packedA == null ? 0 : Ceiling(_tiles, PackUnit);

        private int PackPartsB => _packedB == null ? 0 : Ceiling(_panels, PackUnit);

        private int RowParts => Ceiling(_tiles, _tilesPerPart);

        private bool IsWidened => _x.Source > MatMulSource.Panels;

        // Tiles differ by at most one row, and blocks of K by one k, so that none of a few is left over. The first ones are the longer
        // ones.
        private int TileRow(int tile) => (tile * _tileRows) + Math.Min(tile, _longerTiles);

        private int BlockStart(int block) => (int)((long)block * _depth / _blocks);

        public void Pack(int part)
        {
            int block = part % _blocks;
            part /= _blocks;
            int k = BlockStart(block), kc = BlockStart(block + 1) - k;
            if (part < PackPartsA) PackA(part * PackUnit, Math.Min(_tiles, (part + 1) * PackUnit), k, kc);
            else PackB((part - PackPartsA) * PackUnit, Math.Min(_panels, (part - PackPartsA + 1) * PackUnit), k, kc);
        }

        private void PackA(int tile0, int tile1, int k, int kc)
        {
            float* source = _x.A + (_row * _x.ARow) + ((_k0 + k) * _x.AStep);
            float* target = _packedA + ((nint)k * _rows);
            if (_x.AStep != 1)
            {
                Span<int> starts = stackalloc int[PackUnit + 1];
                for (int tile = tile0; tile <= tile1; tile++) starts[tile - tile0] = TileRow(tile);
                MatMulPacking.StraightBlocks(source, _x.AStep, starts[..(tile1 - tile0 + 1)], kc, target);
                return;
            }

            for (int tile = tile0; tile < tile1; tile++)
            {
                int row = TileRow(tile), rows = TileRow(tile + 1) - row;
                MatMulPacking.Transposing(source + (row * _x.ARow), _x.ARow, rows, kc, target + ((nint)row * kc), rows);
            }
        }

        private void PackB(int panel0, int panel1, int k, int kc)
        {
            float* target = _packedB + ((nint)k * _panels * TTile.Columns);
            if (_x.Source == MatMulSource.Rows)
            {
                int whole = Math.Min(panel1, (_x.N / TTile.Columns) - _panel0);
                for (; panel0 <= whole - MatMulPacking.Abreast; panel0 += MatMulPacking.Abreast)
                {
                    float* source = (float*)_x.B + ((_k0 + k) * _x.BStride) + ((_panel0 + panel0) * TTile.Columns);
                    MatMulPacking.StraightPanels(source, _x.BStride, kc, target + ((nint)panel0 * kc * TTile.Columns), TTile.Columns);
                }
            }

            for (int panel = panel0; panel < panel1; panel++) _x.Panel<TTile>(_panel0 + panel, _k0 + k, kc, target + ((nint)panel * kc * TTile.Columns));
        }

        [SkipLocalsInit]
        public void Part(int part)
        {
            // Parts of the same columns follow each other, so that B comes from memory once.
            int tile0 = part % RowParts * _tilesPerPart, tile1 = Math.Min(_tiles, tile0 + _tilesPerPart);
            int panel0 = part / RowParts * _panelsPerPart, panel1 = Math.Min(_panels, panel0 + _panelsPerPart);
            byte* memory = stackalloc byte[IsWidened ? PanelBytes<TTile>() : 0];
            float* scratch = IsWidened ? Align(memory) : null;
            for (int block = 0; block < _blocks; block++)
            {
                int k = BlockStart(block), kc = BlockStart(block + 1) - k;
                for (int panel = panel0; panel < panel1; panel++)
                {
                    float* next = IsWidened || panel + 1 == panel1 ? null : B(panel + 1, k, kc, null);
                    Panel(panel, tile0, tile1, k, kc, B(panel, k, kc, scratch), next);
                }
            }

            if (_k0 + _depth < _x.K) return;
            int first = (_panel0 + panel0) * TTile.Columns;
            _x.Epilogue.Apply(_x.C, _x.CStride, _row + TileRow(tile0), _row + TileRow(tile1), first, Math.Min(_x.N, (_panel0 + panel1) * TTile.Columns) - first);
        }

        // A panel's block of k: packed, or in place, or written to the scratch.
        private float* B(int panel, int k, int kc, float* scratch) =>
            _packedB != null ? _packedB + ((((nint)k * _panels) + ((nint)panel * kc)) * TTile.Columns) : _x.Panel<TTile>(_panel0 + panel, _k0 + k, kc, scratch);

        private void Panel(int panel, int tile0, int tile1, int k, int kc, float* b, float* next)
        {
            int column = (_panel0 + panel) * TTile.Columns;
            int width = Math.Min(TTile.Columns, _x.N - column);
            bool load = _x.Accumulate || _k0 + k > 0;
            nint length = (nint)kc * TTile.Columns, share = Ceiling((int)length, (tile1 - tile0) * Line) * Line;
            bool inPlace = _packedA == null;
            float* source = inPlace ? _x.A + (_row * _x.ARow) + _k0 + k : _packedA + ((nint)k * _rows);
            for (int tile = tile0; tile < tile1; tile++)
            {
                int row = TileRow(tile), end = TileRow(tile + 1);
                nint aRow = inPlace ? _x.ARow : 1, aStep = inPlace ? 1 : end - row;
                float* a = source + (row * (inPlace ? _x.ARow : kc));
                float* c = _x.C + ((_row + row) * _x.CStride) + column;
                if (Sse.IsSupported)
                {
                    // While this tile is computed, the next one's place in C and a share of the next panel come nearer.
                    if (tile + 1 < tile1) PrefetchC(c + ((end - row) * _x.CStride), TileRow(tile + 2) - end);
                    if (next != null) PrefetchB(next + ((tile - tile0) * share), next + Math.Min((tile - tile0 + 1) * share, length));
                }

                if (width < TTile.Columns) Edge<TTile>(end - row, width, a, aRow, aStep, b, TTile.Columns, c, _x.CStride, kc, load);
                else if (inPlace) TTile.Direct(end - row, a, aRow, aStep, b, TTile.Columns, c, _x.CStride, kc, load);
                else TTile.Packed(end - row, a, b, c, _x.CStride, kc, load);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void PrefetchC(float* c, int rows)
        {
            for (; rows > 0; rows--, c += _x.CStride)
            {
                for (int j = 0; j < TTile.Columns; j += Line) Sse.Prefetch0(c + j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void PrefetchB(float* from, float* to)
        {
            for (; from < to; from += Line) Sse.Prefetch1(from);
        }
    }

    /// <summary>A tile at the right border of C: computed at full width in a buffer beside it.</summary>
    [SkipLocalsInit]
    private static void Edge<TTile>(int rows, int width, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cStride, nint K, bool load)
        where TTile : struct, IMatMulTile
    {
        float* tile = stackalloc float[TTile.Rows * TTile.Columns];
        if (load)
        {
            for (int row = 0; row < rows; row++)
            {
                var target = new Span<float>(tile + (row * TTile.Columns), TTile.Columns);
                target[width..].Clear();
                new ReadOnlySpan<float>(c + (row * cStride), width).CopyTo(target);
            }
        }

        TTile.Direct(rows, a, aRow, aStep, b, bStep, tile, TTile.Columns, K, load);
        for (int row = 0; row < rows; row++) new ReadOnlySpan<float>(tile + (row * TTile.Columns), width).CopyTo(new Span<float>(c + (row * cStride), width));
    }
}
