using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>y = x·Wᵀ + b.  x: [N, D] → [N, F]; any leading axes.</summary>
/// <remarks>PyTorch's <c>Linear</c> stores W as [F, D]; GPT's <c>Conv1D</c> stores it input-major, as [D, F].</remarks>
public sealed class Linear : Projection
{
    /// <summary>Makes weight and, where wanted, bias at a place of the checkpoint.</summary>
    /// <param name="inputs">D.</param>
    /// <param name="outputs">F.</param>
    /// <param name="at">Where <c>weight</c> and <c>bias</c> are named.</param>
    /// <param name="bias">False: y = x·Wᵀ.</param>
    /// <param name="inputMajor">True: the checkpoint holds [D, F].</param>
    /// <param name="initializer">First values of the weight; normal with 0.02 where null.</param>
    public Linear(int inputs, int outputs, ParameterScope at, bool bias = true, bool inputMajor = false, Initializer? initializer = null)
        : base(at)
    {
        Weight = at.Weight("weight", inputMajor ? new Shape(inputs, outputs) : new Shape(outputs, inputs), initializer ?? Initializer.Normal(0.02f), inputMajor);
        Bias = bias ? at.Parameter("bias", new Shape(outputs), Initializer.Zeros) : null;
    }

    /// <summary>Uses parameters that exist: a tied table, a bias of another name.</summary>
    /// <param name="weight">[F, D], or [D, F] where its <see cref="Parameter.InputMajor"/> is true.</param>
    /// <param name="bias">[F] or null.</param>
    public Linear(Parameter weight, Parameter? bias)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Weight = weight;
        Bias = bias;
    }

    /// <summary>W.</summary>
    public Parameter Weight { get; }

    /// <summary>b, or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>D.</summary>
    public override int Inputs => Weight.Inputs;

    /// <summary>F.</summary>
    public override int Outputs => Weight.Outputs;

    /// <summary>The product and the bias.</summary>
    /// <param name="x">[..., D].</param>
    /// <returns>[..., F].</returns>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x) => Forward(x, Activation.Identity);

    /// <summary>The product, the bias and an activation function, in one pass where nothing records; the same bits as one after the
    /// other.</summary>
    internal Variable Forward(Variable x, Activation activation) => LinearOp.Apply(x, Weight.AsWeight(), Bias?.ToVariable(), activation);
}
