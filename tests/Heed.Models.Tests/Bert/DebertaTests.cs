using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Bert;

public sealed class DebertaTests
{
    private static readonly DebertaConfig Tiny = new()
    {
        Layers = 2,
        Heads = 2,
        Width = 8,
        Vocabulary = 20,
        PositionRows = 12,
        Segments = 0,
        Buckets = 4,
        PaddingId = 0,
    };

    private static readonly ModelInputs Masked = new()
    {
        InputIds = TokenGrid.Of([[3, 4, 5, 6, 7, 8, 9]]),
        Labels = TokenGrid.Of([[-100, 3, -100, 4, 5, -100, 6]]),
    };

    private static string Golden(string name) => Path.Combine(Repository.Goldens, "models", name);

    [Theory]
    [InlineData("deberta-v2-mlm")]
    [InlineData("deberta-v2-mlm-v3")]
    [InlineData("deberta-v2-sequence")]
    public void Reproduces_outputs_gradients_and_training(string name) => Verified.Model(name);

    [Theory]
    [InlineData("deberta-v3-base-with-heads")]
    [InlineData("deberta-v3-config-v4")]
    public void Published_forms_of_checkpoints_open(string name) => Verified.Checkpoint(name);

    [Theory]
    [InlineData("deberta-v3-xsmall", 70_682_112)]
    [InlineData("deberta-v3-small", 141_304_320)]
    [InlineData("deberta-v3-base", 183_831_552)]
    public void Presets_have_the_released_number_of_parameters(string name, long parameters)
        => Assert.Equal(parameters, Shapes.Of(new DebertaFamily(), name));

    [Theory]
    [InlineData("deberta-v2-mlm")]
    [InlineData("deberta-v2-sequence")]
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
    public void A_text_has_the_same_bits_alone_padded_and_beside_a_longer_one()
    {
        using Model model = ModelFolder.Load(Golden("deberta-v2-sequence")).Model;
        int[] text = [.. Enumerable.Range(0, 9).Select(i => 4 + (i * 7 % 90))], other = [.. Enumerable.Range(0, 30).Select(i => 5 + i)];
        int[] ones = Enumerable.Repeat(1, 9).ToArray(), zeros = new int[21], padding = Enumerable.Repeat(1, 21).ToArray();
        float[] alone = model.Run(new ModelInputs { InputIds = TokenGrid.Of([text]) }).Logits!.ToArray();
        ModelInputs together = new()
        {
            InputIds = TokenGrid.Of([[.. text, .. padding], other, [.. padding, .. text]]),
            AttentionMask = TokenGrid.Of([[.. ones, .. zeros], Enumerable.Repeat(1, 30).ToArray(), [.. zeros, .. ones]]),
        };
        float[] logits = model.Run(together).Logits!.ToArray();
        Assert.Equal(alone, logits[..3]);
        Assert.Equal(alone, logits[6..]);
    }

    [Fact]
    public void Distances_have_projections_of_their_own_where_they_are_not_shared()
    {
        using EncoderModel own = EncoderModel.Create(Tiny with { SharedProjections = false }, new ParameterSet(ParameterSource.Random(1)));
        using EncoderModel shared = EncoderModel.Create(Tiny, new ParameterSet(ParameterSource.Random(2)));
        foreach (Parameter p in shared.Parameters) p.Assign(own.Parameters[p.Name].Value.Clone());
        foreach (string layer in (string[])["encoder.layer.0.attention.self.", "encoder.layer.1.attention.self."])
        {
            foreach ((string position, string content) in new[] { ("pos_key_proj", "key_proj"), ("pos_query_proj", "query_proj") })
                foreach (string kind in (string[])["weight", "bias"])
                    own.Parameters[$"{layer}{position}.{kind}"].Assign(own.Parameters[$"{layer}{content}.{kind}"].Value.Clone());
        }

        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[3, 4, 5, 6, 7, 8, 9]]) };
        Assert.Equal(shared.Run(inputs).LastHiddenState!.ToArray(), own.Run(inputs).LastHiddenState!.ToArray());
        own.Parameters["encoder.layer.0.attention.self.pos_key_proj.weight"].Value.Span.Fill(0.5f);
        Assert.NotEqual(shared.Run(inputs).LastHiddenState!.ToArray(), own.Run(inputs).LastHiddenState!.ToArray());
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    public void Every_parameter_that_is_made_gets_a_gradient(bool fromContent, bool toContent, bool adds)
    {
        DebertaConfig config = Tiny with
        {
            ContentToPosition = fromContent,
            PositionToContent = toContent,
            AddsPositions = adds,
            RelativeAttention = fromContent || toContent,
            SharedProjections = false,
        };
        using MaskedLanguageModel model = MaskedLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        tape.Backward(model.Run(Masked).Losses[0].Sum);
        foreach (Parameter p in model.Parameters) Assert.True(p.Gradient is not null, p.Name);
        Assert.Equal(fromContent, model.Parameters.TryGet("deberta.encoder.layer.0.attention.self.pos_key_proj.weight", out _));
        Assert.Equal(toContent, model.Parameters.TryGet("deberta.encoder.layer.0.attention.self.pos_query_proj.weight", out _));
        Assert.Equal(adds, model.Parameters.TryGet("deberta.embeddings.position_embeddings.weight", out _));
    }

    [Fact]
    public void Recomputed_layers_have_the_same_gradients_with_dropout()
    {
        DebertaConfig config = Tiny with { Dropout = 0.2f, AttentionDropout = 0.2f };
        float[][] gradients = [.. new[] { false, true }.Select(checkpoint =>
        {
            using MaskedLanguageModel model = MaskedLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            tape.Backward(model.Run(Masked, new RunOptions { Dropout = new DropoutPlan(3, 4), Checkpoint = checkpoint }).Losses[0].Sum);
            return model.Parameters["deberta.encoder.rel_embeddings.weight"].Gradient!.ToArray();
        })];
        Assert.Contains(gradients[0], g => g != 0);
        Assert.Equal(gradients[0], gradients[1]);
    }

    [Fact]
    public void Rows_of_padding_that_a_loss_reads_attend_to_the_text()
    {
        LoadOptions options = new() { Architecture = "DebertaV2ForQuestionAnswering", AllowMissing = true };
        using Model model = ModelFolder.Load(Golden("deberta-v2-mlm"), options).Model;
        ModelInputs alone = new() { InputIds = TokenGrid.Of([[9, 8, 7, 6]]) };
        ModelInputs padded = new()
        {
            InputIds = TokenGrid.Of([[1, 9, 8, 7, 6, 1, 1]]),
            AttentionMask = TokenGrid.Of([[0, 1, 1, 1, 1, 0, 0]]),
            StartPositions = [2],
            EndPositions = [4],
        };
        float[] starts = model.Run(padded).StartLogits!.ToArray();
        Assert.Equal(model.Run(alone).StartLogits!.ToArray(), starts[1..5]);
        Assert.All(starts, s => Assert.True(float.IsFinite(s) && s != 0));
    }

    [Theory]
    [InlineData("\"p2c|c2p\"", true, true)]
    [InlineData("[\"c2p\"]", true, false)]
    [InlineData("null", false, false)]
    public void Kinds_of_positions_are_a_list_or_one_string(string kinds, bool fromContent, bool toContent)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), $$"""
            {"model_type": "deberta-v2", "hidden_size": 96, "relative_attention": true, "max_relative_positions": -1,
             "position_buckets": 256, "pos_att_type": {{kinds}}, "norm_rel_ebd": "layer_norm", "share_att_key": true,
             "position_biased_input": false, "type_vocab_size": 0}
            """);
        ModelDescription description = ModelFolder.ReadConfig(folder.Path);
        DebertaConfig config = (DebertaConfig)description.Config;
        Assert.Equal("DebertaV2Model", description.Architecture);
        Assert.Equal((fromContent, toContent), (config.ContentToPosition, config.PositionToContent));
        Assert.Equal((512, 256, int.MaxValue, 512), (config.FarthestDistance, config.Span, config.MaximumLength, config.TrainedLength));
        Assert.DoesNotContain(description.Keys, key => key.Use == ConfigKeyUse.Unknown);
    }

    [Theory]
    [InlineData("\"conv_kernel_size\": 3", "conv_kernel_size")]
    [InlineData("\"embedding_size\": 48", "embedding_size")]
    [InlineData("\"attention_head_size\": 5", "attention_head_size")]
    [InlineData("\"pos_att_type\": [\"p2p\"]", "pos_att_type")]
    [InlineData("\"pos_att_type\": 3", "pos_att_type")]
    [InlineData("\"position_buckets\": 1", "position_buckets")]
    [InlineData("\"position_buckets\": 1024, \"max_relative_positions\": 400", "max_relative_positions")]
    public void What_is_not_computed_is_refused_by_name(string setting, string field)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), $$"""{"model_type": "deberta-v2", "hidden_size": 96, {{setting}}}""");
        string message = Assert.ThrowsAny<HeedException>(() => ModelFolder.ReadConfig(folder.Path)).Message;
        Assert.Contains(field, message, StringComparison.Ordinal);
    }
}
