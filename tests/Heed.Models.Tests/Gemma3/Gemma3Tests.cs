using Heed.Models.Files;
using Heed.Models.Gemma3;
using Heed.Engine.Tensors;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Gemma3;

public sealed class Gemma3Tests
{
    private static string Golden(string name) => Path.Combine(Repository.Goldens, "models", name);

    [Theory]
    [InlineData("gemma3-text")]
    [InlineData("gemma3-text-bidirectional")]
    public void Reproduces_outputs_gradients_training_and_generation(string name) => Verified.Model(name);

    [Theory]
    [InlineData("gemma3-base-bidirectional")]
    [InlineData("gemma3-config-pattern")]
    [InlineData("gemma3-config-v4")]
    public void Published_forms_of_checkpoints_open(string name) => Verified.Checkpoint(name);

    [Theory]
    [InlineData("gemma-3-270m", 268_098_176)]
    [InlineData("gemma-3-1b", 999_885_952)]
    public void Presets_have_the_released_number_of_parameters(string name, long parameters) => Assert.Equal(parameters, Shapes.Of(new Gemma3Family(), name));

    [Fact]
    public void A_language_model_that_sees_what_follows_is_refused()
    {
        LoadOptions options = new() { Architecture = "Gemma3ForCausalLM", AllowMissing = true };
        string message = Assert.Throws<ConfigException>(() => ModelFolder.Load(Golden("gemma3-text-bidirectional"), options)).Message;
        Assert.Contains("config.json", message, StringComparison.Ordinal);
        Assert.Contains("use_bidirectional_attention is true", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_4_scales_the_layers_that_see_all_tokens_alone()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), """
            {"model_type": "gemma3_text", "num_hidden_layers": 7, "rope_theta": 2000000, "rope_local_base_freq": 5000,
             "rope_scaling": {"rope_type": "linear", "factor": 8}, "sliding_window_pattern": 3}
            """);
        ModelDescription description = ModelFolder.ReadConfig(folder.Path);
        Gemma3Config config = (Gemma3Config)description.Config;
        Assert.Equal("Gemma3ForCausalLM", description.Architecture);
        Assert.Equal((2e6, 8.0, 5000.0, true), (config.Theta, config.Scaling!.Factor, config.WindowTheta, config.WindowScaling is null));
        Assert.Equal([true, true, false, true, true, false, true], config.WindowLayers);
        Assert.DoesNotContain(description.Keys, key => key.Use == ConfigKeyUse.Unknown);
    }

    [Fact]
    public void Its_language_model_is_a_stack_without_its_output_as_well()
    {
        using Model rows = ModelFolder.Load(Golden("gemma3-text"), new LoadOptions { Architecture = "Gemma3TextModel" }).Model;
        Tensor hidden = rows.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 6, 7]]) }).LastHiddenState!;
        Assert.Equal(new Shape(1, 3, 36), hidden.Shape);
        Assert.True(rows.Parameters.TryGet("embed_tokens.weight", out _));
    }
}
