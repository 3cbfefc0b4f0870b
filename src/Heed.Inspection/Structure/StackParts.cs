using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Inspection;

/// <summary>The modules of one stack, found by the names that hooks use.</summary>
internal sealed class StackParts
{
    /// <summary>Finds them.</summary>
    /// <param name="name"><c>encoder</c> or <c>decoder</c>.</param>
    /// <param name="prefix">What hooks put before names: empty in models with one stack.</param>
    /// <param name="model">The model.</param>
    /// <param name="order">Names that a run showed, in its order.</param>
    public StackParts(string name, string prefix, Module model, IReadOnlyList<string> order)
    {
        (Name, Prefix) = (name, prefix);
        Dictionary<string, Module> modules = new(StringComparer.Ordinal);
        foreach (Module module in model.Modules)
            if (module.Site.Length > 0) modules.TryAdd(module.Site, module);
        EmbedNorm = modules.GetValueOrDefault($"{prefix}embed.norm") as Norm;
        FinalNorm = modules.GetValueOrDefault($"{prefix}final_norm") as Norm;
        EmbedProjection = modules.GetValueOrDefault($"{prefix}embed_proj") as Projection;
        List<BlockParts> blocks = [];
        while (modules.TryGetValue($"{prefix}blocks.{blocks.Count}.attn", out Module? attention))
        {
            string at = $"{prefix}blocks.{blocks.Count}";
            blocks.Add(new BlockParts((MultiHeadAttention)attention, modules.GetValueOrDefault($"{at}.cross_attn") as MultiHeadAttention,
                modules.GetValueOrDefault($"{at}.mlp") as FeedForward)
            {
                AttentionNorm = modules.GetValueOrDefault($"{at}.attn_norm") as Norm,
                CrossNorm = modules.GetValueOrDefault($"{at}.cross_attn_norm") as Norm,
                MlpNorm = modules.GetValueOrDefault($"{at}.mlp_norm") as Norm,
                AttentionOutNorm = modules.GetValueOrDefault($"{at}.attn_out_norm") as Norm,
                MlpOutNorm = modules.GetValueOrDefault($"{at}.mlp_out_norm") as Norm,
            });
        }

        Blocks = blocks;
        // ModernBERT's first layer has no norm before attention: the feed-forward part's tells.
        int norm = IndexOf(order, $"{prefix}blocks.0.mlp_norm.in"), inner = IndexOf(order, $"{prefix}blocks.0.mlp.pre");
        IsPreNorm = norm >= 0 && norm < inner;
    }

    /// <summary><c>encoder</c> or <c>decoder</c>.</summary>
    public string Name { get; }

    /// <summary>What hooks put before names.</summary>
    public string Prefix { get; }

    /// <summary>The layers; empty in recurrent models.</summary>
    public IReadOnlyList<BlockParts> Blocks { get; }

    /// <summary>True where norms stand before the parts.</summary>
    public bool IsPreNorm { get; }

    /// <summary>Norm on the embeddings, or null.</summary>
    public Norm? EmbedNorm { get; }

    /// <summary>ELECTRA's map from narrow tables to the stream, or null.</summary>
    public Projection? EmbedProjection { get; }

    /// <summary>Norm after the last layer, or null.</summary>
    public Norm? FinalNorm { get; }

    /// <summary>True where the layers attend to an encoder.</summary>
    public bool HasCross => Blocks.Count > 0 && Blocks[0].Cross is not null;

    /// <summary><c>attn</c>, and <c>cross_attn</c> where there is one.</summary>
    public IEnumerable<string> AttentionNames => HasCross ? ["attn", "cross_attn"] : ["attn"];

    /// <summary>The states: what enters layer 0, then what leaves each layer.</summary>
    public string StateName(int state) => state == 0 ? $"{Name}.embed.out" : $"{Name}.blocks.{state - 1}.out";

    private static int IndexOf(IReadOnlyList<string> list, string name)
    {
        for (int i = 0; i < list.Count; i++)
            if (list[i] == name) return i;
        return -1;
    }
}

/// <summary>The modules of one layer.</summary>
/// <param name="Attention">Self-attention.</param>
/// <param name="Cross">Attention to an encoder, or null.</param>
/// <param name="Mlp">The feed-forward part; null where a family has none.</param>
internal sealed record BlockParts(MultiHeadAttention Attention, MultiHeadAttention? Cross, FeedForward? Mlp)
{
    public Norm? AttentionNorm { get; init; }

    public Norm? CrossNorm { get; init; }

    public Norm? MlpNorm { get; init; }

    public Norm? AttentionOutNorm { get; init; }

    public Norm? MlpOutNorm { get; init; }

    /// <summary>One of the two attentions by its name.</summary>
    public MultiHeadAttention Of(string attention) => attention == "attn" ? Attention : Cross!;
}

/// <summary>A projection as a matrix, whatever holds its values.</summary>
internal static class Matrices
{
    /// <summary>[inputs · outputs], row by row: row i is what input i adds to the outputs.</summary>
    public static float[] Of(Projection projection)
    {
        using TensorScope scope = TensorScope.Begin();
        int I = projection.Inputs, O = projection.Outputs;
        if (projection is Linear linear)
        {
            float[] stored = new float[I * O];
            linear.Weight.CopyTo(stored);
            if (linear.Weight.InputMajor == true) return stored;
            float[] turned = new float[stored.Length];
            for (int o = 0; o < O; o++)
                for (int i = 0; i < I; i++) turned[(i * O) + o] = stored[(o * I) + i];
            return turned;
        }

        // Of a projection that is only known by what it does (an adapter): what it makes of each input alone.
        Tensor one = Tensor.Zeros(I, I);
        for (int i = 0; i < I; i++) one.Span[(i * I) + i] = 1;
        float[] made = projection.Forward(one).Value.ToArray(), bias = projection.Forward(Tensor.Zeros(1, I)).Value.ToArray();
        for (int i = 0; i < made.Length; i++) made[i] -= bias[i % O];
        return made;
    }

    /// <summary>What a projection gives for zero, [outputs]; null where it has no bias.</summary>
    public static float[]? Bias(Projection projection)
    {
        using TensorScope scope = TensorScope.Begin();
        if (projection is Linear linear) return linear.Bias?.Value.ToArray();
        float[] bias = projection.Forward(Tensor.Zeros(1, projection.Inputs)).Value.ToArray();
        return Array.TrueForAll(bias, b => b == 0) ? null : bias;
    }
}
