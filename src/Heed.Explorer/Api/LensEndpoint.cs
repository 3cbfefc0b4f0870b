using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Traces;
using Heed.Generation.Sampling;
using Heed.Models;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/lens?trace&amp;at</c>: what the model would predict if it ended after each layer: the state through the last norm
/// and the head, with statistics of that state (nostalgebraist 2020; Belrose et al., arXiv:2303.08112).</summary>
internal sealed class LensEndpoint : IEndpoint
{
    private const int Top = 5;

    public string Method => "GET";

    public string Name => "lens";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        if (trace.Logits is not { Sizes.Length: 2 } logits || session.Model is not (CausalLanguageModel or MaskedLanguageModel
            or SequenceToSequenceModel))
            throw new InputException($"{session.Model.Architecture} does not predict tokens, so there is nothing to read in its layers.");
        int at = call.Integer("at", 0, trace.Main.Tokens.Count - 1);
        StackSite stack = session.Layout.Main;
        int L = stack.Layers.Count;
        float[][] scores = new float[L + 1][];
        string[] from = new string[L + 1];
        for (int l = 0; l < L; l++)
        {
            from[l] = $"{stack.Layers[l].Site}.resid_pre";
            Captured states = await session.Traces.TensorAsync(trace, from[l], call.CancellationToken).ConfigureAwait(false);
            float[] state = states.At([at]).Values.ToArray();
            scores[l] = Unembed(session, stack, state);
        }

        (from[L], scores[L]) = (TraceRunner.LogitsName, logits.At([at]).Values.ToArray());
        int final = PredictEndpoint.Best(scores[L], 1)[0];
        LensLayer[] layers = new LensLayer[L + 1];
        for (int l = 0; l <= L; l++)
        {
            float[] probabilities = new float[scores[l].Length];
            Probabilities.Softmax(scores[l], probabilities);
            int rank = probabilities.Count(p => p > probabilities[final]);
            layers[l] = new LensLayer(l, from[l],
                [.. PredictEndpoint.Best(scores[l], Top).Select(id => new Candidate(id, session.Inputs.Shown(id), scores[l][id],
                    probabilities[id], probabilities[id]))],
                rank + 1, probabilities[final]);
        }

        await call.JsonAsync(new LensReply(at, final, session.Inputs.Shown(final), layers, true),
            ExplorerJson.Default.LensReply).ConfigureAwait(false);
    }

    /// <summary>A state through the last norm and the head.</summary>
    public static float[] Unembed(ExplorerSession session, StackSite stack, float[] state)
    {
        Model model = session.Model;
        using ModelUse use = model.Enter();
        using TensorScope scope = TensorScope.Begin();
        Heed.Engine.Autograd.Variable row = Tensor.Create(state, 1, state.Length);
        if (model.Modules.FirstOrDefault(m => m is Norm && m.Site == $"{stack.Prefix}final_norm") is Norm norm) row = norm.Forward(row);
        return model switch
        {
            CausalLanguageModel causal => causal.Logits(row).Value.ToArray(),
            MaskedLanguageModel masked => masked.Logits(row).Value.ToArray(),
            _ => ((SequenceToSequenceModel)model).Logits(row).Value.ToArray(),
        };
    }
}
