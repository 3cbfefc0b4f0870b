using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>RNN, GRU and LSTM against PyTorch's values with packed lengths.</summary>
public class RecurrentGoldenTests
{
    private static readonly GoldenPart Part = GoldenPart.Load("recurrent");

    public static TheoryData<string> Names => [.. Part.Cases()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Outputs_states_and_gradients(string name)
    {
        using Leaks leaks = new();
        JsonElement settings = Part.Settings(name);
        int layers = settings.GetProperty("layers").GetInt32(), D = Part.Shape(name, "input")[2], T = Part.Shape(name, "input")[1];
        bool both = settings.GetProperty("bidirectional").GetBoolean();
        int[] lengths = Part.Integers(name, "lengths");
        (int[] starts, int[] rows) = Packing.OfLengths(lengths, T);
        using ParameterSet parameters = GoldenCheck.Weights(Part, name);
        RecurrentStack stack = Stack(name, D, Part.Shape(name, "output")[2] / (both ? 2 : 1), layers, both, parameters.Root);
        Leaf leaf = new();
        using (Tape tape = Tape.Begin())
        {
            (Variable y, RecurrentState state) = stack.Forward(leaf.Of(Packing.Flat(Part.Tensor(name, "input"))).Gather(rows), starts);
            Variable padded = y.Scatter(rows, lengths.Length * T).Reshape(Part.Shape(name, "output"));
            GoldenCheck.Output(Part, name, "output", padded.Value);
            States(name, "state.h", state.Hidden);
            if (Part.Has(name, "state.c")) States(name, "state.c", state.Cell);
            tape.Backward(padded, Part.Tensor(name, "grad_output"));
        }

        GoldenCheck.Grad(Part, name, "grad.input", leaf.Gradient!.Span);
        GoldenCheck.Gradients(Part, name, parameters);
        leaf.Clear();
    }

    [Fact]
    public void A_sequence_cut_in_two_and_continued_from_its_state_gives_the_same_bits()
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(3));
        Lstm lstm = new(5, 7, parameters.Root, layers: 2);
        Tensor x = Tensor.Uninitialized(9, 5);
        new CounterRandom(1, 2).Normal(x.Span, 0, 1);
        (Variable whole, _) = lstm.Forward(x, [0, 9]);
        (Variable first, RecurrentState state) = lstm.Forward(x.Rows(0, 4), [0, 4]);
        (Variable second, _) = lstm.Forward(x.Rows(4, 5), [0, 5], state);
        Assert.Equal(whole.Value.ToArray(), first.Value.ToArray().Concat(second.Value.ToArray()));
    }

    [Fact]
    public void A_sequence_alone_gives_the_same_bits_as_in_a_batch()
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(3));
        Gru gru = new(5, 7, parameters.Root, bothDirections: true);
        Tensor x = Tensor.Uninitialized(9, 5);
        new CounterRandom(1, 2).Normal(x.Span, 0, 1);
        (Variable batch, _) = gru.Forward(x, [0, 3, 9]);
        (Variable alone, _) = gru.Forward(x.Rows(3, 6), [0, 6]);
        Assert.Equal(batch.Value.Rows(3, 6).ToArray(), alone.Value.ToArray());
    }

    [Fact]
    public void An_empty_sequence_is_refused()
    {
        using ParameterSet parameters = new(ParameterSource.Random(3));
        Rnn rnn = new(2, 2, parameters.Root);
        Assert.Throws<ArgumentException>(() => rnn.Forward(Tensor.Zeros(3, 2), [0, 3, 3]));
    }

    [Fact]
    public void Additive_attention_weighs_the_keys_of_its_own_sequence()
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(5));
        AdditiveAttention attention = new(3, 4, 6, parameters.Root);
        Tensor query = Tensor.Uninitialized(2, 3), keys = Tensor.Uninitialized(5, 4);
        new CounterRandom(1, 2).Normal(query.Span, 0, 1);
        new CounterRandom(1, 3).Normal(keys.Span, 0, 1);
        (Variable context, IReadOnlyList<Variable> weights) = attention.Forward(query, keys, attention.Prepare(keys), [0, 2, 5]);
        Tensor w = parameters["query.weight"].Value, u = parameters["key.weight"].Value, v = parameters["score"].Value;
        for (int b = 0; b < 2; b++)
        {
            int first = b == 0 ? 0 : 2, count = b == 0 ? 2 : 3;
            double[] scores = new double[count];
            for (int s = 0; s < count; s++)
            {
                for (int a = 0; a < 6; a++)
                {
                    double z = 0;
                    for (int i = 0; i < 3; i++) z += (double)w[a, i] * query[b, i];
                    for (int i = 0; i < 4; i++) z += (double)u[a, i] * keys[first + s, i];
                    scores[s] += v[a, 0] * Math.Tanh(z);
                }
            }

            double sum = scores.Sum(Math.Exp);
            double[] expected = new double[4];
            for (int s = 0; s < count; s++)
                for (int i = 0; i < 4; i++) expected[i] += Math.Exp(scores[s]) / sum * keys[first + s, i];
            Close.Relative("weights", weights[b].Value.Span, [.. scores.Select(s => Math.Exp(s) / sum)], 1e-6);
            Close.Relative("context", context.Value.Rows(b, 1).Span, expected, 1e-6);
        }
    }

    private static RecurrentStack Stack(string name, int D, int H, int layers, bool both, ParameterScope at) => name.Split('.')[0] switch
    {
        "rnn" => new Rnn(D, H, at, layers, both),
        "rnn_relu" => new Rnn(D, H, at, layers, both, relu: true),
        "gru" => new Gru(D, H, at, layers, both),
        "lstm" => new Lstm(D, H, at, layers, both),
        string other => throw new InvalidOperationException($"No module for '{other}'."),
    };

    private static void States(string name, string role, IReadOnlyList<Variable> states)
    {
        int[] shape = Part.Shape(name, role);
        Assert.Equal(shape[0], states.Count);
        float[] all = [.. states.SelectMany(s => s.Value.ToArray())];
        Close.Relative($"{name}/{role}", all, Part.Values(name, role), GoldenCheck.Forward);
    }
}
