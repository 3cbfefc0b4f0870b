using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Generation.Sampling;
using Heed.Models;

namespace Heed.Generation.Understanding;

/// <summary>Probabilities of given texts, as lm-evaluation-harness asks for them.</summary>
internal static class ContinuationScoring
{
    /// <summary>Rows of scores over the vocabulary that exist at once.</summary>
    private const int RowsAtOnce = 128;

    /// <summary>The tokens of a prompt and its continuation. Blanks at the prompt's end belong to the continuation, and both are encoded as
    /// one text: its tokens beyond the number of the prompt's are the continuation's.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="prompt">The prompt; empty: the beginning of text.</param>
    /// <param name="continuation">What follows.</param>
    public static (int[] Prompt, int[] Continuation) Split(TextReading reading, string prompt, string continuation)
    {
        if (prompt.Length == 0)
        {
            int begin = BeginId(reading);
            int[] alone = reading.Tokenizer.Encode(continuation, addSpecialTokens: false).IdArray;
            return alone.Length > 0 && alone[0] == begin ? (alone[..1], alone[1..]) : ([begin], alone);
        }

        int[] given = Encode(reading, TrimEnd(prompt)), whole = Encode(reading, prompt + continuation);
        return (given, whole.Length > given.Length ? whole[given.Length..] : []);
    }

    /// <summary>The probabilities of continuations.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="texts">Tokens of prompts and continuations; of what is longer than the model reads the end counts.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">A prompt or a continuation has no token, or the model does not predict the next token.</exception>
    public static ContinuationScore[] Score(
        TextReading reading, IReadOnlyList<(int[] Prompt, int[] Continuation)> texts, CancellationToken cancellationToken)
    {
        if (reading.Model is not CausalLanguageModel model)
            throw new InputException($"{reading.Folder}: {reading.Model.Architecture} does not predict the next token. Open a "
                + "causal language model.");
        foreach ((int[] prompt, int[] continuation) in texts)
        {
            if (prompt.Length == 0) throw new InputException("The prompt has no token, so nothing predicts the continuation's "
                + "first. Give a longer prompt, or an empty one.");
            if (continuation.Length == 0) throw new InputException("The continuation has no token beyond those of the prompt. Give "
                + "a longer one.");
        }

        using ModelUse use = model.Enter();
        return [.. texts.Select(t => Score(reading, model, t.Prompt, t.Continuation, cancellationToken))];
    }

    /// <summary>The probability of a whole text, in windows of what the model reads: the first after the beginning of text, each later one
    /// after as many tokens before it as fit.</summary>
    /// <returns>The score of each window.</returns>
    public static ContinuationScore[] Rolling(TextReading reading, string text, CancellationToken cancellationToken)
    {
        int[] ids = reading.Tokenizer.Encode(text).IdArray;
        if (ids.Length == 0) throw new InputException("The text is empty; give one with at least one token.");
        List<(int[], int[])> windows = [];
        int limit = Math.Min(reading.Limit, Math.Max(ids.Length, 1));
        for (int at = 0; at < ids.Length; at += limit)
        {
            int end = Math.Min(ids.Length, at + limit);
            windows.Add((at == 0 ? [BeginId(reading)] : ids[Math.Max(0, end - limit - 1)..at], ids[at..end]));
        }

        return Score(reading, windows, cancellationToken);
    }

    /// <summary>The beginning of text, or its end where there is none.</summary>
    /// <exception cref="InputException">The tokenizer has neither.</exception>
    public static int BeginId(TextReading reading) => reading.IdOf("bos_token") ?? reading.IdOf("eos_token")
        ?? reading.Model.Config.BeginId ?? reading.Model.Config.EndId
        ?? throw new InputException($"{reading.Folder}: the tokenizer names no bos_token and no eos_token, after one of which a "
            + "text would begin. Give a prompt.");

    private static ContinuationScore Score(
        TextReading reading, CausalLanguageModel model, int[] prompt, int[] continuation, CancellationToken cancellationToken)
    {
        // What is too long loses its beginning; the last id is not read.
        int[] whole = [.. prompt, .. continuation];
        if (reading.Limit < int.MaxValue && whole.Length > reading.Limit + 1) whole = whole[^(reading.Limit + 1)..];
        int[] read = whole[..^1], targets = continuation.Length > read.Length ? whole[1..] : continuation;
        using TensorScope scope = TensorScope.Begin();
        TokenBatch batch = model.Stack.WithPositions(new ModelInputs { InputIds = new TokenGrid(1, read.Length, read) }).Pack();
        Variable hidden = model.Hidden(batch, batch.Context(new RunOptions { CancellationToken = cancellationToken }));      // [N, D]
        TokenLogProbability[] tokens = new TokenLogProbability[targets.Length];
        for (int done = 0; done < targets.Length; done += RowsAtOnce)
        {
            using TensorScope some = TensorScope.Begin();
            int count = Math.Min(RowsAtOnce, targets.Length - done), first = read.Length - targets.Length + done;
            Tensor logits = model.Logits(hidden.Gather([.. Enumerable.Range(first, count)])).Value;                          // [R, V]
            for (int r = 0; r < count; r++)
            {
                float[] row = TextReading.Row(logits, r, logits.Shape.Last);
                Probabilities.LogSoftmax(row);
                int target = targets[done + r], best = Array.IndexOf(row, Probabilities.Max(row));
                tokens[done + r] = new TokenLogProbability(target, row[target], [new TokenLogProbability(best, row[best], [])]);
            }
        }

        return new ContinuationScore(prompt, tokens);
    }

    /// <summary>A text as tokens; one that begins with the beginning of text gets no special tokens more.</summary>
    private static int[] Encode(TextReading reading, string text)
    {
        string? begin = reading.Tokenizer.SpecialTokens.GetValueOrDefault("bos_token")
            ?? reading.Tokenizer.SpecialTokens.GetValueOrDefault("eos_token");
        return reading.Tokenizer.Encode(text, addSpecialTokens: begin is null || !text.StartsWith(begin, StringComparison.Ordinal)).IdArray;
    }

    /// <summary>Without blanks at the end, as Python counts them: the four separators of ASCII among them.</summary>
    private static string TrimEnd(string text)
    {
        int end = text.Length;
        while (end > 0 && (char.IsWhiteSpace(text[end - 1]) || text[end - 1] is >= '\x1c' and <= '\x1f')) end--;
        return text[..end];
    }
}
