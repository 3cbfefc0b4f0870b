using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Models.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Verification;

public class ModelVerifierTests
{
    private static string Case(string name) => Path.Combine(Repository.Goldens, name);

    [Theory]
    [InlineData("gpt2")]
    [InlineData("gpt2-untied-relu")]
    [InlineData("gpt2-sequence")]
    public void Reproduces_outputs_gradients_and_training(string name) => Verified.Model(name);

    [Theory]
    [InlineData("gpt2-first-release")]
    [InlineData("gpt2-pickle")]
    [InlineData("gpt2-pickle-2019")]
    public void Reproduces_every_form_on_disk(string name) => Verified.Checkpoint(name);
}
