using System.Text.Json;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Verification.Tests.Models;

public sealed class GenerationRunnerTests
{
    [Theory]
    [InlineData(3, new[] { 38, 38, 38, 48, 21, 38 })]   // padding and end differ: the mask follows from the ids
    [InlineData(1, new[] { 38, 38, 38, 38, 38, 38 })]   // the padding is an end: every id is read
    public void A_mask_that_is_not_given_is_made_of_padding_ids(int end, int[] expected)   // cases: g7
    {
        string folder = Path.Combine(Repository.Goldens, "models", "gpt2");
        (Model model, _) = ModelFolder.Load(folder);
        using (model)
        {
            using JsonDocument settings = JsonDocument.Parse($$"""{"pad_token_id": 1, "eos_token_id": {{end}}, "max_new_tokens": 6, "min_new_tokens": 6}""");
            GeneratedRows rows = GenerationRunner.Generate(model, folder, new ModelInputs { InputIds = new TokenGrid(1, 6, [1, 1, 1, 79, 18, 55]) }, settings.RootElement);
            Assert.Equal([1, 1, 1, 79, 18, 55, .. expected], rows.Ids[0]);
        }
    }

    [Fact]
    public void Lengths_and_stop_strings_that_cannot_be_followed_are_named()   // cases: g11, g18
    {
        string folder = Path.Combine(Repository.Goldens, "models", "gpt2");
        (Model model, _) = ModelFolder.Load(folder);
        using (model)
        {
            ModelInputs inputs = new() { InputIds = new TokenGrid(1, 3, [79, 18, 55]) };
            foreach ((string json, string name) in ((string, string)[])[("""{"max_length": 3}""", "max_length: is 3"), ("""{"stop_strings": ["a"]}""", "stop_strings"), ("""{"surprise": 1}""", "surprise")])
            {
                using JsonDocument settings = JsonDocument.Parse(json);
                Assert.Contains(name, Assert.ThrowsAny<InputException>(() => GenerationRunner.Generate(model, folder, inputs, settings.RootElement)).Message, StringComparison.Ordinal);
            }
        }
    }
}
