using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>y = x·Wᵀ + b.  x: [N, D] → [N, F]; any leading axes.</summary>
/// <remarks>PyTorch's <c>Linear</c> stores W as [F, D]; GPT's <c>Conv1D</c> stores it input-major, as [D, F].</remarks>
public sealed class Linear : Projection
{
    private readonly bool _inputMajor;

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
        _inputMajor = inputMajor;
    }

    /// <summary>Uses parameters that exist: a tied table, a bias of another name.</summary>
    /// <param name="weight">[F, D], or [D, F] where <paramref name="inputMajor"/>.</param>
    /// <param name="bias">[F] or null.</param>
    /// <param name="inputMajor">True: the weight is [D, F].</param>
    public Linear(Parameter weight, Parameter? bias, bool inputMajor = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Weight = weight;
        Bias = bias;
        _inputMajor = inputMajor;
    }

    /// <summary>W.</summary>
    public Parameter Weight { get; }

    /// <summary>b, or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>D.</summary>
    public override int Inputs => _inputMajor ? Weight.Shape[0] : Weight.Shape[1];

    /// <summary>F.</summary>
    public override int Outputs => _inputMajor ? Weight.Shape[1] : Weight.Shape[0];

    /// <inheritdoc/>
    public override Variable Forward(Variable x) => Forward(x, null);

    /// <summary>The product, with what is added to it.</summary>
    /// <param name="x">[..., D].</param>
    /// <param name="residual">[..., F], added last; null adds nothing.</param>
    /// <returns>[..., F].</returns>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public Variable Forward(Variable x, Variable? residual)
    {
        if (Weight.Packed is { } packed && !Tape.IsRecording) return Multiply(packed, x, residual);
        return LinearOp.Apply(x, Weight, _inputMajor, Bias?.ToVariable(), residual);
    }

    /// <summary>The same product from panels: the same bits, without packing anew.</summary>
    private Tensor Multiply(PackedMatrix packed, Variable x, Variable? residual)
    {
        int K = x.Shape.Last, M = x.Shape.Rows;
        if (K != Inputs) throw new ShapeException("Linear.Forward", nameof(x), x.Shape, $"[..., {Inputs}]", $"the weight '{Weight.Name}' is {Weight.Shape}");
        Tensor y = Tensor.Uninitialized(x.Shape.WithLast(Outputs));
        packed.Multiply(x.Value.Span, MatrixLayout.RowMajor, y.Span, M, epilogue: new Epilogue { Bias = Bias is null ? default : Bias.Value.Span, Residual = residual is { } r ? r.Value.Span : default });
        return y;
    }
}
