using Heed.Engine.Nn;
using Heed.Models.Bart;
using Heed.Models.Bert;
using Heed.Models.Bloom;
using Heed.Models.DistilBert;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.T5;
using Heed.Testing;

namespace Heed.Models.Tests;

/// <summary>Inputs and labels with which the reference is known to do something particular: docs/reference-behaviour.md lists
/// them.</summary>
public sealed class InputReferenceTests
{
    private static readonly ModelInputs Text = new() { InputIds = TokenGrid.Of([[5, 9, 2]]) };
    private static readonly ModelInputs PaddedLeft = new() { InputIds = TokenGrid.Of([[1, 1, 5, 9, 2]]), AttentionMask = TokenGrid.Of([[0, 0, 1, 1, 1]]) };

    [Fact]
    public void Types_that_are_left_out_are_zeros_and_one_beyond_the_table_is_refused()
    {
        using Model bert = Golden("bert-mlm"), roberta = Golden("roberta-mlm");
        Assert.Equal(Logits(bert, Text with { TokenTypeIds = TokenGrid.Of([[0, 0, 0]]) }), Logits(bert, Text));
        Assert.Contains("token_type_ids", Assert.Throws<InputException>(() => Logits(roberta, Text with { TokenTypeIds = TokenGrid.Of([[0, 0, 1]]) })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert-mlm", false)]
    [InlineData("gpt2", false)]
    [InlineData("openai-gpt", false)]
    [InlineData("roberta-mlm", true)]
    [InlineData("llama", true)]
    [InlineData("mistral-window", true)]
    [InlineData("qwen2", true)]
    [InlineData("bloom-alibi", true)]
    public void Padding_on_the_left_counts_where_positions_are_columns(string name, bool asAlone)
    {
        using Model model = Golden(name);
        float[] alone = Logits(model, Text), padded = Logits(model, PaddedLeft)[^alone.Length..];
        double difference = alone.Zip(padded, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.Equal(asAlone, difference < 1e-4);
        TokenGrid positions = TokenGrid.Of([[0, 0, 0, 1, 2]]);
        if (name is "gpt2" or "openai-gpt" or "bert-mlm") Assert.Equal(alone, Logits(model, PaddedLeft with { PositionIds = positions })[^alone.Length..]);
    }

    [Fact]
    public void A_decoder_classifies_by_the_last_token_that_is_neither_padding_nor_masked()
    {
        LlamaConfig config = new() { Layers = 1, Heads = 2, Width = 8, InnerWidth = 12, Vocabulary = 20, PaddingId = 3, Labels = ["a", "b"] };
        foreach (int? padding in (int?[])[3, null])
        {
            using SequenceClassifier model = SequenceClassifier.Create(config with { PaddingId = padding }, new ParameterSet(ParameterSource.Random(4)));
            ModelInputs masked = new() { InputIds = TokenGrid.Of([[5, 6, 7], [5, 6, 9]]), AttentionMask = TokenGrid.Of([[1, 1, 1], [1, 1, 0]]) };
            Assert.Equal(Logits(model, new ModelInputs { InputIds = TokenGrid.Of([[5, 6]]) }), Logits(model, masked)[2..]);
        }
    }

    [Theory]
    [InlineData("bert-mlm")]
    [InlineData("gpt2")]
    [InlineData("openai-gpt")]
    [InlineData("roberta-mlm")]
    public void A_text_longer_than_a_table_of_positions_is_refused(string name)
    {
        using Model model = Golden(name);
        ModelInputs whole = new() { InputIds = TokenGrid.Of([[.. Enumerable.Repeat(5, model.Config.MaximumLength)]]) };
        Assert.NotEmpty(Logits(model, whole));
        ModelInputs longer = new() { InputIds = TokenGrid.Of([[.. Enumerable.Repeat(5, model.Config.MaximumLength + 1)]]) };
        Assert.Contains("positions", Assert.Throws<InputException>(() => Logits(model, longer)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral-window")]
    [InlineData("qwen2")]
    public void A_text_longer_than_the_trained_context_goes_on_with_rotary_positions(string name)
    {
        using Model model = Golden(name);
        int length = model.Config.TrainedLength + 3;
        Assert.Equal(length * model.Config.Vocabulary, Logits(model, new ModelInputs { InputIds = TokenGrid.Of([[.. Enumerable.Repeat(5, length)]]) }).Length);
    }

    [Theory]
    [InlineData("bert-sequence")]
    [InlineData("gpt2-sequence")]
    [InlineData("gpt2")]
    [InlineData("bert-mlm")]
    public void An_id_that_is_no_token_and_a_text_of_none_are_refused(string name)
    {
        using Model model = Golden(name);
        foreach (int id in (int[])[-1, model.Config.Vocabulary])
            Assert.Contains("input_ids", Assert.Throws<InputException>(() => Logits(model, new ModelInputs { InputIds = TokenGrid.Of([[5, id]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("input_ids", Assert.Throws<InputException>(() => Logits(model, new ModelInputs { InputIds = TokenGrid.Of([[]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("input_ids", Assert.Throws<InputException>(() => Logits(model, new ModelInputs { InputIds = TokenGrid.Of([]) })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mask_of_zeros_alone_is_refused()
    {
        using Model model = Golden("bert-sequence");
        Assert.Contains("no real token", Assert.Throws<InputException>(() => Logits(model, Text with { AttentionMask = TokenGrid.Of([[0, 0, 0]]) })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kind_of_a_problem_follows_from_the_labels_and_is_not_kept()
    {
        BertConfig config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 12, Labels = ["a", "b", "c"] };
        using SequenceClassifier several = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(4)));
        using SequenceClassifier one = SequenceClassifier.Create(config with { Labels = ["a"] }, new ParameterSet(ParameterSource.Random(4)));
        float[] scores = Logits(several, Text);
        double sum = scores.Sum(x => Math.Exp(x));
        Assert.Equal(Math.Log(sum) - scores[1], several.Run(Text with { Labels = TokenGrid.Of([[1]]) }).Loss!.Value, 1e-5);
        float[] wanted = [1, 0, 1];
        double each = scores.Zip(wanted, (x, y) => Math.Log(1 + Math.Exp(x)) - (x * y)).Average();
        Assert.Equal(each, several.Run(Text with { NumberLabels = wanted }).Loss!.Value, 1e-5);
        Assert.Equal(Math.Pow(Logits(one, Text)[0] - 4, 2), one.Run(Text with { NumberLabels = [4] }).Loss!.Value, 1e-4);
        Assert.Null(several.Config.ClassificationKind);
    }

    [Fact]
    public void A_label_that_is_no_class_is_refused_and_a_loss_without_targets_is_no_number()
    {
        using Model classifier = Golden("bert-sequence"), decoder = Golden("gpt2");
        foreach (int label in (int[])[3, -1])
            Assert.Contains($"labels: {label}", Assert.Throws<InputException>(() => classifier.Run(Text with { Labels = TokenGrid.Of([[label]]) })).Message, StringComparison.Ordinal);
        Assert.True(double.IsNaN(classifier.Run(Text with { Labels = TokenGrid.Of([[-100]]) }).Loss!.Value));
        Assert.True(double.IsNaN(decoder.Run(Text with { Labels = TokenGrid.Of([[-100, -100, -100]]) }).Loss!.Value));
        Assert.True(double.IsNaN(decoder.Run(Text with { Labels = TokenGrid.Of([[5, -100, -100]]) }).Loss!.Value));
    }

    [Fact]
    public void An_encoder_decoder_without_ids_for_its_decoder_is_refused()
    {
        using SequenceToSequenceModel bart = SequenceToSequenceModel.Create(new BartConfig { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 16 }, new ParameterSet(ParameterSource.Random(1)));
        using SequenceToSequenceModel t5 = SequenceToSequenceModel.Create(new T5Config { Layers = 1, Heads = 2, HeadWidth = 4, Width = 8, InnerWidth = 8, Vocabulary = 20 }, new ParameterSet(ParameterSource.Random(1)));
        foreach (Model model in (Model[])[bart, t5])
            Assert.Contains("decoder_input_ids", Assert.Throws<InputException>(() => model.Run(Text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Marian_keeps_its_sines_frozen_and_saves_none()
    {
        using TemporaryFolder folder = new();
        BartConfig config = new() { Marian = true, Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 16, PaddingId = 1, DecoderStartId = 1 };
        using (SequenceToSequenceModel model = SequenceToSequenceModel.Create(config, new ParameterSet(ParameterSource.Random(1)))) ModelFolder.Save(model, folder.Path);
        using Model opened = ModelFolder.Load(folder.Path, new LoadOptions { ForTraining = true }).Model;
        Assert.DoesNotContain(opened.Parameters, p => p.Name.Contains("embed_positions", StringComparison.Ordinal));
    }

    [Fact]
    public void Sines_of_DistilBERT_that_a_file_lacks_are_made_anew_and_are_saved()
    {
        using TemporaryFolder folder = new();
        DistilBertConfig config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 12, SinusoidalPositions = true };
        using (EncoderModel model = EncoderModel.Create(config, new ParameterSet(ParameterSource.Random(1)))) ModelFolder.Save(model, folder.Path);
        string weights = folder.File("model.safetensors"), name;
        using (Checkpoints.CheckpointFolder saved = Checkpoints.CheckpointFolder.Open(folder.Path))
        {
            name = saved.Tensors.Single(t => t.Name.Contains("position_embeddings", StringComparison.Ordinal)).Name;
            Checkpoints.SafetensorsWriter.Write(weights + ".new", [.. saved.Tensors.Where(t => t.Name != name)]);
        }

        File.Move(weights + ".new", weights, overwrite: true);
        using Model opened = ModelFolder.Load(folder.Path, new LoadOptions { ForTraining = true }).Model;
        Parameter table = opened.Parameters.Single(p => p.Name.Contains("position_embeddings", StringComparison.Ordinal));
        Assert.True(table.NeedsGradient);
        Assert.Equal(MathF.Sin(3), table.Value[3, 0], 1e-6f);
    }

    private static Model Golden(string name) => ModelFolder.Load(Path.Combine(Repository.Goldens, "models", name)).Model;

    private static float[] Logits(Model model, ModelInputs inputs) => model.Run(inputs).Logits!.ToArray();
}
