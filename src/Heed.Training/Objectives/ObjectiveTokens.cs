using System.Globalization;
using Heed.Tokenizers;

namespace Heed.Training.Objectives;

/// <summary>The special tokens that an objective needs of a tokenizer.</summary>
internal sealed class ObjectiveTokens
{
    /// <summary>Sentinels of a tokenizer that is trained, at least: as many as T5's have.</summary>
    private const int UsualSentinels = 100;

    private readonly HashSet<int> _special;

    private ObjectiveTokens(Tokenizer tokenizer, int endId)
    {
        Tokenizer plain = tokenizer.WithTruncation(null).WithPadding(null);
        (First, Last) = (plain.Frame.First, plain.Frame.Last);
        EndId = endId;
        PaddingId = Role(tokenizer, "pad_token", "[PAD]", "<pad>");
        _special = [.. tokenizer.AddedTokens.Where(t => t.Value.Special).Select(t => t.Key), endId];
    }

    /// <summary>Ids before a text.</summary>
    public IReadOnlyList<int> First { get; private init; }

    /// <summary>Ids after it.</summary>
    public IReadOnlyList<int> Last { get; private init; }

    /// <summary>Id that ends each document.</summary>
    public int EndId { get; }

    /// <summary>Id that fills rows, or null.</summary>
    public int? PaddingId { get; }

    /// <summary>Id of the mask token; −1 if the objective needs none.</summary>
    public int MaskId { get; private init; } = -1;

    /// <summary>Ids of <c>&lt;extra_id_0&gt;</c>, <c>&lt;extra_id_1&gt;</c>, …; empty if the objective needs none.</summary>
    public IReadOnlyList<int> Sentinels { get; private init; } = [];

    /// <summary>True for tokens that no text has.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>Finds the tokens that an objective needs.</summary>
    /// <param name="objective">Its name.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="endId">Id that ends each document.</param>
    /// <param name="sentinels">Sentinels that a row needs.</param>
    /// <param name="source">Where the tokenizer is from, for the error.</param>
    /// <exception cref="InputException">The tokenizer lacks one.</exception>
    public static ObjectiveTokens Of(string objective, Tokenizer tokenizer, int endId, int sentinels, string source)
    {
        ObjectiveTokens tokens = new(tokenizer, endId);
        switch (objective)
        {
            case ObjectiveKind.Span:
                IReadOnlyList<int> ids = SentinelsOf(tokenizer);
                if (ids.Count >= sentinels) return new ObjectiveTokens(tokenizer, endId) { Sentinels = ids };
                throw new InputException($"{source}: the tokenizer has {ids.Count} sentinels ({Sentinel(0)}, {Sentinel(1)}, …), "
                    + $"and spans of a block need {sentinels}. "
                    + "Take T5's tokenizer, add sentinels as special tokens, leave the tokenizer out to train one, or lower block_length.");
            case ObjectiveKind.Masked or ObjectiveKind.Replaced or ObjectiveKind.Distill or ObjectiveKind.Denoise:
                int mask = MaskIdOf(tokenizer) ?? throw new InputException(
                    $"{source}: the tokenizer has no mask token ([MASK] or <mask>), which objective {objective} needs. "
                    + "Take a tokenizer that has one, add it as a special token, or leave the tokenizer out to train one.");
                return ObjectiveKind.Masks(objective) || tokens.Last.Count > 0 ? new ObjectiveTokens(tokenizer, endId) { MaskId = mask }
                    : new ObjectiveTokens(tokenizer, endId) { MaskId = mask, Last = [endId] };
            default:
                return tokens;
        }
    }

    /// <summary>Id of a tokenizer's mask token, or null.</summary>
    public static int? MaskIdOf(Tokenizer tokenizer) => Role(tokenizer, "mask_token", "[MASK]", "<mask>");

    /// <summary>Ids of a tokenizer's sentinels, from the first; empty if it has none.</summary>
    public static IReadOnlyList<int> SentinelsOf(Tokenizer tokenizer)
    {
        List<int> ids = [];
        while (tokenizer.TokenToId(Sentinel(ids.Count)) is { } id) ids.Add(id);
        return ids;
    }

    /// <summary>The special tokens of a tokenizer that is trained for an objective, in the order of their ids.</summary>
    /// <param name="objective">Its name; not the causal one.</param>
    /// <param name="sentinels">Sentinels that a row needs.</param>
    public static IReadOnlyList<string> Trained(string objective, int sentinels) => objective switch
    {
        ObjectiveKind.Masked or ObjectiveKind.Replaced => ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        ObjectiveKind.Denoise => ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        _ => ["<pad>", "</s>", "<unk>", .. Enumerable.Range(0, Math.Max(sentinels, UsualSentinels)).Select(Sentinel)],
    };

    /// <summary>The texts of the tokens that stand before and after a text of a tokenizer that is trained.</summary>
    public static string[] Frame(string objective) => objective == ObjectiveKind.Span ? ["", "</s>"] : ["<s>", "</s>"];

    private static string Sentinel(int number) => string.Create(CultureInfo.InvariantCulture, $"<extra_id_{number}>");

    private static int? Role(Tokenizer tokenizer, string role, params string[] usual)
    {
        if (tokenizer.SpecialTokens.TryGetValue(role, out string? named)) return tokenizer.TokenToId(named);
        foreach (string token in usual)
            if (tokenizer.TokenToId(token) is { } id) return id;
        return null;
    }
}
