using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

/// <summary>Activations, norms and softmax against PyTorch's values.</summary>
public class PointwiseGoldenTests
{
    private static readonly GoldenPart Part = GoldenPart.Load("pointwise");

    [Theory]
    [InlineData("relu", Activation.Relu)]
    [InlineData("gelu", Activation.Gelu)]
    [InlineData("gelu_new", Activation.GeluTanh)]
    [InlineData("gelu_pytorch_tanh", Activation.GeluTanh)]
    [InlineData("quick_gelu", Activation.QuickGelu)]
    [InlineData("silu", Activation.Silu)]
    [InlineData("tanh", Activation.Tanh)]
    [InlineData("sigmoid", Activation.Sigmoid)]
    public void Activations(string name, Activation activation)
    {
        using Leaks leaks = new();
        Leaf x = new();
        using Tape tape = Tape.Begin();
        Variable y = x.Of(Part.Tensor(name, "input")).Activate(activation);
        GoldenCheck.Output(Part, name, "output", y.Value);
        tape.Backward(y);
        GoldenCheck.Grad(Part, name, "grad_ones", x.Gradient!.Span);
        x.Clear();
    }

    [Fact]
    public void Layer_norm()
    {
        foreach (string name in Part.Cases("layer_norm"))
        {
            using Leaks leaks = new();
            Leaf x = new(), gain = new(), bias = new();
            using Tape tape = Tape.Begin();
            Variable y = x.Of(Part.Tensor(name, "input")).LayerNorm(gain.Of(Part.Tensor(name, "gain")), bias.Of(Part.Tensor(name, "bias")), Part.Settings(name).GetProperty("eps").GetSingle());
            GoldenCheck.Output(Part, name, "output", y.Value);
            tape.Backward(y, Part.Tensor(name, "grad_output"));
            Check(name, ("grad.input", x), ("grad.gain", gain), ("grad.bias", bias));
        }
    }

    [Fact]
    public void Rms_norm()
    {
        foreach (string name in Part.Cases("rms_norm"))
        {
            using Leaks leaks = new();
            Leaf x = new(), gain = new();
            using Tape tape = Tape.Begin();
            Variable y = x.Of(Part.Tensor(name, "input")).RmsNorm(gain.Of(Part.Tensor(name, "gain")), Part.Settings(name).GetProperty("eps").GetSingle());
            GoldenCheck.Output(Part, name, "output", y.Value);
            tape.Backward(y, Part.Tensor(name, "grad_output"));
            Check(name, ("grad.input", x), ("grad.gain", gain));
        }
    }

    [Fact]
    public void Softmax()
    {
        foreach (string name in Part.Cases("softmax"))
        {
            using Leaks leaks = new();
            Leaf x = new();
            using Tape tape = Tape.Begin();
            Variable y = x.Of(Part.Tensor(name, "input")).Softmax();
            GoldenCheck.Output(Part, name, "output", y.Value);
            GoldenCheck.Output(Part, name, "log_output", Part.Tensor(name, "input").LogSoftmax());
            tape.Backward(y, Part.Tensor(name, "grad_output"));
            Check(name, ("grad.input", x));
        }
    }

    private static void Check(string name, params (string Role, Leaf Leaf)[] gradients)
    {
        foreach ((string role, Leaf leaf) in gradients)
        {
            // Absent where it is zero in theory.
            if (Part.Has(name, role)) GoldenCheck.Grad(Part, name, role, leaf.Gradient!.Span);
            leaf.Clear();
        }
    }
}
