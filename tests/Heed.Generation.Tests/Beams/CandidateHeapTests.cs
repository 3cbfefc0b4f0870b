using CsCheck;
using Heed.Generation.Beams;
using Xunit;

namespace Heed.Generation.Tests.Beams;

public sealed class CandidateHeapTests
{
    [Fact]
    public void Keeps_what_a_stable_sort_would_keep()
    {
        // Few different values, so that ties are common.
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 5], Gen.Int[0, 6].Array[70]).Sample((capacity, beams, values) =>
        {
            CandidateHeap heap = new(capacity);
            List<Candidate> all = [];
            for (int b = 0; b < beams; b++)
            {
                float[] scores = [.. values.Select((v, i) => v == 6 ? float.NegativeInfinity : (float)((v + (b * i)) % 5))];
                heap.Offer(b, scores, b * 0.5f);
                all.AddRange(scores.Select((s, i) => new Candidate(b, i, s + (b * 0.5f))));
            }

            Candidate[] expected = [.. all.Where(c => c.Score != float.NegativeInfinity).OrderByDescending(c => c.Score).ThenBy(c => c.Beam).ThenBy(c => c.Token).Take(capacity)];
            Assert.Equal(expected, heap.Drain());
            Assert.Empty(heap.Drain());
        });
    }
}
