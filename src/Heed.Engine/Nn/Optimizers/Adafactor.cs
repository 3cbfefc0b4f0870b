using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Remembers the squares of a matrix by the means of its rows and columns alone: almost no memory beside the parameters. Decay is decoupled.</summary>
/// <remarks>Shazeer and Stern 2018, arXiv:1804.04235, algorithms 4 and 5, as PyTorch has it.</remarks>
public sealed class Adafactor(ParameterSet parameters) : Optimizer(parameters)
{
    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        if (parameter.Shape.Rank < 2) return [new("variance", parameter.Shape)];
        int[] rows = parameter.Shape.ToArray(), columns = parameter.Shape.ToArray();
        rows[^1] = 1;
        columns[^2] = 1;
        return [new("row_var", new Shape(rows)), new("col_var", new Shape(columns))];
    }

    /// <inheritdoc/>
    protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(state);
        Span<float> p = parameter.Value.Span, g = parameter.Gradient!.Span;
        if (parameter.Shape.Rank < 2)
        {
            AdafactorKernel.UpdateVector(p, g, state["variance"].Span, settings.Rate, settings.Decay, settings.GradientScale, state.Step);
            return;
        }

        AdafactorKernel.Update(p, g, state["row_var"].Span, state["col_var"].Span, parameter.Shape[-2], parameter.Shape[-1], settings.Rate, settings.Decay, settings.GradientScale, state.Step);
    }
}
