using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Models.Recurrent;

namespace Heed.Lab.Support;

/// <summary>Models made by configuration, from the same parts as any other.</summary>
internal static class LabModels
{
    /// <summary>A decoder; where the configuration says encoder, the same decoder without its causal mask.</summary>
    public static CausalLanguageModel Decoder(CustomConfig config, ParameterSet parameters)
    {
        ParameterScope root = parameters.Root;
        CustomStack stack = new(config, root / "model", config.TiedOutput);
        VocabularyHeadConfig head = new() { Width = config.Width, Vocabulary = config.Vocabulary, Tied = config.TiedOutput };
        return new CausalLanguageModel("CustomDecoder", parameters, stack, new VocabularyHead(head, stack.Tokens, root / "lm_head"));
    }

    /// <summary>LSTM layers that predict the next token; the output layer is its own.</summary>
    public static CausalLanguageModel Recurrent(int vocabulary, int width, int layers, ParameterSet parameters)
        => CausalLanguageModel.Create(
            new LstmConfig { Vocabulary = vocabulary, Width = width, Layers = layers, TiedOutput = false }, parameters);

    /// <summary>Hooks that silence heads of one layer: what they would write becomes 0.</summary>
    /// <param name="hooks">Gets the replacement.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="silent">Those that write nothing.</param>
    /// <returns><paramref name="hooks"/>.</returns>
    public static Hooks Silence(Hooks hooks, int layer, params int[] silent)
        => hooks.Replace($"blocks.{layer}.attn.z", (_, z) =>
        {
            Tensor keep = Tensor.Full(new Shape(1, z.Shape[1], 1), 1);
            foreach (int head in silent) keep.Span[head] = 0;
            return z * keep;
        });

    /// <summary>Gives every matrix values of N(0, 1/fan in), so that rows keep their size from product to product, and the tables of
    /// tokens and positions N(0, 1).</summary>
    public static void KeepSizes(ParameterSet parameters, ulong seed)
    {
        foreach (Parameter p in parameters)
        {
            if (p.Shape.Rank != 2) continue;
            bool table = p.Name.Contains("embed", StringComparison.Ordinal);
            new CounterRandom(seed, Initializer.StreamOf("sizes/" + p.Name)).Normal(p.Value.Span, 0, table ? 1 : 1 / MathF.Sqrt(p.Inputs));
        }
    }

    /// <summary>Ids drawn evenly.</summary>
    public static int[] Ids(CounterRandom random, int count, int vocabulary)
        => [.. Enumerable.Range(0, count).Select(i => random.Integer((ulong)i, vocabulary))];

    /// <summary>The rows of a stack for one sequence.</summary>
    public static Tensor Rows(CausalLanguageModel model, int[] ids, Hooks? hooks = null)
    {
        TokenBatch batch = TokenBatch.Of(ids);
        return model.Hidden(batch, batch.Context(new RunOptions { Hooks = hooks })).Value;
    }

    /// <summary>The logits of one sequence, [T, V].</summary>
    public static Tensor Logits(CausalLanguageModel model, int[] ids, Hooks? hooks = null)
        => model.Logits(Rows(model, ids, hooks)).Value;
}
