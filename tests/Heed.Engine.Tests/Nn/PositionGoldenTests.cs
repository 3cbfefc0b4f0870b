using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>Positions against PyTorch's and transformers' values.</summary>
public class PositionGoldenTests
{
    private static readonly GoldenPart Part = GoldenPart.Load("positions");

    [Theory]
    [InlineData("sinusoidal.interleaved", SinusoidalLayout.Interleaved)]
    [InlineData("sinusoidal.halves", SinusoidalLayout.Halves)]
    public void Sinusoidal(string name, SinusoidalLayout layout)
    {
        int[] shape = Part.Shape(name, "output");
        GoldenCheck.Output(Part, name, "output", new SinusoidalPositions(shape[1], layout).Forward([.. Enumerable.Range(0, shape[0])]));
    }

    [Fact]
    public void Alibi()
    {
        foreach (string name in Part.Cases("alibi"))
        {
            int[] shape = Part.Shape(name, "output");
            int H = shape[0], T = shape[2];
            // The last query sees distances j − (T − 1): the reference's slope·j but for a constant, slope·(T − 1).
            float[] slopes = AlibiBias.Slopes(H);
            Tensor distances = new AlibiBias(H).Distances(T).Value;
            float[] actual = new float[H * T];
            for (int h = 0; h < H; h++)
                for (int j = 0; j < T; j++) actual[(h * T) + j] = distances[h, j] + (slopes[h] * (T - 1));
            Close.Relative(name, actual, Part.Values(name, "output"), GoldenCheck.Forward);
        }
    }

    [Fact]
    public void T5_buckets_are_exact()
    {
        foreach (string name in Part.Cases("t5_buckets"))
        {
            string[] words = name.Split('.');
            int buckets = int.Parse(words[2], System.Globalization.CultureInfo.InvariantCulture), farthest = int.Parse(words[3], System.Globalization.CultureInfo.InvariantCulture);
            int[] actual = [.. Part.Integers(name, "input").Select(d => RelativeBias.Bucket(d, words[1] == "bidirectional", buckets, farthest))];
            Assert.Equal(Part.Integers(name, "output"), actual);
        }
    }

    [Fact]
    public void T5_bias_reaches_its_table()
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(2));
        RelativeBias bias = new(8, 10, 3, bothDirections: true, parameters.Root);
        using Tape tape = Tape.Begin();
        Variable d = bias.Distances(4);
        Assert.Equal(new Shape(3, 7), d.Shape);
        for (int h = 0; h < 3; h++)
            for (int i = 0; i < 7; i++) Assert.Equal(bias.Weight.Value[RelativeBias.Bucket(i - 3, true, 8, 10), h], d.Value[h, i]);
        tape.Backward(d);
        Assert.Equal(21, bias.Weight.Gradient!.Sum());
    }

    [Fact]
    public void Rope_frequencies_of_every_scaling()
    {
        foreach (string name in Part.Cases("rope."))
        {
            if (!Part.Has(name, "inverse_frequencies")) continue;
            JsonElement s = Part.Settings(name);
            int length = int.Parse(name.Split(".length")[1], System.Globalization.CultureInfo.InvariantCulture), maximum = s.GetProperty("max_positions").GetInt32();
            RopeScaling scaling = new()
            {
                Kind = Enum.Parse<RopeScalingKind>(name.Split('.')[1], ignoreCase: true),
                Factor = s.GetProperty("factor").GetDouble(),
                OriginalLength = s.TryGetProperty("original_max_position_embeddings", out JsonElement original) ? original.GetInt32() : 0,
                LowFrequencyFactor = s.TryGetProperty("low_freq_factor", out JsonElement low) ? low.GetDouble() : 1,
                HighFrequencyFactor = s.TryGetProperty("high_freq_factor", out JsonElement high) ? high.GetDouble() : 4,
                ShortFactors = s.TryGetProperty("short_factor", out JsonElement shorts) ? [.. shorts.EnumerateArray().Select(e => e.GetDouble())] : null,
                LongFactors = s.TryGetProperty("long_factor", out JsonElement longs) ? [.. longs.EnumerateArray().Select(e => e.GetDouble())] : null,
            };
            double[] frequencies = RopeFrequencies.Compute(s.GetProperty("head_width").GetInt32(), s.GetProperty("theta").GetDouble(), scaling, maximum, length);
            Close.Relative(name, [.. frequencies.Select(f => (float)f)], Part.Values(name, "inverse_frequencies"), GoldenCheck.Forward);
            Assert.Equal(s.GetProperty("attention_scale").GetDouble(), RopeFrequencies.AttentionScale(scaling, maximum), 1e-12);
        }
    }

    [Fact]
    public void Rope_turns_halves()
    {
        const string Name = "rope.rotate_halves";
        using Leaks leaks = new();
        int[] shape = Part.Shape(Name, "q");
        (int B, int H, int T, int K) = (shape[0], shape[1], shape[2], shape[3]);
        int first = Part.Settings(Name).GetProperty("first_position").GetInt32();
        int[] positions = [.. Enumerable.Range(0, B * T).Select(n => first + (n % T))];
        RotaryPositions rope = new(new RotaryConfig { HeadWidth = K });
        foreach (string which in new[] { "q", "k" })
        {
            Leaf leaf = new();
            using Tape tape = Tape.Begin();
            Variable x = leaf.Of(Part.Tensor(Name, which)).Permute(0, 2, 1, 3).Reshape(B * T, H, K);          // [N, H, K]
            Variable y = rope.Rotate(x, positions, first + T).Reshape(B, T, H, K).Permute(0, 2, 1, 3);        // [B, H, T, K]
            GoldenCheck.Output(Part, Name, "output_" + which, y.Value);
            tape.Backward(y, Part.Tensor(Name, "grad_output." + which));
            double norm = Math.Sqrt(Part.Values(Name, "grad_output." + which).Sum(v => (double)v * v));
            Close.Relative($"{Name}/grad.{which}", leaf.Gradient!.Span, Part.Values(Name, "grad." + which), GoldenCheck.Gradient, 1e-6 * norm);
            leaf.Clear();
        }
    }

    [Fact]
    public void Rope_tables_grow_without_changing_what_was_there()
    {
        RotaryPositions rope = new(new RotaryConfig { HeadWidth = 8 });
        Tensor x = Tensor.Full(new Shape(2, 1, 8), 0.5f);
        float[] early = rope.Rotate(x, [1, 2], 3).Value.ToArray();
        _ = rope.Rotate(x, [1, 500], 501);
        Assert.Equal(early, rope.Rotate(x, [1, 2], 3).Value.ToArray());
    }
}
