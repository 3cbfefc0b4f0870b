using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Gradients of whole models.</summary>
internal static class Gradients
{
    /// <summary>One forward and backward pass; every trainable parameter must get a gradient.</summary>
    public static Dictionary<string, float[]> Of(Model model, ModelInputs inputs, RunOptions? options = null)
    {
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        ModelOutput output = model.Run(inputs, (options ?? RunOptions.Default) with { Logits = false });
        LossPart part = Assert.Single(output.Losses);
        Assert.Equal(part.Count, Assert.Single(model.CountTargets(inputs)));
        tape.Backward(part.Sum * (1f / part.Count));
        Dictionary<string, float[]> gradients = [];
        foreach (Parameter p in model.Parameters)
        {
            if (!p.NeedsGradient) continue;
            Assert.True(p.Gradient is not null, $"{p.Name} has no gradient");
            gradients[p.Name] = p.Gradient.ToArray();
        }

        return gradients;
    }

    public static void AreEqualWithRecomputing(Func<Model> build, ModelInputs inputs)
    {
        using Model plain = build(), recomputed = build();
        Dictionary<string, float[]> expected = Of(plain, inputs), actual = Of(recomputed, inputs, new RunOptions { Checkpoint = true });
        foreach ((string name, float[] values) in expected)
        {
            double distance = Math.Sqrt(values.Zip(actual[name], (a, b) => ((double)a - b) * ((double)a - b)).Sum()), norm = Math.Sqrt(values.Sum(a => (double)a * a));
            Assert.True(distance <= 1e-6 * norm, $"{name}: {distance} of {norm}");
        }
    }

    /// <summary>Plain gradient descent; returns the mean loss before and after.</summary>
    public static (double First, double Last) Descend(Model model, ModelInputs inputs, int steps, float rate)
    {
        double first = 0, last = 0;
        for (int step = 0; step < steps; step++)
        {
            model.Parameters.ClearGradients();
            Dictionary<string, float[]> gradients = Of(model, inputs);
            using (TensorScope.Begin()) last = model.Run(inputs).Loss!.Value;
            if (step == 0) first = last;
            foreach (Parameter p in model.Parameters)
            {
                if (!gradients.TryGetValue(p.Name, out float[]? gradient)) continue;
                Span<float> values = p.Value.Span;
                for (int i = 0; i < values.Length; i++) values[i] -= rate * gradient[i];
            }
        }

        return (first, last);
    }
}
