using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bert;
using Heed.Models.DistilBert;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Verification;
using Xunit;

namespace Heed.Models.Tests.Bert;

public class BertTests
{
    [Theory]
    [InlineData("BertModel", "bert-base", 109_482_240)]
    [InlineData("BertForPreTraining", "bert-base", 110_106_428)]
    [InlineData("BertForMaskedLM", "bert-base", 109_514_298)]
    [InlineData("BertModel", "bert-large", 335_141_888)]
    [InlineData("BertForPreTraining", "bert-large", 336_226_108)]
    [InlineData("RobertaModel", "roberta-base", 124_645_632)]
    [InlineData("RobertaForMaskedLM", "roberta-base", 124_697_433)]
    [InlineData("RobertaModel", "roberta-large", 355_359_744)]
    [InlineData("XLMRobertaModel", "xlm-roberta-base", 278_043_648)]
    [InlineData("XLMRobertaForMaskedLM", "xlm-roberta-base", 278_295_186)]
    [InlineData("MPNetModel", "mpnet-base", 109_486_464)]
    [InlineData("ElectraModel", "electra-small", 13_483_008)]
    [InlineData("ElectraModel", "electra-base", 108_891_648)]
    [InlineData("ElectraModel", "electra-large", 334_092_288)]
    [InlineData("CamembertModel", "camembert-base", 110_621_952)]
    [InlineData("CamembertForMaskedLM", "camembert-base", 110_655_493)]
    [InlineData("RobertaForMaskedLM", "roberta-large", 355_412_057)]
    [InlineData("DistilBertModel", "distilbert", 66_362_880)]
    [InlineData("DistilBertForMaskedLM", "distilbert", 66_985_530)]
    public void Presets_have_the_released_number_of_parameters(string architecture, string preset, long parameters)
    {
        ModelFamily family = ModelFamilies.All.First(f => f.Presets.ContainsKey(preset));
        using Model model = family.Build(architecture, family.Presets[preset].Config, new ParameterSet(ParameterSource.ShapesOnly));
        Assert.Equal(parameters, model.Parameters.Values);
    }

    [Fact]
    public void An_untied_head_has_a_bias_of_its_own_and_leaves_the_other_unused()
    {
        BertConfig config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 12, PaddingId = 0, TiedOutput = false };
        using MaskedLanguageModel model = MaskedLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        Assert.Equal(new Shape(20), model.Parameters["cls.predictions.decoder.bias"].Shape);
        Assert.True(model.Parameters["cls.predictions.bias"].MayBeUnused);
        Assert.Empty(model.TiedNames);
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[4, 5, 6, 7]]), Labels = TokenGrid.Of([[-100, 9, -100, 3]]) };
        using TensorScope scope = TensorScope.Begin();
        using Engine.Autograd.Tape tape = Engine.Autograd.Tape.Begin();
        tape.Backward(model.Run(inputs).Losses[0].Sum);
        Assert.Null(model.Parameters["cls.predictions.bias"].Gradient);
        Assert.NotNull(model.Parameters["cls.predictions.decoder.bias"].Gradient);
    }

    [Fact]
    public void Padding_on_either_side_leaves_every_bit()
    {
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bert-mlm")).Model;
        TokenGrid positions = TokenGrid.Of([[0, 1, 2, 0, 0], [0, 0, 0, 1, 2], [0, 1, 2, 0, 0]]);
        ModelInputs inputs = new()
        {
            InputIds = TokenGrid.Of([[9, 8, 7, 1, 1], [1, 1, 9, 8, 7], [9, 8, 7, 5, 5]]),
            AttentionMask = TokenGrid.Of([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 1, 1, 0, 0]]),
            PositionIds = positions,
        };
        float[] logits = model.Run(inputs).Logits!.ToArray();
        int row = 5 * 101, used = 3 * 101;
        float[] right = logits[..used], left = logits[(row + (2 * 101))..(2 * row)], other = logits[(2 * row)..((2 * row) + used)];
        Assert.Equal(right, left);
        Assert.Equal(right, other);
    }

    private static BertEncoder Stack(BertConfig config) => new(config, new ParameterSet(ParameterSource.ShapesOnly).Root);

    [Fact]
    public void Roberta_counts_positions_over_tokens_that_are_not_padding()
    {
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[0, 7, 8, 2, 1, 1], [1, 1, 0, 7, 8, 2]]) };
        Assert.Equal([2, 3, 4, 5, 1, 1, 1, 1, 2, 3, 4, 5], Stack(RobertaConfig.Base).WithPositions(inputs).PositionIds!.Cells);
        Assert.Null(Stack(BertConfig.Base).WithPositions(inputs).PositionIds);
        Assert.Equal(512, RobertaConfig.Base.MaximumLength);
    }

    [Fact]
    public void Answers_without_labels_need_no_padding_and_score_real_tokens_alike()
    {
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bert-qa")).Model;
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[9, 8, 7, 6], [9, 8]], 1), AttentionMask = TokenGrid.Of([[1, 1, 1, 1], [1, 1]]) };
        ModelOutput plain = model.Run(inputs), labelled = model.Run(inputs with { StartPositions = [1, 0], EndPositions = [9, 1] });
        Assert.Empty(plain.Losses);
        foreach (string name in (string[])["start_logits", "end_logits"])
            Assert.Equal(OutputNames.Of(model, plain)[name].ToArray()[..6], OutputNames.Of(model, labelled)[name].ToArray()[..6]);
        Assert.Equal([2L, 1L], labelled.Losses.Select(l => l.Count));   // position 9 is behind the text and not counted
        Assert.Equal([2L, 1L], model.CountTargets(inputs with { StartPositions = [1, 0], EndPositions = [9, 1] }));
    }

    [Fact]
    public void Wrong_inputs_are_refused_in_one_sentence()
    {
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bert-pretraining")).Model;
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[9, 8, 7]]) };
        Assert.Contains("token_type_ids", Assert.Throws<InputException>(() => model.Run(inputs with { TokenTypeIds = TokenGrid.Of([[0, 1, 2]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("next_sentence_label", Assert.Throws<InputException>(() => model.Run(inputs with { NextSentenceLabel = [2] })).Message, StringComparison.Ordinal);
        Assert.Contains("labels", Assert.Throws<InputException>(() => model.Run(inputs with { Labels = TokenGrid.Of([[101, -100, -100]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("no real token", Assert.Throws<InputException>(() => model.Run(inputs with { AttentionMask = TokenGrid.Of([[0, 0, 0]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("24 positions", Assert.Throws<InputException>(() => model.Run(new ModelInputs { InputIds = TokenGrid.Of([new int[25]]) })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Replaced_tokens_count_where_they_are_attended_to_and_labelled()
    {
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "electra-replaced")).Model;
        ModelInputs inputs = new()
        {
            InputIds = TokenGrid.Of([[9, 8, 7, 1], [9, 8, 1, 1]]),
            AttentionMask = TokenGrid.Of([[1, 1, 1, 0], [1, 1, 0, 0]]),
            Labels = TokenGrid.Of([[0, 1, -100, 0], [0, 1, 1, 1]]),
        };
        ModelOutput output = model.Run(inputs);
        Assert.Equal(new Shape(2, 4), output.Logits!.Shape);
        Assert.Equal([4L], model.CountTargets(inputs));
        Assert.Equal(4, output.Losses[0].Count);
        float[] scores = output.Logits.ToArray();
        double expected = Softplus(scores[0]) + Softplus(-scores[1]) + Softplus(scores[4]) + Softplus(-scores[5]);
        Assert.Equal(expected, output.Losses[0].Sum.Value.ToArray()[0], 1e-5);
        Assert.Equal(0, scores[7]);
        ModelInputs wrong = inputs with { Labels = TokenGrid.Of([[0, 2, 0, 0], [0, 0, 0, 0]]) };
        Assert.Contains("labels: 2 is no label", Assert.Throws<InputException>(() => model.Run(wrong)).Message, StringComparison.Ordinal);

        static double Softplus(double x) => Math.Log(1 + Math.Exp(x));
    }

    [Fact]
    public void Narrow_tables_make_the_masked_head_as_narrow()
    {
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "electra-mlm")).Model;
        Assert.Equal(new Shape(20, 36), model.Parameters["generator_predictions.dense.weight"].Shape);
        Assert.Equal("electra.embeddings.word_embeddings.weight", model.TiedNames["generator_lm_head.weight"]);
        ElectraConfig untied = new() { Layers = 1, Heads = 2, Width = 8, EmbeddingWidth = 4, Vocabulary = 20, TiedOutput = false };
        using MaskedLanguageModel own = MaskedLanguageModel.Create(untied, new ParameterSet(ParameterSource.Random(1)));
        Assert.Equal(new Shape(20, 4), own.Parameters["generator_lm_head.weight"].Shape);
        Assert.Equal(new Shape(20), own.Parameters["generator_lm_head.bias"].Shape);
    }

    [Theory]
    [InlineData("bert-mlm")]
    [InlineData("electra-replaced")]
    [InlineData("electra-mlm")]
    [InlineData("roberta-token")]
    [InlineData("distilbert-qa")]
    public void A_saved_folder_opens_with_the_same_bits(string name)
    {
        using TemporaryFolder folder = new();
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", name)).Model;
        ModelFolder.Save(model, folder.Path);
        using Model again = ModelFolder.Load(folder.Path).Model;
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[9, 8, 7], [5, 6, 4]]) };
        foreach ((string key, Tensor tensor) in OutputNames.Of(model, model.Run(inputs))) Assert.Equal(tensor.ToArray(), OutputNames.Of(again, again.Run(inputs))[key].ToArray());
        Assert.Equal(model.Config with { Original = null, Labels = [] }, again.Config with { Original = null, Labels = [] });
    }

    [Fact]
    public void A_checkpoint_of_pre_training_opens_under_another_head()
    {
        LoadOptions options = new() { Architecture = "BertForMaskedLM" };
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bert-pretraining"), options).Model;
        Assert.IsType<MaskedLanguageModel>(model);
        LoadOptions classify = new() { Architecture = "BertForTokenClassification", AllowMissing = true };
        (Model classifier, LoadReport report) = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bert-pretraining"), classify);
        using (classifier)
        {
            Assert.Equal(["classifier.weight", "classifier.bias"], report.Missing);
            Assert.Empty(report.Unexpected);
        }
    }

    [Fact]
    public void Sinusoidal_positions_of_DistilBERT_begin_as_sines_and_are_trained()   // cases: t1
    {
        DistilBertConfig config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 12, SinusoidalPositions = true };
        using EncoderModel model = EncoderModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        Assert.True(((DistilBertEncoder)model.Stack).Positions.Weight.NeedsGradient);
        using (Tape tape = Tape.Begin()) tape.Backward(((DistilBertEncoder)model.Stack).Positions.Forward([1, 3]).Sum());
        Assert.Equal(1, ((DistilBertEncoder)model.Stack).Positions.Weight.Gradient![3, 0]);
        Assert.Equal(0, ((DistilBertEncoder)model.Stack).Positions.Weight.Gradient![2, 0]);
        Assert.Equal(MathF.Sin(3), ((DistilBertEncoder)model.Stack).Positions.Weight.Value[3, 0], 1e-6f);
        Assert.Equal(MathF.Cos(3), ((DistilBertEncoder)model.Stack).Positions.Weight.Value[3, 1], 1e-6f);
    }
}
