using Heed.Explorer.Traces;
using Heed.Inspection;
using Trace = Heed.Explorer.Traces.Trace;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/heads?trace</c>: what every head of every layer does on this text, as numbers between 0 and 1.</summary>
internal sealed class HeadsEndpoint : IEndpoint
{
    /// <summary>Tokens of the random block that is repeated to find induction.</summary>
    private const int Block = 20;

    /// <summary>Blocks that the mean is taken over.</summary>
    private const int Samples = 4;

    private readonly Lock _gate = new();
    private ExplorerSession? _of;
    private ValueArray? _induction;

    public string Method => "GET";

    public string Name => "heads";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        (ValueArray? induction, int block) = await InductionAsync(session, call.CancellationToken).ConfigureAwait(false);
        List<HeadReply> heads = [];
        foreach (StackSite stack in session.Layout.Stacks)
        {
            TextInput text = stack.Name == "decoder" ? trace.Main : trace.Text;
            for (int l = 0; l < stack.Layers.Count; l++)
            {
                string site = stack.Layers[l].Self.Site;
                Captured pattern = await session.Traces.TensorAsync(trace, $"{site}.pattern", call.CancellationToken).ConfigureAwait(false);
                heads.AddRange(HeadDetectors.Of(site, l, pattern.AsValue, text, stack.IsCausal, induction?.At(l).ToArray()));
            }
        }

        string note = induction is null
            ? "Induction is measured on decoders that read at least 8 tokens."
            : $"Induction: {Samples} blocks of {block} random tokens, each twice and without a start token; the mean weight from a token "
                + "to the one after its first appearance (arXiv:2209.11895).";
        await call.JsonAsync(new HeadsReply(heads, block, note), ExplorerJson.Default.HeadsReply).ConfigureAwait(false);
    }

    /// <summary>The induction score of every head, [L, H], computed once for a model.</summary>
    private async Task<(ValueArray? Scores, int Block)> InductionAsync(ExplorerSession session, CancellationToken cancellationToken)
    {
        int block = Math.Min(Block, session.LongestText / 2);
        if (session.HasEncoderAndDecoder || !session.Layout.Main.IsCausal || block < 4) return (null, 0);
        lock (_gate)
        {
            if (_of == session && _induction is { } known) return (known, block);
        }

        string name = $"{session.InspectedName(session.Layout.Main)}.attn.induction";
        ValueArray scores = await session.Traces.ComputeAsync(() => session.Inspector.InductionScores(block, Samples,
            cancellationToken: cancellationToken)[name], cancellationToken).ConfigureAwait(false);
        lock (_gate) (_of, _induction) = (session, scores);
        return (scores, block);
    }
}

/// <summary>What heads of a layer look at, as numbers and as a word.</summary>
internal static class HeadDetectors
{
    /// <summary>A head is named after a score from here on; below it is "mixed".</summary>
    private const float Clear = 0.35f;

    private static readonly string[] Words = ["previous token", "itself", "first token", "same word", "punctuation", "induction"];

    /// <summary>The heads of a layer.</summary>
    /// <param name="site">The attention.</param>
    /// <param name="layer">Its layer.</param>
    /// <param name="pattern">[H, T, T].</param>
    /// <param name="text">The tokens.</param>
    /// <param name="causal">True where only earlier tokens are seen.</param>
    /// <param name="induction">[H]: scores of induction, or null.</param>
    public static IEnumerable<HeadReply> Of(string site, int layer, ValueArray pattern, TextInput text, bool causal, float[]? induction)
    {
        (int H, int T) = (pattern.Shape[0], pattern.Shape[1]);
        ValueArray patterns = pattern.Reshape(1, 1, H, T, T);
        Dictionary<string, ValueArray> known = new(StringComparer.Ordinal);
        Inspector.AddScores(known, site, patterns);
        int[] ids = text.Ids;
        int again = Enumerable.Range(0, T).Count(i => Enumerable.Range(0, causal ? i : T).Any(j => j != i && ids[j] == ids[i]));
        bool[] marks = [.. text.Tokens.Select(IsPunctuation)];
        float[] self = Mean((q, k) => k == q), same = Mean((q, k) => k != q && ids[k] == ids[q]), punctuation = Mean((_, k) => marks[k]);
        for (int h = 0; h < H; h++)
        {
            float[] scores = [known[$"{site}.previous"][0, h], self[h], known[$"{site}.first"][0, h],
                again == 0 ? 0 : same[h] * T / again, punctuation[h], induction?[h] ?? 0];
            int best = induction?[h] >= Clear ? Words.Length - 1 : Array.IndexOf(scores, scores.Max());
            yield return new HeadReply(site, layer, h, scores[0], scores[1], scores[2], scores[3], scores[4], induction?[h],
                known[$"{site}.entropy"][0, h], scores[best] >= Clear ? Words[best] : "mixed");
        }

        float[] Mean(Func<int, int, bool> counts) => Inspector.Mean(patterns, 0, (p, q, k) => counts(q, k) ? p : 0).ToArray();
    }

    private static bool IsPunctuation(TextToken token)
    {
        string text = token.Text.Trim();
        return text.Length > 0 && text.All(char.IsPunctuation) && !token.Special;
    }
}
