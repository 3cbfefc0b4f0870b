using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class RotaryKernel
{
    private struct RowWork : ILaneWork
    {
        public float* X;
        public int XStride;
        public int* Positions;
        public float* Cos;
        public float* Sin;
        public int Heads;
        public int HeadWidth;
        public int Rotary;
        public bool Interleaved;
        public float Sign;
        public float* Y;
        public int YStride;
        public int Rows;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"Rotary {Rows}×{Heads * HeadWidth}", 2.0 * Rows * Heads * HeadWidth);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each), half = Rotary / 2;
            for (int n = part * Each; n < to; n++)
            {
                float* cos = Cos + ((long)Positions[n] * half);
                float* sin = Sin + ((long)Positions[n] * half);
                for (int h = 0; h < Heads; h++)
                {
                    float* x = X + ((long)n * XStride) + ((long)h * HeadWidth);
                    float* y = Y + ((long)n * YStride) + ((long)h * HeadWidth);
                    if (Interleaved) Neighbours(x, cos, sin, y, half);
                    else Halves<L>(x, cos, sin, y, half);
                    if (Rotary < HeadWidth && x != y) new ReadOnlySpan<float>(x + Rotary, HeadWidth - Rotary).CopyTo(new Span<float>(y + Rotary, HeadWidth - Rotary));
                }
            }
        }

        private readonly void Halves<L>(float* x, float* cos, float* sin, float* y, int half) where L : struct, ILanes<L>
        {
            L sign = L.Broadcast(Sign);
            int i = 0;
            for (; i <= half - Lanes.Count; i += Lanes.Count)
            {
                L a = L.Load(x + i), b = L.Load(x + half + i), c = L.Load(cos + i), s = L.Load(sin + i) * sign;
                L.Store(L.Fma(-b, s, a * c), y + i);
                L.Store(L.Fma(a, s, b * c), y + half + i);
            }

            for (; i < half; i++)
            {
                float a = x[i], b = x[half + i], c = cos[i], s = sin[i] * Sign;
                y[i] = Lanes.Fma(-b, s, a * c);
                y[half + i] = Lanes.Fma(a, s, b * c);
            }
        }

        private readonly void Neighbours(float* x, float* cos, float* sin, float* y, int half)
        {
            for (int i = 0; i < half; i++)
            {
                float a = x[2 * i], b = x[(2 * i) + 1], c = cos[i], s = sin[i] * Sign;
                y[2 * i] = Lanes.Fma(-b, s, a * c);
                y[(2 * i) + 1] = Lanes.Fma(a, s, b * c);
            }
        }
    }
}
