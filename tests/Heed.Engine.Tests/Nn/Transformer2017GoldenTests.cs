using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>Encoder and decoder, pre- and post-norm, against <c>torch.nn.Transformer</c>.</summary>
public class Transformer2017GoldenTests
{
    private static readonly GoldenPart Part = GoldenPart.Load("transformer2017");

    public static TheoryData<string> Names => [.. Part.Cases()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Output_and_gradients(string name)
    {
        using Leaks leaks = new();
        JsonElement s = Part.Settings(name);
        int layers = s.GetProperty("layers").GetInt32();
        TransformerConfig config = new()
        {
            Width = s.GetProperty("width").GetInt32(),
            Heads = s.GetProperty("heads").GetInt32(),
            InnerWidth = s.GetProperty("inner").GetInt32(),
            EncoderLayers = layers,
            DecoderLayers = layers,
            NormEpsilon = s.GetProperty("eps").GetSingle(),
            NormFirst = s.GetProperty("norm_first").GetBoolean(),
            Activation = Enum.Parse<Activation>(s.GetProperty("activation").GetString()!, ignoreCase: true),
        };
        using ParameterSet parameters = new(new TorchAttention(Part, name));
        TransformerEncoder encoder = new(config, parameters.Root / "encoder");
        TransformerDecoder decoder = new(config, parameters.Root / "decoder");
        int[] shape = Part.Shape(name, "tgt");
        (int B, int T) = (shape[0], shape[1]);
        (int[] starts, int[] rows) = Packing.Of([.. Part.Values(name, "src_padding").Select(p => 1 - p)], Part.Shape(name, "src")[1]);
        ForwardContext sources = ForwardContext.Of([.. Enumerable.Range(0, B).Select(b => starts[b + 1] - starts[b])]);
        ForwardContext all = ForwardContext.Of([.. Enumerable.Repeat(T, B)]);
        ForwardContext targets = new(all.Starts.ToArray(), all.Positions) { Memory = sources };
        Leaf source = new(), target = new();
        using (Tape tape = Tape.Begin())
        {
            Variable memory = encoder.Forward(source.Of(Packing.Flat(Part.Tensor(name, "src"))).Gather(rows), sources);
            Variable y = decoder.Forward(target.Of(Packing.Flat(Part.Tensor(name, "tgt"))), memory, targets).Reshape(shape);
            GoldenCheck.Output(Part, name, "output", y.Value);
            tape.Backward(y, Part.Tensor(name, "grad_output"));
        }

        GoldenCheck.Grad(Part, name, "grad.src", source.Gradient!.Span, 3e-5);
        GoldenCheck.Grad(Part, name, "grad.tgt", target.Gradient!.Span, 3e-5);
        TorchAttention.Gradients(Part, name, parameters, 3e-5);
        source.Clear();
        target.Clear();
    }
}
