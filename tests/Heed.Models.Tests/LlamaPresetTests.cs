using Heed.Models.Llama;
using Xunit;

namespace Heed.Models.Tests;

public sealed class LlamaPresetTests
{
    [Theory]
    [InlineData("qwen2-0.5b", 494_032_768)]
    [InlineData("qwen2-7b", 7_615_616_512)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("qwen3-embedding-0.6b", 595_776_512)]
    public void Presets_have_the_released_number_of_parameters(string name, long parameters) => Assert.Equal(parameters, Shapes.Of(new LlamaFamily(), name));
}
