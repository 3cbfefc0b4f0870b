using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Gpt2;

namespace Heed.Outsider.Tests;

/// <summary>Values of one's own in a model, and what of it is trained.</summary>
public sealed class ParameterTests
{
    [Fact]
    public void Values_of_ones_own_are_given_while_a_model_is_built_and_later()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(Workshop.Sizes(40), new ParameterSet(new Halves()));
        Assert.All(model.Parameters, p => Assert.All(p.ToTensor().ToArray(), value => Assert.Equal(0.5f, value)));

        Parameter table = model.Parameters["transformer.wte.weight"];
        table.Assign(Tensor.Full(table.Shape, 0.25f));
        Assert.All(table.Value.ToArray(), value => Assert.Equal(0.25f, value));
        Assert.Throws<ShapeException>(() => table.Assign(Tensor.Zeros(2, 2)));
        Assert.Equal(0.25f, table.Value.ToArray()[0]);
    }

    [Fact]
    public void Parameters_are_frozen_by_name_and_declared_unused()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(Workshop.Sizes(40), new ParameterSet(new Halves()));
        Assert.Equal(2, model.Parameters.Freeze("*.ln_1.bias"));
        Parameter bias = model.Parameters["transformer.h.0.ln_1.bias"];
        Assert.False(bias.NeedsGradient);
        Assert.Equal(1, model.Parameters.Unfreeze(bias.Name));
        Assert.True(bias.NeedsGradient);
        Assert.False(bias.MayBeUnused);
        bias.AllowUnused();
        Assert.True(bias.MayBeUnused);
    }

    private sealed class Halves : ParameterSource
    {
        public override void Fill(Parameter parameter) => parameter.Assign(Tensor.Full(parameter.Shape, 0.5f));
    }
}
