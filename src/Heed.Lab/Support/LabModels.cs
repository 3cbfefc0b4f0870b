using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Custom;

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
