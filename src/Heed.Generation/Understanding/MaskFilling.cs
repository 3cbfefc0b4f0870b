using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Generation.Understanding;

/// <summary>What may stand at the masks of a text.</summary>
internal static class MaskFilling
{
    /// <summary>Texts that run at once; results do not depend on it.</summary>
    private const int AtOnce = 16;

    /// <summary>The likeliest fillings of each mask of some texts.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="texts">Texts with one mask or more.</param>
    /// <param name="count">Up to how many fillings for each mask.</param>
    /// <param name="targets">Only these tokens or, for a text that is no token, its first; null: all.</param>
    /// <param name="cut">True: a text that is too long is cut.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">A text has no mask, a target has no token, or the model does not fill masks.</exception>
    public static IReadOnlyList<Filling>[] Fill(
        TextReading reading, IReadOnlyList<string> texts, int count, IReadOnlyList<string>? targets, bool cut,
            CancellationToken cancellationToken)
    {
        if (reading.Model is not MaskedLanguageModel model)
            throw new InputException($"{reading.Folder}: {reading.Model.Architecture} does not fill masks. Open a masked language "
                + "model such as BERT.");
        string mask = MaskToken(reading.Tokenizer)
            ?? throw new InputException($"{reading.Folder}: the tokenizer has no mask token; a masked language model needs one; take the "
                + "tokenizer that belongs to the model.");
        int id = reading.Tokenizer.TokenToId(mask)
            ?? throw new InputException($"{reading.Folder}: the mask token {mask} is not in the vocabulary.");
        TokenEncoding[] encodings = [.. texts.Select(t => reading.Encode(t, cut: cut))];
        int[][] masks = Array.ConvertAll(encodings, e => (int[])[.. Enumerable.Range(0, e.Count).Where(t => e.Ids[t] == id)]);
        if (Array.Exists(masks, m
            => m.Length == 0)) throw new InputException($"The text has no {mask}; write it where a word is to be filled in.");
        int[]? allowed = targets is null ? null : [.. targets.Select(t => TargetId(reading, t)).Distinct().Order()];
        IReadOnlyList<Filling>[] found = new IReadOnlyList<Filling>[texts.Count];
        using ModelUse use = model.Enter();
        for (int first = 0; first < texts.Count; first += AtOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            int end = Math.Min(texts.Count, first + AtOnce), done = 0;
            TokenBatch batch = model.Pack(reading.InputsOf(encodings[first..end]));
            Variable hidden = model.Encode(batch, batch.Context(new RunOptions { CancellationToken = cancellationToken }));
            int[] rows = [.. Enumerable.Range(first, end - first).SelectMany(t => masks[t].Select(m => batch.Starts[t - first] + m))];
            Tensor scores = model.Logits(hidden.Gather(rows)).Value;                                     // [masks, V]
            for (int t = first; t < end; t++)
            {
                List<Filling> fillings = [];
                for (int m = 0; m < masks[t].Length; m++)
                {
                    float[] row = TextReading.Row(scores, done++, scores.Shape.Last);
                    Probabilities.Softmax([.. row], row);
                    fillings.AddRange(Best(row, allowed, count).Select(token
                        => Filled(reading, encodings[t], masks[t], m, token, row[token])));
                }

                found[t] = fillings;
            }
        }

        return found;
    }

    private static Filling Filled(TextReading reading, TokenEncoding text, int[] masks, int mask, int token, float probability)
    {
        int[] filled = [.. text.Ids];
        filled[masks[mask]] = token;
        string whole = reading.Tokenizer.Decode([.. filled.Where(i => i != reading.Model.Config.PaddingId)],
            skipSpecialTokens: masks.Length == 1);
        return new Filling(mask, reading.Tokenizer.Decode([token], skipSpecialTokens: false), token, probability, whole);
    }

    /// <summary>The mask token of a tokenizer; null if it has none.</summary>
    public static string? MaskToken(Tokenizer tokenizer)
    {
        if (tokenizer.SpecialTokens.TryGetValue("mask_token", out string? named)) return named;
        return tokenizer.TokenToId("[MASK]") is not null ? "[MASK]" : tokenizer.TokenToId("<mask>") is not null ? "<mask>" : null;
    }

    private static IEnumerable<int> Best(float[] row, int[]? allowed, int count)
    {
        if (allowed is not null) return allowed.OrderByDescending(i => row[i]).Take(count);
        int[] order = Probabilities.Ascending(row);
        return Enumerable.Range(1, Math.Min(count, order.Length)).Select(k => order[^k]);
    }

    /// <summary>The piece that stands for a target that is no token itself; null for one that is.</summary>
    public static string? FirstPiece(TextReading reading, string target)
        => reading.Tokenizer.TokenToId(target) is null ? reading.Tokenizer.IdToToken(TargetId(reading, target)) : null;

    /// <summary>The id of a target: the token itself, or the first token of the text.</summary>
    private static int TargetId(TextReading reading, string target)
    {
        if (reading.Tokenizer.TokenToId(target) is { } token) return token;
        int[] ids = reading.Tokenizer.Encode(target, addSpecialTokens: false).IdArray;
        return ids.Length > 0 ? ids[0] : throw new InputException($"The target '{Printable.Shorten(target)}' has no token; leave it out.");
    }
}
