using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>What attention costs beside its projections, and how many keys a token sees.</summary>
internal sealed class AttentionCost(int length)
{
    private readonly Dictionary<(IBlockSparsity Sparsity, bool Causal), double> _blocks = [];

    /// <summary>Operations of one token, two a multiply-add.</summary>
    /// <remarks>
    /// Full: q·k is 2·K operations a key and head, and adding its share of v as many: 4·H·K·S together. Linear: a head's sum [M, K + 1]
    /// takes in one key's features times its value, and gives out one query's: 2·M·(K + 1) each, however long the text is.
    /// </remarks>
    public double Operations(AttentionPart part)
    {
        AttentionConfig c = part.Config;
        if (c.Features is not { } features) return 4.0 * c.Heads * c.HeadWidth * Keys(part);
        double count = features.CountFor(c.HeadWidth);
        double made = features is RandomFeatures ? 2.0 * (c.Heads + c.KeyHeads) * count * c.HeadWidth : 0;       // ω·q and ω·k
        return (4.0 * c.Heads * count * (c.HeadWidth + 1)) + made;
    }

    /// <summary>Keys that a token sees: the last token of a text where attention is causal, else the mean over all tokens.</summary>
    public double Keys(AttentionPart part)
    {
        AttentionConfig c = part.Config;
        double seen = length;
        if (!part.IsCross && c.Window > 0 && c.Window < length)
        {
            // Both sides: 2w − 1 keys, but for the w − 1 tokens at either end, which lack 1 … w − 1 of them.
            double w = c.Window;
            seen = c.Causal ? w : (2 * w) - 1 - (w * (w - 1) / length);
        }

        if (!part.IsCross && c.Sparsity is { } sparsity) seen = Math.Min(seen, InBlocks(sparsity, c.Causal));
        return c.ExtraKey ? seen + 1 : seen;
    }

    private double InBlocks(IBlockSparsity sparsity, bool causal)
    {
        if (_blocks.TryGetValue((sparsity, causal), out double known)) return known;
        int size = sparsity.BlockSize, blocks = (int)(((long)length + size - 1) / size);
        bool[] allowed = sparsity.Allowed(blocks);
        double pairs = 0;
        long Tokens(int block) => Math.Min(size, length - ((long)block * size));
        for (int q = causal ? blocks - 1 : 0; q < blocks; q++)
            for (int k = 0; k < blocks; k++)
                if (allowed[(q * blocks) + k]) pairs += (double)Tokens(k) * (causal ? 1 : Tokens(q));
        return _blocks[(sparsity, causal)] = causal ? pairs : pairs / length;
    }
}
