using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Bert;

namespace Heed.Verification.Benchmarks;

/// <summary>Texts to rows: full batches, batches of mixed lengths, and pairs.</summary>
internal static class EncodingWorks
{
    private const int Pairs = 75, PairTokens = 256;

    /// <summary>The works.</summary>
    public static IEnumerable<BenchmarkWork> All()
    {
        (string, BertConfig)[] models = [("bert-base", BenchmarkModels.BertBase), ("minilm", BenchmarkModels.MiniLm)];
        foreach ((string model, BertConfig config) in models)
        {
            foreach ((int batch, int length) in ((int, int)[])[(8, 128), (2, 512), (1, 32)])
            {
                yield return new BenchmarkWork($"encode/{model}/{batch}x{length}", () => Encode(config, Enumerable.Repeat(length, batch)))
                {
                    // One short text is judged beside ONNX Runtime alone.
                    Goal = batch == 1 ? null : new BenchmarkGoal(0.80, 0.85),
                };
            }

            yield return new BenchmarkWork($"scaling/encode-{model}-8x128-1-thread", () => Encode(config, Enumerable.Repeat(128, 8)))
            {
                Threads = 1,
                Goal = new BenchmarkGoal(0.80, 0.85),
            };
        }

        yield return new BenchmarkWork("padded/equal-64", () => Encode(BenchmarkModels.MiniLm, Enumerable.Repeat(64, 32)));
        // 8, 12, … 124 and one of 68 tokens: 2,048 real ones as well, of 3,968 in the grid.
        yield return new BenchmarkWork(
            "padded/mixed-8-128", () => Encode(BenchmarkModels.MiniLm, [.. Enumerable.Range(0, 30).Select(i => 8 + (4 * i)), 68]));
        yield return new BenchmarkWork("padded/rerank-75x256-batch", () => Rerank(oneByOne: false));
        yield return new BenchmarkWork("padded/rerank-75x256-one-by-one", () => Rerank(oneByOne: true));
    }

    private static BenchmarkStep Encode(BertConfig config, IEnumerable<int> lengths)
    {
        EncoderModel model = BenchmarkModels.Packed(EncoderModel.Create(config, BenchmarkModels.Weights()));
        int[] tokens = [.. lengths];
        ModelInputs inputs = Grid(BenchmarkModels.Texts(tokens, config.Vocabulary));
        return new BenchmarkStep(() =>
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch batch = model.Pack(inputs);
            model.Encode(batch, batch.Context());
        }, model)
        {
            Units = tokens.Sum(),
            Operations = BenchmarkModels.EncoderOperations(config, tokens),
        };
    }

    /// <summary>A cross-encoder's scores of pairs.</summary>
    private static BenchmarkStep Rerank(bool oneByOne)
    {
        BertConfig config = BenchmarkModels.MiniLm with { Labels = ["score"] };
        SequenceClassifier model = BenchmarkModels.Packed(SequenceClassifier.Create(config, BenchmarkModels.Weights()));
        int[][] pairs = BenchmarkModels.Texts(Enumerable.Repeat(PairTokens, Pairs), config.Vocabulary);
        ModelInputs[] batches = oneByOne ? [.. pairs.Select(p => Grid([p]))] : [Grid(pairs)];
        return new BenchmarkStep(() =>
        {
            foreach (ModelInputs inputs in batches)
            {
                using TensorScope scope = TensorScope.Begin();
                model.Run(inputs);
            }
        }, model)
        {
            Units = Pairs * PairTokens,
            Operations = BenchmarkModels.EncoderOperations(config, Enumerable.Repeat(PairTokens, Pairs)),
            WarmUp = 1,
        };
    }

    /// <summary>A padded grid with its mask, as a tokenizer makes it.</summary>
    public static ModelInputs Grid(int[][] rows) => new()
    {
        InputIds = TokenGrid.Of(rows),
        AttentionMask = TokenGrid.Of([.. rows.Select(r => Array.ConvertAll(r, _ => 1))]),
    };
}
