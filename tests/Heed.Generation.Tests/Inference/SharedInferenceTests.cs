using Heed.Engine.Nn;
using Heed.Generation.Decoding;
using Heed.Generation.Inference;
using Heed.Models;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.Recurrent;
using Heed.Models.T5;
using Xunit;

namespace Heed.Generation.Tests.Inference;

/// <summary>One loop for all: chunks, eviction, shared prefixes, company and cancellation change no bit.</summary>
public sealed class SharedInferenceTests
{
    private static readonly GenerationConfig Greedy = new() { MaxNewTokens = 20 };
    private static readonly GenerationConfig Drawn = Greedy with { Sample = true, Temperature = 1.4f, TopK = 0, Seed = 5 };
    private static readonly GenerationConfig Beams = Greedy with { Beams = 3, NoRepeatNgramSize = 3 };

    public static TheoryData<string> Names => ["gpt2", "window", "longrope", "dynamic", "lstm", "t5"];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_prompt_that_is_read_in_chunks_gives_the_same_text(string name)
    {
        using Model model = Build(name);
        GenerationRequest[] requests = Requests();
        IReadOnlyList<GeneratedText> whole = Generate(model, requests, new InferenceOptions { TokensPerStep = 100_000, MaximumPrefixBytes = 0 });
        foreach (int budget in (int[])[1, 7, 64, 100])
            AssertSame(whole, Generate(model, requests, new InferenceOptions { TokensPerStep = budget, MaximumPrefixBytes = 0 }));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_full_cache_puts_the_youngest_text_back_and_changes_nothing(string name)
    {
        using Model model = Build(name);
        GenerationRequest[] requests = Requests();
        IReadOnlyList<GeneratedText> roomy = Generate(model, requests, TestModels.NoPrefixes);
        long alone = 0;
        foreach (GenerationRequest request in requests)
        {
            using InferenceEngine engine = new(model, TestModels.NoPrefixes);
            engine.Generate([request with { Processors = [new Watch(() => alone = Math.Max(alone, engine.CacheBytes))] }]);
        }

        // The largest text fits alone, two do not. Each pool has the limit for itself; there is one kind of page.
        IReadOnlyList<GeneratedText> tight = Generate(model, requests, new InferenceOptions { MaximumCacheBytes = alone + (alone / 4), TokensPerStep = 50 });
        AssertSame(roomy, tight);
        int again = roomy.Sum(t => t.Usage.RecomputedTokens);
        Assert.True(tight.Sum(t => t.Usage.RecomputedTokens) > again, "nothing was evicted: the test shows nothing");
        // Rotary positions that follow the length are computed anew where a text passes it.
        Assert.Equal(name is "longrope" or "dynamic", again > 0);
    }

    [Fact]
    public async Task A_text_that_does_not_fit_alone_fails_and_no_other()
    {
        using Model model = Build("gpt2");
        using KeyValueCache one = new(((CausalLanguageModel)model).CacheLayers);
        using InferenceEngine engine = new(model, new InferenceOptions { MaximumCacheBytes = one.PageBytes, MaximumPrefixBytes = 0 });
        Assert.Throws<BudgetException>(() => engine.Generate([TestModels.Prompt(100, 1)], Greedy));
        Task<IReadOnlyList<GeneratedText>> fits = Task.Run(() => engine.Generate([TestModels.Prompt(9, 1)], Greedy)), fails = Task.Run(() => engine.Generate([TestModels.Prompt(100, 1)], Greedy));
        await Assert.ThrowsAsync<BudgetException>(() => fails);
        Assert.Equal(20, (await fits)[0].Ids.Count);
        Assert.Equal(0, engine.CacheBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_known_beginning_is_not_computed_again_and_changes_no_bit(string name)
    {
        using Model model = Build(name);
        int[] prompt = TestModels.Prompt(150, 3);
        using InferenceEngine engine = new(model);
        GeneratedText first = engine.Generate([prompt], Greedy)[0];
        Assert.Equal(0, first.Usage.CachedTokens);
        foreach (int[] next in (int[][])[prompt, [.. prompt, .. first.Ids, 7, 8, 9], [.. prompt, 3, 4], prompt[..140], [.. prompt[..70], 1, 2, 3]])
        {
            foreach (GenerationConfig config in (GenerationConfig[])[Greedy, Drawn, Beams])
            {
                GeneratedText shared = engine.Generate([next], config)[0];
                AssertSame(Generate(model, [new GenerationRequest { Prompt = next, Config = config }], TestModels.NoPrefixes), [shared]);
                if (name is "t5") Assert.Equal(0, shared.Usage.CachedTokens);
                else if (name is not "dynamic" && next.Length > 150) Assert.InRange(shared.Usage.CachedTokens, 150, next.Length - 1);
                if (name is "gpt2" or "lstm" && next.Length > 170) Assert.Equal(169, engine.Generate([[.. prompt, .. first.Ids, 7, 8, 10]], Greedy with { MaxNewTokens = 1 })[0].Usage.CachedTokens, 3.0);
            }
        }
    }

    [Fact]
    public void Kept_prefixes_stay_within_their_bytes_and_can_be_forgotten()
    {
        using Model model = Build("gpt2");
        using KeyValueCache one = new(((CausalLanguageModel)model).CacheLayers);
        using InferenceEngine engine = new(model, new InferenceOptions { MaximumPrefixBytes = 4 * one.PageBytes });
        for (int i = 0; i < 12; i++)
        {
            engine.Generate([TestModels.Prompt(40 + (i * 7), i)], Greedy);
            Assert.InRange(engine.CacheBytes, 1, 4 * one.PageBytes);
        }

        engine.ForgetPrefixes();
        Assert.Equal(0, engine.CacheBytes);
    }

    [Fact]
    public void A_long_prompt_leaves_every_other_text_a_token_in_each_step()
    {
        using CausalLanguageModel model = TestModels.Gpt2(contextLength: 4000);
        InferenceOptions options = new() { TokensPerStep = 32, MaximumPrefixBytes = 0 };
        using Decoder decoder = Decoder.Of(model, long.MaxValue);
        using InferenceLoop loop = new(decoder, options);
        int written = 0, first = 0;
        void Add(int length, Action seen) => loop.Add(new SequenceRun(
            new GenerationRequest { Prompt = TestModels.Prompt(length, 1), Config = new GenerationConfig { MaxNewTokens = 100 }, Processors = [new Watch(seen)] }, decoder, new Outbox(false)));
        Add(3, () => written++);
        for (int i = 0; i < 5; i++) loop.Step(this, default);
        Assert.Equal(5, written);
        Add(1500, () => first++);
        int steps = 0;
        while (first == 0)
        {
            loop.Step(this, default);
            Assert.Equal(5 + ++steps, written);
        }

        Assert.Equal((1500 + 30) / 31, steps);   // 31 tokens of the prompt beside each token of the other text
        loop.Close(new ObjectDisposedException("test"));
        Assert.Equal(0, decoder.Cache.UsedBytes);
    }

    [Fact]
    public void A_text_that_cannot_begin_fails_alone_and_its_caller_gets_the_error()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using Decoder decoder = Decoder.Of(model, long.MaxValue);
        using InferenceLoop loop = new(decoder, new InferenceOptions());
        GenerationRequest request = new() { Prompt = TestModels.Prompt(5, 1), Config = new GenerationConfig { MaxNewTokens = 3 } };
        RunningRequest broken = new CannotBegin(request, decoder, new Outbox(false)), good = new SequenceRun(request, decoder, new Outbox(false));
        loop.Add(broken);
        loop.Add(good);
        for (int i = 0; i < 3; i++) loop.Step(this, default);
        Assert.Equal("no room", Assert.Throws<BudgetException>(broken.Outbox.Texts).Message);
        Assert.Equal(3, good.Outbox.Texts()[0].Ids.Count);
        Assert.Equal(0, loop.Count);
    }

    [Fact]
    public async Task Sixteen_threads_get_what_each_gets_alone()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        GenerationRequest[] requests = Requests();
        IReadOnlyList<GeneratedText> alone = [.. requests.SelectMany(r => Generate(model, [r], TestModels.NoPrefixes))];
        using InferenceEngine engine = new(model, new InferenceOptions { TokensPerStep = 24, MaximumSequences = 9 });
        Task[] threads = [.. Enumerable.Range(0, 16).Select(t => Task.Factory.StartNew(() =>
        {
            for (int round = 0; round < 3; round++)
            {
                int i = (t + round) % requests.Length;
                if (t % 3 == 0 && requests[i].Config.Beams == 1)
                    Assert.Equal(alone[i].Ids, engine.Stream(requests[i]).SelectMany(u => u.Ids));
                else if (t % 3 == 1)
                    AssertSame([alone[i]], engine.GenerateAsync([requests[i]]).GetAwaiter().GetResult());
                else
                    AssertSame([alone[i]], engine.Generate([requests[i]]));
            }
        }, TaskCreationOptions.LongRunning))];
        await Task.WhenAll(threads);
    }

    [Fact]
    public void Cancelling_ends_a_call_within_one_step_and_frees_its_pages()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        using CancellationTokenSource source = new();
        int steps = 0;
        GenerationRequest request = new() { Prompt = TestModels.Prompt(80, 1), Config = Greedy, Processors = [new Watch(() => { if (++steps == 4) source.Cancel(); })] };
        Assert.ThrowsAny<OperationCanceledException>(() => engine.Generate([request], source.Token));
        Assert.Equal(4, steps);
        Assert.Equal(0, engine.CacheBytes);

        using CancellationTokenSource own = new();
        steps = 0;
        GenerationRequest withdrawn = request with { CancellationToken = own.Token, Processors = [new Watch(() => { if (++steps == 4) own.Cancel(); })] };
        IReadOnlyList<GeneratedText> texts = engine.Generate([withdrawn, request with { Processors = [] }]);
        Assert.Equal((FinishReason.Cancelled, 4), (texts[0].Finish, texts[0].Ids.Count));
        Assert.Equal(20, texts[1].Ids.Count);
        Assert.Equal(0, engine.CacheBytes);
    }

    [Fact]
    public void A_stream_that_nobody_reads_or_disposes_gives_its_pages_back()   // cases: u18
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        Forget(engine);
        Assert.True(engine.CacheBytes > 0);
        for (int i = 0; i < 50 && engine.CacheBytes > 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(0, engine.CacheBytes);
        Assert.Equal(20, engine.Generate([[1, 2]], Greedy)[0].Ids.Count);
    }

    [Fact]
    public void A_stream_that_is_read_late_is_set_aside_and_resumes()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using KeyValueCache one = new(model.CacheLayers);
        // Room for 256 tokens: the stream's and the other text's do not fit together.
        foreach (long room in (long[])[long.MaxValue, 4 * one.PageBytes])
        {
            using InferenceEngine engine = new(model, new InferenceOptions { MaximumPrefixBytes = 0, MaximumCacheBytes = room });
            GenerationRequest request = new() { Prompt = [4, 5], Config = new GenerationConfig { MaxNewTokens = 200 } };
            IReadOnlyList<int> expected = engine.Generate([request])[0].Ids;
            using IEnumerator<GenerationUpdate> reader = engine.Stream(request).GetEnumerator();
            Assert.True(reader.MoveNext());
            List<int> ids = [.. reader.Current.Ids];
            engine.Generate([[1, 2]], new GenerationConfig { MaxNewTokens = 150 });
            Assert.Equal(room == long.MaxValue, engine.CacheBytes > 0);
            while (reader.MoveNext()) ids.AddRange(reader.Current.Ids);
            Assert.Equal(expected, ids);
            Assert.Equal(0, engine.CacheBytes);
        }
    }

    [Fact]
    public async Task Only_the_request_at_fault_fails()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        IReadOnlyList<int> expected = engine.Generate([[1, 2]], Greedy)[0].Ids;
        int waits = 0;
        using Barrier both = new(2);
        Task<IReadOnlyList<GeneratedText>> right = Task.Run(() => engine.Generate([new GenerationRequest { Prompt = [1, 2], Config = Greedy, Processors = [new Watch(() => { if (waits++ == 0) both.SignalAndWait(5000); })] }]));
        Task<IReadOnlyList<GeneratedText>> wrong = Task.Run(() => { both.SignalAndWait(5000); return engine.Generate([[1, 211]], Greedy); });
        await Assert.ThrowsAsync<InputException>(() => wrong);
        Assert.Equal(expected, (await right)[0].Ids);
    }

    [Fact]
    public void Beside_a_request_at_fault_kept_prefixes_make_room_for_the_others()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using KeyValueCache one = new(model.CacheLayers);
        using InferenceEngine engine = new(model, new InferenceOptions { MaximumCacheBytes = 2 * one.PageBytes });
        engine.Generate([TestModels.Prompt(90, 1)], Greedy);
        Assert.Equal(2 * one.PageBytes, engine.CacheBytes);     // the prefix fills the cache
        // The first text is right: were it refused for the memory, its error would come first.
        InputException e = Assert.Throws<InputException>(() => engine.Generate([TestModels.Prompt(9, 2), [1, 211]], Greedy));
        Assert.Contains("211", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_cache_names_the_option_that_limits_it()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, new InferenceOptions { MaximumCacheBytes = 100 });
        Assert.Contains("raise InferenceOptions.MaximumCacheBytes", Assert.Throws<BudgetException>(() => engine.Generate([[1, 2]], Greedy)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_that_resumes_waits_for_a_place_as_every_text_does()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model, new InferenceOptions { MaximumSequences = 1 });
        GenerationConfig config = new() { MaxNewTokens = 200 };
        List<char> steps = [];
        IEnumerator<GenerationUpdate> Read(int[] prompt, char name)
            => engine.Stream(new GenerationRequest { Prompt = prompt, Config = config, Processors = [new Watch(() => steps.Add(name))] }).GetEnumerator();
        using IEnumerator<GenerationUpdate> first = Read([4, 5], 'a'), second = Read([1, 2], 'b');
        Assert.True(first.MoveNext());
        Assert.True(second.MoveNext());      // only once the first is set aside, 64 unread tokens on
        int read = 2;
        for (bool more = true; more;)
        {
            more = false;
            foreach (IEnumerator<GenerationUpdate> reader in (IEnumerator<GenerationUpdate>[])[first, second])
            {
                if (!reader.MoveNext()) continue;
                more = true;
                read++;
            }
        }

        Assert.Equal(2 * config.MaxNewTokens, read);
        // Two that run at once take turns in each step; one at a time, each writes many tokens before it is set aside.
        Assert.InRange(steps.Zip(steps.Skip(1)).Count(pair => pair.First != pair.Second), 1, 20);
    }

    [Fact]
    public void After_the_end_of_the_engine_calls_are_refused()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        InferenceEngine engine = new(model);
        using IEnumerator<GenerationUpdate> reader = engine.Stream(new GenerationRequest { Prompt = [4, 5], Config = Greedy }).GetEnumerator();
        Assert.True(reader.MoveNext());
        engine.Dispose();
        engine.Dispose();
        Assert.Equal(0, engine.CacheBytes);
        Assert.Throws<ObjectDisposedException>(() => reader.MoveNext());
        Assert.Throws<ObjectDisposedException>(() => engine.Generate([[1]], Greedy));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Forget(InferenceEngine engine)
    {
        IEnumerator<GenerationUpdate> reader = engine.Stream(new GenerationRequest { Prompt = TestModels.Prompt(90, 1), Config = Greedy }).GetEnumerator();
        Assert.True(reader.MoveNext());
    }

    private static IReadOnlyList<GeneratedText> Generate(Model model, IReadOnlyList<GenerationRequest> requests, InferenceOptions options)
    {
        using InferenceEngine engine = new(model, options);
        return engine.Generate(requests);
    }

    private static void AssertSame(IReadOnlyList<GeneratedText> expected, IReadOnlyList<GeneratedText> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i].Ids, actual[i].Ids);
            Assert.Equal(expected[i].Score, actual[i].Score);
            Assert.Equal(expected[i].LogProbabilities.Select(t => t.LogProbability), actual[i].LogProbabilities.Select(t => t.LogProbability));
        }
    }

    private static GenerationRequest[] Requests()
    {
        (int Length, GenerationConfig Config)[] kinds = [(150, Greedy), (1, Drawn), (65, Beams), (130, Drawn), (64, Greedy), (9, Beams)];
        return [.. kinds.Select((k, i) => new GenerationRequest { Prompt = TestModels.Prompt(k.Length, i), Config = k.Config.Beams > 1 ? k.Config : k.Config with { TopTokens = 0 } })];
    }

    private static Model Build(string name)
    {
        ParameterSet set = new(ParameterSource.Random(11));
        LlamaConfig llama = new() { Layers = 2, Heads = 4, KeyHeads = 2, Width = 32, InnerWidth = 48, Vocabulary = 211, InitialDeviation = 0.25f };
        return name switch
        {
            "gpt2" => TestModels.Gpt2(),
            "window" => CausalLanguageModel.Create(llama with { Kind = LlamaKind.Mistral, Window = 37 }, set),
            "longrope" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.LongRope, Factor = 4, OriginalLength = 70, ShortFactors = [1, 1.2, 1.5, 2], LongFactors = [1, 2, 4, 8] } }, set),
            "dynamic" => CausalLanguageModel.Create(llama with { ContextLength = 75, Scaling = new RopeScaling { Kind = RopeScalingKind.Dynamic, Factor = 2 } }, set),
            "lstm" => CausalLanguageModel.Create(new LstmConfig { Vocabulary = 211, Width = 24, Layers = 2 }, set),
            _ => SequenceToSequenceModel.Create(new T5Config { Layers = 2, Width = 32, Heads = 4, HeadWidth = 6, InnerWidth = 40, Vocabulary = 211, PaddingId = 0, EndId = 1 }, set),
        };
    }

    private sealed class Watch(Action seen) : Generation.Processors.ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> history, Span<float> scores) => seen();
    }

    private sealed class CannotBegin(GenerationRequest request, Decoder decoder, Outbox outbox) : RunningRequest(request, decoder, outbox)
    {
        public override IReadOnlyList<DecoderSequence> States => [];

        public override int Sequences => 1;

        public override void Start(PrefixCache prefixes) => throw new BudgetException("no room");

        public override void Advance(Heed.Engine.Tensors.Tensor scores, PrefixCache prefixes) => throw new InvalidOperationException();

        public override void Release()
        {
        }

        protected override IReadOnlyList<GeneratedText> Results() => [];

        protected override void End(FinishReason reason) => Finish = reason;
    }
}
