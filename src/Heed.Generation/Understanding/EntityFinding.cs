using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Tokenizers.Models;

namespace Heed.Generation.Understanding;

/// <summary>A token, word or group of them with a label.</summary>
/// <param name="Label">The label; of a group without its prefix.</param>
/// <param name="Word">The token as stored, or what the decoder makes of the tokens.</param>
/// <param name="Start">First character, in UTF-16 units.</param>
/// <param name="End">After the last.</param>
/// <param name="Score">Its probability.</param>
/// <param name="Index">Place of a token among those of its window; −1 for groups.</param>
/// <param name="Items">The tokens of each word (with simple aggregation: of each token) of a group.</param>
internal sealed record LabelledPart(
    string Label, string Word, int Start, int End, double Score, int Index, IReadOnlyList<IReadOnlyList<string>> Items);

/// <summary>The classes of tokens, joined to words and groups.</summary>
/// <remarks>As transformers' pipeline does it, except that the text of a group is decoded once, from its tokens: decoding words and then
/// the group breaks characters and loses spaces.</remarks>
internal static class EntityFinding
{
    /// <summary>The labelled parts of texts.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="aggregation">What is joined.</param>
    /// <param name="ignored">Labels that are left out at the end.</param>
    /// <param name="stride">Tokens that windows share; null: the end of a long text is not read.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>For each text its parts in order.</returns>
    /// <exception cref="InputException">The model does not label tokens, or the stride is as long as a window.</exception>
    public static List<LabelledPart>[] Find(
        TextReading reading, IReadOnlyList<EntityText> texts, EntityAggregation aggregation, IReadOnlyList<string> ignored, int? stride,
        CancellationToken cancellationToken)
    {
        if (reading.Model is not TokenClassifier)
            throw new InputException($"{reading.Folder}: {reading.Model.Architecture} does not label tokens. Open a model with a "
                + "token classification head.");
        CheckStride(reading, stride);
        Tokenizer tokenizer = reading.Cutting(stride: stride ?? 0);
        List<(int Text, TokenEncoding Window)> windows = [];
        for (int t = 0; t < texts.Count; t++)
        {
            TokenEncoding first = texts[t].Words is { } words ? tokenizer.EncodeWords(words) : tokenizer.Encode(texts[t].Text);
            windows.Add((t, first));
            if (stride is not null) windows.AddRange(first.Overflowing.Select(w => (t, w)));
        }

        float[][] logits = reading.Run([.. windows.Select(w => w.Window)],
            static (output, b, window) => TextReading.Row(output.Logits!, b, window.Count * output.Logits!.Shape.Last), cancellationToken);
        List<LabelledPart>[] found = [.. texts.Select(_ => new List<LabelledPart>())];
        int[] counts = new int[texts.Count];
        for (int w = 0; w < windows.Count; w++)
        {
            (int text, TokenEncoding window) = windows[w];
            counts[text]++;
            found[text].AddRange(OfWindow(reading, texts[text], window, logits[w], aggregation).Where(p => !ignored.Contains(p.Label)));
        }

        return [.. found.Select((parts, t) => counts[t] > 1 ? Merge(parts) : parts)];
    }

    /// <summary>The parts of one window.</summary>
    private static IEnumerable<LabelledPart> OfWindow(
        TextReading reading, EntityText text, TokenEncoding window, float[] logits, EntityAggregation aggregation)
    {
        List<Piece> pieces = Pieces(reading, text, window, logits);
        if (aggregation == EntityAggregation.None) return pieces.Select(p => Part(reading, [p], p.Probabilities, p.Index));
        List<(Piece[] Pieces, float[] Probabilities)> items = [];
        if (aggregation == EntityAggregation.Simple)
        {
            items.AddRange(pieces.Select(p => ((Piece[])[p], p.Probabilities)));
        }
        else
        {
            foreach (List<Piece> word in Words(pieces))
                items.Add(([.. word], OfWord(word, aggregation)));
        }

        return Groups(reading, items);
    }

    private static List<Piece> Pieces(TextReading reading, EntityText text, TokenEncoding window, float[] logits)
    {
        int L = window.Count == 0 ? 0 : logits.Length / window.Count;
        int? unknown = reading.IdOf("unk_token");
        bool isWordPiece = reading.Tokenizer.Parts.Model is WordPieceModel;
        List<Piece> pieces = [];
        for (int t = 0; t < window.Count; t++)
        {
            if (window.SpecialTokensMask[t] != 0) continue;
            float[] probabilities = new float[L];
            Probabilities.Softmax(logits.AsSpan(t * L, L), probabilities);
            int before = text.Words is not null && window.WordIds[t] >= 0 ? text.WordStarts[window.WordIds[t]] : 0;
            int start = window.Starts[t] + before, end = window.Ends[t] + before;
            string token = window.Tokens[t], covered = text.Text[start..end];
            bool isUnknown = window.Ids[t] == unknown;
            bool continues = !isUnknown && (isWordPiece ? CodePoints(token) != CodePoints(covered)
                : start > 0 && text.Text[start - 1] != ' ' && (start == text.Text.Length || text.Text[start] != ' '));
            pieces.Add(new Piece(isUnknown ? covered : token, probabilities, start, end, t, continues));
        }

        return pieces;
    }

    private static IEnumerable<List<Piece>> Words(List<Piece> pieces)
    {
        List<Piece> word = [];
        foreach (Piece piece in pieces)
        {
            if (word.Count > 0 && !piece.Continues)
            {
                yield return word;
                word = [];
            }

            word.Add(piece);
        }

        if (word.Count > 0) yield return word;
    }

    private static float[] OfWord(List<Piece> word, EntityAggregation aggregation) => aggregation switch
    {
        EntityAggregation.First => word[0].Probabilities,
        EntityAggregation.Max => word.MaxBy(p => p.Probabilities.Max())!.Probabilities,
        _ => [.. Enumerable.Range(0, word[0].Probabilities.Length).Select(l => (float)word.Average(p => (double)p.Probabilities[l]))],
    };

    /// <summary>Neighbours with one tag, unless the later one begins an entity.</summary>
    private static IEnumerable<LabelledPart> Groups(TextReading reading, List<(Piece[] Pieces, float[] Probabilities)> items)
    {
        List<Piece[]> words = [];
        List<double> scores = [];
        string label = "", tag = "";
        foreach ((Piece[] own, float[] probabilities) in items)
        {
            int best = Best(probabilities);
            string its = TextClassification.LabelOf(reading.Model.Config, best);
            if (scores.Count > 0 && (Tag(its) != tag || its.StartsWith("B-", StringComparison.Ordinal)))
            {
                yield return Group();
                words = [];
                scores = [];
            }

            if (scores.Count == 0) label = its;
            tag = Tag(its);
            words.Add(own);
            scores.Add(probabilities[best]);
        }

        if (scores.Count > 0) yield return Group();

        LabelledPart Group() => new(label[(label.IndexOf('-', StringComparison.Ordinal) + 1)..],
            reading.Tokenizer.DecodeTokens([.. words.SelectMany(w => w.Select(p => p.Token))]), words[0][0].Start, words[^1][^1].End,
            scores.Average(), -1, [.. words.Select(w => (string[])[.. w.Select(p => p.Token)])]);
    }

    private static LabelledPart Part(TextReading reading, Piece[] pieces, float[] probabilities, int index)
    {
        int best = Best(probabilities);
        return new LabelledPart(TextClassification.LabelOf(reading.Model.Config, best), pieces[0].Token, pieces[0].Start, pieces[^1].End,
            probabilities[best], index, [[pieces[0].Token]]);
    }

    /// <summary>What windows that overlap found, each part once: of two that begin inside each other the longer, or the likelier, is
    /// kept.</summary>
    private static List<LabelledPart> Merge(List<LabelledPart> found)
    {
        List<LabelledPart> kept = [];
        LabelledPart? last = null;
        foreach (LabelledPart part in found.OrderBy(p => p.Start))
        {
            if (last is not null && part.Start >= last.Start && part.Start < last.End)
            {
                (int mine, int its) = (part.End - part.Start, last.End - last.Start);
                if (mine > its || (mine == its && part.Score > last.Score)) last = part;
                continue;
            }

            if (last is not null) kept.Add(last);
            last = part;
        }

        if (last is not null) kept.Add(last);
        return kept;
    }

    private static void CheckStride(TextReading reading, int? stride)
    {
        if (stride is not { } overlap || reading.Limit == int.MaxValue) return;
        int room = reading.Limit - reading.Tokenizer.Encode("").Count;
        if (overlap < 0 || overlap >= room)
            throw new InputException($"stride: is {overlap}; a whole number from 0 to {room - 1} was expected, as a window holds "
                + $"{room} tokens of the text.");
    }

    private static string Tag(string label)
        => label.StartsWith("B-", StringComparison.Ordinal) || label.StartsWith("I-", StringComparison.Ordinal) ? label[2..] : label;

    private static int Best(float[] probabilities) => Array.IndexOf(probabilities, Probabilities.Max(probabilities));

    private static int CodePoints(string text) => text.EnumerateRunes().Count();

    /// <summary>A token that is no special one.</summary>
    private sealed record Piece(string Token, float[] Probabilities, int Start, int End, int Index, bool Continues);
}

/// <summary>A text whose entities are wanted, or words and what joins them.</summary>
internal sealed class EntityText
{
    public EntityText(string text) => Text = text;

    public EntityText(IReadOnlyList<string> words, string delimiter)
    {
        Words = words;
        Text = string.Join(delimiter, words);
        int[] starts = new int[words.Count];
        for (int i = 1; i < starts.Length; i++) starts[i] = starts[i - 1] + words[i - 1].Length + delimiter.Length;
        WordStarts = starts;
    }

    /// <summary>The text, to which offsets refer.</summary>
    public string Text { get; }

    /// <summary>The words; null: the text is encoded as it is.</summary>
    public IReadOnlyList<string>? Words { get; }

    /// <summary>First character of each word in the text.</summary>
    public IReadOnlyList<int> WordStarts { get; } = [];
}
