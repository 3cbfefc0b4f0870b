using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Stochastic gradient descent, with momentum where wanted; decay is added to the gradient.</summary>
/// <remarks>Sutskever et al. 2013; the first buffer is the gradient, decay included.</remarks>
public sealed class Sgd(ParameterSet parameters) : Optimizer(parameters)
{
    /// <summary>How much of the last move goes on; 0: none.</summary>
    public double Momentum { get; init; }

    /// <summary>True: Nesterov's momentum.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return Momentum == 0 ? [] : [new("momentum_buffer", parameter.Shape)];
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        SgdRule rule = new(new UpdatePreparation(settings.GradientScale, settings.Rate, settings.Decay, decoupled: false), settings.Rate, Momentum, Nesterov);
        OptimizerKernel.Update(rule, parameter.Value.Span, parameter.Gradient!.Span, Momentum == 0 ? default : state["momentum_buffer"].Span);
    }
}

/// <summary>Divides each gradient by the root of the mean of its squares; decay is added to the gradient.</summary>
/// <remarks>Tieleman and Hinton 2012.</remarks>
public sealed class RmsProp(ParameterSet parameters) : Optimizer(parameters)
{
    /// <summary>α, smoothing of the squares' mean.</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>ε, added to the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new("square_avg", parameter.Shape)];
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        UpdatePreparation preparation = new(settings.GradientScale, settings.Rate, settings.Decay, decoupled: false);
        OptimizerKernel.Update(RootSquareRule.RmsProp(preparation, settings.Rate, Alpha, Epsilon), parameter.Value.Span, parameter.Gradient!.Span, state["square_avg"].Span);
    }
}

/// <summary>Divides each gradient by the root of the sum of all its squares so far; decay is added to the gradient.</summary>
/// <remarks>Duchi et al. 2011.</remarks>
public sealed class Adagrad(ParameterSet parameters) : Optimizer(parameters)
{
    /// <summary>ε, added to the root.</summary>
    public double Epsilon { get; init; } = 1e-10;

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new("sum", parameter.Shape)];
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        UpdatePreparation preparation = new(settings.GradientScale, settings.Rate, settings.Decay, decoupled: false);
        OptimizerKernel.Update(RootSquareRule.Adagrad(preparation, settings.Rate, Epsilon), parameter.Value.Span, parameter.Gradient!.Span, state["sum"].Span);
    }
}
