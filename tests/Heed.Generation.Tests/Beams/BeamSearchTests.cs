using Heed.Engine.Runtime;
using Heed.Models;
using Heed.Models.Gpt2;
using Xunit;

namespace Heed.Generation.Tests.Beams;

public sealed class BeamSearchTests
{
    private static readonly GenerationConfig Config = new() { MaxNewTokens = 30, Beams = 4, EndIds = [3, 17], PaddingId = 0 };

    [Fact]
    public void More_beams_than_the_memory_of_the_context_holds_are_refused_before_the_first_step()
    {
        using ComputeContext context = new(new ComputeOptions { Threads = 1, MaximumBytes = 32 << 20 });
        using ContextScope entered = context.Enter();
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        GenerationConfig config = Config with { Beams = 20_000 };
        BudgetException e = Assert.Throws<BudgetException>(() => engine.Generate([TestModels.Prompt(5, 1)], config));
        Assert.StartsWith("num_beams: 20000 beams", e.Message, StringComparison.Ordinal);
        Assert.Contains("32.0 MiB of memory are there", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Beams_share_pages_and_give_all_of_them_back()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        List<long> used = [];
        GenerationRequest[] requests = [.. Enumerable.Range(0, 3).Select(i => new GenerationRequest
        {
            Prompt = TestModels.Prompt(100 + i, i),
            Config = Config,
            Processors = [new Watch(() => used.Add(engine.CacheBytes))],
        })];
        Assert.Equal(3, engine.Generate(requests).Count);
        Assert.Equal(0, engine.CacheBytes);
        // Three prompts of two pages in two layers; the first page of each stays shared by its four beams, the last ones are copied.
        long page = used[0] / 12;
        Assert.Equal(12 * page, used[0]);
        Assert.InRange(used.Max(), 12 * page, 3 * 2 * (1 + (2 * 4)) * page);
    }

    [Fact]
    public void Cancelling_frees_all_pages()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        using CancellationTokenSource source = new();
        int steps = 0;
        GenerationRequest request = new() { Prompt = TestModels.Prompt(80, 1), Config = Config, Processors = [new Watch(() => { if (++steps == 9) source.Cancel(); })] };
        Assert.ThrowsAny<OperationCanceledException>(() => engine.Generate([request], source.Token));
        Assert.Equal(0, engine.CacheBytes);

        steps = 0;
        using CancellationTokenSource own = new();
        request = request with { CancellationToken = own.Token, Processors = [new Watch(() => { if (++steps == 9) own.Cancel(); })] };
        GeneratedText text = Assert.Single(engine.Generate([request]));
        Assert.Equal(FinishReason.Cancelled, text.Finish);
        Assert.Equal(3, text.Ids.Count);
        Assert.Equal(0, engine.CacheBytes);
    }

    [Fact]
    public void Enough_beams_find_the_likeliest_text_of_all()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine generator = new(model);
        int[] prompt = TestModels.Prompt(6, 9);
        GeneratedText best = generator.Generate([prompt], new GenerationConfig { MaxNewTokens = 2, Beams = 211, LengthPenalty = 0 })[0];
        float bestScore = float.NegativeInfinity;
        int[] bestIds = [];
        GenerationConfig one = new() { MaxNewTokens = 1 };
        TokenLogProbability first = generator.Generate([new GenerationRequest { Prompt = prompt, Config = one with { TopTokens = 211 } }])[0].LogProbabilities[0];
        foreach ((int id, float p, _) in first.Top)
        {
            IReadOnlyList<TokenLogProbability> second = generator.Generate([new GenerationRequest { Prompt = [.. prompt, id], Config = one with { TopTokens = 1 } }])[0].LogProbabilities;
            if (p + second[0].LogProbability <= bestScore) continue;
            bestScore = p + second[0].LogProbability;
            bestIds = [id, second[0].Id];
        }

        Assert.Equal(bestIds, best.Ids);
        Assert.Equal(bestScore, best.Score!.Value, 1e-4f);
    }

    [Fact]
    public void Drawn_beams_follow_the_seed()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine generator = new(model);
        GenerationConfig config = Config with { Sample = true, Seed = 4, Temperature = 1.5f };
        int[] prompt = TestModels.Prompt(6, 2);
        IReadOnlyList<int> ids = generator.Generate([prompt], config)[0].Ids;
        Assert.Equal(ids, generator.Generate([TestModels.Prompt(9, 1), prompt], config)[1].Ids);
        Assert.NotEqual(ids, generator.Generate([prompt], config with { Seed = 5 })[0].Ids);
    }

    private sealed class Watch(Action seen) : Generation.Processors.ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> history, Span<float> scores) => seen();
    }
}
