using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Circuits;

/// <summary>
/// Texts that end with a block of random symbols standing twice, and decoders without feed-forward parts that learn to continue the
/// second one. The length of the block is drawn for each text: with one length for all, a head of the first layer continues the block
/// by looking a fixed number of tokens back, which RoPE makes easy, and nothing has to be found.
/// </summary>
internal static class RepeatedBlocks
{
    public const int Symbols = 64, Tokens = 48, Shortest = 12, Longest = Tokens / 2, Heads = 4;

    /// <summary>Only the second block is predicted, from its second symbol on; the symbols of a block differ.</summary>
    public static SequenceTask Task { get; } = Of(Shortest);

    /// <summary>Blocks of <paramref name="shortest"/> to 24 symbols.</summary>
    public static SequenceTask Of(int shortest) => new(32, (draws, text, targets) =>
    {
        int block = shortest + draws.Integer(Longest - shortest + 1);
        int[] symbols = draws.Permutation(Symbols);
        text.AddRange(symbols[..(Tokens - block)]);
        text.AddRange(symbols[(Tokens - (2 * block))..(Tokens - block)]);
        for (int t = 0; t < Tokens; t++) targets.Add(t < Tokens - block || t == Tokens - 1 ? SequenceTask.None : text[t + 1]);
    });

    /// <summary>A decoder of attention alone, together with <see cref="AttentionOnly"/>.</summary>
    public static CausalLanguageModel Decoder(int layers, ParameterSet parameters) => Support.LabModels.Decoder(
        new CustomConfig { Vocabulary = Symbols, Width = 64, Layers = layers, Heads = Heads, InnerWidth = 1, TiedOutput = false },
        parameters);

    /// <summary>Hooks that let the feed-forward parts add nothing.</summary>
    public static Hooks AttentionOnly(int layers)
    {
        Hooks hooks = new();
        for (int i = 0; i < layers; i++) hooks.Replace($"blocks.{i}.mlp.out", (_, x) => x * 0f);
        return hooks;
    }

    /// <summary>Mean weight that each head gives, from the symbols of the second block, to the token after the earlier copy.</summary>
    /// <returns>[layer][head].</returns>
    public static double[][] InductionScores(LabRun run, CausalLanguageModel model, int layers)
    {
        using TensorScope scope = TensorScope.Begin();
        SequenceBatch batch = Task.Batch(run, "scores", 0);
        double[][] scores = [.. Enumerable.Range(0, layers).Select(_ => new double[Heads])];
        Hooks hooks = AttentionOnly(layers);
        for (int layer = 0; layer < layers; layer++)
        {
            double[] own = scores[layer];
            hooks.Observe($"blocks.{layer}.attn.pattern", (_, pattern) => Add(pattern.Value, batch, own));
        }

        TokenBatch tokens = TokenBatch.Of(batch.Ids);
        _ = model.Hidden(tokens, tokens.Context(new RunOptions { Hooks = hooks }));
        foreach (double[] layer in scores)
            for (int h = 0; h < Heads; h++) layer[h] /= batch.Count;
        return scores;
    }

    /// <summary>The head with the largest score.</summary>
    public static (int Layer, int Head, double Score) Best(double[][] scores)
        => scores.SelectMany((layer, l) => layer.Select((score, h) => (l, h, score))).MaxBy(s => s.score);

    /// <summary>Visits each symbol of the second blocks under which another is expected.</summary>
    /// <param name="batch">A batch of <see cref="Task"/>.</param>
    /// <param name="visit">Gets the text's number, the symbol's place and that of its earlier copy.</param>
    public static void EachAsked(SequenceBatch batch, Action<int, int, int> visit)
    {
        for (int b = 0; b < batch.Ids.Length; b++)
            for (int t = 0; t < Tokens; t++)
                if (batch.Targets[(b * Tokens) + t] != SequenceTask.None) visit(b, t, Array.IndexOf(batch.Ids[b], batch.Ids[b][t]));
    }

    /// <summary>Adds the weights of one layer's pattern, [B, H, T, S].</summary>
    private static void Add(Tensor pattern, SequenceBatch batch, double[] scores) => EachAsked(batch, (text, t, copy) =>
    {
        for (int h = 0; h < Heads; h++) scores[h] += pattern[text, h, t, copy + 1];
    });
}
