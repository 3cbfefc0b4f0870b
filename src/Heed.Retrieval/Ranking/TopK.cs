using System.Numerics;

namespace Heed.Retrieval;

/// <summary>The best of many scores, exactly: no approximation, and a fixed order of equal ones.</summary>
public static class TopK
{
    /// <summary>The places of the greatest scores.</summary>
    /// <param name="scores">The scores; −0 equals 0, a NaN comes after everything.</param>
    /// <param name="count">How many; more than there are gives all.</param>
    /// <returns>Best first; of equal scores the lower place.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static int[] Of<T>(ReadOnlySpan<T> scores, int count)
        where T : IFloatingPoint<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int[] heap = new int[Math.Min(count, scores.Length)];
        for (int i = 0; i < heap.Length; i++) heap[i] = i;
        for (int i = (heap.Length / 2) - 1; i >= 0; i--) Sink(heap, i, heap.Length, scores);
        if (heap.Length > 0)
        {
            // The worst of the kept lies on top. A later place never replaces an equal score.
            for (int i = heap.Length; i < scores.Length; i++)
            {
                if (!IsBetter(scores, i, heap[0])) continue;
                heap[0] = i;
                Sink(heap, 0, heap.Length, scores);
            }
        }

        for (int end = heap.Length - 1; end > 0; end--)
        {
            (heap[0], heap[end]) = (heap[end], heap[0]);
            Sink(heap, 0, end, scores);
        }

        return heap;
    }

    private static void Sink<T>(int[] heap, int at, int length, ReadOnlySpan<T> scores)
        where T : IFloatingPoint<T>
    {
        while (true)
        {
            int worst = at, left = (2 * at) + 1;
            if (left < length && IsBetter(scores, heap[worst], heap[left])) worst = left;
            if (left + 1 < length && IsBetter(scores, heap[worst], heap[left + 1])) worst = left + 1;
            if (worst == at) return;
            (heap[at], heap[worst]) = (heap[worst], heap[at]);
            at = worst;
        }
    }

    private static bool IsBetter<T>(ReadOnlySpan<T> scores, int a, int b)
        where T : IFloatingPoint<T>
    {
        T x = scores[a], y = scores[b];
        if (x > y) return true;
        if (x < y) return false;
        bool noX = T.IsNaN(x), noY = T.IsNaN(y);
        return noX == noY ? a < b : noY;
    }
}
