using System.Globalization;
using Heed.Engine.Nn;
using Heed.Explorer.Api;
using Heed.Generation.Understanding;
using Heed.Inspection;
using Heed.Models;

namespace Heed.Explorer.Checks;

/// <summary>The identities of inspection (goldens/inspection), as checks of any opened model.</summary>
internal static class Proofs
{
    private const string Own = "goldens/inspection";

    /// <summary>All of them, the cheap ones first.</summary>
    public static IReadOnlyList<Proof> All { get; } =
    [
        new("looking-changes-nothing", "A run that is watched gives the scores of one that is not, bit for bit.", Own, Looking),
        new("same-run-again", "The same text gives the same bits again.", Own, Again),
        new("patterns-are-distributions", "Every row of every head sums to 1, and what the mask hides gets exactly 0.", "arXiv:1706.03762",
            Distributions),
        new("patterns-make-the-mix", "Pattern times values is what each head takes along.", "arXiv:1706.03762", Mix),
        new("heads-add-up", "What the heads write, with the bias, is what attention writes.", "arXiv:1706.03762", HeadSum),
        new("future-is-hidden", "Another last token changes no bit of the rows before it.", Own, Future),
        new("padding-is-inert", "A text padded beside a longer one has the bits that it has alone.", Own, Padding),
        new("lens-ends-with-the-model", "The logit lens after the last layer is the model's own scores.", "arXiv:2303.08112", LensEnd),
        new("patch-identity", "A value set to itself changes no bit of the scores.", "arXiv:2004.12265", Patch),
        new("rollout-is-a-distribution", "Each row of the rollout sums to 1; of a causal stack it stays triangular.", "arXiv:2005.00928",
            Rollout),
        new("shares-add-up", "The score is the sum of what each part writes directly.", "arXiv:2211.00593", Shares),
        new("gradient-foretells", "A small step along the gradient raises the score by what the gradient says.", "arXiv:1312.6034",
            Gradient),
        new("integrated-gradients-close", "Integrated gradients add up to the difference from the baseline.", "arXiv:1703.01365",
            Integrated),
    ];

    private static IEnumerable<CheckValue> Looking(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        float[] plain = s.Inspector.Logits(s.Text, null, c).ToArray(), seen = s.Inspector.Trace(s.Text, null, null, c)["logits"].ToArray();
        yield return Bits("scores that differ", plain, seen);
    }

    private static IEnumerable<CheckValue> Again(ProofSubject s, CancellationToken c)
    {
        TraceDifference difference = s.Inspector.Trace(s.Text, null, null, c).Diff(s.Inspector.Trace(s.Text, null, null, c));
        yield return Exactly("tensors that differ", difference.Values.Count + difference.Others.Count, 0);
        yield return Told("tensors compared", difference.Compared);
    }

    private static IEnumerable<CheckValue> Distributions(ProofSubject s, CancellationToken c)
    {
        (double off, long leaks, long rows) = (0, 0, 0);
        foreach (string site in Attentions(s, c))
        {
            Inspection.Trace seen = s.Inspector.Trace(s.Text, n => n == $"{site}.pattern" || n == $"{site}.masked", null, c);
            ValueArray p = seen[$"{site}.pattern"], masked = seen[$"{site}.masked"];
            int S = p.Shape[2];
            for (int row = 0; row < p.Count / S; row++, rows++)
            {
                double sum = 0;
                for (int k = row * S; k < (row + 1) * S; k++)
                {
                    sum += p.Span[k];
                    if (float.IsNegativeInfinity(masked.Span[k]) && p.Span[k] != 0) leaks++;
                }

                off = Math.Max(off, Math.Abs(sum - 1));
            }
        }

        yield return AtMost("largest distance of a row's sum from 1", off, 1e-6);
        yield return Exactly("hidden cells with a weight", leaks, 0);
        yield return Told("rows", rows);
    }

    private static IEnumerable<CheckValue> Mix(ProofSubject s, CancellationToken c)
    {
        double worst = 0;
        foreach (string site in Attentions(s, c))
        {
            Inspection.Trace seen = s.Inspector.Trace(s.Text, n => n.StartsWith($"{site}.", StringComparison.Ordinal), null, c);
            ValueArray p = seen[$"{site}.pattern"], v = seen[$"{site}.v"], z = seen[$"{site}.z"];
            (int H, int T, int S, int G, int K) = (p.Shape[0], p.Shape[1], p.Shape[2], v.Shape[1], v.Shape[2]);
            double most = Largest(z);
            for (int h = 0; h < H; h++)
                for (int q = 0; q < T; q++)
                    for (int i = 0; i < K; i++)
                    {
                        double sum = 0;
                        for (int k = 0; k < S; k++)
                            sum += (double)p.Span[(((h * T) + q) * S) + k] * v.Span[(((k * G) + (h * G / H)) * K) + i];
                        worst = Math.Max(worst, Math.Abs(sum - z.Span[(((q * H) + h) * K) + i]) / most);
                    }
        }

        yield return AtMost("largest difference, of the largest value", worst, 1e-5);
    }

    private static IEnumerable<CheckValue> HeadSum(ProofSubject s, CancellationToken c)
    {
        double worst = 0;
        foreach (string site in Attentions(s, c))
        {
            string[] at = site.Split('.');
            StackParts stack = s.Inspector.PartsOf(at[0]);
            float[]? bias = Matrices.Bias(stack.Blocks[int.Parse(at[2], CultureInfo.InvariantCulture)].Of(at[3]).Output);
            Inspection.Trace seen = s.Inspector.Trace(s.Text, n => n == $"{site}.result" || n == $"{site}.out", null, c);
            ValueArray result = seen[$"{site}.result"], o = seen[$"{site}.out"];
            (int T, int H, int D) = (result.Shape[0], result.Shape[1], result.Shape[2]);
            double most = Largest(o);
            for (int q = 0; q < T; q++)
                for (int d = 0; d < D; d++)
                {
                    double sum = bias?[d] ?? 0;
                    for (int h = 0; h < H; h++) sum += result.Span[(((q * H) + h) * D) + d];
                    worst = Math.Max(worst, Math.Abs(sum - o.Span[(q * D) + d]) / most);
                }
        }

        yield return AtMost("largest difference, of the largest value", worst, 1e-5);
    }

    private static IEnumerable<CheckValue> Future(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        bool writes = s.Text.DecoderIds.Count > 0;
        IReadOnlyList<int> ids = writes ? s.Text.DecoderIds : s.Text.Ids;
        if (!s.Inspector.Model.Parameters.Attentions.Any(a => !a.IsCross && a.Config.Causal)) throw new InputException(
            "an encoder reads in both directions: there is no future to hide.");
        if (ids.Count < 2) throw new InputException("the text has one token: nothing stands before the last.");
        int[] other = [.. ids];
        other[^1] = (other[^1] + 1) % s.Inspector.Model.Config.Vocabulary;
        InspectedText changed = writes ? s.Text with { DecoderIds = other } : s.Text with { Ids = other };
        ValueArray before = s.Inspector.Logits(s.Text, null, c), after = s.Inspector.Logits(changed, null, c);
        int earlier = before.Count / ids.Count * (ids.Count - 1);
        yield return Bits("scores before the last token that differ", before.Span[..earlier].ToArray(), after.Span[..earlier].ToArray());
        yield return AtLeast("scores at the last token that differ", Different(before.Span[earlier..], after.Span[earlier..]), 1);
    }

    private static IEnumerable<CheckValue> Padding(ProofSubject s, CancellationToken c)
    {
        if (s.Text.DecoderIds.Count > 0 || s.Text.TypeIds is not null)
            throw new InputException("is asked of models that read one text without segments.");
        int T = s.Text.Ids.Count;
        if (2 * T > s.Inspector.Model.Config.MaximumLength)
            throw new InputException("the text is too long to stand beside one twice as long.");
        int[] ids = [.. s.Text.Ids];
        TokenGrid grid = TokenGrid.Of([[.. ids, .. new int[T]], [.. ids, .. ids]]), mask = TokenGrid.Of(
            [[.. Enumerable.Repeat(1, T), .. new int[T]], [.. Enumerable.Repeat(1, 2 * T)]]);
        string state = $"{s.LastStack}.blocks.{s.Inspector.LayersOf(s.LastStack) - 1}.out";
        ValueArray alone = s.Inspector.Trace(s.Text, n => n == state, null, c)[state];
        ValueArray padded = PaddedValues.Gather(s.Inspector, new ModelInputs { InputIds = grid, AttentionMask = mask }, c)[state].At(0);
        yield return Bits("numbers of the last rows that differ", alone.ToArray(), padded.Span[..alone.Count].ToArray());
    }

    private static IEnumerable<CheckValue> LensEnd(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        ValueArray lens = s.Inspector.Lens(s.Text, s.Position, c), logits = s.Inspector.Logits(s.Text, null, c);
        ValueArray last = lens.At(lens.Shape[0] - 1);
        float[] own = s.Position is { } at && logits.Shape.Rank == 2 ? logits.At(at).ToArray() : logits.ToArray();
        double most = own.Max(Math.Abs), worst = 0;
        for (int i = 0; i < own.Length; i++) worst = Math.Max(worst, Math.Abs((double)own[i] - last.Span[i]) / most);
        yield return AtMost("largest difference, of the largest score", worst, 1e-6);
    }

    private static IEnumerable<CheckValue> Patch(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        float[] plain = s.Inspector.Logits(s.Text, null, c).ToArray();
        foreach (string site in new[] { "resid_pre", "attn.z", "mlp.out" })
        {
            string name = $"{s.LastStack}.blocks.0.{site}";
            if (!s.Inspector.Names.Contains(name)) continue;
            yield return Bits($"scores that differ after {name}", plain,
                s.Inspector.Logits(s.Text, [Inspection.Intervention.Change(name, v => v)], c).ToArray());
        }
    }

    private static IEnumerable<CheckValue> Rollout(ProofSubject s, CancellationToken c)
    {
        foreach (string stack in s.Inspector.Stacks)
        {
            ValueArray rollout = s.Inspector.Rollout(s.Text, stack: stack, cancellationToken: c);
            StackParts parts = s.Inspector.PartsOf(stack);
            bool causal = s.Inspector.Model.Parameters.Attentions.First(a => a.Site == $"{parts.Prefix}blocks.0.attn").Config.Causal;
            (double off, long ahead) = (0, 0);
            int T = rollout.Shape[1];
            for (int row = 0; row < rollout.Count / T; row++)
            {
                double sum = 0;
                for (int k = 0; k < T; k++)
                {
                    float share = rollout.Span[(row * T) + k];
                    sum += share;
                    if (k > row % T && share != 0) ahead++;
                }

                off = Math.Max(off, Math.Abs(sum - 1));
            }

            yield return AtMost($"{stack}: largest distance of a row's sum from 1", off, 1e-5);
            if (causal) yield return Exactly($"{stack}: shares of later tokens", ahead, 0);
        }
    }

    private static IEnumerable<CheckValue> Shares(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        DirectAttribution found = s.Inspector.DirectAttribution(s.Text, s.Metric(c), c);
        double scale = Math.Max(1, found.Shares.Max(p => Math.Abs((double)p.Value)));
        yield return AtMost("difference of sum and score, of the largest share",
            Math.Abs(found.Shares.Sum(p => (double)p.Value) - found.Score) / scale, 1e-4);
        if (!found.IsExact) yield return Told("left to the head, which is not linear", found.Shares[^1].Value);
    }

    private static IEnumerable<CheckValue> Gradient(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        LogitDifference metric = s.Metric(c);
        string site = $"{s.LastStack}.embed.token";
        ValueArray g = s.Inspector.Gradients(s.Text, metric, [site], c)[site];
        double square = g.ToArray().Sum(x => (double)x * x), by = 0.02;
        float[] step = [.. g.ToArray().Select(x => (float)(x * by / square))];
        double up = s.Inspector.Score(s.Text, metric, [Inspection.Intervention.Add(site, ValueArray.Create(step, g.Shape))], c);
        double down = s.Inspector.Score(s.Text, metric,
            [Inspection.Intervention.Add(site, ValueArray.Create([.. step.Select(x => -x)], g.Shape))], c);
        double ratio = (up - down) / (2 * by);
        yield return new CheckValue("rise of the score, of what the gradient says", "0.98 to 1.02", Number(ratio),
            ratio is >= 0.98 and <= 1.02);
    }

    private static IEnumerable<CheckValue> Integrated(ProofSubject s, CancellationToken c)
    {
        RequireScores(s);
        if (s.Inspector.Model.Parameters.Values > 50_000_000)
            throw new InputException("64 to 1,024 runs forwards and backwards: left out above 50 million parameters; "
                + "heed inspect does it.");
        IntegratedGradients found = s.Inspector.IntegratedGradients(s.Text, s.Metric(c), cancellationToken: c);
        yield return AtMost("gap, of the difference from the baseline", Math.Abs(found.RelativeGap), 0.01);
        yield return Told("steps", found.Steps);
    }

    private static void RequireScores(ProofSubject s)
    {
        if (s.Inspector.Runner.Scores == 0) throw new InputException("the model has no head, so there are no scores to ask for.");
    }

    private static List<string> Attentions(ProofSubject s, CancellationToken cancellationToken)
    {
        List<string> sites = [];
        foreach (StackParts stack in s.Inspector.Parts)
            foreach (string attention in stack.AttentionNames)
                for (int l = 0; l < stack.Blocks.Count; l++) sites.Add($"{stack.Name}.blocks.{l}.{attention}");
        cancellationToken.ThrowIfCancellationRequested();
        string[] missing = [.. sites.Where(site => !s.Inspector.Names.Contains($"{site}.pattern"))];
        return missing.Length == 0 ? sites : throw new InputException($"{missing[0]} has no pattern: it is linear attention.");
    }

    private static double Largest(ValueArray values)
    {
        double most = 1e-30;
        foreach (float v in values.Span) most = Math.Max(most, Math.Abs(v));
        return most;
    }

    private static int Different(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int different = 0;
        for (int i = 0; i < a.Length; i++)
            if (BitConverter.SingleToInt32Bits(a[i]) != BitConverter.SingleToInt32Bits(b[i])) different++;
        return different;
    }

    private static CheckValue Bits(string what, float[] a, float[] b)
        => Exactly($"{what}, of {a.Length.ToString("N0", CultureInfo.InvariantCulture)}", Different(a, b), 0);

    private static CheckValue Exactly(string what, long measured, long expected) => new(what,
        $"exactly {expected.ToString(CultureInfo.InvariantCulture)}", measured.ToString("N0", CultureInfo.InvariantCulture),
        measured == expected);

    private static CheckValue AtLeast(string what, long measured, long least) => new(what,
        $"at least {least.ToString(CultureInfo.InvariantCulture)}", measured.ToString("N0", CultureInfo.InvariantCulture),
        measured >= least);

    private static CheckValue AtMost(string what, double measured, double most)
        => new(what, $"at most {Number(most)}", Number(measured), measured <= most);

    private static CheckValue Told(string what, double measured) => new(what, "", Number(measured), null);

    private static string Number(double value) => Lab.LabNumber.Text(value);
}
