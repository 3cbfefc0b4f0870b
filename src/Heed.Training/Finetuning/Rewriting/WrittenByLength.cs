using System.Text.Json.Nodes;
using Heed.Training.Data;
using Heed.Training.Metrics;

namespace Heed.Training.Finetuning;

/// <summary>How good written texts are by the length of their sources: fifths of the examples, from the shortest to the longest.</summary>
internal static class WrittenByLength
{
    private const int Groups = 5;

    /// <summary>The fifths as <c>report.json</c> has them. Sources of one length stay in one group, so that there may be fewer than five,
    /// and groups differ in size.</summary>
    /// <param name="examples">The examples.</param>
    /// <param name="written">What was written for each.</param>
    /// <param name="right">Whether it is the target exactly.</param>
    /// <param name="task"><c>translation</c> adds BLEU, <c>summarization</c> the mean ROUGE-L.</param>
    public static JsonArray Of(IReadOnlyList<RewritingExample> examples, string[] written, bool[] right, string task)
    {
        JsonArray rows = [];
        int[] order = [.. Enumerable.Range(0, examples.Count).OrderBy(i => examples[i].Source.Length).ThenBy(i => i)];
        for (int group = 0, first = 0; group < Groups && first < order.Length; group++)
        {
            int end = (int)((group + 1L) * order.Length / Groups);
            while (end < order.Length && (end <= first || Length(end) == Length(end - 1))) end++;
            int[] some = order[first..end];
            if (some.Length == 0) continue;
            JsonObject row = new()
            {
                ["characters_from"] = Length(first),
                ["characters_to"] = Length(end - 1),
                ["examples"] = some.Length,
                ["exact_match"] = 100 * some.Average(i => right[i] ? 1.0 : 0),
            };
            string[] targets = [.. some.Select(i => examples[i].Target)], texts = [.. some.Select(i => written[i])];
            if (task == RewritingData.Translation) row["bleu"] = Bleu.Corpus(texts, [targets]).Score;
            else row["rougeL"] = targets.Zip(texts, (t, w) => Rouge.Evaluate(t, w).RougeL.F1).Average();
            rows.Add((JsonNode)row);
            first = end;
        }

        return rows;

        int Length(int place) => examples[order[place]].Source.Length;
    }
}
