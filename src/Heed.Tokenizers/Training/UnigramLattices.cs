using System.Runtime.InteropServices;

namespace Heed.Tokenizers.Training;

/// <summary>The lattices of many texts: for each text, every place at which a piece stands. They are found once; afterwards pieces only
/// go, and what is asked of a text under the pieces that are left is one pass over its arcs.</summary>
/// <remarks>
/// Kudo 2018, §3.2. The texts fall into a fixed number of parts, and sums of parts are added in order, so that no result depends on
/// the number of threads. A character that no piece covers alone is the unknown piece (number 0).
/// </remarks>
internal sealed class UnigramLattices
{
    /// <summary>Below this, a product of probabilities may have lost digits: logarithms are added instead.</summary>
    private const double LeastProbability = 1e-280;

    private readonly long[] _counts;
    private readonly ParallelOptions _parallel;
    private readonly Part[] _parts;

    /// <summary>Finds the arcs of all texts.</summary>
    /// <param name="texts">UTF-8.</param>
    /// <param name="counts">How often each text occurs.</param>
    /// <param name="pieces">The pieces; piece 0 is the unknown one.</param>
    /// <param name="parts">Into how many parts the texts fall.</param>
    /// <param name="parallel">Threads, and what cancels.</param>
    public UnigramLattices(byte[][] texts, long[] counts, UnigramEstimator pieces, int parts, ParallelOptions parallel)
    {
        (_counts, _parallel) = (counts, parallel);
        _parts = new Part[parts];
        Parallel.For(0, parts, parallel, part =>
        {
            (int first, int end) = ((int)((long)texts.Length * part / parts), (int)((long)texts.Length * (part + 1) / parts));
            _parts[part] = new Part(texts, first, end, pieces, parallel.CancellationToken);
        });
    }

    /// <summary>One piece at one place of a text, in bytes. Arcs of a text follow each other by start, then by length.</summary>
    /// <param name="Piece">The piece's number.</param>
    /// <param name="Advance">Its start less the start of the arc before.</param>
    /// <param name="Length">Its length.</param>
    private readonly record struct Arc(int Piece, ushort Advance, ushort Length);

    /// <summary>How often each piece is to be expected over all segmentations of all texts.</summary>
    /// <param name="scores">Log probability of each piece, the unknown one's included.</param>
    public double[] Expected(double[] scores)
    {
        double[] probabilities = Array.ConvertAll(scores, Math.Exp);
        double[][] sums = new double[_parts.Length][];
        Parallel.For(0, _parts.Length, _parallel, part =>
        {
            double[] expected = new double[scores.Length];
            _parts[part].AddExpected(scores, probabilities, _counts, expected, _parallel.CancellationToken);
            sums[part] = expected;
        });
        for (int part = 1; part < sums.Length; part++)
            for (int i = 0; i < scores.Length; i++) sums[0][i] += sums[part][i];
        return sums[0];
    }

    /// <summary>How often the most probable segmentations of all texts use each piece.</summary>
    public long[] Usage(double[] scores)
    {
        long[] used = new long[scores.Length];
        Parallel.For(0, _parts.Length, _parallel, part => _parts[part].AddUsage(scores, _counts, used, _parallel.CancellationToken));
        return used;
    }

    /// <summary>Renumbers the pieces and takes out those that are gone (−1).</summary>
    public void Keep(int[] renumbered)
        => Parallel.For(0, _parts.Length, _parallel, part => _parts[part].Keep(renumbered));

    private static double LogSum(double a, double b)
    {
        if (a < b) (a, b) = (b, a);
        return b < a - 50 ? a : a + Math.Log(Math.Exp(b - a) + 1);
    }

    /// <summary>Consecutive texts, computed by one thread at a time.</summary>
    private sealed class Part
    {
        private readonly int _firstText;
        private readonly byte[][] _texts;
        private readonly int[] _ends;              // of each text's arcs
        private readonly int _longest;
        private readonly List<Arc> _arcs = [];

        public Part(byte[][] texts, int first, int end, UnigramEstimator pieces, CancellationToken cancellationToken)
        {
            (_firstText, _texts, _ends) = (first, texts, new int[end - first]);
            List<UnigramEstimator.Arc> found = [];
            for (int i = 0; i < _ends.Length; i++)
            {
                if ((i & 0xFFF) == 0) cancellationToken.ThrowIfCancellationRequested();
                // Once for all: a list that doubles would hold three times what it needs.
                if (i == _ends.Length / 16) _arcs.EnsureCapacity((int)Math.Min(_arcs.Count * 18L, Array.MaxLength));
                pieces.FindArcs(texts[first + i], found, without: -1);
                int start = 0;
                foreach (UnigramEstimator.Arc arc in found)
                {
                    _arcs.Add(new Arc(arc.Piece, (ushort)(arc.Start - start), (ushort)(arc.End - arc.Start)));
                    start = arc.Start;
                }

                _ends[i] = _arcs.Count;
                _longest = Math.Max(_longest, texts[first + i].Length);
            }
        }

        public void Keep(int[] renumbered)
        {
            Span<Arc> arcs = CollectionsMarshal.AsSpan(_arcs);
            int to = 0, from = 0;
            for (int i = 0; i < _ends.Length; i++)
            {
                byte[] text = _texts[_firstText + i];
                int advance = 0, start = 0;
                for (; from < _ends[i]; from++)
                {
                    Arc arc = arcs[from];
                    advance += arc.Advance;
                    start += arc.Advance;
                    int piece = renumbered[arc.Piece];
                    if (piece < 0)
                    {
                        if (arc.Length != UnigramEstimator.CharacterLength(text[start])) continue;
                        piece = 0;       // a character that nothing covers any more
                    }

                    arcs[to++] = new Arc(piece, (ushort)advance, arc.Length);
                    advance = 0;
                }

                _ends[i] = to;
            }

            CollectionsMarshal.SetCount(_arcs, to);
            if (to < _arcs.Capacity / 2) _arcs.TrimExcess();
        }

        public void AddExpected(
            double[] scores, double[] probabilities, long[] counts, double[] expected, CancellationToken cancellationToken)
        {
            double[] forward = new double[_longest + 1], backward = new double[_longest + 1];
            for (int i = 0, first = 0; i < _ends.Length; first = _ends[i], i++)
            {
                if ((i & 0xFFF) == 0) cancellationToken.ThrowIfCancellationRequested();
                int length = _texts[_firstText + i].Length;
                if (length == 0) continue;
                ReadOnlySpan<Arc> arcs = CollectionsMarshal.AsSpan(_arcs)[first.._ends[i]];
                Span<double> to = forward.AsSpan(0, length + 1), back = backward.AsSpan(0, length + 1);
                long count = counts[_firstText + i];
                if (!TryAddProducts(arcs, probabilities, count, to, back, expected)) AddLogarithms(arcs, scores, count, to, back, expected);
            }
        }

        private static bool TryAddProducts(
            ReadOnlySpan<Arc> arcs, double[] probabilities, long count, Span<double> forward, Span<double> backward, double[] expected)
        {
            forward.Clear();
            forward[0] = 1;
            int start = 0;
            foreach (ref readonly Arc arc in arcs)
            {
                start += arc.Advance;
                forward[start + arc.Length] += forward[start] * probabilities[arc.Piece];
            }

            double total = forward[^1];
            if (!(total >= LeastProbability)) return false;
            backward.Clear();
            backward[^1] = count / total;
            for (int i = arcs.Length - 1; i >= 0; i--)
            {
                ref readonly Arc arc = ref arcs[i];
                double onwards = probabilities[arc.Piece] * backward[start + arc.Length];
                backward[start] += onwards;
                expected[arc.Piece] += forward[start] * onwards;
                start -= arc.Advance;
            }

            return true;
        }

        private static void AddLogarithms(
            ReadOnlySpan<Arc> arcs, double[] scores, long count, Span<double> forward, Span<double> backward, double[] expected)
        {
            forward.Fill(double.NegativeInfinity);
            backward.Fill(double.NegativeInfinity);
            forward[0] = 0;
            backward[^1] = 0;
            int start = 0;
            foreach (ref readonly Arc arc in arcs)
            {
                start += arc.Advance;
                forward[start + arc.Length] = LogSum(forward[start + arc.Length], forward[start] + scores[arc.Piece]);
            }

            double total = forward[^1];
            for (int i = arcs.Length - 1; i >= 0; i--)
            {
                ref readonly Arc arc = ref arcs[i];
                double onwards = backward[start + arc.Length] + scores[arc.Piece];
                backward[start] = LogSum(backward[start], onwards);
                expected[arc.Piece] += count * Math.Exp(forward[start] + onwards - total);
                start -= arc.Advance;
            }
        }

        public void AddUsage(double[] scores, long[] counts, long[] used, CancellationToken cancellationToken)
        {
            double[] best = new double[_longest + 1];
            int[] startOf = new int[_longest + 1], pieceOf = new int[_longest + 1];
            for (int i = 0, first = 0; i < _ends.Length; first = _ends[i], i++)
            {
                if ((i & 0xFFF) == 0) cancellationToken.ThrowIfCancellationRequested();
                int length = _texts[_firstText + i].Length;
                Span<double> to = best.AsSpan(0, length + 1);
                to.Fill(double.NegativeInfinity);
                to[0] = 0;
                int start = 0;
                foreach (ref readonly Arc arc in CollectionsMarshal.AsSpan(_arcs)[first.._ends[i]])
                {
                    start += arc.Advance;
                    int end = start + arc.Length;
                    double score = to[start] + scores[arc.Piece];
                    if (score > to[end]) (to[end], startOf[end], pieceOf[end]) = (score, start, arc.Piece);
                }

                for (int end = length; end > 0; end = startOf[end]) Interlocked.Add(ref used[pieceOf[end]], counts[_firstText + i]);
            }
        }
    }
}
