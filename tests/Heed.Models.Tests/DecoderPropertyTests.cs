using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Bloom;
using Heed.Models.Gemma3;
using Heed.Models.Gpt1;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.Recurrent;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>What holds for every decoder, bit for bit, whatever its weights.</summary>
[Collection(nameof(DecoderPropertyTests))]
[CollectionDefinition(nameof(DecoderPropertyTests), DisableParallelization = true)]
public class DecoderPropertyTests
{
    private const int Vocabulary = 97, Length = 256;

    public static TheoryData<string> Families => ["gpt2", "llama", "mistral", "qwen2", "qwen3", "gemma3", "bloom", "openai-gpt", "linear", "llama3", "yarn", "dynamic", "longrope", "lstm"];

    private static CausalLanguageModel Make(string family)
    {
        ParameterSet set = new(ParameterSource.Random(7));
        LlamaConfig llama = new() { Layers = 2, Heads = 4, KeyHeads = 2, Width = 40, HeadWidth = 10, InnerWidth = 72, Vocabulary = Vocabulary, ContextLength = Length, InitialDeviation = 0.2f };
        CausalLanguageModel model = family switch
        {
            "gpt2" => CausalLanguageModel.Create(new Gpt2Config { Layers = 2, Heads = 4, Width = 40, Vocabulary = Vocabulary, ContextLength = Length, InitialDeviation = 0.2f }, set),
            "bloom" => CausalLanguageModel.Create(new BloomConfig { Layers = 2, Heads = 5, Width = 40, Vocabulary = Vocabulary, InitialDeviation = 0.2f }, set),
            "openai-gpt" => CausalLanguageModel.Create(new Gpt1Config { Layers = 2, Heads = 4, Width = 40, Vocabulary = Vocabulary, ContextLength = Length, InitialDeviation = 0.2f }, set),
            "mistral" => CausalLanguageModel.Create(llama with { Kind = LlamaKind.Mistral, Window = 37 }, set),
            "qwen2" => CausalLanguageModel.Create(llama with { Kind = LlamaKind.Qwen2, AttentionBias = true }, set),
            "qwen3" => CausalLanguageModel.Create(llama with { Kind = LlamaKind.Qwen3 }, set),
            "gemma3" => CausalLanguageModel.Create(new Gemma3Config
            {
                Layers = 3,
                Heads = 4,
                KeyHeads = 2,
                Width = 40,
                HeadWidth = 10,
                InnerWidth = 72,
                Vocabulary = Vocabulary,
                ContextLength = Length,
                InitialDeviation = 0.2f,
                Window = 37,
                WindowLayers = [true, false, true],
                FinalSoftCap = 30,
            }, set),
            "linear" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.Linear, Factor = 4 } }, set),
            "llama3" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.Llama3, Factor = 8, OriginalLength = 64, LowFrequencyFactor = 1, HighFrequencyFactor = 4 } }, set),
            "yarn" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.Yarn, Factor = 4, OriginalLength = 64 } }, set),
            // These two have other frequencies from some length on, where a text read at once is another than one read in pieces: up to
            // there.
            "dynamic" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.Dynamic, Factor = 2 } }, set),
            "longrope" => CausalLanguageModel.Create(llama with { Scaling = new RopeScaling { Kind = RopeScalingKind.LongRope, Factor = 4, OriginalLength = Length, ShortFactors = [1, 1.1, 1.3, 1.7, 2], LongFactors = [1, 2, 3, 5, 8] } }, set),
            "lstm" => CausalLanguageModel.Create(new LstmConfig { Layers = 2, Width = 40, EmbeddingWidth = 24, Vocabulary = Vocabulary }, set),
            _ => CausalLanguageModel.Create(llama, set),
        };
        // An LSTM's small first weights would forget the beginning of a text within a few tokens.
        foreach (Parameter p in set.Where(p => family == "lstm" && p.Shape.Rank == 2))
            foreach (ref float v in p.Value.Span) v *= 3;
        // Biases begin as zeros: give them values, so that one that is added where it must not be would be seen.
        foreach (Parameter p in set.Where(p => p.Name.EndsWith("bias", StringComparison.Ordinal)))
            p.Assign(Tensor.Create([.. Enumerable.Range(0, p.Shape.Count).Select(i => 0.1f * MathF.Sin(i + p.Name.Length))], p.Shape));
        return model;
    }

    private static int[] Text(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => ((i * 31) + (seed * 17) + (i * i * (seed + 1))) % Vocabulary)];

    private static float[] Logits(CausalLanguageModel model, TokenBatch batch, Hooks? hooks = null, KeyValueSequence? cache = null)
    {
        using TensorScope scope = TensorScope.Begin();
        return model.Logits(model.Hidden(batch, batch.Context(new RunOptions { Hooks = hooks }, cache: cache is null ? null : [cache]))).Value.ToArray();
    }

    private static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
        => Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), $"{expected.Length} and {actual.Length} logits differ in their bits.");

    [Theory]
    [MemberData(nameof(Families))]
    public void A_later_token_changes_no_earlier_logit(string family)
    {
        using CausalLanguageModel model = Make(family);
        int[] text = Text(Length, 1);
        float[] before = Logits(model, TokenBatch.Of(text));
        foreach (int at in (int[])[1, 63, 64, 200, Length - 1])
        {
            int[] changed = [.. text];
            changed[at] = (changed[at] + 5) % Vocabulary;
            float[] after = Logits(model, TokenBatch.Of(changed));
            Same(before.AsSpan(0, at * Vocabulary), after.AsSpan(0, at * Vocabulary));
            Assert.False(before.AsSpan(at * Vocabulary).SequenceEqual(after.AsSpan(at * Vocabulary)));
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_text_gives_the_same_logits_alone_in_a_batch_and_padded_on_either_side(string family)
    {
        using CausalLanguageModel model = Make(family);
        int[][] texts = [Text(70, 1), Text(131, 2), Text(1, 3), Text(Length, 4)];
        foreach (bool left in (bool[])[false, true])
        {
            int[] ids = new int[texts.Length * Length], mask = new int[ids.Length], positions = new int[ids.Length];
            for (int b = 0; b < texts.Length; b++)
            {
                for (int t = 0; t < texts[b].Length; t++)
                {
                    int cell = (b * Length) + t + (left ? Length - texts[b].Length : 0);
                    (ids[cell], mask[cell], positions[cell]) = (texts[b][t], 1, t);
                }
            }

            using TensorScope scope = TensorScope.Begin();
            TokenGrid Grid(int[] cells) => new(texts.Length, Length, cells);
            float[] padded = model.Run(new ModelInputs { InputIds = Grid(ids), AttentionMask = Grid(mask), PositionIds = Grid(positions) }).Logits!.ToArray();
            for (int b = 0; b < texts.Length; b++)
                Same(Logits(model, TokenBatch.Of(texts[b])), padded.AsSpan(((b * Length) + (left ? Length - texts[b].Length : 0)) * Vocabulary, texts[b].Length * Vocabulary));
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Packed_in_any_format_prefill_decode_and_loss_have_the_bits_of_plain_values(string family)
    {
        int[] text = Text(70, 5);
        foreach (WeightFormat format in WeightFormat.All)
        {
            using CausalLanguageModel model = Make(family);
            foreach (Parameter p in model.Parameters) p.Pack(format);
            Assert.Contains(model.Parameters, p => p.IsPacked);
            Assert.All(model.Parameters, p => Assert.Equal(p.InputMajor is not null || (p.IsTable && format != WeightFormat.Float32), p.IsPacked));
            float[] whole = Logits(model, TokenBatch.Of(text));
            foreach (int piece in (int[])[1, 7])
            {
                using KeyValueCache cache = new(model.CacheLayers);
                using KeyValueSequence sequence = cache.NewSequence();
                for (int first = 0; first < text.Length; first += piece)
                {
                    int count = Math.Min(piece, text.Length - first);
                    TokenBatch batch = TokenBatch.Of(text[first..(first + count)]).WithPositions([.. Enumerable.Range(first, count)]);
                    Same(whole.AsSpan(first * Vocabulary, count * Vocabulary), Logits(model, batch, cache: sequence));
                }
            }

            float loss = LossSum(model, text);
            model.Parameters.Unpack();
            Same(whole, Logits(model, TokenBatch.Of(text)));
            Assert.Equal(loss, LossSum(model, text));
        }
    }

    private static float LossSum(CausalLanguageModel model, int[] text)
    {
        using TensorScope scope = TensorScope.Begin();
        TokenBatch batch = TokenBatch.Of(text);
        return model.LossSum(model.Hidden(batch, batch.Context(new RunOptions())), [.. text[1..], 0]).Value.ToScalar();
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Reading_in_pieces_with_a_cache_gives_the_logits_of_reading_at_once(string family)
    {
        using CausalLanguageModel model = Make(family);
        int[] text = Text(200, 5);
        float[] whole = Logits(model, TokenBatch.Of(text));
        foreach (int piece in (int[])[1, 7, 64])
        {
            using KeyValueCache cache = new(model.CacheLayers);
            using KeyValueSequence sequence = cache.NewSequence();
            for (int first = 0, count = 1; first < text.Length; first += count, count = Math.Min(piece, text.Length - first))
            {
                TokenBatch batch = TokenBatch.Of(text[first..(first + count)]).WithPositions([.. Enumerable.Range(first, count)]);
                Same(whole.AsSpan(first * Vocabulary, count * Vocabulary), Logits(model, batch, cache: sequence));
            }

            Assert.Equal(text.Length, sequence.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Prompts_padded_on_the_left_go_on_from_their_cache_as_each_does_alone(string family)
    {
        using CausalLanguageModel model = Make(family);
        int[][] texts = [Text(90, 1), Text(150, 2), Text(30, 3)];
        int[] prompts = [70, 131, 1];
        float[][] alone = [.. texts.Select(t => Logits(model, TokenBatch.Of(t)))];
        const int Columns = 131;
        int[] ids = new int[texts.Length * Columns], mask = new int[ids.Length], positions = new int[ids.Length];
        for (int b = 0; b < texts.Length; b++)
        {
            for (int t = 0; t < prompts[b]; t++)
            {
                int cell = (b * Columns) + Columns - prompts[b] + t;
                (ids[cell], mask[cell], positions[cell]) = (texts[b][t], 1, t);
            }
        }

        TokenGrid Grid(int[] cells) => new(texts.Length, Columns, cells);
        using KeyValueCache cache = new(model.CacheLayers);
        KeyValueSequence[] sequences = [.. texts.Select(_ => cache.NewSequence())];
        float[] Read(TokenBatch batch)
        {
            using TensorScope scope = TensorScope.Begin();
            return model.Logits(model.Hidden(batch, batch.Context(cache: sequences))).Value.ToArray();
        }

        TokenBatch begin = TokenBatch.FromGrid(Grid(ids), Grid(mask), Grid(positions));
        float[] rows = Read(begin);
        for (int b = 0; b < texts.Length; b++) Same(alone[b].AsSpan(0, prompts[b] * Vocabulary), rows.AsSpan(begin.Starts[b] * Vocabulary, prompts[b] * Vocabulary));
        for (int step = 0; step < 19; step++)
        {
            int[] at = [.. prompts.Select(p => p + step)];
            rows = Read(TokenBatch.Of([.. texts.Select((t, b) => t[at[b]..(at[b] + 1)])]).WithPositions(at));
            for (int b = 0; b < texts.Length; b++) Same(alone[b].AsSpan(at[b] * Vocabulary, Vocabulary), rows.AsSpan(b * Vocabulary, Vocabulary));
        }

        foreach (KeyValueSequence sequence in sequences) sequence.Dispose();
        Assert.Equal(0, cache.UsedBytes);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(37, 2)]
    [InlineData(64, 2)]
    [InlineData(100, 3)]
    public void A_window_bounds_the_pages_of_a_long_text_and_changes_no_bit(int window, int pages)
    {
        LlamaConfig config = new() { Kind = LlamaKind.Qwen2, Layers = 3, Heads = 4, KeyHeads = 2, Width = 40, HeadWidth = 10, InnerWidth = 72, Vocabulary = Vocabulary, ContextLength = 2 * Length, InitialDeviation = 0.2f, Window = window, WindowLayers = [true, false, true] };
        using CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(7)));
        int[] text = Text(300, 5);
        float[] whole = Logits(model, TokenBatch.Of(text));
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        float[] Read(KeyValueSequence to, int at, int count) => Logits(model, TokenBatch.Of(text[at..(at + count)]).WithPositions([.. Enumerable.Range(at, count)]), cache: to);
        long page = 0;
        for (int at = 0; at < text.Length; at++)
        {
            Same(whole.AsSpan(at * Vocabulary, Vocabulary), Read(sequence, at, 1));
            if (at == 0) page = cache.UsedBytes / 3;
            int all = (at / 64) + 1;                            // pages of the layer that sees everything
            Assert.InRange(cache.UsedBytes / page, all + 2, all + (2 * Math.Min(all, pages)));
            if (at % 50 != 49) continue;
            // A step taken back is taken again, and a fork keeps what its original lets go.
            sequence.Truncate(at);
            Same(whole.AsSpan(at * Vocabulary, Vocabulary), Read(sequence, at, 1));
            long before = cache.UsedBytes;
            using KeyValueSequence fork = sequence.Fork();
            Assert.Equal(before, cache.UsedBytes);
            int rest = Math.Min(80, text.Length - at - 1);
            if (rest > 0) Same(whole.AsSpan((at + 1) * Vocabulary, rest * Vocabulary), Read(fork, at + 1, rest));
        }

        sequence.Truncate(0);
        Assert.Equal(0, cache.UsedBytes);
        Same(whole.AsSpan(0, 70 * Vocabulary), Read(sequence, 0, 70));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Hooks_that_change_nothing_change_no_bit(string family)
    {
        using CausalLanguageModel model = Make(family);
        TokenBatch batch = TokenBatch.Of(Text(80, 6), Text(33, 7));
        int seen = 0;
        // Scores, patterns and each head's part as well: they are computed beside the fused kernels, whose results hold.
        Hooks hooks = new Hooks().ObserveWhere(_ => true, (_, _) => seen++);
        Same(Logits(model, batch), Logits(model, batch, hooks));
        Assert.True(seen > (family == "lstm" ? 1 : 20), $"only {seen} tensors were seen");
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_and_gradients_have_the_same_bits_with_any_number_of_threads(string family)
    {
        HashSet<string> sums = [];
        foreach (int threads in (int[])[1, 2, 3, 5])
        {
            using ComputeContext context = new(new ComputeOptions { Threads = threads });
            using ContextScope entered = context.Enter();
            using CausalLanguageModel model = Make(family);
            sums.Add(Sum(model));
        }

        Assert.Single(sums);
    }

    private static string Sum(CausalLanguageModel model)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        TokenGrid ids = TokenGrid.Of([Text(Length, 8), Text(Length, 9)]);
        ModelOutput output = model.Run(new ModelInputs { InputIds = ids, Labels = ids });
        tape.Backward(output.Losses[0].Sum * (1f / output.Losses[0].Count));
        hash.AppendData(MemoryMarshal.AsBytes(output.Logits!.Span));
        foreach (Parameter parameter in model.Parameters) hash.AppendData(MemoryMarshal.AsBytes(parameter.Gradient!.Span));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
