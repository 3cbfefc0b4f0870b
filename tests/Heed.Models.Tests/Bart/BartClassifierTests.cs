using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bart;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Bart;

public sealed class BartClassifierTests
{
    private static readonly string Folder = Path.Combine(Repository.Goldens, "checkpoints", "bart-classifier");

    private static ModelInputs Padded(params int[][] texts) => new()
    {
        InputIds = TokenGrid.Of(texts, 1),
        AttentionMask = TokenGrid.Of([.. texts.Select(text => Enumerable.Repeat(1, text.Length).ToArray())]),
    };

    [Fact]
    public void Classes_are_those_of_the_reference() => Verified.Checkpoint("bart-classifier");

    /// <summary>The loss and the norm of all gradients together, as an evaluation in float64 by plain loops gives them. The reference's own
    /// norm in float32, 60.141648, is 8e-6 above.</summary>
    [Fact]
    public void Loss_and_gradients_are_those_of_a_double_precision_evaluation()
    {
        using Model model = ModelFolder.Load(Folder, new LoadOptions { ForTraining = true }).Model;
        ModelInputs texts = Padded(
            [68, 48, 79, 46, 24, 30, 30, 14, 84, 71, 7, 31, 3],
            [4, 24, 41, 40, 84, 38, 3],
            [15, 96, 58, 93, 20, 46, 55, 57, 92, 3]);
        ModelInputs inputs = texts with { Labels = TokenGrid.Of([[1], [0], [0]]) };
        using (TensorScope.Begin()) Assert.Equal(4.367999334, model.Run(inputs).Loss!.Value, 4.4e-6);
        double norm = Math.Sqrt(Gradients.Of(model, inputs).Values.Sum(g => g.Sum(x => (double)x * x)));
        Assert.Equal(60.141168763, norm, 6e-4);
    }

    [Fact]
    public void A_text_has_the_same_bits_alone_and_padded_on_either_side()
    {
        using Model model = ModelFolder.Load(Folder).Model;
        float[] alone = model.Run(Padded([2, 9, 8, 7, 3])).Logits!.ToArray();
        ModelInputs both = new()
        {
            InputIds = TokenGrid.Of([[2, 9, 8, 7, 3, 1, 1], [1, 1, 2, 9, 8, 7, 3]]),
            AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1, 1]]),
            PositionIds = TokenGrid.Of([[0, 1, 2, 3, 4, 0, 0], [0, 0, 0, 1, 2, 3, 4]]),
        };
        Assert.Equal([.. alone, .. alone], model.Run(both).Logits!.ToArray());
    }

    [Fact]
    public void A_text_without_an_end_token_is_refused()
    {
        using Model model = ModelFolder.Load(Folder).Model;
        string message = Assert.Throws<InputException>(() => model.Run(Padded([2, 9, 3], [2, 9, 8]))).Message;
        Assert.Contains("row 1 has no end token (3)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_saved_folder_opens_with_the_same_bits_and_the_other_head_is_told_apart()
    {
        using TemporaryFolder folder = new();
        using Model model = ModelFolder.Load(Folder).Model;
        Assert.Equal("BartForSequenceClassification", model.Architecture);
        ModelFolder.Save(model, folder.Path);
        using Model again = ModelFolder.Load(folder.Path).Model;
        Assert.Equal(model.Run(Padded([2, 9, 3])).Logits!.ToArray(), again.Run(Padded([2, 9, 3])).Logits!.ToArray());
        LoadOptions options = new() { Architecture = "BartForSequenceClassification", AllowMissing = true };
        (Model classifier, LoadReport report) = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bart"), options);
        using (classifier)
        {
            Assert.All(report.Missing, name => Assert.StartsWith("classification_head.", name, StringComparison.Ordinal));
            Assert.Equal(4, report.Missing.Count);
            Assert.Empty(report.Unexpected);
        }
    }

    [Fact]
    public void Recomputed_layers_have_the_same_gradients()
    {
        BartConfig config = new() { Width = 8, Layers = 1, Heads = 2, Vocabulary = 20, ContextLength = 12, PaddingId = 1, EndId = 2, Labels = ["a", "b"] };
        ModelInputs inputs = Padded([0, 5, 6, 2], [0, 7, 2]) with { Labels = TokenGrid.Of([[1], [0]]) };
        Gradients.AreEqualWithRecomputing(() => SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(1))), inputs);
    }
}
