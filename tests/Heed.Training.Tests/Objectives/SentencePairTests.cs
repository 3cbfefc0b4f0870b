using Heed.Engine.Kernels;
using Heed.Training.Objectives;

namespace Heed.Training.Tests.Objectives;

/// <summary>The pairs of next-sentence prediction: what must hold of each, and the shares that are drawn.</summary>
public sealed class SentencePairTests
{
    private const int End = 1, Stop = 2, Vocabulary = 1000, Longest = 24;

    [Fact]
    public void Half_of_the_pairs_follow_and_all_lie_as_they_say()
    {
        int[] ids = Documents(300, 5), document = DocumentOf(ids);
        SentencePairs pairs = Pairs(ids);
        int follows = 0, all = 0;
        for (int round = 0; all < 10_000; round++)
        {
            for (int chunk = 0; chunk < pairs.Count; chunk++, all++)
            {
                SentencePair pair = pairs.Draw(chunk, new DrawSequence(new CounterRandom(1, (ulong)((round * pairs.Count) + chunk))));
                int a = pair.First.Start, b = pair.Second.Start;
                Assert.True(pair.First.Length >= 1 && pair.Second.Length >= 1);
                Assert.InRange(pair.First.Length + pair.Second.Length, 2, Longest);
                Assert.DoesNotContain(End, ids.AsSpan(a, pair.First.Length).ToArray());
                Assert.DoesNotContain(End, ids.AsSpan(b, pair.Second.Length).ToArray());
                Assert.Equal(pair.Follows, document[a] == document[b]);
                if (!pair.Follows) continue;
                follows++;
                Assert.True(b >= a + pair.First.Length);
            }
        }

        Assert.InRange(100.0 * follows / all, 48.5, 51.5);
    }

    [Fact]
    public void A_pair_that_is_not_cut_parts_its_document_at_a_sentence()
    {
        int[] ids = [10, 11, Stop, 12, 13, 14, Stop, 15, Stop, End, 20, 21, Stop, 22, Stop, End];
        SentencePairs pairs = Pairs(ids);
        Assert.Equal(2, pairs.Count);
        HashSet<(int, int)> seen = [];
        for (ulong stream = 0; stream < 400; stream++)
        {
            SentencePair pair = pairs.Draw(0, new DrawSequence(new CounterRandom(3, stream)));
            Assert.Equal(0, pair.First.Start);
            seen.Add((pair.First.Length, pair.Second.Start));
            if (pair.Follows) Assert.Equal(9 - pair.First.Length, pair.Second.Length);
        }

        // After one or two sentences, followed or not; the other document has two.
        Assert.Equal([(3, 3), (3, 10), (3, 13), (7, 7), (7, 10), (7, 13)], seen.Order());
    }

    [Fact]
    public void One_sentence_is_parted_in_its_middle_and_a_single_document_draws_from_itself()
    {
        SentencePairs one = Pairs([10, 11, 12, 13, 14, End]);
        for (ulong stream = 0; stream < 40; stream++)
            Assert.Equal(new TokenSpan(0, 2), one.Draw(0, new DrawSequence(new CounterRandom(1, stream))).First);
        int[] ids = [.. Enumerable.Range(0, 40).SelectMany(i => (int[])[10 + i, 100 + i, Stop]), End];
        SentencePairs single = Pairs(ids);
        for (ulong stream = 0; stream < 200; stream++)
        {
            SentencePair pair = single.Draw((int)(stream % (ulong)single.Count), new DrawSequence(new CounterRandom(2, stream)));
            int end = pair.First.Start + pair.First.Length;
            if (pair.Follows) Assert.InRange(pair.Second.Start, end, end + Longest);
            else Assert.True(pair.Second.Start >= end || pair.Second.Start + pair.Second.Length <= pair.First.Start + Longest);
        }

        Assert.Equal(0, Pairs([End, 10, End, End]).Count);
    }

    private static SentencePairs Pairs(int[] ids)
    {
        bool[] ends = new bool[Vocabulary];
        ends[Stop] = ends[End] = true;
        return new SentencePairs(ids, End, ends, Longest);
    }

    private static int[] Documents(int count, int seed)
    {
        Random random = new(seed);
        List<int> ids = [];
        for (int d = 0; d < count; d++)
        {
            for (int s = random.Next(1, 12); s > 0; s--)
            {
                for (int w = random.Next(1, 10); w > 0; w--) ids.Add(random.Next(10, Vocabulary));
                ids.Add(Stop);
            }

            ids.Add(End);
        }

        return [.. ids];
    }

    private static int[] DocumentOf(int[] ids)
    {
        int[] document = new int[ids.Length];
        for (int i = 1; i < ids.Length; i++) document[i] = document[i - 1] + (ids[i - 1] == End ? 1 : 0);
        return document;
    }
}
