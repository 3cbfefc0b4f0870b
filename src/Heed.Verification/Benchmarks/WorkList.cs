using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Verification.Benchmarks;

/// <summary>Every work of <c>heed bench</c> that has a row in the table of goals, in its order.</summary>
internal static class WorkList
{
    /// <summary>The works.</summary>
    public static IReadOnlyList<BenchmarkWork> All { get; } =
    [
        .. Products(), .. EncodingWorks.All(), .. TrainingWorks.All(), .. DecodingWorks.All(), .. Attention(), .. TokenizerWorks.All(),
    ];

    /// <summary>The groups, which are the first words of the names.</summary>
    public static IReadOnlyList<string> Groups { get; } = [.. All.Select(w => w.Name.Split('/')[0]).Distinct()];

    /// <summary>What works say beside each other.</summary>
    public static IReadOnlyList<BenchmarkRatio> Ratios { get; } =
    [
        new("padded batch: time per real token, mixed lengths ÷ equal", "padded/equal-64", "padded/mixed-8-128", Best, 1.10, 1.0, true),
        new("rerank: time, one batch ÷ one by one", "padded/rerank-75x256-one-by-one", "padded/rerank-75x256-batch", Best, 1.0, 1.0, true),
        new("checkpointing: memory beyond state, char GPT", "train/char-gpt-checkpointed", "train/char-gpt", Beyond, 0.4, 0.4, true),
        new("checkpointing: time, char GPT", "train/char-gpt", "train/char-gpt-checkpointed", Best, 1.3, 1.3, true),
        new("checkpointing: memory beyond state, GPT-2", "train/gpt2-124m-checkpointed", "train/gpt2-124m", Beyond, 0.4, 0.4, true),
        new("checkpointing: time, GPT-2", "train/gpt2-124m", "train/gpt2-124m-checkpointed", Best, 1.3, 1.3, true),
        new("decode f32: batch 8 ÷ batch 1", "decode/llama-134m/f32/batch-8", "decode/llama-134m/f32/batch-1", Best, 5, 6),
        new("decode bf16: batch 8 ÷ batch 1", "decode/llama-134m/bf16/batch-8", "decode/llama-134m/bf16/batch-1", Best, 5, 6),
        new("scaling: train char GPT, threads ÷ 1 thread", "train/char-gpt", "scaling/train-char-gpt-1-thread", Best, 1.9, 1.95),
        new("scaling: encode MiniLM 8×128", "encode/minilm/8x128", "scaling/encode-minilm-8x128-1-thread", Best, 1.9, 1.95),
        new("scaling: encode BERT-base 8×128", "encode/bert-base/8x128", "scaling/encode-bert-base-8x128-1-thread", Best, 1.9, 1.95),
        new("scaling: tokenizer WordPiece", "tokenize/wordpiece", "tokenize/wordpiece-1-thread", Best, 1.9, 1.95),
        new("scaling: tokenizer byte-level BPE", "tokenize/byte-bpe", "tokenize/byte-bpe-1-thread", Best, 1.9, 1.95),
        new("scaling: tokenizer Unigram", "tokenize/unigram", "tokenize/unigram-1-thread", Best, 1.9, 1.95),
    ];

    private static double Best(BenchmarkResult r) => r.Best;

    private static double Beyond(BenchmarkResult r) => r.BeyondStateBytes;

    /// <summary>Products with packed weights, at each weight of the models.</summary>
    private static IEnumerable<BenchmarkWork> Products()
    {
        (string Site, int K, int N)[] shapes =
        [
            ("minilm-projection", 384, 384), ("minilm-mlp-up", 384, 1536), ("minilm-mlp-down", 1536, 384), ("char-gpt-qkv", 384, 1152),
            ("bert-projection", 768, 768), ("bert-mlp-up", 768, 3072), ("bert-mlp-down", 3072, 768), ("gpt2-qkv", 768, 2304),
            ("gpt2-vocabulary", 768, 50257), ("llama-mlp-up", 768, 2048), ("llama-mlp-down", 2048, 768), ("llama-vocabulary", 768, 32000),
            ("marian-projection", 512, 512), ("marian-mlp-up", 512, 2048), ("marian-mlp-down", 2048, 512),
            ("marian-vocabulary", 512, 58101),
        ];
        foreach ((string site, int K, int N) in shapes)
        {
            foreach (int M in (int[])[64, 256, 1024, 4096])
            {
                // The largest result would need a gibibyte; no model makes it at once.
                if ((long)M * N > 1L << 27) continue;
                yield return new BenchmarkWork($"matmul/{site}/{M}x{K}x{N}", () => Product(M, K, N))
                {
                    Process = "matmul",
                    Share = 0.15,
                    Goal = new BenchmarkGoal(0.90, 0.92),
                    GoalOfThreads = new BenchmarkGoal(0.85, 0.88),
                };
            }
        }
    }

    private static BenchmarkStep Product(int M, int K, int N)
    {
        TensorScope scope = TensorScope.Begin();
        Tensor x = Tensor.Full(new Shape(M, K), 0.01f), w = Tensor.Full(new Shape(N, K), 0.01f), y = Tensor.Uninitialized(M, N);
        PackedMatrix packed = PackedMatrix.Pack(w.Span, N, K);
        return new BenchmarkStep(() => packed.Multiply(x.Span, y.Span, M), scope, packed)
        {
            Units = 2e-9 * M * K * N,
            Unit = "GF/s",
            Operations = 2.0 * M * K * N,
        };
    }

    /// <summary>One layer of attention with its projections, forward and backward.</summary>
    private static IEnumerable<BenchmarkWork> Attention()
    {
        foreach (int length in (int[])[1024, 4096, 16384])
            yield return new BenchmarkWork($"attention/causal-{length}", () => Attention(length)) { Goal = new BenchmarkGoal(0.60, 0.70) };
    }

    private static BenchmarkStep Attention(int length)
    {
        const int Heads = 12, Width = 768;
        TensorScope scope = TensorScope.Begin();
        ParameterSet parameters = BenchmarkModels.Weights();
        MultiHeadAttention attention = new(new AttentionConfig { Width = Width, Heads = Heads, Causal = true }, parameters.Root);
        Tensor x = Tensor.Full(new Shape(length, Width), 0.1f);
        double pairs = (double)length * (length + 1) / 2;
        return new BenchmarkStep(() =>
        {
            using TensorScope step = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            parameters.ClearGradients();
            Leaf input = new();
            tape.Backward(attention.Forward(input.Of(x), ForwardContext.Of(length)).Sum());
            input.Clear();
        }, scope, parameters)
        {
            Units = length,
            Operations = (3 * 2.0 * length * 4 * Width * Width) + (3 * 4.0 * pairs * Width),
            WarmUp = 1,
        };
    }
}
