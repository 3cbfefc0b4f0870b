using Heed.Engine.Tensors;
using Heed.Models.Files;
using Heed.Models.ModernBert;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.ModernBert;

public sealed class ModernBertTests
{
    private static string Golden(string name) => Path.Combine(Repository.Goldens, "models", name);

    [Theory]
    [InlineData("modernbert-mlm")]
    [InlineData("modernbert-sequence")]
    [InlineData("modernbert-token")]
    public void Reproduces_outputs_gradients_and_training(string name) => Verified.Model(name);

    [Theory]
    [InlineData("modernbert-base")]
    [InlineData("modernbert-config-v4")]
    public void Published_forms_of_checkpoints_open(string name) => Verified.Checkpoint(name);

    [Theory]
    [InlineData("modernbert-base", 149_655_232)]
    [InlineData("modernbert-large", 395_881_664)]
    public void Presets_have_the_released_number_of_parameters(string name, long parameters)
        => Assert.Equal(parameters, Shapes.Of(new ModernBertFamily(), name));

    [Theory]
    [InlineData("modernbert-mlm")]
    [InlineData("modernbert-sequence")]
    [InlineData("modernbert-token")]
    public void A_saved_folder_opens_with_the_same_bits(string name)
    {
        using TemporaryFolder folder = new();
        using Model model = ModelFolder.Load(Golden(name)).Model;
        ModelFolder.Save(model, folder.Path);
        using Model again = ModelFolder.Load(folder.Path).Model;
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[9, 8, 7], [5, 6, 4]]) };
        Assert.Equal(model.Run(inputs).Logits!.ToArray(), again.Run(inputs).Logits!.ToArray());
    }

    [Fact]
    public void Version_4_names_the_bases_of_both_kinds_of_layers_and_the_pattern()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), """
            {"model_type": "modernbert", "num_hidden_layers": 5, "global_rope_theta": 80000, "local_rope_theta": null,
             "global_attn_every_n_layers": 2, "position_embedding_type": "absolute", "layer_norm_eps": 1e-5, "classifier_pooling": "mean"}
            """);
        ModelDescription description = ModelFolder.ReadConfig(folder.Path);
        ModernBertConfig config = (ModernBertConfig)description.Config;
        Assert.Equal((8e4, 8e4), (config.Theta, config.WindowTheta));
        Assert.Equal([false, true, false, true, false], config.WindowLayers);
        Assert.DoesNotContain(description.Keys, key => key.Use == ConfigKeyUse.Unknown);
    }

    [Fact]
    public void Answers_come_from_rows_behind_the_heads_layer()
    {
        LoadOptions options = new() { Architecture = "ModernBertForQuestionAnswering", AllowMissing = true };
        (Model model, LoadReport report) = ModelFolder.Load(Golden("modernbert-mlm"), options);
        using (model)
        {
            Assert.Equal(["classifier.weight", "classifier.bias"], report.Missing);
            ModelInputs inputs = new() { InputIds = TokenGrid.Of([[9, 8, 7]]), StartPositions = [1], EndPositions = [2] };
            ModelOutput output = model.Run(inputs);
            Assert.Equal(new Shape(1, 3), output.StartLogits!.Shape);
            Assert.Equal(2, output.Losses.Count);
        }
    }

    [Fact]
    public void Padding_on_either_side_leaves_every_bit()
    {
        using Model model = ModelFolder.Load(Golden("modernbert-sequence")).Model;
        int[] text = [.. Enumerable.Range(0, 20).Select(i => 4 + (i * 7 % 90))], padding = [1, 1, 1];
        float[] alone = model.Run(new ModelInputs { InputIds = TokenGrid.Of([text]) }).Logits!.ToArray();
        int[] ones = Enumerable.Repeat(1, 20).ToArray(), zeros = [0, 0, 0];
        int[] positions = [.. Enumerable.Range(0, 20)];
        ModelInputs both = new()
        {
            InputIds = TokenGrid.Of([[.. text, .. padding], [.. padding, .. text]]),
            AttentionMask = TokenGrid.Of([[.. ones, .. zeros], [.. zeros, .. ones]]),
            PositionIds = TokenGrid.Of([[.. positions, .. zeros], [.. zeros, .. positions]]),
        };
        Assert.Equal([.. alone, .. alone], model.Run(both).Logits!.ToArray());
    }
}
