namespace Heed.Training.Metrics;

/// <summary>References of a corpus in streams, as sacreBLEU takes them.</summary>
internal static class ReferenceStreams
{
    /// <summary>For each segment its references that are not null.</summary>
    public static string[][] BySegment(IReadOnlyList<string> predicted, IReadOnlyList<IReadOnlyList<string?>> references)
    {
        ArgumentNullException.ThrowIfNull(predicted);
        ArgumentNullException.ThrowIfNull(references);
        for (int j = 0; j < references.Count; j++) MetricThrow.IfLengthsDiffer(references[j].Count, predicted.Count, $"references[{j}]",
            nameof(predicted));
        string[][] segments = new string[predicted.Count][];
        for (int i = 0; i < segments.Length; i++)
        {
            segments[i] = [.. references.Select(stream => stream[i]).OfType<string>()];
            if (segments[i].Length == 0) throw new ArgumentException($"Segment {i} has no reference; each needs one.", nameof(references));
        }

        return segments;
    }

    /// <summary>The signature's number of references: <c>var</c> where segments differ in it.</summary>
    public static string Count(string[][] segments)
    {
        int[] counts = [.. segments.Select(s => s.Length).Distinct()];
        return counts.Length == 1 ? FormattableString.Invariant($"{counts[0]}") : "var";
    }
}
