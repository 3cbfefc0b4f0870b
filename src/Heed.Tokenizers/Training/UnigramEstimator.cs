
namespace Heed.Tokenizers.Training;

/// <summary>The current pieces as a trie: where they stand in a text, and its best segmentation.</summary>
/// <remarks>Kudo 2018, §3.2. Positions are UTF-8 bytes. A character that no piece covers alone is the unknown piece, 10 below the worst
/// score.</remarks>
internal sealed class UnigramEstimator
{
    private const double UnknownPenalty = 10.0;
    private readonly ByteTrie _trie;
    private readonly double[] _scores;

    /// <param name="pieces">The pieces; piece 0 is the unknown one, its score is not used.</param>
    public UnigramEstimator(IReadOnlyList<UnigramPiece> pieces)
    {
        _trie = new ByteTrie(pieces.Count * 3);
        for (int i = 1; i < pieces.Count; i++) _trie.Set(System.Text.Encoding.UTF8.GetBytes(pieces[i].Text), i);
        _scores = ScoresOf(pieces);
    }

    /// <summary>The score of each piece; the unknown one's is 10 below the worst.</summary>
    public static double[] ScoresOf(IReadOnlyList<UnigramPiece> pieces)
    {
        double[] scores = new double[pieces.Count];
        double lowest = double.PositiveInfinity;
        for (int i = 1; i < scores.Length; i++)
        {
            scores[i] = pieces[i].Score;
            lowest = Math.Min(lowest, scores[i]);
        }

        scores[0] = lowest - UnknownPenalty;
        return scores;
    }

    /// <summary>Buffers of one thread.</summary>
    internal sealed class Workspace
    {
        public double[] Best = [];
        public int[] From = [];
        public List<Arc> Arcs { get; } = [];

        public void Resize(int length)
        {
            if (Best.Length > length) return;
            (Best, From) = (new double[length + 64], new int[length + 64]);
        }
    }

    /// <summary>One piece at one place of the text, in UTF-8 bytes.</summary>
    internal readonly record struct Arc(int Start, int End, int Piece, double Score);

    /// <summary>Every place at which a piece stands, by start, then by end; the unknown piece where no piece is the character alone.</summary>
    internal void FindArcs(ReadOnlySpan<byte> text, List<Arc> arcs, int without)
    {
        arcs.Clear();
        for (int start = 0; start < text.Length;)
        {
            int single = start + CharacterLength(text[start]);
            bool covered = false;
            int node = ByteTrie.Root;
            for (int end = start; end < text.Length;)
            {
                node = _trie.Step(node, text[end++]);
                if (node < 0) break;
                int piece = _trie.Value(node);
                if (piece < 0 || piece == without) continue;
                arcs.Add(new Arc(start, end, piece, _scores[piece]));
                covered |= end == single;
            }

            if (!covered) arcs.Add(new Arc(start, single, 0, _scores[0]));
            start = single;
        }
    }

    /// <summary>Bytes of the character that begins with this byte.</summary>
    internal static int CharacterLength(byte first) => first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    /// <summary>The most probable segmentation.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="pieces">Receives the pieces, last first.</param>
    /// <param name="space">Buffers.</param>
    /// <param name="without">A piece not to use, or −1.</param>
    /// <returns>The log probability.</returns>
    public double Best(ReadOnlySpan<byte> text, List<int> pieces, Workspace space, int without = -1)
    {
        pieces.Clear();
        if (text.IsEmpty) return 0;
        FindArcs(text, space.Arcs, without);
        space.Resize(text.Length + 1);
        Span<double> best = space.Best.AsSpan(0, text.Length + 1);
        Span<int> arcTo = space.From.AsSpan(0, text.Length + 1);
        best.Fill(double.NegativeInfinity);
        best[0] = 0;
        Span<Arc> arcs = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(space.Arcs);
        for (int i = 0; i < arcs.Length; i++)
        {
            double score = best[arcs[i].Start] + arcs[i].Score;
            if (score > best[arcs[i].End]) (best[arcs[i].End], arcTo[arcs[i].End]) = (score, i);
        }

        for (int end = text.Length; end > 0; end = arcs[arcTo[end]].Start) pieces.Add(arcs[arcTo[end]].Piece);
        return best[^1];
    }

    /// <summary>The score of each piece.</summary>
    public double[] Scores => _scores;
}
