using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Adam with Nesterov's momentum.</summary>
/// <remarks>Dozat 2016, with μₜ = β₁(1 − ½·0.96^(0.004t)) as PyTorch has it.</remarks>
public sealed class NAdam(ParameterSet parameters) : Optimizer(parameters)
{
    /// <summary>β₁, smoothing of the gradients' mean.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂, smoothing of their squares' mean.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε, added to the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new("exp_avg", parameter.Shape), new("exp_avg_sq", parameter.Shape), new("mu_product", new Shape())];
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        float before = state.Step == 1 ? 1 : state["mu_product"].Span[0];
        float product = (float)(before * AdamVariantRule.NAdamMomentum(Beta1, state.Step));
        state["mu_product"].Span[0] = product;
        UpdatePreparation preparation = new(settings.GradientScale, settings.Rate, settings.Decay, decoupled: false);
        AdamVariantRule rule = AdamVariantRule.NAdam(preparation, settings.Rate, Beta1, Beta2, Epsilon, state.Step, product);
        OptimizerKernel.Update(rule, parameter.Value.Span, parameter.Gradient!.Span, state["exp_avg"].Span, state["exp_avg_sq"].Span);
    }
}

/// <summary>Adam whose first steps, while the mean of squares is still uncertain, do without it.</summary>
/// <remarks>Liu et al. 2020, arXiv:1908.03265, algorithm 2.</remarks>
public sealed class RAdam(ParameterSet parameters) : Optimizer(parameters)
{
    /// <summary>β₁, smoothing of the gradients' mean.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂, smoothing of their squares' mean.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε, added to the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new("exp_avg", parameter.Shape), new("exp_avg_sq", parameter.Shape)];
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        UpdatePreparation preparation = new(settings.GradientScale, settings.Rate, settings.Decay, decoupled: false);
        AdamVariantRule rule = AdamVariantRule.RAdam(preparation, settings.Rate, Beta1, Beta2, Epsilon, state.Step);
        OptimizerKernel.Update(rule, parameter.Value.Span, parameter.Gradient!.Span, state["exp_avg"].Span, state["exp_avg_sq"].Span);
    }
}
