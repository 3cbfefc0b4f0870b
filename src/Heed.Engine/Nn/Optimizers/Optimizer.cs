using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>What one step does to a parameter.</summary>
/// <param name="Rate">Learning rate.</param>
/// <param name="Decay">Weight decay; 0 for parameters that are not decayed.</param>
/// <param name="GradientScale">Factor of the gradient: clipping, or the number of targets.</param>
public readonly record struct UpdateSettings(double Rate, double Decay, double GradientScale);

/// <summary>
/// Changes parameters by their gradients, in one pass over memory a parameter. A parameter without gradient is left alone: neither moved
/// nor decayed. What is remembered from step to step is named as PyTorch names it and can be saved with the parameters.
/// </summary>
public abstract class Optimizer : IDisposable
{
    /// <summary>Name of the count of steps in <see cref="State"/>.</summary>
    public const string StepName = "step";

    private readonly Dictionary<string, OptimizerState> _states = new(StringComparer.Ordinal);

    /// <summary>For derived classes.</summary>
    /// <param name="parameters">What is trained; those with <see cref="Parameter.NeedsGradient"/> false stay as they are.</param>
    protected Optimizer(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = parameters;
    }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Weight decay of the parameters that <see cref="Decays"/> names.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Which parameters are decayed: matrices and tables, not biases and norms, where nothing else is said.</summary>
    public Func<Parameter, bool> Decays { get; init; } = parameter => parameter.Shape.Rank >= 2;

    /// <summary>Factor of the learning rate for one parameter (rates that differ from layer to layer); null: 1 for all.</summary>
    public Func<Parameter, double>? RateFactor { get; init; }

    /// <summary>Moves every parameter that has a gradient. The gradients stay; <see cref="ParameterSet.ClearGradients"/> forgets
    /// them.</summary>
    /// <param name="rate">Learning rate of this step, finite and ≥ 0.</param>
    /// <param name="gradientScale">Factor of all gradients, from <see cref="GlobalNorm.Factor"/> say; the gradients themselves are not
    /// changed. Like them it may be NaN, and makes weights NaN: <see cref="GlobalNorm.Of"/> tells before.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is NaN, infinite or negative. No parameter has changed.</exception>
    /// <exception cref="InvalidOperationException">No parameter has a gradient, or a parameter is packed for inference:
    /// <see cref="ParameterSet.Unpack"/> first.</exception>
    public void Step(double rate, double gradientScale = 1)
    {
        if (!double.IsFinite(rate) || rate < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(rate), rate, "Optimizer.Step: the learning rate must be a finite number of at least 0; check the schedule.");
        }

        if (!Parameters.Any(p => p.NeedsGradient && p.Gradient is not null))
        {
            throw new InvalidOperationException(
                "Optimizer.Step: no parameter has a gradient. Record the loss on a Tape and call Backward before Step, "
                + "clear gradients only after it, and leave at least one parameter unfrozen.");
        }


        foreach (Parameter parameter in Parameters)
        {
            if (!parameter.NeedsGradient || parameter.Gradient is null) continue;
            if (parameter.IsPacked) throw new InvalidOperationException($"Optimizer.Step: the parameter '{parameter.Name}' is packed for inference; call ParameterSet.Unpack before training.");
            OptimizerState state = StateOf(parameter);
            state.Step++;
            double factor = RateFactor?.Invoke(parameter) ?? 1;
            Update(parameter, state, new UpdateSettings(rate * factor, Decays(parameter) ? WeightDecay : 0, gradientScale));
        }
    }

    /// <summary>Everything remembered, under <c>parameter.name</c> (<c>wte.weight.exp_avg</c>, <c>wte.weight.step</c>): live tensors, not
    /// copies. Counts are scalars.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> State
    {
        get
        {
            foreach (Parameter parameter in Parameters)
            {
                if (!_states.TryGetValue(parameter.Name, out OptimizerState? state)) continue;
                yield return new($"{parameter.Name}.{StepName}", state.StepTensor);
                foreach ((string name, Tensor tensor) in state.Tensors) yield return new($"{parameter.Name}.{name}", tensor);
            }
        }
    }

    /// <summary>Where the state of a saved run goes: the tensors of every parameter that was trained there, to be filled by the
    /// caller.</summary>
    /// <param name="parameter">Name of the parameter.</param>
    /// <returns>Its tensors under the names of <see cref="State"/> without the parameter's, or null where there is no such
    /// parameter.</returns>
    public IReadOnlyDictionary<string, Tensor>? Restore(string parameter)
    {
        if (!Parameters.TryGet(parameter, out Parameter? known)) return null;
        OptimizerState state = StateOf(known);
        return new Dictionary<string, Tensor>(state.Tensors, StringComparer.Ordinal) { [StepName] = state.StepTensor };
    }

    /// <summary>Returns the memory of the state.</summary>
    public void Dispose()
    {
        foreach (OptimizerState state in _states.Values) state.Dispose();
        _states.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>Names and shapes of the tensors that the rule remembers for a parameter; they start as zeros.</summary>
    protected abstract IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter);

    /// <summary>One step of one parameter: its gradient is there, and <see cref="OptimizerState.Step"/> counts this step already.</summary>
    protected abstract void Update(Parameter parameter, OptimizerState state, UpdateSettings settings);

    private OptimizerState StateOf(Parameter parameter)
    {
        if (_states.TryGetValue(parameter.Name, out OptimizerState? state)) return state;
        return _states[parameter.Name] = new OptimizerState(Remembered(parameter));
    }
}

/// <summary>What an <see cref="Optimizer"/> remembers of one parameter.</summary>
public sealed class OptimizerState : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    internal OptimizerState(IEnumerable<KeyValuePair<string, Shape>> tensors)
    {
        StepTensor = Tensor.Scalar(0).LeaveScope();
        foreach ((string name, Shape shape) in tensors) _tensors[name] = Tensor.Zeros(shape).LeaveScope();
    }

    /// <summary>Number of steps in which the parameter had a gradient, this one included. Exact up to 2²⁴.</summary>
    public long Step
    {
        get => (long)StepTensor.Span[0];
        internal set => StepTensor.Span[0] = value;
    }

    /// <summary>The tensors by PyTorch's names.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>One of <see cref="Tensors"/>.</summary>
    public Tensor this[string name] => _tensors[name];

    internal Tensor StepTensor { get; }

    /// <summary>Returns the memory.</summary>
    public void Dispose()
    {
        StepTensor.Dispose();
        foreach (Tensor tensor in _tensors.Values) tensor.Dispose();
    }
}
