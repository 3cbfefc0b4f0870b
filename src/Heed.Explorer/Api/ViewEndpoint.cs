using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Traces;

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
                    float[] norms = await session.Traces.ComputeAsync(() => Norms(session, attention, v),
                        call.CancellationToken).ConfigureAwait(false);
                    float[] weighted = new float[H * T * S];
                    for (int i = 0; i < weighted.Length; i++) weighted[i] = pattern.Values[i] * norms[(i / (T * S) * S) + (i % S)];
                    await call.NumbersAsync($"{attention.Site}.value", [H, T, S], weighted).ConfigureAwait(false);
                    break;
                }

            case "mean":
                await call.NumbersAsync($"{attention.Site}.mean", [T, S], Mean(pattern)).ConfigureAwait(false);
                break;
            case "rollout":
                {
                    if (T != S) throw new InputException("kind: rollout follows self-attention; cross-attention has none.");
                    float[] rollout = Identity(T);
                    foreach (LayerSite layer in session.Layout.Stacks.First(s => s.Layers.Any(l => l.Self == attention)).Layers)
                    {
                        Captured p = await session.Traces.TensorAsync(trace, $"{layer.Self.Site}.pattern",
                            call.CancellationToken).ConfigureAwait(false);
                        rollout = Follow(Mean(p), rollout, T);
                        if (layer.Self == attention) break;
                    }

                    await call.NumbersAsync($"{attention.Site}.rollout", [T, T], rollout).ConfigureAwait(false);
                    break;
                }

            default:
                throw new InputException($"kind: is '{Printable.Shorten(call.Text("kind"))}'; value, mean or rollout was expected.");
        }
    }

    /// <summary>(½A + ½I)·R.</summary>
    internal static float[] Follow(float[] mean, float[] before, int T)
    {
        float[] after = new float[T * T];
        for (int i = 0; i < T; i++)
        {
            for (int k = 0; k < T; k++)
            {
                float half = (0.5f * mean[(i * T) + k]) + (i == k ? 0.5f : 0);
                if (half == 0) continue;
                for (int j = 0; j < T; j++) after[(i * T) + j] += half * before[(k * T) + j];
            }
        }

        return after;
    }

    private static float[] Identity(int T)
    {
        float[] one = new float[T * T];
        for (int i = 0; i < T; i++) one[(i * T) + i] = 1;
        return one;
    }

    /// <summary>The mean over heads, [T, S].</summary>
    internal static float[] Mean(Captured pattern)
    {
        (int H, int cells) = (pattern.Sizes[1], pattern.Sizes[2] * pattern.Sizes[3]);
        float[] mean = new float[cells];
        for (int h = 0; h < H; h++)
            for (int c = 0; c < cells; c++) mean[c] += pattern.Values[(h * cells) + c];
        for (int c = 0; c < cells; c++) mean[c] /= H;
        return mean;
    }

    /// <summary>‖v·W_O‖ of each head and key, [H, S].</summary>
    private static float[] Norms(ExplorerSession session, AttentionSite attention, Captured v)
    {
        using TensorScope scope = TensorScope.Begin();
        MultiHeadAttention module = session.Model.Modules.OfType<MultiHeadAttention>().First(m => m.Site == attention.Site);
        if (module.Output is not Linear output) throw new InputException($"kind: the output projection of {attention.Site} is not "
            + $"linear; value-weighting needs its matrix.");
        AttentionConfig a = attention.Config;
        (int H, int K, int S, int D) = (a.Heads, a.HeadWidth, v.Sizes[0], a.Width);
        float[] weight = output.Weight.ToTensor().ToArray();
        bool inputMajor = output.Weight.InputMajor == true;
        float[] norms = new float[H * S];
        for (int h = 0; h < H; h++)
        {
            int g = h / (H / a.KeyHeads);
            for (int j = 0; j < S; j++)
            {
                double squares = 0;
                for (int o = 0; o < D; o++)
                {
                    float sum = 0;
                    for (int d = 0; d < K; d++)
                        sum += v.Values[(((j * a.KeyHeads) + g) * K) + d] * (inputMajor ? weight[(((h * K) + d) * D) + o]
                            : weight[(o * H * K) + (h * K) + d]);
                    squares += (double)sum * sum;
                }

                norms[(h * S) + j] = (float)Math.Sqrt(squares);
            }
        }

        return norms;
    }
}
