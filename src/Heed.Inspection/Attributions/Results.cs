namespace Heed.Inspection;

/// <summary>The effects of causal tracing.</summary>
/// <param name="Clean">Probability of the target without noise.</param>
/// <param name="Corrupt">[R]: with each sample of noise.</param>
/// <param name="Restored">By stack, [R, L+1, T]: with noise, and one state at one position set back to clean. State 0 is what enters the
/// first layer.</param>
/// <param name="Deviation">Standard deviation of the noise.</param>
public sealed record CausalTracing(
    float Clean, ValueArray Corrupt, IReadOnlyDictionary<string, ValueArray> Restored, float Deviation);

/// <summary>One addend of a score.</summary>
/// <param name="Name">What writes it: <c>decoder.embed.token</c>, <c>decoder.blocks.0.attn.result.3</c> (head 3),
/// <c>decoder.blocks.0.attn.bias</c>, <c>decoder.blocks.0.mlp.out</c>, <c>decoder.final_norm.bias</c>, <c>unembed.bias</c>,
/// <c>head.rest</c>.</param>
/// <param name="Value">Its share of F.</param>
public sealed record Share(string Name, float Value);

/// <summary>A score taken apart into what each part of the model writes directly.</summary>
/// <param name="Shares">They add up to <see cref="Score"/>, but for rounding.</param>
/// <param name="Score">F.</param>
/// <param name="IsExact">False where a head is not linear (masked language models, poolers): its tangent stands for it, and
/// <c>head.rest</c> is what that misses.</param>
public sealed record DirectAttribution(IReadOnlyList<Share> Shares, float Score, bool IsExact);

/// <summary>The gradient of a score with respect to the rows of the token table.</summary>
/// <param name="Gradient">[T, D]: ∂F/∂e.</param>
/// <param name="Norm">[T]: its length.</param>
/// <param name="TimesInput">[T]: Σ over D of gradient times row.</param>
public sealed record InputGradient(ValueArray Gradient, ValueArray Norm, ValueArray TimesInput);

/// <summary>Where integrated gradients begin.</summary>
public enum Baseline
{
    /// <summary>The mean of all rows of the token table.</summary>
    Mean,

    /// <summary>Zero. With nothing added before the first norm (LLaMA, T5) its gradients live within √ε of zero: the gap shows
    /// it.</summary>
    Zero,

    /// <summary>The row of one token, such as a mask or padding.</summary>
    Token,
}

/// <summary>Integrated gradients, and by how much they miss.</summary>
/// <param name="Values">[T, D].</param>
/// <param name="ByToken">[T]: Σ over D.</param>
/// <param name="Score">F of the text.</param>
/// <param name="BaselineScore">F of the baseline.</param>
/// <param name="Gap">Σ of all values less (F − F of the baseline): 0 for the exact integral.</param>
/// <param name="Steps">Points of the way.</param>
public sealed record IntegratedGradients(ValueArray Values, ValueArray ByToken, float Score, float BaselineScore, float Gap, int Steps)
{
    /// <summary>|<see cref="Gap"/>| as a share of |F − F of the baseline|.</summary>
    public double RelativeGap => Math.Abs(Gap) / Math.Max(Math.Abs((double)Score - BaselineScore), 1e-30);

    /// <summary>True where the gap is below 1 %: then the values can be shown as an attribution.</summary>
    public bool IsComplete => RelativeGap < 0.01;
}

/// <summary>What changes when a token is missing.</summary>
/// <param name="Target">[T]: change of the target's score, new less old.</param>
/// <param name="Metric">[T]: change of F.</param>
public sealed record LeaveOneOut(ValueArray Target, ValueArray Metric);

/// <summary>The largest of some numbers, best first.</summary>
/// <param name="Values">[…, k].</param>
/// <param name="Ids">Where each lies, in the order of <paramref name="Values"/>.</param>
public sealed record Ranking(ValueArray Values, IReadOnlyList<int> Ids);

/// <summary>How alike the states of a stack are, over all positions of some texts.</summary>
/// <param name="Cka">[L+1, L+1]: linear centred kernel alignment (Kornblith et al. 2019, arXiv:1905.00414).</param>
/// <param name="Cosine">[L+1, L+1]: mean over positions of the cosine of two states.</param>
/// <param name="Anisotropy">[L+1]: mean cosine of all pairs of different positions (Ethayarajh 2019, arXiv:1909.00512).</param>
public sealed record StateSimilarity(ValueArray Cka, ValueArray Cosine, ValueArray Anisotropy);
