using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Traces;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Retrieval;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/contextual?first&amp;second&amp;word&amp;other</c>: how alike the rows of a word in two texts are, layer by layer:
/// 1 in the table of tokens where the word is the same.</summary>
internal sealed class ContextualEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "contextual";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        string first = call.Text("first"), second = call.Text("second"), word = call.Text("word"), other = call.Optional("other") ?? word;
        Trace a = await RunAsync(session, first, call.CancellationToken).ConfigureAwait(false),
            b = await RunAsync(session, second, call.CancellationToken).ConfigureAwait(false);
        int[] at = Place(a.Text, word, "first"), to = Place(b.Text, other, "second");
        List<LayerCosine> layers = [];
        foreach ((string name, string hook) in HooksOf(session.Layout.Stacks[0]))
        {
            Captured x = await session.Traces.TensorAsync(a, hook, call.CancellationToken).ConfigureAwait(false),
                y = await session.Traces.TensorAsync(b, hook, call.CancellationToken).ConfigureAwait(false);
            layers.Add(new LayerCosine(name, hook, (float)VectorSimilarity.Cosine.Of(Mean(x, at), Mean(y, to))));
        }

        WordVectors? words = WordVectorSample.Open();
        string w = word.ToLowerInvariant(), o = other.ToLowerInvariant();
        float? fixedCosine = words is not null && words.Contains(w) && words.Contains(o) ? (float)words.Similarity(w, o) : null;
        await call.JsonAsync(new ContextualReply(a.Text.Tokens, at, b.Text.Tokens, to, layers, fixedCosine),
            ExplorerJson.Default.ContextualReply).ConfigureAwait(false);
    }

    /// <summary>A run of the stack that reads; of an encoder-decoder its decoder has written nothing.</summary>
    private static Task<Trace> RunAsync(ExplorerSession session, string text, CancellationToken cancellationToken)
        => session.TraceAsync(text, "", [], cancellationToken);

    /// <summary>The table of tokens, the stream before each layer, and the last stream.</summary>
    internal static IEnumerable<(string Name, string Hook)> HooksOf(StackSite stack)
    {
        yield return ("table of tokens", $"{stack.Prefix}embed.token");
        for (int l = 0; l < stack.Layers.Count; l++)
            yield return (l == 0 ? "with positions" : $"after layer {l - 1}", $"{stack.Layers[l].Site}.resid_pre");
        yield return ($"after layer {stack.Layers.Count - 1}", LastOf(stack));
    }

    /// <summary>The stream after the last layer.</summary>
    internal static string LastOf(StackSite stack) => $"{stack.Layers[^1].Site}.resid_post";

    /// <summary>The tokens of the first place where a word stands.</summary>
    /// <exception cref="InputException">It stands nowhere.</exception>
    internal static int[] Place(TextInput text, string word, string name)
    {
        string wanted = word.Trim();
        for (int from = 0; wanted.Length > 0
            && text.Text.IndexOf(wanted, from, StringComparison.OrdinalIgnoreCase) is var start and >= 0; from = start + 1)
        {
            int end = start + wanted.Length;
            bool continues = end < text.Text.Length && char.IsLetterOrDigit(text.Text[end]);
            if (continues || (start > 0 && char.IsLetterOrDigit(text.Text[start - 1]))) continue;
            int[] tokens = [.. Enumerable.Range(0, text.Tokens.Count).Where(i => text.Tokens[i] is { Special: false } t && t.Start < end
                && t.End > start)];
            if (tokens.Length > 0) return tokens;
        }

        throw new InputException($"{name}: the word '{Printable.Shorten(word, 40)}' does not stand in '{Printable.Shorten(text.Text)}'. "
            + "Name a word of the sentence.");
    }

    /// <summary>The mean of some rows, [D].</summary>
    internal static float[] Mean(Captured rows, IReadOnlyCollection<int> at)
    {
        float[] mean = new float[rows.Last];
        foreach (int row in at)
            for (int d = 0; d < mean.Length; d++) mean[d] += rows.Values[(row * mean.Length) + d] / at.Count;
        return mean;
    }
}

/// <summary><c>GET /api/words?word&amp;count</c>: the nearest words in the word vectors that come with Heed.</summary>
internal sealed class WordsEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "words";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        WordVectors words = WordVectorSample.Open() ?? throw new InputException("The word vectors that come with Heed are missing beside "
            + "the program. Install it again.");
        string word = call.Text("word").Trim().ToLowerInvariant();
        bool known = words.Contains(word);
        WordScore[] near = known ? [.. words.MostSimilar([word], null, call.Integer("count", 1, 50, 8))] : [];
        await call.JsonAsync(new WordsReply(word, known, [.. near.Select(n => new Neighbour(n.Word, (float)n.Score))], words.Words.Count,
            words.Width, known ? null : Printable.Nearest(word, words.Words)), ExplorerJson.Default.WordsReply).ConfigureAwait(false);
    }
}

/// <summary><c>GET /api/nearest?id&amp;count</c>: the nearest rows in the opened model's own table of tokens.</summary>
internal sealed class NearestEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "nearest";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        int id = call.Integer("id", 0, session.Model.Config.Vocabulary - 1), count = call.Integer("count", 1, 50, 8);
        NearestReply reply = await session.Traces.ComputeAsync(() => Of(session, id, count), call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.NearestReply).ConfigureAwait(false);
    }

    /// <summary>The rows with the largest cosine.</summary>
    internal static NearestReply Of(ExplorerSession session, int id, int count)
    {
        using TensorScope scope = TensorScope.Begin();
        Embedding table = session.Model.Modules.OfType<Embedding>()
            .FirstOrDefault(e => e.Weight.Shape[0] >= session.Model.Config.Vocabulary)
            ?? throw new InputException($"{session.Model.Architecture} has no table of tokens.");
        Tensor weight = table.Weight.ToTensor();
        int V = session.Model.Config.Vocabulary, D = weight.Shape[1];
        float[] cosines = new float[V];
        for (int v = 0; v < V; v++)
            cosines[v] = v == id ? float.NegativeInfinity
                : (float)VectorSimilarity.Cosine.Of(weight.Span.Slice(id * D, D), weight.Span.Slice(v * D, D));
        for (int v = 0; v < V; v++)
            if (float.IsNaN(cosines[v])) cosines[v] = 0;
        return new NearestReply(id, session.Inputs.Shown(id), [.. PredictEndpoint.Best(cosines, count)
            .Select(v => new Neighbour(session.Inputs.Shown(v), cosines[v]))]);
    }
}

/// <summary><c>POST /api/sentences</c>: the user's sentences in the order of their likeness to a question: by the mean of the opened
/// model's last rows, and by the mean of word vectors.</summary>
internal sealed class SentencesEndpoint : IEndpoint
{
    private const int Most = 40;

    public string Method => "POST";

    public string Name => "sentences";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        SentencesRequest request = await call.BodyAsync(ExplorerJson.Default.SentencesRequest).ConfigureAwait(false);
        if (request.Sentences.Count is < 1 or > Most)
            throw new InputException($"sentences: there are {request.Sentences.Count}; 1 to {Most} were expected, one a line.");
        WordVectors? words = WordVectorSample.Open();
        float[] question = await VectorAsync(session, request.Query, call.CancellationToken).ConfigureAwait(false);
        float[]? asked = words is null ? null : MeanOfWords(words, request.Query);
        List<SentenceScore> scores = [];
        for (int n = 0; n < request.Sentences.Count; n++)
        {
            float[] vector = await VectorAsync(session, request.Sentences[n], call.CancellationToken).ConfigureAwait(false);
            float[]? mean = words is null ? null : MeanOfWords(words, request.Sentences[n]);
            scores.Add(new SentenceScore(n, request.Sentences[n], (float)VectorSimilarity.Cosine.Of(question, vector),
                asked is null || mean is null ? null : (float)VectorSimilarity.Cosine.Of(asked, mean)));
        }

        await call.JsonAsync(new SentencesReply([.. scores.OrderByDescending(s => s.Contextual).ThenBy(s => s.Index)]),
            ExplorerJson.Default.SentencesReply).ConfigureAwait(false);
    }

    /// <summary>The mean of the last rows of a text's own tokens.</summary>
    private static async Task<float[]> VectorAsync(ExplorerSession session, string text, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(text)) throw new InputException("query: is empty; type a question, and one sentence a line.");
        Trace trace = await session.TraceAsync(text, "", [], cancellationToken).ConfigureAwait(false);
        Captured rows = await session.Traces.TensorAsync(trace, ContextualEndpoint.LastOf(session.Layout.Stacks[0]), cancellationToken)
            .ConfigureAwait(false);
        int[] own = [.. Enumerable.Range(0, trace.Text.Tokens.Count).Where(i => !trace.Text.Tokens[i].Special)];
        return ContextualEndpoint.Mean(rows, own.Length > 0 ? own : [.. Enumerable.Range(0, trace.Text.Tokens.Count)]);
    }

    /// <summary>The mean of the vectors of a text's words; null where none is known.</summary>
    internal static float[]? MeanOfWords(WordVectors words, string text)
    {
        string[] known = [.. WordSplitter.Words(text).Where(words.Contains)];
        if (known.Length == 0) return null;
        float[] mean = new float[words.Width];
        foreach (string word in known)
            for (int d = 0; d < mean.Length; d++) mean[d] += words[word][d] / known.Length;
        return mean;
    }
}
