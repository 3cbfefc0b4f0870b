using Xunit;

namespace Heed.Models.Tests.DistilBert;

public class DistilBertGoldenTests
{
    [Theory]
    [InlineData("distilbert-mlm")]
    [InlineData("distilbert-sequence")]
    [InlineData("distilbert-qa")]
    public void Reproduces_outputs_gradients_and_training(string name) => Verified.Model(name);
}
