using Heed.Models;
using Heed.Models.Gpt2;
using Xunit;

namespace Heed.Generation.Tests;

public sealed class GenerationBatchTests
{
    private static readonly GenerationConfig Greedy = new() { MaxNewTokens = 12 };

    [Fact]
    public void Texts_join_and_leave_without_changing_each_other()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        int[][] prompts = [.. Enumerable.Range(0, 5).Select(i => TestModels.Prompt(3 + (i * 11), i))];
        IReadOnlyList<GeneratedSequence> alone = [.. prompts.Select(p => new Generator(model).Generate([p], Greedy)[0])];
        using GenerationBatch batch = new(model);
        Dictionary<int, GeneratedSequence> ended = [];
        int added = 0;
        while (added < prompts.Length || batch.Running > 0)
        {
            if (added < prompts.Length) Assert.Equal(added, batch.Add(new GenerationRequest { Prompt = prompts[added++], Config = Greedy }));
            foreach (GeneratedSequence text in batch.Step()) ended.Add(text.Prompt, text);
        }

        for (int i = 0; i < prompts.Length; i++) Assert.Equal(alone[i].Ids, ended[i].Ids);
        Assert.Equal(0, batch.UsedBytes);
    }

    [Fact]
    public void A_text_that_is_withdrawn_frees_its_pages_with_the_next_step()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using GenerationBatch batch = new(model);
        using CancellationTokenSource source = new();
        batch.Add(new GenerationRequest { Prompt = TestModels.Prompt(100, 1), Config = Greedy, Stop = source.Token });
        int other = batch.Add(new GenerationRequest { Prompt = TestModels.Prompt(4, 1), Config = Greedy });
        Assert.Empty(batch.Step());
        long both = batch.UsedBytes;
        source.Cancel();
        GeneratedSequence text = Assert.Single(batch.Step());
        Assert.Equal(FinishReason.Cancelled, text.Finish);
        Assert.Single(text.Ids);
        Assert.InRange(batch.UsedBytes, 1, both - 1);
        Assert.Equal(2, batch.Remove(other)!.Ids.Length);
        Assert.Null(batch.Remove(other));
        Assert.Equal(0, batch.UsedBytes);
        Assert.Equal(0, batch.Running);
    }

    [Fact]
    public void A_step_that_is_cancelled_or_finds_no_room_leaves_the_batch_as_it_was()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        int[] prompt = TestModels.Prompt(60, 1);
        int[] expected = new Generator(model).Generate([prompt], Greedy)[0].Ids;
        long page = PageBytes(model);

        using GenerationBatch batch = new(model, maximumCacheBytes: 2 * page);   // one page a layer: room for 64 tokens
        batch.Add(new GenerationRequest { Prompt = prompt, Config = Greedy });
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => batch.Step(source.Token));
        Assert.Equal(0, batch.UsedBytes);
        for (int i = 0; i < 5; i++) Assert.Empty(batch.Step());
        Assert.Throws<BudgetException>(() => batch.Step());
        Assert.Throws<BudgetException>(() => batch.Step());
        Assert.Equal(expected[..5], batch.Remove(0)!.Ids);
        Assert.Equal(0, batch.UsedBytes);
    }

    [Fact]
    public void A_thousand_texts_withdrawn_at_any_moment_leave_no_page_behind_and_disturb_nobody()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        int[] prompt = TestModels.Prompt(61, 1);
        int[] expected = new Generator(model).Generate([prompt], Greedy)[0].Ids;
        using GenerationBatch batch = new(model);
        Engine.Kernels.CounterRandom random = new(5, 1);
        List<CancellationTokenSource> sources = [];
        Dictionary<int, GeneratedSequence> ended = [];
        HashSet<int> undisturbed = [];
        ulong draw = 0;
        for (int i = 0; i < 1000; i++)
        {
            CancellationTokenSource source = new();
            sources.Add(source);
            bool withdrawn = i % 25 != 0;
            int number = batch.Add(new GenerationRequest { Prompt = withdrawn ? TestModels.Prompt(1 + random.Integer(draw++, 130), i) : prompt, Config = Greedy, Stop = withdrawn ? source.Token : default });
            if (!withdrawn) undisturbed.Add(number);
            if (random.Integer(draw++, 4) == 0) sources[random.Integer(draw++, sources.Count)].Cancel();
            if (random.Integer(draw++, 8) == 0) source.Cancel();
            if (random.Integer(draw++, 6) != 0) continue;
            foreach (CancellationTokenSource s in sources)
                if (random.Integer(draw++, 3) != 0) s.Cancel();
            foreach (GeneratedSequence text in batch.Step()) ended.Add(text.Prompt, text);
        }

        foreach (CancellationTokenSource source in sources) source.Cancel();
        while (batch.Running > 0)
            foreach (GeneratedSequence text in batch.Step()) ended.Add(text.Prompt, text);
        Assert.Equal(1000, ended.Count);
        Assert.Equal(0, batch.UsedBytes);
        foreach (int number in undisturbed) Assert.Equal(expected, ended[number].Ids);
        foreach (CancellationTokenSource source in sources) source.Dispose();
    }

    [Fact]
    public void Beams_are_refused()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using GenerationBatch batch = new(model);
        Assert.Contains("num_beams", Assert.Throws<InputException>(() => batch.Add(new GenerationRequest { Prompt = [1], Config = Greedy with { Beams = 2 } })).Message, StringComparison.Ordinal);
    }

    private static long PageBytes(CausalLanguageModel model)
    {
        using GenerationBatch batch = new(model);
        batch.Add(new GenerationRequest { Prompt = [1], Config = Greedy });
        batch.Step();
        return batch.UsedBytes / model.CacheLayers.Count;
    }
}
