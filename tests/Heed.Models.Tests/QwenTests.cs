using Heed.Engine.Tensors;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests;

public sealed class QwenTests
{
    [Fact]
    public void The_classifier_reproduces_outputs_gradients_and_training() => Verified.Model("qwen3-sequence");

    // Qwen3-Embedding: the rows of the stack, of which the last token's is the text's.
    [Fact]
    public void A_caller_who_names_the_stack_gets_its_rows()
    {
        string folder = Path.Combine(Repository.Goldens, "models", "qwen3");
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[5, 6, 7]]) };
        using Model rows = ModelFolder.Load(folder, new LoadOptions { Architecture = "Qwen3Model" }).Model;
        using Model language = ModelFolder.Load(folder).Model;
        Tensor expected = language.Run(inputs, new RunOptions { Details = true }).HiddenStates[^1];
        Assert.Equal(expected.ToArray(), Assert.IsType<EncoderModel>(rows).Run(inputs).LastHiddenState!.ToArray());
        Assert.True(rows.Parameters.TryGet("layers.0.self_attn.q_norm.weight", out _));
    }
}
