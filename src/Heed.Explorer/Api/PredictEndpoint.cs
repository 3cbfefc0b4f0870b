using Heed.Explorer.Traces;
using Heed.Generation;
using Heed.Generation.Sampling;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/predict?trace&amp;at&amp;temperature&amp;topk&amp;topp&amp;count</c>: the candidates for one place, and what
/// sampling leaves of them, by the functions that generation uses.</summary>
internal sealed class PredictEndpoint : IEndpoint
{
    private const int Most = 200;

    public string Method => "GET";

    public string Name => "predict";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        Captured logits = trace.Logits
            ?? throw new InputException($"{session.Model.Architecture} has no head: it gives vectors, and predicts nothing.");
        int at = call.Integer("at", 0, trace.Main.Tokens.Count - 1, trace.Main.Tokens.Count - 1);
        PredictReply reply = Of(session, logits, at, call.Number("temperature", 0.01f, 100, 1), call.Integer("topk", 0, int.MaxValue, 0),
            call.Number("topp", 0.001f, 1, 1), call.Integer("count", 1, Most, 20));
        await call.JsonAsync(reply, ExplorerJson.Default.PredictReply).ConfigureAwait(false);
    }

    /// <summary>The reply.</summary>
    public static PredictReply Of(ExplorerSession session, Captured logits, int at, float temperature, int topK, float topP, int count)
    {
        bool classes = logits.Sizes.Length == 1 || session.Model is Heed.Models.TokenClassifier;
        ReadOnlySpan<float> scores = logits.Sizes.Length == 1 ? logits.Values : logits.At([at]).Values.AsSpan();
        float[] probabilities = new float[scores.Length];
        Probabilities.Softmax(scores, probabilities);
        float[] warped = scores.ToArray();
        if (temperature != 1) new TemperatureWarper(temperature).Process([], warped);
        if (topK > 0 && topK < warped.Length) new TopKWarper(topK).Process([], warped);
        if (topP < 1) new TopPWarper(topP).Process([], warped);
        float[] drawn = new float[scores.Length];
        Probabilities.Softmax(warped, drawn);
        int[] best = Best(scores, count);
        Candidate[] candidates = new Candidate[best.Length];
        for (int n = 0; n < best.Length; n++)
        {
            int id = best[n];
            string text = classes ? session.Model.Config.Labels.ElementAtOrDefault(id) ?? $"class {id}" : session.Inputs.Shown(id);
            candidates[n] = new Candidate(id, text, scores[id], probabilities[id], drawn[id]);
        }

        double mass = 0;
        int kept = 0;
        for (int id = 0; id < warped.Length; id++)
        {
            if (warped[id] == float.NegativeInfinity) continue;
            kept++;
            mass += probabilities[id];
        }

        return new PredictReply(at, classes ? "classes" : "tokens", candidates, scores.Length, kept, Probabilities.Entropy(probabilities),
            (float)mass);
    }

    /// <summary>The places of the largest values, best first; of equal ones the lower.</summary>
    public static int[] Best(ReadOnlySpan<float> values, int count)
    {
        PriorityQueue<int, (float Value, int Id)> worst = new(count + 1, Comparer<(float Value, int Id)>.Create(
            (a, b) => a.Value != b.Value ? a.Value.CompareTo(b.Value) : b.Id.CompareTo(a.Id)));
        for (int id = 0; id < values.Length; id++)
        {
            worst.Enqueue(id, (values[id], id));
            if (worst.Count > count) worst.Dequeue();
        }

        int[] best = new int[worst.Count];
        for (int n = best.Length - 1; n >= 0; n--) best[n] = worst.Dequeue();
        return best;
    }
}

/// <summary><c>POST /api/generate</c>: writes on, one line of JSON per token as it comes.</summary>
internal sealed class GenerateEndpoint : IEndpoint
{
    private const int MostTokens = 256;

    public string Method => "POST";

    public string Name => "generate";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        GenerateRequest request = await call.BodyAsync(ExplorerJson.Default.GenerateRequest).ConfigureAwait(false);
        if (request.Tokens is < 1
            or > MostTokens) throw new InputException($"tokens: is {request.Tokens}; 1 to {MostTokens} were expected.");
        GenerationConfig config = session.Opened.Generation with
        {
            MaxNewTokens = request.Tokens,
            MaxLength = null,
            Sample = request.Sample,
            Temperature = request.Temperature,
            TopK = request.TopK,
            TopP = request.TopP,
            Seed = request.Seed,
            Beams = 1,
            ReturnSequences = 1,
        };
        IAsyncEnumerator<GenerationUpdate> updates = session.Opened.StreamAsync(request.Text, config,
            call.CancellationToken).GetAsyncEnumerator(call.CancellationToken);
        await using (updates.ConfigureAwait(false))
        {
            // An error before the first token is an answer of its own.
            if (!await updates.MoveNextAsync().ConfigureAwait(false)) return;
            call.Response.ContentType = "application/x-ndjson; charset=utf-8";
            do
            {
                GenerationUpdate update = updates.Current;
                GeneratedToken token = new(update.Text, update.Ids, update.LogProbabilities.Count > 0
                    ? update.LogProbabilities[0].LogProbability : 0,
                    update.Finish.ToString());
                byte[] line = [.. System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(token, ExplorerJson.Default.GeneratedToken),
                    (byte)'\n'];
                await call.Response.Body.WriteAsync(line, call.CancellationToken).ConfigureAwait(false);
                await call.Response.Body.FlushAsync(call.CancellationToken).ConfigureAwait(false);
            }
            while (await updates.MoveNextAsync().ConfigureAwait(false));
        }
    }
}
