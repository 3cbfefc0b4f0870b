using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Traces;
using Heed.Models;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/why?trace&amp;at&amp;target&amp;foil</c>: which tokens a prediction rests on, by five measures side by side:
/// attention
/// of the last layer, rollout, gradient × input, the change without the token (its embedding becomes the text's mean), and how well their
/// rankings agree.</summary>
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
        StackSite stack = session.Layout.Main;
        int T = trace.Main.Tokens.Count;
        float[] rollout = new float[T * T], last = [];
        for (int i = 0; i < T; i++) rollout[(i * T) + i] = 1;
        foreach (LayerSite layer in stack.Layers)
        {
            last = ViewEndpoint.Mean(session.Runner.Tensor(trace, $"{layer.Self.Site}.pattern", cancellationToken));
            rollout = ViewEndpoint.Follow(last, rollout, T);
        }

        string embed = $"{stack.Prefix}embed.token";
        using ModelUse use = session.Model.Enter();
        (float score, float[] rows, float[] gradient) = Gradient(session, trace, embed, at, target, foil, cancellationToken);
        int D = rows.Length / T;
        float[] product = new float[T], without = new float[T], mean = new float[D];
        for (int t = 0; t < T; t++)
        {
            for (int d = 0; d < D; d++)
            {
                product[t] += rows[(t * D) + d] * gradient[(t * D) + d];
                mean[d] += rows[(t * D) + d] / T;
            }
        }

        for (int t = 0; t < T; t++)
        {
            if (stack.IsCausal && t > at) continue;
            float[] changed = (float[])rows.Clone();
            mean.CopyTo(changed, t * D);
            without[t] = score - Score(session, trace, embed, changed, at, target, foil, cancellationToken);
        }

        WhyMeasure[] measures =
        [
            new("attention", "attention, last layer", last.AsSpan(at * T, T).ToArray()),
            new("rollout", "rollout", rollout.AsSpan(at * T, T).ToArray()),
            new("gradient", "gradient × input", product),
            new("without", "change without it", without),
        ];
        int seen = stack.IsCausal ? at + 1 : T;
        float[] agreement = new float[measures.Length * measures.Length];
        for (int a = 0; a < measures.Length; a++)
            for (int b = 0; b < measures.Length; b++)
                agreement[(a * measures.Length) + b] = RankCorrelation(measures[a].Values[..seen], measures[b].Values[..seen]);
        return new WhyReply(at, target, session.Inputs.Shown(target), foil, session.Inputs.Shown(foil), score, measures, agreement);
    }

    /// <summary>Spearman's ρ of the sizes: 1 where both rank alike; equal values share their mean rank.</summary>
    internal static float RankCorrelation(float[] a, float[] b)
    {
        double[] x = Ranks(a), y = Ranks(b);
        double mean = (x.Length - 1) / 2.0, xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < x.Length; i++)
        {
            xy += (x[i] - mean) * (y[i] - mean);
            xx += (x[i] - mean) * (x[i] - mean);
            yy += (y[i] - mean) * (y[i] - mean);
        }

        return xx == 0 || yy == 0 ? 0 : (float)(xy / Math.Sqrt(xx * yy));
    }

    private static double[] Ranks(float[] values)
    {
        float[] sizes = Array.ConvertAll(values, MathF.Abs);
        return [.. sizes.Select(v => sizes.Count(o => o < v) + ((sizes.Count(o => o == v) - 1) / 2.0))];
    }

    private static float Score(ExplorerSession session, Trace trace, string embed, float[] rows, int at, int target, int foil,
        CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        Hooks hooks = new Hooks().Replace(embed, (_, x) => Tensor.Create(rows, x.Shape));
        ReadOnlySpan<float> logits = session.Model.Run(TraceRunner.InputsOf(trace.Text, trace.Decoder),
            new RunOptions { Hooks = hooks, CancellationToken = cancellationToken }).Logits!.Span;
        int V = trace.Logits!.Last;
        return logits[(at * V) + target] - logits[(at * V) + foil];
    }

    /// <summary>F, the rows that enter, and ∂F/∂rows.</summary>
    private static (float Score, float[] Rows, float[] Gradient) Gradient(ExplorerSession session, Trace trace, string embed, int at,
        int target, int foil, CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        float[] rows = session.Runner.Tensor(trace, embed, cancellationToken).Values;
        Leaf leaf = new();
        float score;
        using (Tape tape = Tape.BeginForInputs())
        {
            Tensor input = Tensor.Create(rows, session.Runner.Tensor(trace, embed, cancellationToken).Sizes);
            Hooks hooks = new Hooks().Replace(embed, (_, _) => leaf.Of(input));
            Variable logits = TokenLogits.Of(session.Model, trace, hooks, cancellationToken);
            Variable row = logits.Slice(0, at, 1);
            Variable difference = (row.Columns(target, 1) - row.Columns(foil, 1)).Sum();
            score = difference.Value.ToScalar();
            tape.Backward(difference);
        }

        float[] gradient = leaf.Gradient!.ToArray();
        leaf.Clear();
        return (score, rows, gradient);
    }
}

/// <summary>The scores of a run as a variable, through which gradients flow.</summary>
internal static class TokenLogits
{
    /// <summary>[T, V].</summary>
    public static Variable Of(Model model, Trace trace, Hooks hooks, CancellationToken cancellationToken)
    {
        ModelRun run = new(new RunOptions { Hooks = hooks, CancellationToken = cancellationToken });
        ModelInputs inputs = TraceRunner.InputsOf(trace.Text, trace.Decoder);
        switch (model)
        {
            case CausalLanguageModel causal:
                {
                    TokenBatch batch = causal.Stack.WithPositions(inputs).Pack();
                    return causal.Logits(causal.Hidden(batch, run.Context(batch)));
                }

            case MaskedLanguageModel masked:
                {
                    TokenBatch batch = masked.Pack(inputs);
                    return masked.Logits(masked.Encode(batch, run.Context(batch)));
                }

            default:
                {
                    SequenceToSequenceModel pair = (SequenceToSequenceModel)model;
                    TokenBatch source = inputs.Pack(), written = TokenBatch.FromGrid(inputs.DecoderInputIds!, null);
                    Heed.Engine.Nn.ForwardContext reading = run.EncoderContext(source);
                    return pair.Logits(pair.Decode(written, pair.Encode(source, reading), run.DecoderContext(written, reading, source)));
                }
        }
    }
}
