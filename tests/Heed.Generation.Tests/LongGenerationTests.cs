using Heed.Engine.Nn;
using Heed.Generation.Decoding;
using Heed.Models;
using Heed.Models.Bart;
using Heed.Models.Bloom;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;
using Heed.Models.T5;
using Xunit;

namespace Heed.Generation.Tests;

/// <summary>Texts over several pages of the cache: every family writes with it what it writes without.</summary>
public sealed class LongGenerationTests
{
    private const int Vocabulary = 61, Tokens = 204;

    public static TheoryData<string> Decoders => ["gpt2", "mistral", "longrope", "bloom", "lstm"];

    public static TheoryData<string> EncoderDecoders => ["t5", "t5 v1.1", "bart", "marian", "2017", "lstm encoder-decoder"];

    public static TheoryData<string> Names => [.. Decoders.Concat(EncoderDecoders).Select(row => row.Data)];

    private static Model Build(string name)
    {
        ParameterSet set = new(ParameterSource.Random(11));
        LlamaConfig llama = new() { Layers = 2, Heads = 4, KeyHeads = 2, Width = 32, InnerWidth = 48, Vocabulary = Vocabulary, InitialDeviation = 0.25f };
        T5Config t5 = new() { Layers = 2, Width = 32, Heads = 4, HeadWidth = 6, InnerWidth = 40, Vocabulary = Vocabulary, PaddingId = 0, EndId = 1 };
        BartConfig bart = BartConfig.Base with { Layers = 2, Width = 32, Heads = 4, Vocabulary = Vocabulary, ContextLength = 256, InitialDeviation = 0.25f };
        BartConfig marian = BartConfig.MarianBase with { Layers = 2, Width = 32, Heads = 4, Vocabulary = Vocabulary, ContextLength = 256, InitialDeviation = 0.25f, PaddingId = 60, DecoderStartId = 60 };
        LstmConfig lstm = new() { Vocabulary = Vocabulary, Width = 24, Layers = 2, BeginId = 1, PaddingId = 0 };
        Model model = name switch
        {
            "gpt2" => CausalLanguageModel.Create(new Gpt2Config { Layers = 2, Heads = 4, Width = 32, Vocabulary = Vocabulary, ContextLength = 256, InitialDeviation = 0.25f }, set),
            "mistral" => CausalLanguageModel.Create(llama with { Kind = LlamaKind.Mistral, Window = 37 }, set),
            "longrope" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.LongRope, Factor = 4, OriginalLength = 256, ShortFactors = [1, 1.2, 1.5, 2], LongFactors = [1, 2, 4, 8] } }, set),
            "bloom" => CausalLanguageModel.Create(new BloomConfig { Layers = 2, Heads = 4, Width = 32, Vocabulary = Vocabulary, InitialDeviation = 0.25f }, set),
            "lstm" => CausalLanguageModel.Create(lstm, set),
            "t5" => SequenceToSequenceModel.Create(t5, set),
            "t5 v1.1" => SequenceToSequenceModel.Create(t5 with { Gated = true, TiedOutput = false }, set),
            "bart" => SequenceToSequenceModel.Create(bart, set),
            "marian" => SequenceToSequenceModel.Create(marian, set),
            "2017" => SequenceToSequenceModel.Create(Transformer2017Config.Tiny with { Width = 32, Heads = 4, Vocabulary = Vocabulary }, set),
            _ => SequenceToSequenceModel.Create(lstm with { Task = LstmTask.SequenceToSequence }, set),
        };
        // An LSTM's small first weights give every token nearly the same score.
        foreach (Parameter p in set.Where(p => name.StartsWith("lstm", StringComparison.Ordinal) && p.Shape.Rank == 2))
            foreach (ref float v in p.Value.Span) v *= 6;
        return model;
    }

    private static int[] Prompt(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => ((i * 31) + (seed * 17) + (i * i * (seed + 1))) % Vocabulary)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Beams_find_the_same_texts_and_scores_with_a_cache_and_without(string name)
    {
        using Model model = Build(name);
        // Without it some random models write one token over and over.
        GenerationConfig config = new() { MaxNewTokens = Tokens, Beams = 3, ReturnSequences = 3, NoRepeatNgramSize = 3 };
        GenerationRequest request = new() { Prompt = Prompt(9, 1), Config = config };
        IReadOnlyList<GeneratedText>[] texts = new IReadOnlyList<GeneratedText>[2];
        for (int i = 0; i < 2; i++)
        {
            using InferenceEngine engine = new(i == 0 ? Decoder.Of(model, long.MaxValue) : new UncachedDecoder(model), TestModels.NoPrefixes);
            texts[i] = engine.Generate([request]);
            Assert.Equal(0, engine.CacheBytes);
        }

        Assert.All(texts[0], t => Assert.Equal(Tokens, t.Ids.Count));
        Assert.True(texts[0][0].Ids.Distinct().Count() > 3, "the text is one token over and over: it shows nothing");
        Assert.Equal(texts[1].Select(t => t.Ids), texts[0].Select(t => t.Ids));
        Assert.Equal(texts[1].Select(t => t.Score), texts[0].Select(t => t.Score));
    }

    [Theory]
    [MemberData(nameof(EncoderDecoders))]
    public void Beginnings_of_several_lengths_for_the_decoder_go_on_as_each_does_alone(string name)
    {
        using Model model = Build(name);
        using InferenceEngine generator = new(model);
        (int Source, int Beginning)[] lengths = [(5, 1), (40, 70), (13, 3), (1, 20)];
        GenerationRequest[] requests = [.. lengths.Select((p, i) => new GenerationRequest { Prompt = Prompt(p.Source, i), DecoderPrompt = Prompt(p.Beginning, i + 4), Config = new GenerationConfig { MaxNewTokens = 30, Beams = 1 + (i % 2) } })];
        IReadOnlyList<GeneratedText> together = generator.Generate(requests);
        for (int i = 0; i < requests.Length; i++)
        {
            GeneratedText alone = Assert.Single(generator.Generate([requests[i]]));
            Assert.Equal(alone.Ids, together[i].Ids);
            Assert.Equal(alone.Score, together[i].Score);
        }
    }
}
