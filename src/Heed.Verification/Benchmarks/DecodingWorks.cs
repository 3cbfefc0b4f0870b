using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;

namespace Heed.Verification.Benchmarks;

/// <summary>Reading a prompt, writing token by token, and beams.</summary>
internal static class DecodingWorks
{
    private const int Prompt = 16, Longest = 256, PrefillTokens = 512, Sentences = 8, SentenceTokens = 25, Beams = 4;

    /// <summary>The works: every weight format of <see cref="WeightFormat.All"/> decodes.</summary>
    public static IEnumerable<BenchmarkWork> All()
    {
        BenchmarkGoal plain = new(0.85, 0.90), narrow = new(0.70, 0.80);
        foreach (WeightFormat format in WeightFormat.All)
        {
            foreach (int batch in (int[])[1, 8])
            {
                yield return new BenchmarkWork($"decode/llama-134m/{format.Name}/batch-{batch}", () => Decode(Llama(format), batch))
                {
                    Limit = BenchmarkLimit.Bandwidth,
                    Goal = batch > 1 ? null : format == WeightFormat.Float32 || format == WeightFormat.BFloat16 ? plain : narrow,
                };
            }
        }

        yield return new BenchmarkWork(
            "decode/gpt2-124m/f32/batch-1",
            () => Decode(BenchmarkModels.Packed(CausalLanguageModel.Create(BenchmarkModels.Gpt2, BenchmarkModels.Weights())), 1))
        {
            Limit = BenchmarkLimit.Bandwidth,
            Goal = plain,
        };
        foreach (WeightFormat format in (WeightFormat[])[WeightFormat.Float32, WeightFormat.Q8_0])
        {
            yield return new BenchmarkWork($"prefill/llama-134m/{format.Name}/{PrefillTokens}", () => Prefill(Llama(format)))
            {
                Goal = new BenchmarkGoal(0.80, 0.85),
            };
        }

        yield return new BenchmarkWork("beam/marian-base/4-beams-8x25", Beam) { Limit = BenchmarkLimit.None };
    }

    private static CausalLanguageModel Llama(WeightFormat format)
        => BenchmarkModels.Packed(CausalLanguageModel.Create(BenchmarkModels.Llama, BenchmarkModels.Weights()), format);

    private static BenchmarkStep Decode(CausalLanguageModel model, int batch)
    {
        KeyValueCache cache = new(model.CacheLayers);
        KeyValueSequence[] sequences = [.. Enumerable.Range(0, batch).Select(_ => cache.NewSequence())];
        int[][] next = [.. Enumerable.Range(0, batch).Select(b => (int[])[7 + b])];
        Step([.. Enumerable.Range(0, batch).Select(b => BenchmarkModels.Ids(Prompt, model.Config.Vocabulary, (ulong)b))]);
        return new BenchmarkStep(() => Step(next), [model, cache, .. sequences])
        {
            Units = batch,
            Bytes = BenchmarkModels.ProductBytes(model),
            WarmUp = 16,
        };

        void Step(int[][] rows)
        {
            if (sequences[0].Count >= Longest)
                foreach (KeyValueSequence sequence in sequences) sequence.Truncate(Prompt);
            using TensorScope scope = TensorScope.Begin();
            int start = sequences[0].Count;
            TokenBatch tokens = TokenBatch.Of(rows).WithPositions([.. rows.SelectMany(r => Enumerable.Range(start, r.Length))]);
            model.Logits(model.Hidden(tokens, tokens.Context(cache: sequences)));
        }
    }

    private static BenchmarkStep Prefill(CausalLanguageModel model)
    {
        int[] prompt = BenchmarkModels.Ids(PrefillTokens, model.Config.Vocabulary);
        return new BenchmarkStep(() =>
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch batch = TokenBatch.Of(prompt);
            model.Logits(model.Hidden(batch, batch.Context()).Slice(0, PrefillTokens - 1, 1));
        }, model)
        {
            Units = PrefillTokens,
            Operations = BenchmarkModels.DecoderOperations(model, model.Config.Width, PrefillTokens, 1),
        };
    }

    private static BenchmarkStep Beam()
    {
        SequenceToSequenceModel model = BenchmarkModels.Packed(
            SequenceToSequenceModel.Create(BenchmarkModels.Marian, BenchmarkModels.Weights()));
        GenerationConfig config = new() { Beams = Beams, MaxNewTokens = SentenceTokens, MinNewTokens = SentenceTokens };
        GenerationRequest[] requests =
        [
            .. BenchmarkModels.Texts(Enumerable.Repeat(SentenceTokens, Sentences), model.Config.Vocabulary - 1)
                .Select(ids => new GenerationRequest { Prompt = ids, Config = config }),
        ];
        return new BenchmarkStep(() =>
        {
            using InferenceEngine engine = new(model);
            engine.Generate(requests);
        }, model)
        {
            Units = Sentences * SentenceTokens,
            WarmUp = 1,
        };
    }
}
