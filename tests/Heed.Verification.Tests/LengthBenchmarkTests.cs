using Heed.Testing;
using Heed.Verification.Benchmarks;
using Xunit;

namespace Heed.Verification.Tests;

/// <summary>What texts of growing length cost encoder-decoders.</summary>
public class LengthBenchmarkTests
{
    [Fact]
    public void Each_length_is_measured_for_each_model_that_can_read_it()
    {
        using TemporaryFolder folder = new();
        string lstm = folder.File("lstm.json"), gpt = folder.File("gpt.json");
        File.WriteAllText(lstm, """{ "model_type": "lstm-seq2seq", "attention": false, "hidden_size": 8, "embedding_size": 8, "vocab_size": 20, "eos_token_id": 1, "pad_token_id": 0 }""");
        LengthResult[] results = [.. LengthBenchmark.Run([lstm], 0, default)];
        Assert.Equal(LengthBenchmark.Lengths, results.Select(r => r.Length));
        Assert.All(results, r => Assert.True(r is { LearnMilliseconds: > 0, WriteMilliseconds: > 0 }));
        File.WriteAllText(gpt, """{ "model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "vocab_size": 20 }""");
        Assert.Contains("gpt.json: is ", Assert.Throws<InputException>(() => LengthBenchmark.Run([gpt], 0, default).ToList()).Message,
            StringComparison.Ordinal);
    }
}
