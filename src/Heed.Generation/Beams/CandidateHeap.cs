using System.Numerics;
using System.Runtime.InteropServices;

namespace Heed.Generation.Beams;

/// <summary>Keeps the best continuations of all beams of a row. Of equal ones the first stays: lower beam, then lower id.</summary>
/// <param name="capacity">How many are kept.</param>
internal sealed class CandidateHeap(int capacity)
{
    private readonly PriorityQueue<(Candidate Candidate, float Key), (float Key, long Order)> _kept = new(capacity + 1, Comparer<(float Key, long Order)>.Create(
        static (a, b) => a.Key != b.Key ? a.Key.CompareTo(b.Key) : b.Order.CompareTo(a.Order)));

    private float _threshold = float.NegativeInfinity;

    /// <summary>Offers every token of a beam.</summary>
    /// <param name="beam">Its number; beams come in ascending order.</param>
    /// <param name="scores">[V]: processed log-probabilities.</param>
    /// <param name="sum">The beam's score so far.</param>
    public void Offer(int beam, ReadOnlySpan<float> scores, float sum)
    {
        // Most tokens are far below the threshold: whole vectors are passed over where no lane is above it.
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(scores);
        Vector<float> sums = new(sum);
        int width = Vector<float>.Count;
        for (int i = 0; i < vectors.Length; i++)
        {
            if (!Vector.GreaterThanAny(vectors[i] + sums, new Vector<float>(_threshold))) continue;
            for (int j = i * width; j < (i + 1) * width; j++) Offer(new Candidate(beam, j, scores[j] + sum), scores[j] + sum);
        }

        for (int j = vectors.Length * width; j < scores.Length; j++) Offer(new Candidate(beam, j, scores[j] + sum), scores[j] + sum);
    }

    /// <summary>Offers one continuation, ordered by a key of its own.</summary>
    public void Offer(Candidate candidate, float key)
    {
        if (!(key > _threshold)) return;
        _kept.Enqueue((candidate, key), (key, ((long)candidate.Beam << 32) | (uint)candidate.Token));
        if (_kept.Count > capacity) _kept.Dequeue();
        if (_kept.Count == capacity && _kept.TryPeek(out (Candidate Candidate, float Key) least, out _)) _threshold = least.Key;
    }

    /// <summary>Takes the kept ones out, best first.</summary>
    public Candidate[] Drain()
    {
        Candidate[] best = new Candidate[_kept.Count];
        for (int i = best.Length - 1; i >= 0; i--) best[i] = _kept.Dequeue().Candidate;
        _threshold = float.NegativeInfinity;
        return best;
    }
}
