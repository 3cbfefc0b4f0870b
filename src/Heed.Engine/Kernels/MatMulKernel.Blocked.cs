using System.Runtime.CompilerServices;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>The order of work: which blocks are packed when, and who computes which tiles. None of it touches the bits.</summary>
internal static unsafe partial class MatMulKernel
{
    /// <summary>Length of a block of the reduction: a panel of B's block stays in the first-level cache.</summary>
    internal const int BlockK = 384;

    /// <summary>Rows of A packed at a time (in all) and columns of B packed at a time: both fit into the last-level cache.</summary>
    private const int MaxRows = 3072;
    private const int MaxColumns = 4096;

    /// <summary>Up to here A is read where it lies, and each panel of B serves all its rows at once.</summary>
    private const int DirectRows = 32;

    [ThreadStatic]
    private static NativeScratch? _packedA;

    [ThreadStatic]
    private static NativeScratch? _packedB;

    [ThreadStatic]
    private static NativeScratch? _panel;

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
        int columns = x.IsPacked ? x.N : Math.Min(x.N, MaxColumns);
        for (int row = 0; row < x.M; row += MaxRows)
        {
            int M = Math.Min(MaxRows, x.M - row);
            int kc = Math.Min(BlockK, x.K);
            float* packedA = (_packedA ??= new NativeScratch()).Floats((nint)M * kc);
            float* packedB = x.IsPacked ? null : (_packedB ??= new NativeScratch()).Floats((nint)RoundUp(columns, TTile.Columns) * kc);
            for (int column = 0; column < x.N; column += columns)
            {
                int N = Math.Min(columns, x.N - column);
                int k0 = 0;
                do
                {
                    var block = new BlockWork<TTile>(in x, row, M, column, N, k0, Math.Min(BlockK, x.K - k0), packedA, packedB);
                    WorkerPool.Run(new PackWork<TTile>(block), block.PackParts);
                    WorkerPool.Run(block, block.Parts);
                    k0 += BlockK;
                }
                while (k0 < x.K);
            }
        }
    }

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    private static int Ceiling(int value, int unit) => (value + unit - 1) / unit;

    private readonly struct PackWork<TTile>(BlockWork<TTile> block) : IWork
        where TTile : struct, IMatMulTile
    {
        public void Part(int part) => block.Pack(part);
    }

    /// <summary>One block of K for a range of C: its operands are packed, then its tiles computed.</summary>
    private readonly struct BlockWork<TTile> : IWork
        where TTile : struct, IMatMulTile
    {
        private const int PackUnit = 16;   // tiles of A, panels of B
        private readonly MatMulOperands _x;
        private readonly int _row;
        private readonly int _panel0;
        private readonly int _panels;
        private readonly int _k0;
        private readonly int _kc;
        private readonly float* _packedA;
        private readonly float* _packedB;
        private readonly int _tiles;
        private readonly int _rows;
        private readonly int _tilesPerPart;
        private readonly int _panelsPerPart;

        public BlockWork(in MatMulOperands x, int row, int M, int column, int N, int k0, int kc, float* packedA, float* packedB)
        {
            _x = x;
            _row = row;
            _rows = M;
            _panel0 = column / TTile.Columns;
            _panels = Ceiling(N, TTile.Columns);
            _k0 = k0;
            _kc = kc;
            _packedA = packedA;
            _packedB = packedB;
            _tiles = Ceiling(M, TTile.Rows);
            // A part's rows of A stay in the second-level cache while its panels pass. Products too small for that many parts get smaller ones.
            _tilesPerPart = Math.Min(_tiles, 192 / TTile.Rows);
            _panelsPerPart = Math.Min(_panels, 256 / TTile.Columns);
            while (Parts < 16 && (long)_tilesPerPart * TTile.Rows * _panelsPerPart * TTile.Columns * kc > 1 << 20)
            {
                if (_tilesPerPart * TTile.Rows >= _panelsPerPart * TTile.Columns) _tilesPerPart = Ceiling(_tilesPerPart, 2);
                else _panelsPerPart = Ceiling(_panelsPerPart, 2);
            }
        }

        public int PackParts => Ceiling(_tiles, PackUnit) + (_packedB == null ? 0 : Ceiling(_panels, PackUnit));

        public int Parts => Ceiling(_tiles, _tilesPerPart) * Ceiling(_panels, _panelsPerPart);

        // Tiles differ by at most one row, so that no tile of a few rows is left over.
        private int TileRow(int tile) => (int)((long)tile * _rows / _tiles);

        public void Pack(int part)
        {
            int partsA = Ceiling(_tiles, PackUnit);
            if (part < partsA)
            {
                int end = Math.Min(_tiles, (part + 1) * PackUnit);
                for (int tile = part * PackUnit; tile < end; tile++)
                {
                    int row = TileRow(tile);
                    int rows = TileRow(tile + 1) - row;
                    float* source = _x.A + ((_row + row) * _x.ARow) + (_k0 * _x.AStep);
                    float* target = _packedA + ((nint)row * _kc);
                    if (_x.AStep == 1) MatMulPacking.Transposing(source, _x.ARow, rows, _kc, target, rows);
                    else MatMulPacking.Straight(source, _x.AStep, rows, _kc, target, rows);
                }
            }
            else
            {
                part -= partsA;
                int end = Math.Min(_panels, (part + 1) * PackUnit);
                for (int panel = part * PackUnit; panel < end; panel++)
                    _x.Panel<TTile>(_panel0 + panel, _k0, _kc, _packedB + ((nint)panel * _kc * TTile.Columns));
            }
        }

        public void Part(int part)
        {
            int across = Ceiling(_panels, _panelsPerPart);
            int tile0 = part / across * _tilesPerPart, tile1 = Math.Min(_tiles, tile0 + _tilesPerPart);
            int panel0 = part % across * _panelsPerPart, panel1 = Math.Min(_panels, panel0 + _panelsPerPart);
            bool load = _x.Accumulate || _k0 > 0;
            float* scratch = _packedB == null && _x.Source != MatMulSource.Panels ? (_panel ??= new NativeScratch()).Floats(BlockK * TTile.Columns) : null;
            for (int p = panel0; p < panel1; p++)
            {
                float* b = _packedB != null ? _packedB + ((nint)p * _kc * TTile.Columns) : _x.Panel<TTile>(_panel0 + p, _k0, _kc, scratch);
                int column = (_panel0 + p) * TTile.Columns;
                int width = Math.Min(TTile.Columns, _x.N - column);
                for (int t = tile0; t < tile1; t++)
                {
                    int row = TileRow(t);
                    int rows = TileRow(t + 1) - row;
                    float* a = _packedA + ((nint)row * _kc);
                    float* c = _x.C + ((_row + row) * _x.CStride) + column;
                    if (width == TTile.Columns) TTile.Packed(rows, a, b, c, _x.CStride, _kc, load);
                    else Edge<TTile>(rows, width, a, 1, rows, b, TTile.Columns, c, _x.CStride, _kc, load);
                }
            }

            if (_k0 + _kc < _x.K) return;
            int first = (_panel0 + panel0) * TTile.Columns;
            _x.Epilogue.Apply(_x.C, _x.CStride, _row + TileRow(tile0), _row + TileRow(tile1), first, Math.Min(_x.N, (_panel0 + panel1) * TTile.Columns) - first);
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
