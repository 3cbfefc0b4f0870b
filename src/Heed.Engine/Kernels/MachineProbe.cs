using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>What this computer can do at most: the two limits beside which every speed is to be read.</summary>
/// <remarks>Both run on <see cref="ComputeContext.Threads"/> threads and give the best of several tries, since others may share the
/// computer.</remarks>
internal static unsafe class MachineProbe
{
    private const int Line = 64;

    // MultiplyAddEstimate is fused where the computer does that; a call of the software's FMA would measure nothing (cases: u5).
    // Chains enough to hide the latency of two fused multiply-adds a cycle, few enough for sixteen registers.
    private const int Chains = 12;

    /// <summary>The widest vectors in use: AVX-512, AVX2, 128-bit or none.</summary>
    public static string InstructionSet =>
        Vector512.IsHardwareAccelerated ? "AVX-512"
        : Vector256.IsHardwareAccelerated ? (Fma.IsSupported ? "AVX2 + FMA" : "AVX2")
        : Vector128.IsHardwareAccelerated ? "128-bit vectors" : "none";

    /// <summary>The peak of float32 arithmetic in 10⁹ operations a second, a fused multiply-add counting as two.</summary>
    /// <param name="seconds">About how long to measure, &gt; 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="seconds"/> is not positive.</exception>
    public static double PeakGigaflops(double seconds = 0.5) => PeakAndMeanGigaflops(seconds).Peak;

    /// <summary>The same beside the mean of all tries: where others take part of the computer, long works come no further than the mean.</summary>
    /// <param name="seconds">About how long to measure, &gt; 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="seconds"/> is not positive.</exception>
    public static (double Peak, double Mean) PeakAndMeanGigaflops(double seconds = 0.5)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(seconds);
        const int Rounds = 400_000;
        int threads = ComputeContext.Current.Threads;
        double operations = 2.0 * Chains * Width * Rounds;
        double best = 0, sum = 0;
        int tries = 0;
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        do
        {
            // Threads that come late must not make the others look slow: each times itself.
            double[] rates = new double[threads];
            ComputeContext.Run(new PeakWork(rates, Rounds, operations), threads);
            double rate = rates.Sum();
            best = Math.Max(best, rate);
            sum += rate;
            tries++;
        }
        while (Stopwatch.GetTimestamp() < end);
        return (best / 1e9, sum / tries / 1e9);
    }

    /// <summary>The bandwidth of reading memory in 10⁹ bytes a second: the best over 1, 2, 4 and 8 streams a thread, with and without prefetch.</summary>
    /// <param name="bytes">Memory to read; 1 GiB or more for a true figure, at least 1 MiB.</param>
    /// <param name="passes">Reads of it for each way of reading.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 MiB or than one pass.</exception>
    /// <exception cref="BudgetException">The memory is not to be had.</exception>
    public static double BandwidthGigabytes(long bytes = 1L << 30, int passes = 3)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1 << 20);
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        int threads = ComputeContext.Current.Threads;
        long share = bytes / threads / (8 * Line) * (8 * Line);
        byte* memory;
        try
        {
            memory = (byte*)NativeMemory.AlignedAlloc((nuint)(share * threads), 4096);
        }
        catch (OutOfMemoryException)
        {
            throw new BudgetException($"Measuring the bandwidth needs {bytes} bytes, which this computer does not have free; ask for fewer.");
        }

        try
        {
            ComputeContext.Run(new FillWork(memory, share), threads);
            double best = 0;
            foreach (int streams in (ReadOnlySpan<int>)[1, 2, 4, 8])
            {
                foreach (bool prefetch in (ReadOnlySpan<bool>)[false, true])
                {
                    for (int pass = 0; pass < passes; pass++)
                    {
                        long start = Stopwatch.GetTimestamp();
                        ComputeContext.Run(new ReadWork(memory, share, streams, prefetch), threads);
                        best = Math.Max(best, share * threads / Stopwatch.GetElapsedTime(start).TotalSeconds);
                    }
                }
            }

            return best / 1e9;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    private static int Width => Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    private readonly struct PeakWork(double[] rates, int rounds, double operations) : IWork
    {
        public void Part(int part)
        {
            long start = Stopwatch.GetTimestamp();
            float sum = Vector512.IsHardwareAccelerated ? Peak512(rounds) : Vector256.IsHardwareAccelerated ? Peak256(rounds) : Peak128(rounds);
            double time = Stopwatch.GetElapsedTime(start).TotalSeconds;
            rates[part] = float.IsNaN(sum) ? 0 : operations / time;
        }
    }

    private readonly struct FillWork(byte* memory, long share) : IWork
    {
        public void Part(int part)
        {
            for (long at = 0; at < share; at += 1 << 20) NativeMemory.Fill(memory + (part * share) + at, (nuint)Math.Min(1 << 20, share - at), 1);
        }
    }

    private readonly struct ReadWork(byte* memory, long share, int streams, bool prefetch) : IWork
    {
        public void Part(int part)
        {
            byte* from = memory + (part * share);
            Vector256<byte> seen = streams switch
            {
                1 => Read<Count1>(from, share, prefetch),
                2 => Read<Count2>(from, share, prefetch),
                4 => Read<Count4>(from, share, prefetch),
                _ => Read<Count8>(from, share, prefetch),
            };
            GC.KeepAlive(seen[0] == 2 ? memory->ToString(System.Globalization.CultureInfo.InvariantCulture) : null);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Vector256<byte> Read<TStreams>(byte* from, long share, bool prefetch)
        where TStreams : struct, ICount
    {
        const int Ahead = 2048;
        nint apart = (nint)(share / TStreams.Value);
        bool ask = prefetch && Sse.IsSupported;
        Vector256<byte> a = default, b = default, c = default, d = default;
        for (byte* at = from, end = from + apart; at < end; at += Line)
        {
            byte* p = at;
            if (ask) for (int s = 0; s < TStreams.Value; s++) Sse.Prefetch0(at + (s * apart) + Ahead);
            a |= Vector256.Load(p);
            b |= Vector256.Load(p + 32);
            if (TStreams.Value > 1) { p += apart; c |= Vector256.Load(p); d |= Vector256.Load(p + 32); }
            if (TStreams.Value > 2) { p += apart; a |= Vector256.Load(p); b |= Vector256.Load(p + 32); p += apart; c |= Vector256.Load(p); d |= Vector256.Load(p + 32); }
            if (TStreams.Value > 4)
            {
                p += apart; a |= Vector256.Load(p); b |= Vector256.Load(p + 32); p += apart; c |= Vector256.Load(p); d |= Vector256.Load(p + 32);
                p += apart; a |= Vector256.Load(p); b |= Vector256.Load(p + 32); p += apart; c |= Vector256.Load(p); d |= Vector256.Load(p + 32);
            }
        }

        return a | b | c | d;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Peak512(int rounds)
    {
        Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f);
        Vector512<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector512.MultiplyAddEstimate(a, x, y); b = Vector512.MultiplyAddEstimate(b, x, y); c = Vector512.MultiplyAddEstimate(c, x, y); d = Vector512.MultiplyAddEstimate(d, x, y);
            e = Vector512.MultiplyAddEstimate(e, x, y); f = Vector512.MultiplyAddEstimate(f, x, y); g = Vector512.MultiplyAddEstimate(g, x, y); h = Vector512.MultiplyAddEstimate(h, x, y);
            i = Vector512.MultiplyAddEstimate(i, x, y); j = Vector512.MultiplyAddEstimate(j, x, y); k = Vector512.MultiplyAddEstimate(k, x, y); l = Vector512.MultiplyAddEstimate(l, x, y);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Peak256(int rounds)
    {
        Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(0.001f);
        Vector256<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector256.MultiplyAddEstimate(a, x, y); b = Vector256.MultiplyAddEstimate(b, x, y); c = Vector256.MultiplyAddEstimate(c, x, y); d = Vector256.MultiplyAddEstimate(d, x, y);
            e = Vector256.MultiplyAddEstimate(e, x, y); f = Vector256.MultiplyAddEstimate(f, x, y); g = Vector256.MultiplyAddEstimate(g, x, y); h = Vector256.MultiplyAddEstimate(h, x, y);
            i = Vector256.MultiplyAddEstimate(i, x, y); j = Vector256.MultiplyAddEstimate(j, x, y); k = Vector256.MultiplyAddEstimate(k, x, y); l = Vector256.MultiplyAddEstimate(l, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Peak128(int rounds)
    {
        Vector128<float> x = Vector128.Create(0.999f), y = Vector128.Create(0.001f);
        Vector128<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector128.MultiplyAddEstimate(a, x, y); b = Vector128.MultiplyAddEstimate(b, x, y); c = Vector128.MultiplyAddEstimate(c, x, y); d = Vector128.MultiplyAddEstimate(d, x, y);
            e = Vector128.MultiplyAddEstimate(e, x, y); f = Vector128.MultiplyAddEstimate(f, x, y); g = Vector128.MultiplyAddEstimate(g, x, y); h = Vector128.MultiplyAddEstimate(h, x, y);
            i = Vector128.MultiplyAddEstimate(i, x, y); j = Vector128.MultiplyAddEstimate(j, x, y); k = Vector128.MultiplyAddEstimate(k, x, y); l = Vector128.MultiplyAddEstimate(l, x, y);
        }

        return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
