using Heed.Tokenizers.Training;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>
/// The likeliest segmentation, or the likeliest few. Sums are kept in float32 and compared as SentencePiece compares them:
/// near ties are decided by rounding, so that equal ids need equal arithmetic.
/// </summary>
internal sealed class UnigramSegmenter(SentencePieceVocabulary vocabulary) : ISentencePieceSegmenter
{
    private const int MostPaths = 1024;
    private const float UnknownPenalty = 10f;
    private const double UserDefinedPenalty = 0.1;
    private readonly float _unknownScore = vocabulary.LowestScore - UnknownPenalty;

    public List<Segment> Cut(ReadOnlySpan<byte> text, ref long steps)
    {
        float[] scores = new float[text.Length + 1];
        int[] starts = new int[text.Length + 1], ids = new int[text.Length + 1];
        Array.Fill(starts, -1);
        for (int start = 0; start < text.Length;)
        {
            int single = Math.Min(SentencePieceNormalizer.CharacterLength(text[start]), text.Length - start);
            bool covered = false;
            int node = ByteTrie.Root;
            for (int end = start; end < text.Length;)
            {
                steps++;
                node = vocabulary.Ordinary.Step(node, text[end++]);
                if (node < 0) break;
                int id = vocabulary.Ordinary.Value(node);
                if (id < 0 || vocabulary.Type(id) == SentencePieceType.Unused) continue;
                float score = Score(id, end - start) + scores[start];
                if (starts[end] < 0 || score > scores[end]) (scores[end], starts[end], ids[end]) = (score, start, id);
                covered |= end - start == single;
            }

            int next = start + single;
            if (!covered)
            {
                float score = _unknownScore + scores[start];
                if (starts[next] < 0 || score > scores[next]) (scores[next], starts[next], ids[next]) = (score, start, vocabulary.UnknownId);
            }

            start = next;
        }

        List<Segment> segments = [];
        for (int end = text.Length; end > 0; end = starts[end]) segments.Add(new Segment(starts[end], end - starts[end], ids[end]));
        segments.Reverse();
        return segments;
    }

    /// <summary>A user-defined piece scores so well that it is always taken.</summary>
    private float Score(int id, int length) =>
        vocabulary.Type(id) == SentencePieceType.UserDefined ? (float)((length * vocabulary.HighestScore) - UserDefinedPenalty) : vocabulary.Score(id);

    /// <summary>Up to <paramref name="count"/> segmentations, best first, with their scores.</summary>
    public List<(List<Segment> Segments, float Score)> Best(ReadOnlySpan<byte> text, int count)
    {
        count = Math.Clamp(count, 1, MostPaths);
        long steps = 0;
        if (text.IsEmpty || count == 1) return [(Cut(text, ref steps), 0)];
        return new UnigramLattice(text, AddNodes(text)).Best(count);
    }

    /// <summary>All pieces at all places, by place.</summary>
    private List<UnigramLattice.Node> AddNodes(ReadOnlySpan<byte> text)
    {
        List<UnigramLattice.Node> nodes = [];
        for (int start = 0; start < text.Length;)
        {
            int single = Math.Min(SentencePieceNormalizer.CharacterLength(text[start]), text.Length - start);
            bool covered = false;
            int node = ByteTrie.Root, characters = 0, boundary = start;
            for (int end = start; end < text.Length;)
            {
                if (end == boundary)
                {
                    boundary += SentencePieceNormalizer.CharacterLength(text[end]);
                    characters++;
                }

                node = vocabulary.Ordinary.Step(node, text[end++]);
                if (node < 0) break;
                int id = vocabulary.Ordinary.Value(node);
                if (id < 0 || vocabulary.Type(id) == SentencePieceType.Unused) continue;
                nodes.Add(new UnigramLattice.Node(start, end, id, Score(id, characters)));
                covered |= end - start == single;
            }

            if (!covered) nodes.Add(new UnigramLattice.Node(start, start + single, vocabulary.UnknownId, _unknownScore));
            start += single;
        }

        return nodes;
    }
}
