using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

/// <summary>Losses and pooling against PyTorch's values.</summary>
public class LossGoldenTests
{
    private static readonly GoldenPart Losses = GoldenPart.Load("losses");
    private static readonly GoldenPart Poolings = GoldenPart.Load("pooling");

    [Fact]
    public void Cross_entropy()
    {
        foreach (string name in Losses.Cases("cross_entropy"))
        {
            JsonElement given = Losses.Settings(name);
            CrossEntropySettings settings = new()
            {
                IgnoreIndex = given.TryGetProperty("ignore_index", out JsonElement ignored) ? ignored.GetInt32() : -100,
                LabelSmoothing = given.TryGetProperty("label_smoothing", out JsonElement smoothing) ? smoothing.GetSingle() : 0,
                Reduction = given.TryGetProperty("reduction", out JsonElement reduction) && reduction.GetString() == "sum" ? Reduction.Sum : Reduction.Mean,
                ClassWeights = Losses.Has(name, "weights") ? Losses.Values(name, "weights") : null,
            };
            int[] targets = Losses.Integers(name, "target");
            Check(name, "logits", given.TryGetProperty("torch_gives", out _), z => Loss.CrossEntropy(z, targets, settings));

            // The same through the vocabulary's product with the identity: logits = z·1.
            int classes = Losses.Shape(name, "logits")[1];
            Tensor identity = Tensor.Zeros(classes, classes);
            for (int c = 0; c < classes; c++) identity[c, c] = 1;
            Check(name, "logits", given.TryGetProperty("torch_gives", out _), z => Loss.VocabularyCrossEntropy(z, new Weight(identity), null, targets, settings));
        }
    }

    [Fact]
    public void Binary_cross_entropy()
    {
        foreach (string name in Losses.Cases("binary_cross_entropy")) Check(name, "logits", false, z => Loss.BinaryCrossEntropy(z, Losses.Tensor(name, "target")));
    }

    [Fact]
    public void Distillation()
    {
        foreach (string name in Losses.Cases("distillation"))
            Check(name, "logits", false, z => Loss.Distillation(z, Losses.Tensor(name, "teacher"), Losses.Settings(name).GetProperty("temperature").GetSingle()));
    }

    [Fact]
    public void Mean_squared_error()
    {
        foreach (string name in Losses.Cases("mean_squared_error")) Check(name, "input", false, z => Loss.MeanSquaredError(z, Losses.Tensor(name, "target")));
    }

    [Theory]
    [InlineData("mean", Pooling.Mean)]
    [InlineData("cls", Pooling.First)]
    [InlineData("max", Pooling.Max)]
    [InlineData("mean_sqrt_len", Pooling.MeanSqrtLength)]
    [InlineData("weighted_mean", Pooling.WeightedMean)]
    [InlineData("last", Pooling.Last)]
    public void Pooling_over_packed_sequences(string name, Pooling pooling)
    {
        using Leaks leaks = new();
        (int[] starts, int[] rows) = Packing.Of(Poolings.Values(name, "mask"), Poolings.Shape(name, "mask")[1]);
        Leaf leaf = new();
        using Tape tape = Tape.Begin();
        Variable x = leaf.Of(Packing.Flat(Poolings.Tensor(name, "input"))), y = x.Gather(rows).Pool(starts, pooling);
        GoldenCheck.Output(Poolings, name, "output", y.Value);
        GoldenCheck.Output(Poolings, name, "normalized", y.Normalize().Value);
        tape.Backward(y, Poolings.Tensor(name, "grad_output"));
        GoldenCheck.Grad(Poolings, name, "grad.input", leaf.Gradient!.Span);
        leaf.Clear();
    }

    private static void Check(string name, string role, bool nothing, Func<Variable, Variable> loss)
    {
        using Leaks leaks = new();
        Leaf leaf = new();
        using Tape tape = Tape.Begin();
        Variable y = loss(leaf.Of(Losses.Tensor(name, role)));
        if (nothing)
        {
            Assert.Equal(0, y.Value.ToScalar());
            tape.Backward(y);
            Assert.Null(leaf.Gradient);
            return;
        }

        GoldenCheck.Output(Losses, name, "output", y.Value);
        tape.Backward(y);
        GoldenCheck.Grad(Losses, name, "grad." + role, leaf.Gradient!.Span);
        leaf.Clear();
    }
}
