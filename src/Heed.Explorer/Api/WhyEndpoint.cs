using Heed.Explorer.Traces;
using Heed.Generation.Understanding;
using Heed.Inspection;
using Heed.Models;
using Heed.Training.Metrics;
using Trace = Heed.Explorer.Traces.Trace;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/why?trace&amp;at&amp;target&amp;foil</c>: which tokens a prediction rests on, by five measures side by side:
/// attention of the last layer, rollout, gradient × input, the change without the token (its embedding becomes the text's mean), and how
/// well their rankings agree. Of the model as it is: interventions are left aside, since a replaced value has no gradient.</summary>
internal sealed class WhyEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "why";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        if (trace.Logits is not { Sizes.Length: 2 } logits || session.Model is not (CausalLanguageModel or MaskedLanguageModel
            or SequenceToSequenceModel))
            throw new InputException($"{session.Model.Architecture} predicts no tokens; this page asks why a token is predicted.");
        int at = call.Integer("at", 0, trace.Main.Tokens.Count - 1);
        float[] row = logits.At([at]).Values.ToArray();
        int[] best = PredictEndpoint.Best(row, 2);
        int target = call.Integer("target", 0, row.Length - 1, best[0]),
            foil = call.Integer("foil", 0, row.Length - 1, best[0] == target ? best[1] : best[0]);
        WhyReply reply = await session.Traces.ComputeAsync(() => Of(session, trace, at, target, foil, call.CancellationToken),
            call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.WhyReply).ConfigureAwait(false);
    }

    /// <summary>The measures over the tokens of the stack that predicts.</summary>
    internal static WhyReply Of(ExplorerSession session, Trace trace, int at, int target, int foil, CancellationToken cancellationToken)
    {
        Inspector inspector = session.Inspector;
        StackSite stack = session.Layout.Main;
        string name = session.InspectedName(stack), embed = $"{name}.embed.token";
        string pattern = $"{name}.blocks.{stack.Layers.Count - 1}.attn.pattern";
        InspectedText text = TraceRunner.TextOf(trace.Text, trace.Decoder);
        LogitDifference metric = new(target, foil, at);
        Inspection.Trace seen = inspector.Trace(text, n => n == embed || n == pattern, null, cancellationToken);
        ValueArray rows = seen[embed], last = seen[pattern];
        (int T, int D) = (rows.Shape[0], rows.Shape[1]);
        double[] sums = new double[D];
        for (int i = 0; i < rows.Count; i++) sums[i % D] += rows.Span[i];
        ValueArray mean = new(Array.ConvertAll(sums, s => (float)(s / T)), D);
        int seenTokens = stack.IsCausal ? at + 1 : T;
        float[] scores = inspector.Measure(text, metric, [[], .. Enumerable.Range(0, seenTokens)
            .Select(t => (IReadOnlyList<Inspection.Intervention>)[Inspection.Intervention.Set(embed, mean, position: t)])],
            cancellationToken);
        float score = scores[0];
        float[] without = new float[T];
        for (int t = 0; t < seenTokens; t++) without[t] = score - scores[t + 1];
        WhyMeasure[] measures =
        [
            new("attention", "attention, last layer", Mean(last).AsSpan(at * T, T).ToArray()),
            new("rollout", "rollout", inspector.Rollout(text, stack: name,
                cancellationToken: cancellationToken).At(stack.Layers.Count - 1, at).ToArray()),
            new("gradient", "gradient × input", inspector.Gradient(text, metric, cancellationToken)[name].TimesInput.ToArray()),
            new("without", "change without it", without),
        ];
        float[] agreement = new float[measures.Length * measures.Length];
        for (int a = 0; a < measures.Length; a++)
            for (int b = 0; b < measures.Length; b++)
                agreement[(a * measures.Length) + b] = RankCorrelation(measures[a].Values[..seenTokens], measures[b].Values[..seenTokens]);
        return new WhyReply(at, target, session.Inputs.Shown(target), foil, session.Inputs.Shown(foil), score, measures, agreement);
    }

    /// <summary>Spearman's ρ of the sizes: 1 where both rank alike; 0 where one side is constant.</summary>
    private static float RankCorrelation(float[] a, float[] b)
    {
        double agreement = Correlation.Spearman(Sizes(a), Sizes(b));
        return double.IsNaN(agreement) ? 0 : (float)agreement;

        static double[] Sizes(float[] values) => Array.ConvertAll(values, v => (double)MathF.Abs(v));
    }

    /// <summary>The mean over heads of a pattern [H, T, T].</summary>
    private static float[] Mean(ValueArray pattern)
        => Array.ConvertAll(AttentionRollout.Next([], pattern.Span, pattern.Shape[0], residual: false), v => (float)v);
}
