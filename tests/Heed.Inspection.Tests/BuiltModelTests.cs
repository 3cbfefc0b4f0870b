using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Models.Tests.Wide;

namespace Heed.Inspection.Tests;

/// <summary>Models of which the answer is known: one evaluated in double precision, one whose heads were built by hand.</summary>
public sealed class BuiltModelTests
{
    private const int Vocabulary = 24, Block = 8;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradient_times_input_is_the_central_difference_in_double_precision(bool rms)
    {
        CustomConfig config = new()
        {
            Vocabulary = 23,
            Width = 16,
            Layers = 2,
            Heads = 4,
            KeyHeads = 2,
            InnerWidth = 24,
            ContextLength = 16,
            Positions = PositionKind.Learned,
            RmsNorm = rms,
            TiedOutput = false,
        };
        using Model model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(5)));
        foreach (Parameter p in model.Parameters)
        {
            // Large enough that every part counts.
            float[] before = p.Value.ToArray();
            float deviation = MathF.Sqrt(before.Average(v => v * v)), wanted = 1.2f / MathF.Sqrt(p.Shape.Last);
            for (int i = 0; i < before.Length; i++)
                p.Value.Span[i] = p.Shape.Rank == 1 ? before[i] + (0.2f * MathF.Sin(3 * i)) : before[i] * (wanted / deviation);
        }

        int[] ids = [7, 2, 19, 11, 5];
        LogitDifference metric = new(3, 8, ids.Length - 1);
        InputGradient found = new Inspector(model).Gradient(new InspectedText { Ids = ids }, metric)["decoder"];
        Parameter table = model.Parameters["model.embed_tokens.weight"];
        int D = config.Width;
        double[] derivative = new double[ids.Length * D];
        for (int t = 0; t < ids.Length; t++)
        {
            for (int d = 0; d < D; d++)
            {
                // No id stands twice, so that a row of the table is a row of the text. The step is what float32 makes of it, exactly.
                ref float cell = ref table.Value.Span[(ids[t] * D) + d];
                float middle = cell, above = middle + 1e-3f, below = middle - 1e-3f;
                cell = above;
                double up = Wide();
                cell = below;
                double down = Wide();
                cell = middle;
                derivative[(t * D) + d] = (up - down) / ((double)above - below);
            }
        }

        double length = Math.Sqrt(derivative.Sum(v => v * v));
        Assert.True(length > 0.1);
        for (int i = 0; i < derivative.Length; i++) Assert.Equal(derivative[i], found.Gradient.Span[i], 1e-4 * length);
        double[] times = [.. Enumerable.Range(0, ids.Length).Select(t => Enumerable.Range(0, D)
            .Sum(d => derivative[(t * D) + d] * table.Value.Span[(ids[t] * D) + d]))];
        double most = times.Max(Math.Abs);
        for (int t = 0; t < ids.Length; t++) Assert.Equal(times[t], found.TimesInput[t], 1e-4 * most);

        double Wide()
        {
            double[] scores = WideModels.Custom(new WideWeights(model.Parameters), config, ids)[^1];
            return scores[metric.Target] - scores[metric.Foil!.Value];
        }
    }

    [Fact]
    public void A_head_that_is_built_to_copy_is_found()
    {
        const int Positions = 2 * Block, Previous = Vocabulary + Positions, Width = Previous + Vocabulary;
        CustomConfig config = new()
        {
            Vocabulary = Vocabulary,
            Width = Width,
            Layers = 2,
            Heads = 1,
            KeyHeads = 1,
            InnerWidth = 4,
            ContextLength = Positions,
            Positions = PositionKind.Learned,
            RmsNorm = true,
        };
        using Model model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        foreach (Parameter p in model.Parameters)
            if (!p.Name.Contains("norm", StringComparison.Ordinal)) p.Value.Span.Clear();
        // The stream: which token, which place, which token before.
        for (int i = 0; i < Vocabulary; i++) Set("model.embed_tokens.weight", i, i, 1);
        for (int t = 0; t < Positions; t++) Set("model.embed_positions.weight", t, Vocabulary + t, 1);
        // Layer 0: place t asks for place t − 1, and writes down the token that stands there.
        for (int t = 1; t < Positions; t++) Set("model.layers.0.attn.q_proj.weight", t - 1, Vocabulary + t, 10);
        for (int t = 0; t < Positions; t++) Set("model.layers.0.attn.k_proj.weight", t, Vocabulary + t, 1);
        for (int i = 0; i < Vocabulary; i++)
        {
            Set("model.layers.0.attn.v_proj.weight", i, i, 0.2f);
            Set("model.layers.0.attn.o_proj.weight", Previous + i, i, 1);
            // Layer 1: a token asks for places whose token before is the same. The first place has none: its own is taken off.
            Set("model.layers.1.attn.q_proj.weight", i, i, 20);
            Set("model.layers.1.attn.k_proj.weight", i, Previous + i, 1);
            Set("model.layers.1.attn.k_proj.weight", i, i, -1);
        }

        int[] block = [5, 17, 2, 20, 9, 11, 3, 14];
        InspectedText text = new() { Ids = [.. block, .. block] };
        Inspector inspector = new(model);
        ValueArray induction = inspector.InductionScores([text], Block, default)["decoder.attn.induction"];
        Assert.True(induction[1, 0] > 0.99, $"the built head scores {induction[1, 0]}");
        Assert.True(induction[0, 0] < 0.01, $"the head that looks one back scores {induction[0, 0]}");
        Assert.True(inspector.HeadScores(text)["decoder.attn.previous"][0, 0] > 0.99);

        void Set(string name, int row, int column, float value)
        {
            Parameter parameter = model.Parameters[name];
            parameter.Value.Span[(row * parameter.Shape.Last) + column] = value;
        }
    }
}
