using Heed.Explorer.Traces;
using Heed.Generation.Sampling;
using Heed.Inspection;
using Heed.Models;
using Trace = Heed.Explorer.Traces.Trace;

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
        Dictionary<string, Captured> states = new(StringComparer.Ordinal);
        string[] names = [.. session.Inspector.StateNames];
        foreach (string name in names) states[name] = await session.Traces.TensorAsync(trace, session.Inspector.EngineName(name),
            call.CancellationToken).ConfigureAwait(false);
        ValueArray lens = await session.Traces.ComputeAsync(() => session.Inspector.Lens(TraceRunner.TextOf(trace.Text, trace.Decoder),
            at, name => states[name].AsValue, call.CancellationToken), call.CancellationToken).ConfigureAwait(false);    // [L + 1, V]
        int L = lens.Shape[0] - 1;
        float[][] scores = [.. Enumerable.Range(0, L).Select(l => lens.At(l).ToArray()), logits.At([at]).Values.ToArray()];
        string[] from = [.. names[..L].Select(session.Inspector.EngineName), TraceRunner.LogitsName];
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
}
