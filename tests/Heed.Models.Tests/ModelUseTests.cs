using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Gpt2;

namespace Heed.Models.Tests;

/// <summary>A model outlives the calls that run with it, and computes in its own context.</summary>
public class ModelUseTests
{
    private static readonly Gpt2Config Config = new() { Layers = 2, Heads = 2, Width = 16, ContextLength = 16, Vocabulary = 11 };

    private static CausalLanguageModel Make()
    {
        CausalLanguageModel model = CausalLanguageModel.Create(Config, new ParameterSet(ParameterSource.Random(1)));
        foreach (Parameter parameter in model.Parameters) parameter.Pack();
        return model;
    }

    private static float[] Logits(Model model)
    {
        using TensorScope scope = TensorScope.Begin();
        return model.Run(new ModelInputs { InputIds = TokenGrid.Of([[1, 2, 3]]) }).Logits!.ToArray();
    }

    // cases: u1
    [Fact]
    public void A_model_disposed_beside_a_call_keeps_its_weights_until_the_call_has_ended()
    {
        CausalLanguageModel model = Make();
        float[] before = Logits(model);
        using (model.Enter())
        {
            Thread other = new(model.Dispose);
            other.Start();
            other.Join();
            Assert.Equal(before, Logits(model));
            Assert.Throws<ObjectDisposedException>(() => { using ModelUse late = model.Enter(); });
        }

        Assert.Equal(0, model.Context.Memory.BytesOf(MemoryOwner.Weights));
        Assert.Throws<ObjectDisposedException>(() => { using ModelUse late = model.Enter(); });
        model.Dispose();
    }

    [Fact]
    public void A_model_computes_in_the_context_in_which_it_was_made_with_the_bits_of_any_other()
    {
        using CausalLanguageModel here = Make();
        using ComputeContext context = new(new ComputeOptions { Threads = 3 });
        CausalLanguageModel there;
        using (context.Enter()) there = Make();
        using (there)
        {
            Assert.Same(context, there.Context);
            Assert.NotSame(context, here.Context);
            using (there.Enter())
            {
                Assert.Same(context, ComputeContext.Current);
                Assert.Equal(Logits(here), Logits(there));
            }

            ComputeContext? seen = null;
            Hooks hooks = new();
            hooks.ObserveWhere(_ => true, (_, _) => seen = ComputeContext.Current);
            using (TensorScope.Begin()) there.Run(new ModelInputs { InputIds = TokenGrid.Of([[1, 2, 3]]) }, new RunOptions { Hooks = hooks });
            Assert.Same(context, seen);
            Assert.NotSame(context, ComputeContext.Current);
            Assert.True(context.Memory.BytesOf(MemoryOwner.Weights) > 0);
        }

        Assert.Equal(0, context.Memory.BytesOf(MemoryOwner.Weights));
    }
}
