using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.DistilBert;
using Xunit;

namespace Heed.Models.Tests.Bert;

public class BertTrainingTests
{
    private static readonly BertConfig Small = new() { Layers = 2, Heads = 2, Width = 8, InnerWidth = 12, Vocabulary = 20, PositionRows = 16, PaddingId = 0, Labels = ["a", "b", "c"] };

    private static readonly RobertaConfig SmallRoberta = new() { Layers = 2, Heads = 2, Width = 8, InnerWidth = 12, Vocabulary = 20, PositionRows = 16, PaddingId = 1, Labels = ["a", "b", "c"] };

    private static readonly DistilBertConfig SmallDistil = new() { Layers = 2, Heads = 2, Width = 8, InnerWidth = 12, Vocabulary = 20, PositionRows = 16, PaddingId = 0, Labels = ["a", "b", "c"] };

    private static readonly ModelInputs Tokens = new()
    {
        InputIds = TokenGrid.Of([[4, 5, 6, 7, 8], [9, 10, 11, 0, 0]]),
        AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
        Labels = TokenGrid.Of([[1, 2, -100, 0, 1], [2, 1, 0, -100, -100]]),
    };

    private static readonly ModelInputs Texts = Tokens with { Labels = TokenGrid.Of([[1], [2]]) };

    public static TheoryData<string, Func<Model>, ModelInputs> Heads => new()
    {
        { "BERT, masked tokens", () => MaskedLanguageModel.Create(Small, new ParameterSet(ParameterSource.Random(1))), Tokens },
        { "BERT, tokens", () => TokenClassifier.Create(Small, new ParameterSet(ParameterSource.Random(1))), Tokens },
        { "BERT, texts", () => SequenceClassifier.Create(Small, new ParameterSet(ParameterSource.Random(1))), Texts },
        { "RoBERTa, masked tokens", () => MaskedLanguageModel.Create(SmallRoberta, new ParameterSet(ParameterSource.Random(1))), Tokens },
        { "RoBERTa, texts", () => SequenceClassifier.Create(SmallRoberta, new ParameterSet(ParameterSource.Random(1))), Texts },
        { "DistilBERT, masked tokens", () => MaskedLanguageModel.Create(SmallDistil, new ParameterSet(ParameterSource.Random(1))), Tokens },
        { "DistilBERT, tokens", () => TokenClassifier.Create(SmallDistil, new ParameterSet(ParameterSource.Random(1))), Tokens },
        { "DistilBERT, texts", () => SequenceClassifier.Create(SmallDistil, new ParameterSet(ParameterSource.Random(1))), Texts },
    };

    [Theory]
    [MemberData(nameof(Heads))]
    public void Every_parameter_gets_a_gradient_and_recomputed_layers_give_the_same(string head, Func<Model> build, ModelInputs inputs)
    {
        Assert.NotEmpty(head);
        Gradients.AreEqualWithRecomputing(build, inputs);
    }

    [Theory]
    [MemberData(nameof(Heads))]
    public void Dropout_is_decided_by_seed_and_step_alone(string head, Func<Model> build, ModelInputs inputs)
    {
        Assert.NotEmpty(head);
        Dictionary<string, float[]> Step(long step, bool checkpoint = false)
        {
            using Model model = build();
            return Gradients.Of(model, inputs, new RunOptions { Dropout = new DropoutPlan(7, step), Checkpoint = checkpoint });
        }

        Dictionary<string, float[]> first = Step(1), again = Step(1), recomputed = Step(1, checkpoint: true), other = Step(2);
        Assert.All(first, g => Assert.Equal(g.Value, again[g.Key]));
        Assert.Contains(first, g => !g.Value.SequenceEqual(other[g.Key]));
        foreach ((string name, float[] values) in first)
            for (int i = 0; i < values.Length; i++) Assert.Equal(values[i], recomputed[name][i], 1e-5f);
    }

    [Theory]
    [MemberData(nameof(Heads))]
    public void A_few_steps_lower_the_loss(string head, Func<Model> build, ModelInputs inputs)
    {
        Assert.NotEmpty(head);
        using Model model = build();
        using AdamW optimizer = new(model.Parameters);
        double first = 0, last = 0;
        for (int step = 0; step < 30; step++)
        {
            model.Parameters.ClearGradients();
            _ = Gradients.Of(model, inputs);
            optimizer.Step(0.01, GlobalNorm.Factor(GlobalNorm.Of(model.Parameters), 1));
            last = model.Run(inputs).Loss!.Value;
            if (step == 0) first = last;
        }

        Assert.True(last < 0.6 * first, $"{head}: from {first} to {last}");
    }
}
