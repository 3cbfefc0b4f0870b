namespace Heed.Engine.Nn;

/// <summary>How RoPE's frequencies are changed for longer contexts.</summary>
public enum RopeScalingKind
{
    /// <summary>Positions divided by the factor (Chen et al., arXiv:2306.15595).</summary>
    Linear,

    /// <summary>The base grows with the length, beyond the trained one.</summary>
    Dynamic,

    /// <summary>High frequencies stay, low ones are divided, a ramp between (Peng et al., arXiv:2309.00071).</summary>
    Yarn,

    /// <summary>As YaRN, by wavelength (LLaMA 3.1).</summary>
    Llama3,

    /// <summary>A factor for each frequency, one list for short and one for long sequences (Ding et al., arXiv:2402.13753).</summary>
    LongRope,
}

/// <summary>RoPE's scaling as a model's configuration states it.</summary>
public sealed record RopeScaling
{
    /// <summary>Which rule.</summary>
    public required RopeScalingKind Kind { get; init; }

    /// <summary>f, how many times longer than trained; at least 1 as a rule.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Tokens of the context that the model was first trained with; 0 means the model's maximum.</summary>
    public int OriginalLength { get; init; }

    /// <summary>What cos and sin are multiplied by, or null for the rule's own value.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>YaRN: turns over the original context above which a frequency stays.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: turns below which a frequency is divided by f.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: numerator's and denominator's part of the attention factor (DeepSeek), or null.</summary>
    public double? Scale { get; init; }

    /// <inheritdoc cref="Scale"/>
    public double? ScaleAll { get; init; }

    /// <summary>YaRN: whether the ramp's ends are rounded to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>LLaMA 3: wavelengths above original / this are divided by f.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>LLaMA 3: wavelengths below original / this stay.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>LongRoPE: [R/2], divisors for sequences up to the original length.</summary>
    public IReadOnlyList<double>? ShortFactors { get; init; }

    /// <summary>LongRoPE: [R/2], divisors for longer sequences.</summary>
    public IReadOnlyList<double>? LongFactors { get; init; }

    /// <summary>What of these settings does not go with a head, as one sentence, or null.</summary>
    /// <param name="headWidth">K, even.</param>
    internal string? Problem(int headWidth) => Kind switch
    {
        RopeScalingKind.Dynamic when headWidth == 2 => "heads of width 2 (head_dim) cannot have dynamic RoPE, whose exponent divides by width - 2.",
        RopeScalingKind.LongRope when ShortFactors?.Count != headWidth / 2 || LongFactors?.Count != headWidth / 2 =>
            $"rope_type \"longrope\" has {ShortFactors?.Count ?? 0} numbers in short_factor and {LongFactors?.Count ?? 0} in long_factor; "
            + $"{headWidth / 2} are needed, half of the head width {headWidth} (head_dim).",
        _ => null,
    };

    /// <summary>Equal for lengths that share their frequencies.</summary>
    /// <param name="length">Tokens of the text.</param>
    /// <param name="maximumLength">Tokens of the model's context.</param>
    internal int Regime(int length, int maximumLength) => Kind switch
    {
        RopeScalingKind.Dynamic => Math.Max(length, maximumLength),
        RopeScalingKind.LongRope => length > (OriginalLength > 0 ? OriginalLength : maximumLength) ? 1 : 0,
        _ => 0,
    };
}
