namespace Heed.Retrieval;

public sealed partial class SearchIndexWriter
{
    /// <summary>So many segments of like size become one.</summary>
    private const int MergedAtOnce = 8;

    /// <summary>Parts of a merged segment: what is merged lies in memory.</summary>
    private const int LargestMerged = 1 << 16;

    /// <summary>Puts small segments together, and rewrites those of which most is removed. Each is a commit of its own.</summary>
    private void Merge(CancellationToken cancellationToken)
    {
        while (Mergeable() is { Length: > 0 } numbers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            SortedDictionary<string, StoredDocument> documents = new(StringComparer.Ordinal);
            foreach (int s in numbers)
            {
                HashSet<int> removed = [.. _manifest.Segments[s].Removed];
                using IndexSegment segment = IndexSegment.Open(Path.Combine(_folder, _manifest.Segments[s].File), _manifest.Width);
                for (int d = 0; d < segment.Documents.Count; d++)
                    if (!removed.Contains(d)) documents.Add(segment.Documents[d].Key, segment.Document(d));
            }

            List<SegmentEntry> segments = [.. _manifest.Segments.Where((_, s) => !numbers.Contains(s))];
            int next = _manifest.Next;
            if (documents.Count > 0)
            {
                string name = SegmentName(next++);
                SegmentWriter.Write(Path.Combine(_folder, name), [.. documents.Values], _manifest.Width, Settings.Vectors);
                segments.Add(new SegmentEntry(name, documents.Values.Sum(d => d.Chunks.Count), []));
            }

            IndexManifest after = _manifest with { Segments = segments, Next = next };
            after.Write(_folder);
            _manifest = after;
            _known.Clear();
            ReadKeys();
        }
    }

    /// <summary>Numbers of the segments to put together next; empty: none.</summary>
    private int[] Mergeable()
    {
        IReadOnlyList<SegmentEntry> all = _manifest.Segments;
        for (int s = 0; s < all.Count; s++)
        {
            if (all[s].Removed.Count == 0) continue;
            int documents = _known.Values.Count(k => k.Segment == s);
            if (all[s].Removed.Count > documents) return [s];
        }

        foreach (IGrouping<int, int> alike in Enumerable.Range(0, all.Count).GroupBy(s => SizeClass(all[s].Chunks)))
        {
            int[] some = [.. alike.Take(MergedAtOnce)];
            if (some.Length == MergedAtOnce && some.Sum(s => (long)all[s].Chunks) <= LargestMerged) return some;
        }

        return [];
    }

    /// <summary>0 up to 63 chunks, then one more for each factor of 8.</summary>
    private static int SizeClass(int chunks) => Math.Max(0, (System.Numerics.BitOperations.Log2((uint)Math.Max(1, chunks)) - 3) / 3);
}
