using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>Products of few rows: A is read where it lies, and each part takes some panels of B through the whole reduction.</summary>
internal static unsafe partial class MatMulKernel
{
    private static void Direct<TTile>(in MatMulOperands x)
        where TTile : struct, IMatMulTile
    {
        var work = new DirectWork<TTile>(in x);
        ComputeContext.Run(work, work.Parts);
    }

    private readonly struct DirectWork<TTile> : IWork
        where TTile : struct, IMatMulTile
    {
        private readonly MatMulOperands _x;
        private readonly int _panels;
        private readonly int _panelsPerPart;
        private readonly int _stream;
        private readonly int _streamed;   // inputs of which the stream takes care
        private readonly nint _panelBytes;

        public DirectWork(in MatMulOperands x)
        {
            _x = x;
            _panels = Ceiling(x.N, TTile.Columns);
            // A part is some ten microseconds: 128 KiB of weights, or as many multiply-adds as the time for that allows.
            long panel = Math.Max(1, (long)x.K * TTile.Columns * Math.Max(8, x.M));
            _panelsPerPart = (int)Math.Clamp((1 << 18) / panel, 1, _panels);
            if (!x.IsPacked || x.AStep != 1) return;
            _streamed = x.Format is BlockFormat blocks ? x.K / blocks.Group * blocks.Group : x.K;
            if (_streamed == 0 && x.K > 0) return;
            _stream = TTile.StreamPanels(x.M, x.Format!);
            // Blocks are narrow: more panels fill the time of a part.
            if (x.Format is BlockFormat && _stream > 0) _panelsPerPart = (int)Math.Clamp((1 << 20) / panel, 1, _panels);
            _panelBytes = x.PanelBytes<TTile>();
            if (_stream > 1) _panelsPerPart = Math.Min(_panels, RoundUp(_panelsPerPart, _stream));
        }

        public int Parts => Ceiling(_panels, _panelsPerPart);

        public WorkCost Cost => new(
            $"product {_x.M}×{_x.K}→{_x.N}{(_x.Format is { } f && f != WeightFormat.Float32 ? $" {f}" : "")}", 2.0 * _x.M * _x.K * _x.N,
            (sizeof(float) * (((double)_x.M * _x.K) + ((_x.Accumulate ? 2.0 : 1.0) * _x.M * _x.N)))
            + (_x.IsPacked ? _x.N * (double)_x.Format!.RowBytes(_x.K) : sizeof(float) * (double)_x.N * _x.K));

        public void Part(int part)
        {
            int panel0 = part * _panelsPerPart, panel1 = Math.Min(_panels, panel0 + _panelsPerPart);
            int panel = panel0;
            if (_stream > 0)
            {
                // Full panels only: the stream writes whole panels of C.
                for (int full = Math.Min(panel1, _x.N / TTile.Columns); panel + _stream <= full; panel += _stream)
                {
                    TTile.Stream(
                        _x.M, _x.Format!, _x.A, _x.ARow, (byte*)_x.B + (panel * _panelBytes), _panelBytes, _x.C + ((nint)panel * TTile.Columns), _x.CStride, _streamed, _x.Accumulate);
                    for (int i = 0; i < _stream && _streamed < _x.K; i++) Panel(panel + i, _streamed);
                }
            }

            for (; panel < panel1; panel++) Panel(panel, 0);
            int first = panel0 * TTile.Columns;
            _x.Epilogue.Apply(_x.C, _x.CStride, 0, _x.M, first, Math.Min(_x.N, panel1 * TTile.Columns) - first);
        }

        [SkipLocalsInit]
        private void Panel(int panel, int k0)
        {
            int column = panel * TTile.Columns;
            int width = Math.Min(TTile.Columns, _x.N - column);
            int tiles = Ceiling(_x.M, TTile.Rows);
            // Rows far apart are slow to read: worth it only once.
            bool inPlace = _x.Source == MatMulSource.Rows && width == TTile.Columns && tiles == 1;
            bool written = !inPlace && _x.Source != MatMulSource.Panels;
            byte* memory = stackalloc byte[written ? PanelBytes<TTile>() : 0];
            float* scratch = written ? Align(memory) : null;
            nint bStep = inPlace ? _x.BStride : TTile.Columns;
            // One tile needs no second look at the panel, so the reduction need not be cut.
            int block = tiles == 1 && scratch == null ? Math.Max(1, _x.K) : BlockK;
            do
            {
                int kc = Math.Min(block, _x.K - k0);
                float* b = inPlace ? (float*)_x.B + (k0 * _x.BStride) + column : _x.Panel<TTile>(panel, k0, kc, scratch);
                bool load = _x.Accumulate || k0 > 0;
                for (int tile = 0; tile < tiles; tile++)
                {
                    int row = tile * _x.M / tiles;
                    int rows = ((tile + 1) * _x.M / tiles) - row;
                    float* a = _x.A + (row * _x.ARow) + (k0 * _x.AStep);
                    float* c = _x.C + (row * _x.CStride) + column;
                    if (width == TTile.Columns) TTile.Direct(rows, a, _x.ARow, _x.AStep, b, bStep, c, _x.CStride, kc, load);
                    else Edge<TTile>(rows, width, a, _x.ARow, _x.AStep, b, bStep, c, _x.CStride, kc, load);
                }

                k0 += block;
            }
            while (k0 < _x.K);
        }
    }
}
