using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Generation.Understanding;

/// <summary>Answers as spans of a context, found in windows.</summary>
/// <remarks>The rules of transformers' pipeline up to version 5.2; pairs of places with probability 0 are never answers.</remarks>
internal static class QuestionAnswering
{
    private const int LongestWindow = 384, LargestStride = 128;

    /// <summary>A window of a question's context and the model's scores for it.</summary>
    /// <param name="Encoding">Question and part of the context.</param>
    /// <param name="Starts">How well an answer starts at each token, [N].</param>
    /// <param name="Ends">How well it ends there, [N].</param>
    public sealed record Window(TokenEncoding Encoding, float[] Starts, float[] Ends);

    /// <summary>The windows of questions with their scores.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="questions">Question and context.</param>
    /// <param name="length">Tokens of a window; null: what the model reads, at most 384.</param>
    /// <param name="stride">Tokens that windows share; null: half a window, at most 128.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The model does not answer questions, or a question leaves no room for its context.</exception>
    public static Window[][] Windows(
        TextReading reading, IReadOnlyList<Embeddings.TextPair> questions, int? length, int? stride, CancellationToken cancellationToken)
    {
        if (reading.Model is not QuestionAnswerer)
            throw new InputException($"{reading.Folder}: {reading.Model.Architecture} does not answer questions. Open a model with "
                + "a question answering head.");
        int longest = length ?? Math.Min(reading.Limit, LongestWindow);
        int overlap = stride ?? Math.Min(longest / 2, LargestStride);
        int frame = reading.Tokenizer.Encode("", "").Count;
        List<TokenEncoding> windows = [];
        List<int> counts = [];
        foreach (Embeddings.TextPair question in questions)
        {
            // A context that fits is one window, whatever the overlap.
            TokenEncoding first = reading.Encode(question.First, question.Second);
            if (first.Count > longest)
            {
                int room = longest - frame - reading.Tokenizer.CountTokens(question.First, addSpecialTokens: false);
                if (room < 1) throw new InputException("The question leaves no room for its context: with special tokens it has "
                    + $"{longest - room} tokens, and a window {longest}. Shorten it.");
                if (overlap < 0 || overlap >= room) throw new InputException($"stride: is {overlap}; a whole number from 0 to {room - 1} "
                    + $"was expected, as a window of {longest} tokens holds {room} of the context beside this question.");
                first = reading.Cutting(longest, TruncationStrategy.OnlySecond, overlap).Encode(question.First, question.Second);
            }

            windows.Add(first);
            windows.AddRange(first.Overflowing);
            counts.Add(1 + first.Overflowing.Count);
        }

        Window[] scored = reading.Run(windows, static (output, b, window) => new Window(window,
            TextReading.Row(output.StartLogits!, b, window.Count), TextReading.Row(output.EndLogits!, b, window.Count)), cancellationToken);
        int done = 0;
        return [.. counts.Select(n => scored[done..(done += n)])];
    }

    /// <summary>The best answers in the windows of one context.</summary>
    public static Answer[] Answers(TextReading reading, string context, Window[] windows, QuestionOptions options)
    {
        List<Answer> answers = [];
        Dictionary<string, int> known = new(StringComparer.Ordinal);
        double none = double.PositiveInfinity;
        int? cls = reading.IdOf("cls_token");
        foreach (Window window in windows)
        {
            TokenEncoding encoding = window.Encoding;
            double[] starts = Softmax(window.Starts, encoding, cls), ends = Softmax(window.Ends, encoding, cls);
            none = Math.Min(none, starts[0] * ends[0]);
            starts[0] = ends[0] = 0;
            foreach ((int i, int j, double score) in Best(starts, ends, options))
            {
                if (encoding.SequenceIds[i] != 1 || encoding.SequenceIds[j] != 1) continue;
                (int from, int to) = options.WholeWords ? Words(encoding, i, j) : (encoding.Starts[i], encoding.Ends[j]);
                if (to < from) continue;
                string text = context[from..to], key = text.ToLowerInvariant();
                if (known.TryGetValue(key, out int at)) answers[at] = answers[at] with { Score = answers[at].Score + score };
                else
                {
                    known.Add(key, answers.Count);
                    answers.Add(new Answer(text, from, to, score));
                }
            }
        }

        if (options.MayBeMissing) answers.Add(new Answer("", 0, 0, none));
        return [.. answers.OrderByDescending(a => a.Score).Take(options.Top)];
    }

    /// <summary>The best pairs of a start and an end, best first; a few more than are wanted, as some will be one word.</summary>
    private static IEnumerable<(int Start, int End, double Score)> Best(double[] starts, double[] ends, QuestionOptions options)
    {
        List<(int Start, int End, double Score)> pairs = [];
        for (int i = 0; i < starts.Length; i++)
        {
            for (int j = i; j < Math.Min(starts.Length, (long)i + options.LongestAnswer); j++)
                if (starts[i] * ends[j] is > 0 and var score) pairs.Add((i, j, score));
        }

        long wanted = options.WholeWords ? (2L * options.Top) + 10 : options.Top;
        return pairs.OrderByDescending(p => p.Score).Take((int)Math.Min(wanted, int.MaxValue));
    }

    /// <summary>The places of the words, within this window, that two tokens belong to.</summary>
    private static (int From, int To) Words(TokenEncoding window, int i, int j)
    {
        int first = window.WordIds[i], last = window.WordIds[j];
        if (first < 0 || last < 0) return (window.Starts[i], window.Ends[j]);
        int from = i, to = j;
        for (int t = 0; t < window.Count; t++)
        {
            if (window.SequenceIds[t] != 1) continue;
            if (window.WordIds[t] == first && t < from) from = t;
            if (window.WordIds[t] == last && t > to) to = t;
        }

        return (window.Starts[from], window.Ends[to]);
    }

    /// <summary>The softmax over the context's tokens and those of the class token, where "no answer" stands.</summary>
    private static double[] Softmax(float[] scores, TokenEncoding window, int? cls)
    {
        double[] probabilities = new double[scores.Length];
        bool Counts(int t) => window.SequenceIds[t] == 1 || window.Ids[t] == cls;
        double max = double.NegativeInfinity, sum = 0;
        for (int t = 0; t < scores.Length; t++) if (Counts(t)) max = Math.Max(max, scores[t]);
        for (int t = 0; t < scores.Length; t++) if (Counts(t)) sum += probabilities[t] = Math.Exp(scores[t] - max);
        for (int t = 0; t < scores.Length; t++) probabilities[t] = sum == 0 ? 0 : probabilities[t] / sum;
        return probabilities;
    }
}
