using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Runtime;

/// <summary>The instrument of heed bench --profile: what it counts, that it adds up, and that it changes nothing.</summary>
public class WorkProfileTests
{
    private const int Rows = 96, Width = 64, Heads = 4;

    [Fact]
    public void Its_parts_add_up_to_the_whole_and_bits_stay()
    {
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(new AttentionConfig { Width = Width, Heads = Heads, Causal = true }, parameters.Root);
        float[] plain = Step(attention, parameters);
        float[] profiled;
        WorkProfile profile;
        using (profile = WorkProfile.Begin()) profiled = Step(attention, parameters);
        Assert.Null(WorkProfile.Active);
        Assert.Equal(plain, profiled);
        double sum = profile.Ops.Sum(op => op.Elapsed + op.Before) + profile.Own + profile.After;
        Assert.Equal(profile.Seconds, sum, 1e-5);
        Assert.All(profile.Ops, op => Assert.InRange(op.Busy + op.LateStart + op.EarlyEnd, 0, op.Elapsed * (1 + 1e-9)));
    }

    [Fact]
    public void It_names_forward_and_backward_products_and_counts_useful_operations()
    {
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(new AttentionConfig { Width = Width, Heads = Heads, Causal = true }, parameters.Root);
        WorkProfile profile;
        using (profile = WorkProfile.Begin()) Step(attention, parameters);
        WorkTimes forward = Assert.Single(profile.Ops, op => op.Phase == "forward" && op.Name == $"product {Rows}×{Width}→{Width}");
        Assert.Equal(2.0 * Rows * Width * Width * forward.Calls, forward.Operations);
        Assert.Contains(profile.Ops, op => op.Phase == "backward" && op.Name == $"product {Width}×{Rows}→{Width}");
        // Causal: each row sees itself and what is before it, and both products count two operations a multiply-add.
        WorkTimes pairs = Assert.Single(
            profile.Ops, op => op.Phase == "forward" && op.Name.StartsWith("attention,", StringComparison.Ordinal));
        Assert.Equal(4.0 * Width * Rows * (Rows + 1) / 2, pairs.Operations);
        WorkTimes gradient = Assert.Single(profile.Ops, op => op.Name.StartsWith("attention gradient,", StringComparison.Ordinal));
        Assert.Equal(2 * pairs.Operations, gradient.Operations);
        Assert.All(profile.Ops, op => Assert.DoesNotContain('`', op.Name));
    }

    [Fact]
    public void Works_of_other_threads_pass_by_and_a_second_profile_is_refused()
    {
        using WorkProfile profile = WorkProfile.Begin();
        Assert.Throws<InvalidOperationException>(WorkProfile.Begin);
        float[] sums = [];
        Thread other = new(() =>
        {
            using TensorScope scope = TensorScope.Begin();
            sums = (new Variable(Tensor.Full(new Shape(64, 1024), 1)) + Tensor.Full(new Shape(64, 1024), 2)).Value.ToArray();
        });
        other.Start();
        other.Join();
        Assert.All(sums, s => Assert.Equal(3, s));
        Assert.Empty(profile.Ops);
    }

    private static float[] Step(MultiHeadAttention attention, ParameterSet parameters)
    {
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        parameters.ClearGradients();
        Leaf leaf = new();
        Variable y = attention.Forward(leaf.Of(Tensor.Full(new Shape(Rows, Width), 0.1f)), ForwardContext.Of(Rows));
        tape.Backward(y.Sum());
        leaf.Clear();
        return [.. y.Value.ToArray(), .. parameters.SelectMany(p => p.Gradient!.ToArray())];
    }
}
