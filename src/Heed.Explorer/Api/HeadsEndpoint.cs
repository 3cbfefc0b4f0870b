using Heed.Engine.Kernels;
using Heed.Explorer.Traces;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/heads?trace</c>: what every head of every layer does on this text, as numbers between 0 and 1.</summary>
internal sealed class HeadsEndpoint : IEndpoint
{
    /// <summary>Tokens of the random block that is repeated to find induction.</summary>
    private const int Block = 20;

    private const ulong Seed = 1;

    private readonly Lock _gate = new();
    private ExplorerSession? _of;
    private Dictionary<string, float[]>? _induction;

    public string Method => "GET";

    public string Name => "heads";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        (Dictionary<string, float[]> induction, int block) = await InductionAsync(session, call.CancellationToken).ConfigureAwait(false);
        List<HeadReply> heads = [];
        foreach (StackSite stack in session.Layout.Stacks)
        {
            TextInput text = stack.Name == "decoder" ? trace.Main : trace.Text;
            for (int l = 0; l < stack.Layers.Count; l++)
            {
                string site = stack.Layers[l].Self.Site;
                Captured pattern = await session.Traces.TensorAsync(trace, $"{site}.pattern", call.CancellationToken).ConfigureAwait(false);
                for (int h = 0; h < pattern.Sizes[1]; h++) heads.Add(HeadScores.Of(site, l, h, pattern, text,
                    induction.GetValueOrDefault(site)?[h]));
            }
        }

        string note = induction.Count == 0
            ? "Induction is measured on decoders that read at least 8 tokens."
            : $"Induction: a block of {block} random tokens twice, without a start token; the mean weight from a token to the one "
                + $"after its first appearance (arXiv:2209.11895).";
        await call.JsonAsync(new HeadsReply(heads, block, note), ExplorerJson.Default.HeadsReply).ConfigureAwait(false);
    }

    /// <summary>The induction score of every head, computed once for a model.</summary>
    private async Task<(Dictionary<string, float[]> Scores, int Block)> InductionAsync(ExplorerSession session,
        CancellationToken cancellationToken)
    {
        int block = Math.Min(Block, session.LongestText / 2);
        if (session.HasEncoderAndDecoder || !session.Layout.Main.IsCausal || block < 4) return ([], 0);
        lock (_gate)
        {
            if (_of == session && _induction is { } known) return (known, block);
        }

        CounterRandom random = new(Seed, 0);
        int vocabulary = session.Model.Config.Vocabulary;
        int[] ids = [.. Enumerable.Range(0, 2 * block).Select(i => random.Integer((ulong)(i % block), vocabulary))];
        TextInput text = new("", [.. ids.Select((id, i) => new TextToken(id, "", "", 0, 0, i, false))], null, 0);
        Dictionary<string, float[]> scores = await session.Traces.ComputeAsync(() =>
        {
            Dictionary<string, Captured> tensors = session.Runner.Capture(text, null, [],
                n => n.EndsWith("attn.pattern", StringComparison.Ordinal), [], cancellationToken);
            return tensors.Values.Where(t => t.Name != TraceRunner.LogitsName)
                .ToDictionary(t => t.Name[..^".pattern".Length], t => Enumerable.Range(0,
                    t.Sizes[1]).Select(h => HeadScores.Induction(t, h, block)).ToArray());
        }, cancellationToken).ConfigureAwait(false);
        lock (_gate) (_of, _induction) = (session, scores);
        return (scores, block);
    }
}

/// <summary>The detectors.</summary>
internal static class HeadScores
{
    /// <summary>A head is named after a score from here on; below it is "mixed".</summary>
    private const float Clear = 0.35f;

    /// <summary>The scores of one head.</summary>
    public static HeadReply Of(string site, int layer, int head, Captured pattern, TextInput text, float? induction)
    {
        int T = pattern.Sizes[2];
        double previous = 0, self = 0, first = 0, same = 0, punctuation = 0, entropy = 0;
        int sameRows = 0;
        for (int i = 0; i < T; i++)
        {
            ReadOnlySpan<float> row = pattern.At([0, head, i]).Values.AsSpan();
            self += row[i];
            if (i > 0) previous += row[i - 1];
            if (i > 0) first += row[0];
            double earlier = 0;
            bool again = false;
            for (int j = 0; j < T; j++)
            {
                if (row[j] > 0) entropy -= row[j] * Math.Log(row[j]);
                if (IsPunctuation(text.Tokens[j])) punctuation += row[j];
                if (j == i || text.Tokens[j].Id != text.Tokens[i].Id) continue;
                again |= row[j] > 0 || j < i;
                earlier += row[j];
            }

            if (!again) continue;
            sameRows++;
            same += earlier;
        }

        float Mean(double sum, int rows) => rows == 0 ? 0 : (float)(sum / rows);
        float[] scores = [Mean(previous, T - 1), Mean(self, T), Mean(first, T - 1), Mean(same, sameRows), Mean(punctuation, T), induction
            ?? 0];
        string[] words = ["previous token", "itself", "first token", "same word", "punctuation", "induction"];
        int best = induction >= Clear ? 5 : Array.IndexOf(scores, scores.Max());
        return new HeadReply(site, layer, head, scores[0], scores[1], scores[2], scores[3], scores[4], induction, Mean(entropy, T),
            scores[best] >= Clear ? words[best] : "mixed");
    }

    /// <summary>The mean weight from token i of the second block to the one after its first appearance.</summary>
    public static float Induction(Captured pattern, int head, int block)
    {
        double sum = 0;
        for (int i = block; i < 2 * block; i++) sum += pattern.At([0, head, i]).Values[i - block + 1];
        return (float)(sum / block);
    }

    private static bool IsPunctuation(TextToken token)
    {
        string text = token.Text.Trim();
        return text.Length > 0 && text.All(char.IsPunctuation) && !token.Special;
    }
}
