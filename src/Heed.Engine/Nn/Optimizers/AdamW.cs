using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Adam with decoupled weight decay: the weight is multiplied by 1 − rate·decay before the step.</summary>
/// <remarks>Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2; AMSGrad: Reddi et al. 2018.</remarks>
public class AdamW : Optimizer
{
    /// <summary>Trains the parameters; a decay of 0.01 on matrices and tables where nothing else is said.</summary>
    public AdamW(ParameterSet parameters)
        : base(parameters) => WeightDecay = 0.01;

    /// <summary>β₁, smoothing of the gradients' mean.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂, smoothing of their squares' mean.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε, added to the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>True: the greatest mean of squares so far takes the place of the present one.</summary>
    public bool AmsGrad { get; init; }

    private protected virtual bool Decoupled => true;

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        yield return new("exp_avg", parameter.Shape);
        yield return new("exp_avg_sq", parameter.Shape);
        if (AmsGrad) yield return new("max_exp_avg_sq", parameter.Shape);
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        AdamRule rule = new(new UpdatePreparation(settings.GradientScale, settings.Rate, settings.Decay, Decoupled), settings.Rate, Beta1, Beta2, Epsilon, state.Step, AmsGrad);
        OptimizerKernel.Update(rule, parameter.Value.Span, parameter.Gradient!.Span, state["exp_avg"].Span, state["exp_avg_sq"].Span, AmsGrad ? state["max_exp_avg_sq"].Span : default);
    }
}

/// <summary>Adam; decay, where there is any, is added to the gradient.</summary>
/// <remarks>Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.</remarks>
public sealed class Adam : AdamW
{
    /// <summary>Trains the parameters, without decay where nothing else is said.</summary>
    public Adam(ParameterSet parameters)
        : base(parameters) => WeightDecay = 0;

    private protected override bool Decoupled => false;
}
