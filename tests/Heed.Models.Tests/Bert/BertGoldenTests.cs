using Xunit;

namespace Heed.Models.Tests.Bert;

public class BertGoldenTests
{
    [Theory]
    [InlineData("bert-mlm")]
    [InlineData("bert-pretraining")]
    [InlineData("bert-sequence")]
    [InlineData("bert-regression")]
    [InlineData("bert-multilabel")]
    [InlineData("bert-token")]
    [InlineData("bert-qa")]
    [InlineData("roberta-mlm")]
    [InlineData("roberta-sequence")]
    [InlineData("roberta-token")]
    public void Reproduces_outputs_gradients_and_training(string name) => Verified.Model(name);

    [Fact]
    public void The_first_releases_names_are_understood() => Verified.Checkpoint("bert-gamma-beta");
}
