using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>Multi-head attention against <c>torch.nn.MultiheadAttention</c>: padded keys, other widths, no biases, a learned extra
/// key.</summary>
public class MultiHeadGoldenTests
{
    private static readonly GoldenPart Part = GoldenPart.Load("attention");

    public static TheoryData<string> Names => [.. Part.Cases("multihead")];

    [Theory]
    [MemberData(nameof(Names))]
    public void Output_and_gradients(string name)
    {
        using Leaks leaks = new();
        JsonElement s = Part.Settings(name);
        int[] shape = Part.Shape(name, "query");
        (int B, int T, int D) = (shape[0], shape[1], shape[2]);
        bool bias = !s.TryGetProperty("bias", out JsonElement given) || given.GetBoolean();
        AttentionConfig config = new()
        {
            Width = D,
            Heads = s.GetProperty("heads").GetInt32(),
            Bias = bias,
            OutputBias = bias,
            ExtraKey = s.TryGetProperty("add_bias_kv", out JsonElement extra) && extra.GetBoolean(),
            KeyInputWidth = Part.Shape(name, "key")[2],
            ValueInputWidth = Part.Shape(name, "value")[2],
        };
        using ParameterSet parameters = new(new TorchAttention(Part, name));
        MultiHeadAttention attention = new(config, parameters.Root);
        (int[] starts, int[] rows) = Packing.Of([.. Part.Values(name, "mask").Select(p => 1 - p)], Part.Shape(name, "key")[1]);
        ForwardContext queries = ForwardContext.Of([.. Enumerable.Repeat(T, B)]);
        ForwardContext context = new(queries.Starts.ToArray(), queries.Positions) { Memory = ForwardContext.Of([.. Enumerable.Range(0, B).Select(b => starts[b + 1] - starts[b])]) };
        Leaf q = new(), k = new(), v = new();
        using (Tape tape = Tape.Begin())
        {
            Variable y = attention.ForwardCross(q.Of(Packing.Flat(Part.Tensor(name, "query"))), k.Of(Packing.Flat(Part.Tensor(name, "key"))).Gather(rows), context,
                v.Of(Packing.Flat(Part.Tensor(name, "value"))).Gather(rows)).Reshape(shape);
            GoldenCheck.Output(Part, name, "output", y.Value);
            tape.Backward(y, Part.Tensor(name, "grad_output"));
        }

        foreach ((string role, Leaf leaf) in new[] { ("grad.q", q), ("grad.k", k), ("grad.v", v) })
        {
            GoldenCheck.Grad(Part, name, role, leaf.Gradient!.Span);
            leaf.Clear();
        }

        TorchAttention.Gradients(Part, name, parameters, GoldenCheck.Gradient);
    }
}
