using Heed.Models;
using Heed.Engine.Tensors;
using Heed.Models.Gpt2;
using Xunit;

namespace Heed.Generation.Tests.Inference;

public sealed class InferenceEngineTests
{
    private static readonly GenerationConfig Greedy = new() { MaxNewTokens = 24 };
    private static readonly GenerationConfig Sampled = new() { MaxNewTokens = 24, Sample = true, Temperature = 1.3f, TopK = 40, TopP = 0.95f, Seed = 7 };

    [Fact]
    public void A_text_is_the_same_alone_and_in_any_batch()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine generator = new(model);
        int[][] prompts = [TestModels.Prompt(5, 1), TestModels.Prompt(1, 2), TestModels.Prompt(70, 3), TestModels.Prompt(64, 4), TestModels.Prompt(13, 5)];
        foreach (GenerationConfig config in new[] { Greedy, Sampled, Greedy with { Beams = 3, ReturnSequences = 2 } })
        {
            IReadOnlyList<GeneratedText> together = generator.Generate(prompts, config);
            for (int i = 0; i < prompts.Length; i++)
            {
                IReadOnlyList<GeneratedText> alone = generator.Generate([prompts[i]], config);
                GeneratedText[] same = [.. together.Where(t => t.Prompt == i)];
                Assert.Equal(alone.Count, same.Length);
                for (int k = 0; k < same.Length; k++)
                {
                    Assert.Equal(alone[k].Ids, same[k].Ids);
                    Assert.Equal(alone[k].Score, same[k].Score);
                }
            }
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_text_and_another_seed_another()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine generator = new(model);
        int[] prompt = TestModels.Prompt(9, 6);
        IReadOnlyList<int> first = generator.Generate([prompt], Sampled)[0].Ids;
        Assert.Equal(first, generator.Generate([prompt], Sampled)[0].Ids);
        Assert.NotEqual(first, generator.Generate([prompt], Sampled with { Seed = 8 })[0].Ids);
        IReadOnlyList<GeneratedText> several = generator.Generate([prompt], Sampled with { ReturnSequences = 3 });
        Assert.Equal(3, several.Count);
        Assert.Equal(first, several[0].Ids);
        Assert.Equal(3, several.Select(t => string.Join(' ', t.Ids)).Distinct().Count());
    }

    [Fact]
    public void Draws_follow_the_probabilities()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        int[] prompt = TestModels.Prompt(4, 2);
        using TensorScope scope = TensorScope.Begin();
        Models.TokenBatch batch = Models.TokenBatch.Of(prompt);
        float[] scores = model.Logits(model.Hidden(batch, batch.Context())).Value.Span[^211..].ToArray();
        Heed.Generation.Sampling.Probabilities.LogSoftmax(scores);
        const int Draws = 20_000;
        int[] counts = new int[211];
        for (int i = 0; i < Draws; i++)
            counts[Generation.Sampling.Draw.Sample(scores, new Engine.Kernels.CounterRandom((ulong)i, 3), 0)]++;
        double chi = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            double expected = Draws * Math.Exp(scores[i]);
            chi += Math.Pow(counts[i] - expected, 2) / expected;
        }

        Assert.InRange(chi, 100, 330);   // 210 degrees of freedom: mean 210, deviation 20.5
    }

    [Fact]
    public void A_text_ends_at_an_end_id_at_the_longest_length_or_once_the_reader_stops()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine generator = new(model);
        int[] prompt = TestModels.Prompt(6, 3);
        GeneratedText free = generator.Generate([prompt], Greedy)[0];
        Assert.Equal(FinishReason.Length, free.Finish);
        Assert.Equal(24, free.Ids.Count);

        int end = free.Ids[5];
        GeneratedText ended = generator.Generate([prompt], Greedy with { EndIds = [999, end] })[0];
        Assert.Equal(FinishReason.End, ended.Finish);
        Assert.Equal(free.Ids.Take(free.Ids.ToList().IndexOf(end) + 1), ended.Ids);

        GeneratedText later = generator.Generate([prompt], Greedy with { EndIds = [end], MinNewTokens = 20 })[0];
        Assert.DoesNotContain(end, later.Ids.Take(20));

        IEnumerable<GenerationUpdate> stopped = generator.Stream(new GenerationRequest { Prompt = prompt, Config = Greedy }).Take(4);
        Assert.Equal(free.Ids.Take(4), stopped.SelectMany(u => u.Ids));

        Assert.Equal(4, generator.Generate([prompt], new GenerationConfig { MaxLength = 10 })[0].Ids.Count);
    }

    [Fact]
    public void A_text_ends_where_the_model_can_read_no_further()
    {
        using CausalLanguageModel model = TestModels.Gpt2(contextLength: 16);
        using InferenceEngine engine = new(model);
        GeneratedText text = engine.Generate([TestModels.Prompt(10, 1)], Greedy)[0];
        Assert.Equal(7, text.Ids.Count);
        Assert.Equal(FinishReason.Length, text.Finish);
        InputException e = Assert.Throws<InputException>(() => engine.Generate([TestModels.Prompt(17, 1)], Greedy));
        Assert.Contains("17 tokens", e.Message, StringComparison.Ordinal);
        Assert.Contains("16", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Log_probabilities_are_reported_where_asked_for()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model);
        GenerationRequest request = new() { Prompt = TestModels.Prompt(6, 3), Config = Greedy with { TopTokens = 3 } };
        GeneratedText text = engine.Generate([request])[0];
        Assert.Equal(text.Ids, text.LogProbabilities.Select(t => t.Id));
        Assert.Equal(text.LogProbabilities.Select(t => t.LogProbability), engine.Stream(request).SelectMany(u => u.LogProbabilities).Select(t => t.LogProbability));
        Assert.All(text.LogProbabilities, t =>
        {
            Assert.Equal(3, t.Top.Count);
            Assert.Equal(t.Id, t.Top[0].Id);
            Assert.Equal(t.LogProbability, t.Top[0].LogProbability);
            Assert.True(t.Top[0].LogProbability >= t.Top[1].LogProbability && t.Top[1].LogProbability >= t.Top[2].LogProbability);
        });
    }

    [Fact]
    public void Settings_that_cannot_work_are_refused()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine generator = new(model);
        int[] prompt = TestModels.Prompt(3, 1);
        Assert.Contains("num_return_sequences", Assert.Throws<InputException>(() => generator.Generate([prompt], Greedy with { ReturnSequences = 2 })).Message, StringComparison.Ordinal);
        Assert.Contains("num_return_sequences", Assert.Throws<InputException>(() => generator.Generate([prompt], Greedy with { Beams = 2, ReturnSequences = 3 })).Message, StringComparison.Ordinal);
        Assert.Contains("no token", Assert.Throws<InputException>(() => generator.Generate([[]], Greedy)).Message, StringComparison.Ordinal);
        Assert.Equal(24, generator.Generate([[]], Greedy with { BeginId = 5 })[0].Ids.Count);
        Assert.Throws<InputException>(() => generator.Generate([[211]], Greedy));
    }
}
