using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>What the layers of the 2017 Transformer are.</summary>
/// <remarks>Vaswani et al. 2017, arXiv:1706.03762, §3; pre-norm: Xiong et al., arXiv:2002.04745.</remarks>
public sealed record TransformerConfig
{
    /// <summary>D.</summary>
    public required int Width { get; init; }

    /// <summary>H, a divisor of D.</summary>
    public required int Heads { get; init; }

    /// <summary>F.</summary>
    public required int InnerWidth { get; init; }

    /// <summary>Layers of the encoder.</summary>
    public int EncoderLayers { get; init; } = 6;

    /// <summary>Layers of the decoder.</summary>
    public int DecoderLayers { get; init; } = 6;

    /// <summary>Function of the feed-forward part.</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <summary>True: norms before each part (x + part(norm(x))); false: after (norm(x + part(x))), as in the paper.</summary>
    public bool NormFirst { get; init; }

    /// <summary>True: a norm after the last layer of each stack.</summary>
    public bool FinalNorm { get; init; } = true;

    /// <summary>ε of the norms.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Probability of dropout on what each part adds (§5.4).</summary>
    public float Dropout { get; init; }

    internal AttentionConfig Attention(bool causal) => new() { Width = Width, Heads = Heads, Causal = causal, Names = AttentionNames.Bart, Dropout = Dropout, Initializer = Initializer.GlorotUniform };

    internal FeedForwardConfig FeedForward => new() { Width = Width, InnerWidth = InnerWidth, Activation = Activation, UpName = "linear1", DownName = "linear2", InnerDropout = Dropout, Initializer = Initializer.GlorotUniform };
}
