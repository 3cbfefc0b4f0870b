namespace Heed.Training.Finetuning;

/// <summary>What lies near what in one table: pairs, and groups around a centre.</summary>
internal static class VectorGroups
{
    /// <summary>The union of each row's nearest others as pairs, best first.</summary>
    /// <param name="table">The rows.</param>
    /// <param name="top">Others a row.</param>
    /// <param name="most">Most pairs.</param>
    /// <param name="cosine">False for dot products.</param>
    public static IReadOnlyList<(double Score, int First, int Second)> Paraphrases(VectorTable table, int top, int most, bool cosine)
    {
        Dictionary<(int, int), double> pairs = [];
        for (int i = 0; i < table.Count; i++)
        {
            foreach ((int j, double score) in table.Nearest(i, table, Math.Min(table.Count, top) + 1, cosine).Where(n
                => n.Row != i).Take(top))
                pairs.TryAdd((Math.Min(i, j), Math.Max(i, j)), score);
        }

        return [.. pairs.Select(p => (p.Value, p.Key.Item1, p.Key.Item2)).OrderByDescending(p => p.Value)
            .ThenBy(p => p.Item2).ThenBy(p => p.Item3).Take(most)];
    }

    /// <summary>
    /// Groups of rows near a centre: every row with enough rows at the threshold may be one; largest first; one is taken if its centre is
    /// free and enough members are.
    /// </summary>
    public static IReadOnlyList<int[]> Communities(VectorTable table, double threshold, int least)
    {
        int[][] around = new int[table.Count][];
        for (int i = 0; i < around.Length; i++)
            around[i] = [.. table.Nearest(i, table, table.Count).Where(n => n.Score >= threshold).Select(n => n.Row)];
        HashSet<int> taken = [];
        List<int[]> groups = [];
        foreach (int centre in Enumerable.Range(0, around.Length).Where(i => around[i].Length >= least)
            .OrderByDescending(i => around[i].Length).ThenBy(i => i))
        {
            if (taken.Contains(centre)) continue;
            int[] free = [centre, .. around[centre].Where(m => m != centre && !taken.Contains(m))];
            if (free.Length < least) continue;
            groups.Add(free);
            taken.UnionWith(free);
        }

        return [.. groups.OrderByDescending(g => g.Length)];
    }
}
