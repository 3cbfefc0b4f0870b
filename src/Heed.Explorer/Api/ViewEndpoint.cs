using Heed.Explorer.Traces;
using Heed.Generation.Understanding;
using Heed.Inspection;
using Trace = Heed.Explorer.Traces.Trace;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/view?trace&amp;site&amp;kind</c>: attention read in other ways. <c>value</c>: [H, T, S], the length of what each
/// key adds, ‖α·v·W_O‖ (Kobayashi et al., arXiv:2004.10102). <c>rollout</c>: [T, S], how much of each token has come to each row after
/// this layer, ∏(½A + ½I) with A the mean over heads (Abnar and Zuidema, arXiv:2005.00928). <c>mean</c>: [T, S], the mean over
/// heads.</summary>
internal sealed class ViewEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "view";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        AttentionSite attention = session.Layout.Attention(call.Text("site"));
        Captured pattern = await session.Traces.TensorAsync(trace, $"{attention.Site}.pattern",
            call.CancellationToken).ConfigureAwait(false);
        (int H, int T, int S) = (pattern.Sizes[1], pattern.Sizes[2], pattern.Sizes[3]);
        switch (call.Text("kind"))
        {
            case "value":
                {
                    Captured v = await session.Traces.TensorAsync(trace, $"{attention.Site}.v",
                        call.CancellationToken).ConfigureAwait(false);
                    ValueArray weighted = await session.Traces.ComputeAsync(() => session.Inspector.ValueNorms(
                        session.Inspector.Find(pattern.Name), pattern.AsValue, v.AsValue, false, call.CancellationToken),
                        call.CancellationToken).ConfigureAwait(false);
                    await call.NumbersAsync($"{attention.Site}.value", [H, T, S], weighted.Shared).ConfigureAwait(false);
                    break;
                }

            case "mean":
                await call.NumbersAsync($"{attention.Site}.mean", [T, S], Mean(pattern)).ConfigureAwait(false);
                break;
            case "rollout":
                {
                    if (T != S) throw new InputException("kind: rollout follows self-attention; cross-attention has none.");
                    double[] rollout = [];
                    foreach (LayerSite layer in session.Layout.Stacks.First(s => s.Layers.Any(l => l.Self == attention)).Layers)
                    {
                        Captured p = await session.Traces.TensorAsync(trace, $"{layer.Self.Site}.pattern",
                            call.CancellationToken).ConfigureAwait(false);
                        rollout = AttentionRollout.Next(rollout, p.Values, p.Sizes[1], residual: true);
                        if (layer.Self == attention) break;
                    }

                    await call.NumbersAsync($"{attention.Site}.rollout", [T, T], Array.ConvertAll(rollout, v => (float)v))
                        .ConfigureAwait(false);
                    break;
                }

            default:
                throw new InputException($"kind: is '{Printable.Shorten(call.Text("kind"))}'; value, mean or rollout was expected.");
        }
    }

    /// <summary>The mean over heads, [T, S].</summary>
    private static float[] Mean(Captured pattern)
    {
        (int H, int cells) = (pattern.Sizes[1], pattern.Sizes[2] * pattern.Sizes[3]);
        float[] mean = new float[cells];
        for (int h = 0; h < H; h++)
            for (int c = 0; c < cells; c++) mean[c] += pattern.Values[(h * cells) + c];
        for (int c = 0; c < cells; c++) mean[c] /= H;
        return mean;
    }
}
