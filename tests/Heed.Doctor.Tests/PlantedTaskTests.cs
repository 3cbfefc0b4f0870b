using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Symptoms;

namespace Heed.Doctor.Tests;

/// <summary>Each rule finds the mistake that is planted in a task, and nothing else.</summary>
public class PlantedTaskTests
{
    private static readonly Tokenizer Words = Workshop.Tokenizer();

    [Theory, InlineData(0, false), InlineData(1, true)]
    public void A_healthy_task_is_silent(int shift, bool saysShifted)
    {
        using TextsTask task = new(Model(), Words) { Shift = shift, SaysShifted = saysShifted };
        ExaminationReport report = Workshop.Healthy(Examination.OfTask(task, Words));
        foreach (string rule in (string[])[Rules.PaddingInLoss, Rules.LabelsShiftedTwice, Rules.EvaluationInTrainingMode,
            UnreachedLayers.Rule])
            Assert.Contains(rule, report.Judged);
    }

    [Fact]
    public void A_batch_without_a_mask_is_found()
    {
        using TextsTask task = new(Model(), Words) { Masks = false };
        Finding found = Assert.Single(Workshop.Only(Examination.OfTask(task, Words), Rules.PaddingAttended));
        Assert.Contains("no attention mask", found.Evidence, StringComparison.Ordinal);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Padding_that_counts_in_the_loss_is_found(bool hasPadding)
    {
        using CausalLanguageModel model = Model();
        using TextsTask task = new(model, Words) { CountsPadding = true, Shift = hasPadding ? 0 : 1, SaysShifted = !hasPadding };
        Assert.Contains("labels stand on padding",
            Assert.Single(Workshop.Only(Examination.OfTask(task, Words), Rules.PaddingInLoss)).Evidence,
            StringComparison.Ordinal);
    }

    [Theory, InlineData(0, true, Rules.LabelsNotShifted), InlineData(1, false, Rules.LabelsShiftedTwice),
        InlineData(2, true, Rules.LabelsShiftedTwice)]
    public void Labels_in_the_wrong_column_are_found(int shift, bool saysShifted, string rule)
    {
        using TextsTask task = new(Model(), Words) { Shift = shift, SaysShifted = saysShifted };
        Assert.Equal("batch 0", Assert.Single(Workshop.Only(Examination.OfTask(task, Words), rule)).Place);
    }

    [Fact]
    public void An_evaluation_with_dropout_is_found_though_it_gives_the_same_twice()
    {
        using TextsTask task = new(Model(), Words) { Evaluation = new DropoutPlan(1, 0) };
        Finding found = Assert.Single(Workshop.Only(Examination.OfTask(task, Words), Rules.EvaluationInTrainingMode));
        Assert.Equal("TextsTask.Evaluate", found.Place);
        Assert.DoesNotContain(" 0 dropout masks", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_that_the_loss_does_not_reach_is_found()
    {
        using TextsTask zero = new(Model(), Words) { Hooks = Cut };
        Finding found = Assert.Single(Workshop.Only(Examination.OfTask(zero, Words), UnreachedLayers.Rule));
        Assert.Equal("pos_embed, blocks.0", found.Place);
        // A stack that breaks the tape between its layers: the lower one gets no gradient at all.
        using CausalLanguageModel broken = TinyStack.Model(between: x => new Variable(x.Value));
        using TextsTask task = new(broken, Words);
        Assert.Contains("blocks.0", Assert.Single(Workshop.Only(Examination.OfTask(task), UnreachedLayers.Rule)).Place,
            StringComparison.Ordinal);
    }

    /// <summary>Keeps the values of the first layer and none of its gradient; the token table is reached as the output layer.</summary>
    internal static Hooks Cut() => new Hooks().Replace("blocks.0.resid_post", (_, x) => (x * 0f) + new Variable(x.Value));

    internal static CausalLanguageModel Model()
        => CausalLanguageModel.Create(Workshop.Sizes(Words.VocabularySize), new ParameterSet(ParameterSource.Random(3)));
}
