using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Custom;
using Heed.Models.Files;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Models can be walked, searched, frozen in part, and their projections replaced.</summary>
public class ModuleTests
{
    public static TheoryData<string> Presets => [.. ModelFamilies.All.SelectMany(f => f.Presets.Keys)];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Every_parameter_belongs_to_one_module_that_its_names_find(string preset)
    {
        using Model model = Shapes.Of(preset);
        Module[] modules = [.. model.Modules];
        Assert.Equal(modules.Distinct(), modules);
        Assert.Same(model, modules[0]);
        Parameter[] owned = [.. modules.SelectMany(m => m.OwnParameters)];
        Assert.Equal(model.Parameters.OrderBy(p => p.Name, StringComparer.Ordinal), owned.OrderBy(p => p.Name, StringComparer.Ordinal));
        foreach (Module module in modules.Where(m => m.Site.Length > 0 && m.OwnParameters.Count > 0))
        {
            Assert.Same(module, model.Find(module.Site));
            Assert.StartsWith(module.Path, module.OwnParameters[0].Name, StringComparison.Ordinal);
        }

        // Each layer's parts lie below it.
        foreach (Module block in modules.Where(m => m.Children.Any(c => c is MultiHeadAttention)))
            Assert.All(block.Modules, part => Assert.StartsWith(block.Site, part.Site, StringComparison.Ordinal));
    }

    [Fact]
    public void A_module_is_found_by_hook_path_by_checkpoint_path_and_from_above()
    {
        using Model model = Shapes.Of("gpt2");
        Linear fused = Assert.IsType<Linear>(model.Find("blocks.3.attn.qkv"));
        Assert.Equal("transformer.h.3.attn.c_attn", fused.Path);
        Assert.Same(fused, model.Find("transformer.h.3.attn.c_attn"));
        Assert.Same(fused, model.Find("blocks.3")!.Find("attn.qkv"));
        MultiHeadAttention attention = Assert.IsType<MultiHeadAttention>(model.Find("blocks.3.attn"));
        Assert.Same(fused, attention.QueryKeyValue);
        Assert.Equal([attention.QueryKeyValue!, attention.Output], attention.Children);
        Assert.Null(model.Find("blocks.30.attn"));
        using Model llama = Shapes.Of("llama-7b");
        Assert.Same(((MultiHeadAttention)llama.Find("blocks.5.attn")!).Query, llama.Find("blocks.5.attn.q"));
    }

    [Fact]
    public void Parameters_are_frozen_by_pattern()
    {
        using Model model = Shapes.Of("gpt2-tiny");
        Assert.Equal(4 * 12, model.Parameters.Freeze("blocks.*"));
        Assert.Equal(["transformer.wte.weight", "transformer.wpe.weight", "transformer.ln_f.weight", "transformer.ln_f.bias"], model.Parameters.Where(p => p.NeedsGradient).Select(p => p.Name));
        Assert.Equal(12, model.Parameters.Unfreeze("blocks.1"));
        Assert.Equal(4, model.Parameters.Unfreeze("transformer.h.2.attn"));
        Assert.Equal(4 + 12 + 4, model.Parameters.Count(p => p.NeedsGradient));
        model.Parameters.Unfreeze("*");
        Assert.All(model.Parameters, p => Assert.True(p.NeedsGradient));
        Assert.Contains("'blocks.0", Assert.Throws<ArgumentException>(() => model.Parameters.Freeze("bloks.0")).Message, StringComparison.Ordinal);

        // What the architecture never trains is not thawed.
        using Model bart = Shapes.Of("bart-base");
        bart.Parameters.Freeze("*");
        bart.Parameters.Unfreeze("*");
        Assert.False(bart.Parameters["final_logits_bias"].NeedsGradient);
    }

    [Fact]
    public void A_projection_is_replaced_and_the_old_one_becomes_its_child()
    {
        CustomConfig config = new() { Vocabulary = 30, Width = 24, Layers = 2, Heads = 4 };
        using Model plain = ModelFamilies.Build("CustomDecoder", config, new ParameterSet(ParameterSource.Random(1)));
        using Model model = ModelFamilies.Build("CustomDecoder", config, new ParameterSet(ParameterSource.Random(1)));
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[1, 2, 3, 4, 5]]), Labels = TokenGrid.Of([[1, 2, 3, 4, 5]]) };
        foreach (string path in (string[])["blocks.0.attn.q", "blocks.1.attn.out", "blocks.1.mlp.up"])
        {
            Projection old = (Projection)model.Find(path)!;
            LowRank made = (LowRank)model.Replace(path, inner => new LowRank(inner, 2));
            Assert.Same(made, model.Find(path));
            Assert.Same(old, model.Find(path + ".base"));
            Assert.Equal([old], made.Children);
            Assert.Equal(2, made.OwnParameters.Count);
            Assert.Contains(made, model.Modules);
        }

        using TensorScope scope = TensorScope.Begin();
        // One factor begins at zero: the same bits, until it has learned something.
        Assert.Equal(Logits(plain, inputs), Logits(model, inputs));
        model.Parameters.Freeze("*");
        Assert.Equal(6, model.Parameters.Unfreeze("*.lora_*"));
        using (Tape tape = Tape.Begin()) tape.Backward(model.Run(inputs).Losses[0].Sum);
        Assert.Equal(6, model.Parameters.Count(p => p.Gradient is not null));
        Parameter b = ((LowRank)model.Find("blocks.1.attn.out")!).OwnParameters[1];
        b.Assign(Tensor.Full(b.Shape, 0.1f));
        Assert.NotEqual(Logits(plain, inputs), Logits(model, inputs));

        // What each head adds is known of any projection, and the heads together give the output.
        float[] parts = [], whole = [];
        model.Run(inputs, new RunOptions { Hooks = new Hooks().Observe("blocks.1.attn.result", (_, x) => parts = x.Sum(1).Value.ToArray()).Observe("blocks.1.attn.out", (_, x) => whole = x.Value.ToArray()) });
        float[] bias = ((Linear)model.Find("blocks.1.attn.out.base")!).Bias!.Value.ToArray();
        for (int i = 0; i < parts.Length; i++) Assert.Equal(whole[i], parts[i] + bias[i % 24], 1e-5f);

        Assert.Contains("'blocks.0.attn.q'", Assert.Throws<ArgumentException>(() => model.Replace("bloks.0.attn.q", p => p)).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => model.Replace("blocks.0.attn.k", _ => new Linear(24, 12, model.Parameters.Root / "narrow")));
    }

    private static float[] Logits(Model model, ModelInputs inputs) => model.Run(inputs).Logits!.ToArray();

    /// <summary>y = W·x + B·A·x, with B zero at first (Hu et al. 2021, arXiv:2106.09685).</summary>
    private sealed class LowRank(Projection inner, int rank) : Projection(inner.Scope / "lora")
    {
        private readonly Parameter _a = inner.Scope.Weight("lora_a", new Shape(rank, inner.Inputs), Initializer.Normal(0.1f));
        private readonly Parameter _b = inner.Scope.Weight("lora_b", new Shape(inner.Outputs, rank), Initializer.Zeros);

        public override int Inputs => inner.Inputs;

        public override int Outputs => inner.Outputs;

        public override Variable Forward(Variable x) => inner.Forward(x) + new Linear(_b, null).Forward(new Linear(_a, null).Forward(x));
    }
}
