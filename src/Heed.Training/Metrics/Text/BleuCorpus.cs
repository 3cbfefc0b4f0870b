namespace Heed.Training.Metrics;

/// <summary>A corpus counted once, so that many selections of its segments can be scored: what resampling needs.</summary>
internal sealed class BleuCorpus
{
    private const int Orders = 4;

    private readonly Segment[] _segments;
    private readonly BleuOptions _options;
    private readonly string _signature;

    /// <summary>Tokenizes and counts.</summary>
    /// <param name="predicted">One text per segment.</param>
    /// <param name="references">Streams: <c>references[j][i]</c> is the j-th reference of segment i; null is left out.</param>
    /// <param name="options">Settings.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a segment has no reference.</exception>
    public BleuCorpus(IReadOnlyList<string> predicted, IReadOnlyList<IReadOnlyList<string?>> references, BleuOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[][] bySegment = ReferenceStreams.BySegment(predicted, references);
        _options = options;
        _signature = Bleu.Signature(options, ReferenceStreams.Count(bySegment));
        _segments = [.. predicted.Select((text, i) => Segment.Count(Bleu.Tokenize(text, options),
            [.. bySegment[i].Select(r => Bleu.Tokenize(r, options))]))];
    }

    /// <summary>BLEU of all segments.</summary>
    public BleuScore Score() => Score([.. Enumerable.Range(0, _segments.Length)]);

    /// <summary>BLEU of some segments, a segment as often as its index is listed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index is no segment's.</exception>
    public BleuScore Score(IReadOnlyList<int> segments)
    {
        ArgumentNullException.ThrowIfNull(segments);
        long[] counts = new long[Orders], totals = new long[Orders];
        long predicted = 0, reference = 0;
        foreach (int i in segments)
        {
            if ((uint)i >= (uint)_segments.Length) throw new ArgumentOutOfRangeException(nameof(segments), i,
                $"There are {_segments.Length} segments.");
            Segment segment = _segments[i];
            for (int n = 0; n < Orders; n++)
            {
                counts[n] += segment.Counts[n];
                totals[n] += segment.Totals[n];
            }

            predicted += segment.PredictedLength;
            reference += segment.ReferenceLength;
        }

        double penalty = predicted >= reference ? 1 : predicted == 0 ? 0 : Math.Exp(1 - (double)reference / predicted);
        double[] shownCounts = [.. counts], shownTotals = [.. totals], precisions = new double[Orders];
        double score = Array.TrueForAll(counts, c => c == 0) ? 0 : penalty * Mean(shownCounts, shownTotals, precisions);
        return new BleuScore
        {
            Score = score,
            Precisions = precisions,
            BrevityPenalty = penalty,
            Counts = shownCounts,
            Totals = shownTotals,
            PredictedLength = predicted,
            ReferenceLength = reference,
            Signature = _signature,
        };
    }

    /// <summary>The geometric mean of the precisions, which it fills; 0 where one is 0.</summary>
    private double Mean(double[] counts, double[] totals, double[] precisions)
    {
        double halving = 1;
        int orders = Orders;
        for (int n = 0; n < Orders; n++)
        {
            if (_options.Smoothing == BleuSmoothing.AddK && n > 0)
            {
                counts[n] += _options.SmoothingValue ?? 1;
                totals[n] += _options.SmoothingValue ?? 1;
            }

            if (totals[n] == 0) break;
            if (_options.EffectiveOrder) orders = n + 1;
            if (counts[n] > 0)
            {
                precisions[n] = 100 * counts[n] / totals[n];
            }
            else if (_options.Smoothing == BleuSmoothing.Exponential)
            {
                halving *= 2;
                precisions[n] = 100 / (halving * totals[n]);
            }
            else if (_options.Smoothing == BleuSmoothing.Floor)
            {
                precisions[n] = 100 * (_options.SmoothingValue ?? Bleu.DefaultFloor) / totals[n];
            }
        }

        double sum = 0;
        for (int n = 0; n < orders; n++)
        {
            if (precisions[n] == 0) return 0;
            sum += Math.Log(precisions[n]);
        }

        return Math.Exp(sum / orders);
    }

    /// <summary>What a segment adds to the sums.</summary>
    private sealed record Segment(int[] Counts, int[] Totals, int PredictedLength, int ReferenceLength)
    {
        public static Segment Count(List<string> predicted, List<string>[] references)
        {
            int[] counts = new int[Orders], totals = new int[Orders];
            for (int n = 1; n <= Orders; n++)
            {
                Dictionary<string, int> highest = new(StringComparer.Ordinal);
                foreach (List<string> reference in references) NGrams.Raise(highest, NGrams.OfWords(reference, n));
                counts[n - 1] = NGrams.Matches(NGrams.OfWords(predicted, n), highest);
                totals[n - 1] = Math.Max(0, predicted.Count - n + 1);
            }

            int nearest = references.Select(r => r.Count).MinBy(length => (Math.Abs(length - predicted.Count), length));
            return new Segment(counts, totals, predicted.Count, nearest);
        }
    }
}
