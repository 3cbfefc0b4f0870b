using System.Runtime.InteropServices;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Custom;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Verification;
using Xunit;

namespace Heed.Models.Tests.Custom;

/// <summary>What holds for every design that a custom model can have: positions × attention × place of norms × norm.</summary>
public sealed class CustomTests
{
    private const int Vocabulary = 23, Length = 200;

    private static readonly CustomConfig Small = new()
    {
        Vocabulary = Vocabulary,
        Width = 16,
        Layers = 2,
        Heads = 4,
        InnerWidth = 24,
        ContextLength = 256,
        Window = 37,
        BlockSize = 8,
        Features = 6,
        Labels = ["a", "b", "c"],
    };

    private static readonly CustomAttention[] Attentions = Enum.GetValues<CustomAttention>();

    public static TheoryData<PositionKind, CustomAttention, bool, bool> Designs
    {
        get
        {
            TheoryData<PositionKind, CustomAttention, bool, bool> designs = [];
            foreach (PositionKind positions in Enum.GetValues<PositionKind>())
                foreach (CustomAttention attention in Attentions)
                    foreach (bool first in (bool[])[true, false])
                        foreach (bool rms in (bool[])[true, false])
                            if (!IsImpossible(positions, attention)) designs.Add(positions, attention, first, rms);
            return designs;
        }
    }

    [Theory]
    [InlineData("posittions", "positions")]
    [InlineData("norm_frist", "norm_first")]
    [InlineData("Gated", "gated")]
    [InlineData("my_note", null)]
    [InlineData("hidden_size_note", null)]
    [InlineData("num_labels", null)]
    [InlineData("torch_dtype", null)]
    public void A_mistyped_key_is_refused_with_the_one_that_is_meant_and_a_strange_one_is_kept(string key, string? meant)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), $$"""{"model_type": "custom-decoder", "vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "{{key}}": null}""");
        if (meant is null) Assert.Equal(8, ModelFolder.ReadConfig(folder.Path).Config.Width);
        else Assert.Contains($"$.{key}: is no key of a custom model; did you mean \"{meant}\"?", Assert.Throws<InvalidFileException>(() => ModelFolder.ReadConfig(folder.Path)).Message, StringComparison.Ordinal);
    }

    private static bool IsImpossible(PositionKind positions, CustomAttention attention)
        => positions is PositionKind.Alibi or PositionKind.Relative && attention is CustomAttention.Elu or CustomAttention.Favor;

    private static CustomConfig Of(PositionKind positions, CustomAttention attention, bool normFirst, bool rms, bool encoder = false) => Small with
    {
        Positions = positions,
        Attention = attention,
        NormFirst = normFirst,
        RmsNorm = rms,
        // The other choices go round, so that each is met together with each of the four.
        Gated = rms,
        KeyHeads = normFirst ? 2 : 4,
        TiedOutput = attention != CustomAttention.Window,
        Encoder = encoder,
    };

    /// <summary>Larger first values than in training: differences must be seen.</summary>
    private static ParameterSet Values(ulong seed) => new(ParameterSource.Random(seed));

    private static T Loud<T>(T model) where T : Model
    {
        foreach (Parameter p in model.Parameters)
        {
            Span<float> values = p.Value.Span;
            for (int i = 0; i < values.Length; i++) values[i] = p.Shape.Rank > 1 ? 8 * values[i] : values[i] + (0.1f * MathF.Sin(i + p.Name.Length));
        }

        return model;
    }

    private static int[] Text(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => ((i * 31) + (seed * 17) + (i * i * (seed + 1))) % Vocabulary)];

    private static float[] Logits(CausalLanguageModel model, TokenBatch batch, KeyValueSequence? cache = null)
    {
        using TensorScope scope = TensorScope.Begin();
        return model.Logits(model.Hidden(batch, batch.Context(cache: cache is null ? null : [cache]))).Value.ToArray();
    }

    private static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
        => Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), $"{expected.Length} and {actual.Length} values differ in their bits.");

    /// <summary>Texts of several lengths in one grid, filled on one side.</summary>
    private static (ModelInputs Inputs, int[] First) Padded(int[][] texts, bool left)
    {
        int longest = texts.Max(t => t.Length);
        int[] ids = new int[texts.Length * longest], mask = new int[ids.Length], first = new int[texts.Length];
        for (int b = 0; b < texts.Length; b++)
        {
            first[b] = (b * longest) + (left ? longest - texts[b].Length : 0);
            texts[b].CopyTo(ids, first[b]);
            mask.AsSpan(first[b], texts[b].Length).Fill(1);
        }

        return (new ModelInputs { InputIds = new TokenGrid(texts.Length, longest, ids), AttentionMask = new TokenGrid(texts.Length, longest, mask) }, first);
    }

    [Theory]
    [MemberData(nameof(Designs))]
    public void A_decoder_is_causal_and_goes_on_from_its_cache_with_the_same_bits(PositionKind positions, CustomAttention attention, bool normFirst, bool rms)
    {
        using CausalLanguageModel model = Loud(CausalLanguageModel.Create(Of(positions, attention, normFirst, rms), Values(2)));
        int[] text = Text(Length, 1);
        float[] whole = Logits(model, TokenBatch.Of(text));
        Assert.All(whole, x => Assert.True(float.IsFinite(x)));
        foreach (int at in (int[])[1, 64, 150])
        {
            float[] after = Logits(model, TokenBatch.Of([.. text[..at], (text[at] + 5) % Vocabulary, .. text[(at + 1)..]]));
            Same(whole.AsSpan(0, at * Vocabulary), after.AsSpan(0, at * Vocabulary));
            Assert.False(whole.AsSpan(at * Vocabulary).SequenceEqual(after.AsSpan(at * Vocabulary)));
        }

        foreach (int piece in (int[])[1, 7, 64])
        {
            using KeyValueCache cache = new(model.CacheLayers);
            using KeyValueSequence sequence = cache.NewSequence();
            for (int first = 0, count = 1; first < Length; first += count, count = Math.Min(piece, Length - first))
            {
                TokenBatch batch = TokenBatch.Of(text[first..(first + count)]).WithPositions([.. Enumerable.Range(first, count)]);
                Same(whole.AsSpan(first * Vocabulary, count * Vocabulary), Logits(model, batch, sequence));
            }

            Assert.Equal(Length, sequence.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Designs))]
    public void A_text_gives_the_same_bits_alone_in_a_batch_and_padded_on_either_side(PositionKind positions, CustomAttention attention, bool normFirst, bool rms)
    {
        int[][] texts = [Text(70, 1), Text(131, 2), Text(1, 3)];
        foreach (bool encoder in (bool[])[false, true])
        {
            CustomConfig config = Of(positions, attention, normFirst, rms, encoder);
            using Model model = encoder ? Loud(TokenClassifier.Create(config, Values(3))) : Loud(CausalLanguageModel.Create(config, Values(3)));
            int width = encoder ? 3 : Vocabulary;
            foreach (bool left in (bool[])[false, true])
            {
                using TensorScope scope = TensorScope.Begin();
                (ModelInputs inputs, int[] first) = Padded(texts, left);
                float[] padded = model.Run(inputs).Logits!.ToArray();
                for (int b = 0; b < texts.Length; b++)
                {
                    float[] alone = model.Run(new ModelInputs { InputIds = TokenGrid.Of([texts[b]]) }).Logits!.ToArray();
                    Same(alone, padded.AsSpan(first[b] * width, texts[b].Length * width));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Designs))]
    public void Attention_is_its_pattern_times_the_values_and_rows_of_the_pattern_sum_to_one(PositionKind positions, CustomAttention attention, bool normFirst, bool rms)
    {
        foreach (bool encoder in (bool[])[false, true])
        {
            CustomConfig config = Of(positions, attention, normFirst, rms, encoder);
            using Model model = encoder ? Loud(MaskedLanguageModel.Create(config, Values(4))) : Loud(CausalLanguageModel.Create(config, Values(4)));
            using TensorScope scope = TensorScope.Begin();
            Dictionary<string, Tensor> seen = [];
            Hooks hooks = new Hooks().ObserveWhere(name => name.StartsWith("blocks.1.attn.", StringComparison.Ordinal), (name, x) => seen[name["blocks.1.attn.".Length..]] = scope.Adopt(x.Value.Clone()));
            float[] plain = model.Run(new ModelInputs { InputIds = TokenGrid.Of([Text(50, 5)]) }).Logits!.ToArray();
            Same(plain, model.Run(new ModelInputs { InputIds = TokenGrid.Of([Text(50, 5)]) }, new RunOptions { Hooks = hooks }).Logits!.Span);
            float[] pattern = seen["pattern"].ToArray(), v = seen["v"].ToArray(), z = seen["z"].ToArray();
            const int T = 50, K = 4;
            for (int h = 0; h < 4; h++)
            {
                int g = h / (4 / config.KeyHeads);
                for (int i = 0; i < T; i++)
                {
                    double sum = 0;
                    double[] expected = new double[K];
                    for (int j = 0; j < T; j++)
                    {
                        double weight = pattern[(((h * T) + i) * T) + j];
                        sum += weight;
                        Assert.True(encoder || j <= i || weight == 0, $"{i} sees {j}");
                        Assert.InRange(weight, 0, 1.0001);
                        for (int d = 0; d < K; d++) expected[d] += weight * v[(((j * config.KeyHeads) + g) * K) + d];
                    }

                    Assert.InRange(sum, 0.999, 1.00001);
                    for (int d = 0; d < K; d++) Assert.Equal(expected[d], z[(((i * 4) + h) * K) + d], 1e-4 * Math.Max(1, Math.Abs(expected[d])));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Designs))]
    public void Gradients_are_the_slopes_of_the_loss(PositionKind positions, CustomAttention attention, bool normFirst, bool rms)
    {
        foreach (bool encoder in (bool[])[false, true])
        {
            CustomConfig config = Of(positions, attention, normFirst, rms, encoder) with { Width = 8, Heads = 2, KeyHeads = normFirst ? 1 : 2, InnerWidth = 12 };
            using Model model = encoder ? Loud(MaskedLanguageModel.Create(config, Values(5))) : Loud(CausalLanguageModel.Create(config, Values(5)));
            (ModelInputs inputs, _) = Padded([Text(20, 1), Text(9, 2)], left: false);
            int[] labels = [.. inputs.InputIds.Cells.Select((id, cell) => inputs.AttentionMask!.Cells[cell] == 0 ? -100 : encoder ? (id + 3) % Vocabulary : id)];
            inputs = inputs with { Labels = new TokenGrid(2, 20, labels) };
            Dictionary<string, float[]> gradients = Gradients.Of(model, inputs);
            // Along the gradient itself the slope is its norm: the largest there is, so that float32 can see it.
            double norm = Math.Sqrt(gradients.Values.Sum(g => g.Sum(x => (double)x * x)));
            double step = 2e-3 / norm;
            double slope = (At(step) - At(-step)) / (2 * step * norm);
            Assert.True(Math.Abs(slope - norm) <= 0.02 * norm, $"slope {slope}, norm {norm}");

            double At(double along)
            {
                Move(along);
                using TensorScope scope = TensorScope.Begin();
                double loss = model.Run(inputs).Loss!.Value;
                Move(-along);
                return loss;
            }

            void Move(double along)
            {
                foreach (Parameter p in model.Parameters)
                {
                    Span<float> values = p.Value.Span;
                    for (int i = 0; i < values.Length; i++) values[i] += (float)(along * gradients[p.Name][i]);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Designs))]
    public void Every_design_learns(PositionKind positions, CustomAttention attention, bool normFirst, bool rms)
    {
        ModelInputs texts = Padded([[1, 4, 5, 6, 2, 7, 8], [1, 8, 9, 2]], left: false).Inputs;
        TokenGrid labels = TokenGrid.Of([[1, 4, 5, 6, 2, 7, 8], [1, 8, 9, 2]], -100);
        using CausalLanguageModel decoder = CausalLanguageModel.Create(Of(positions, attention, normFirst, rms), Values(1));
        Falls(decoder, texts with { Labels = labels });
        CustomConfig encoder = Of(positions, attention, normFirst, rms, encoder: true);
        using MaskedLanguageModel masked = MaskedLanguageModel.Create(encoder, Values(1));
        Falls(masked, texts with { Labels = labels });
        using SequenceClassifier sequences = SequenceClassifier.Create(encoder, Values(1));
        Falls(sequences, texts with { Labels = TokenGrid.Of([[2], [0]]) });
        using TokenClassifier tokens = TokenClassifier.Create(encoder, Values(1));
        Falls(tokens, texts with { Labels = TokenGrid.Of([[0, 1, 2, 0, 1, 2, 0], [2, 2, 1, 0]], -100) });

        static void Falls(Model model, ModelInputs inputs)
        {
            using AdamW optimizer = new(model.Parameters);
            double first = Step(0), last = 0;
            for (int step = 1; step <= 80; step++) last = Step(0.01);
            Assert.True(last < 0.5 * first, $"{model.Architecture}: {first} → {last}");

            double Step(double rate)
            {
                model.Parameters.ClearGradients();
                using TensorScope scope = TensorScope.Begin();
                using Tape tape = Tape.Begin();
                ModelOutput output = model.Run(inputs);
                tape.Backward(output.Losses[0].Sum * (1f / output.Losses[0].Count));
                if (rate > 0) optimizer.Step(rate);
                return output.Loss!.Value;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Designs))]
    public void A_saved_design_opens_again_and_gives_the_same_bits(PositionKind positions, CustomAttention attention, bool normFirst, bool rms)
    {
        CustomFamily family = new();
        using TemporaryFolder folder = new();
        foreach (string architecture in family.Architectures)
        {
            CustomConfig config = Of(positions, attention, normFirst, rms, architecture != "CustomDecoder");
            Assert.Equal(config.ToJson().ToJsonString(), Shapes.Read(family, config.ToJson().ToJsonString()).ToJson().ToJsonString());
            using Model model = Loud(family.Build(architecture, config, Values(6)));
            ModelFolder.Save(model, folder.Path);
            (Model opened, LoadReport report) = ModelFolder.Load(folder.Path);
            using (opened)
            {
                Assert.True(report.IsComplete);
                Assert.Equal(architecture, opened.Architecture);
                using TensorScope scope = TensorScope.Begin();
                ModelInputs inputs = Padded([Text(30, 1), Text(12, 2)], left: true).Inputs;
                Dictionary<string, Tensor> again = OutputNames.Of(opened, opened.Run(inputs));
                Assert.NotEmpty(again);
                foreach ((string name, Tensor x) in OutputNames.Of(model, model.Run(inputs))) Same(x.Span, again[name].Span);
            }
        }
    }

    [Fact]
    public void Biases_on_scores_do_not_go_with_linear_attention()
    {
        foreach (PositionKind positions in Enum.GetValues<PositionKind>())
        {
            foreach (CustomAttention attention in Attentions.Where(a => IsImpossible(positions, a)))
            {
                ConfigException error = Assert.Throws<ConfigException>((Small with { Positions = positions, Attention = attention }).Validate);
                Assert.Contains("linear attention has no scores", error.Message, StringComparison.Ordinal);
                Assert.Contains(positions == PositionKind.Alibi ? "\"alibi\"" : "\"t5\"", error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("""{"model_type":"custom-decoder","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"attention":"linear"}""", "full, window, block-sparse, linear-elu, linear-favor")]
    [InlineData("""{"model_type":"custom-encoder","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"positions":"rotary"}""", "rope, learned, sinusoidal, alibi, t5, none")]
    [InlineData("""{"model_type":"custom-encoder","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"sliding_window":4,"block_size":2}""", "attention is missing")]
    [InlineData("""{"model_type":"custom-decoder","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"attention":"window","sliding_window":0}""", "sliding_window is 0")]
    [InlineData("""{"model_type":"custom-decoder","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":3}""", "hidden_size")]
    [InlineData("""{"model_type":"custom-decoder","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"attention":"linear-favor","features":200000000}""", "features")]
    public void A_wrong_design_is_refused_with_the_words_that_are_allowed(string json, string message)
        => Assert.Contains(message, Assert.ThrowsAny<HeedException>(() => Shapes.Read(new CustomFamily(), json)).Message.Replace("$.attention: ", "attention ", StringComparison.Ordinal), StringComparison.Ordinal);

    [Fact]
    public void A_class_of_the_other_kind_is_refused()
    {
        ConfigException error = Assert.Throws<ConfigException>(() => new CustomFamily().Build("CustomEncoder", Small, new ParameterSet(ParameterSource.ShapesOnly)));
        Assert.Contains("set model_type to custom-encoder", error.Message.Replace("custom-decoder or", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Linear_attention_keeps_one_sum_however_long_the_text_and_forks_share_it()
    {
        using CausalLanguageModel model = Loud(CausalLanguageModel.Create(Small with { Attention = CustomAttention.Favor }, Values(8)));
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        int[] text = Text(Length, 2);
        void Read(KeyValueSequence into, int first, int count) => Logits(model, TokenBatch.Of(text[first..(first + count)]).WithPositions([.. Enumerable.Range(first, count)]), into);
        Read(sequence, 0, 10);
        Read(sequence, 10, 1);
        long bytes = cache.UsedBytes;
        for (int t = 11; t < 100; t++) Read(sequence, t, 1);
        Assert.Equal(bytes, cache.UsedBytes);

        float[] whole = Logits(model, TokenBatch.Of(text));
        using KeyValueSequence fork = sequence.Fork();
        Logits(model, TokenBatch.Of([3, 3, 3]).WithPositions([100, 101, 102]), fork);
        TokenBatch next = TokenBatch.Of(text[100..120]).WithPositions([.. Enumerable.Range(100, 20)]);
        Same(whole.AsSpan(100 * Vocabulary, 20 * Vocabulary), Logits(model, next, sequence));

        // A step that failed is taken back; older tokens cannot be taken out of a sum.
        sequence.Truncate(100);
        Same(whole.AsSpan(100 * Vocabulary, 20 * Vocabulary), Logits(model, next, sequence));
        Assert.Contains("cannot go back to 50", Assert.Throws<InvalidOperationException>(() => sequence.Truncate(50)).Message, StringComparison.Ordinal);
        sequence.Truncate(0);
        Assert.Equal(0, sequence.Count);
        TokenBatch begin = TokenBatch.Of(text[..30]);
        Same(whole.AsSpan(0, 30 * Vocabulary), Logits(model, begin, sequence));
    }

    [Fact]
    public void The_pattern_over_tokens_that_a_sum_has_taken_in_is_refused()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(Small with { Attention = CustomAttention.Elu }, Values(9));
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        Logits(model, TokenBatch.Of([1, 2, 3]), sequence);
        TokenBatch next = TokenBatch.Of([4]).WithPositions([3]);
        Hooks hooks = new Hooks().Observe("blocks.0.attn.pattern", (_, _) => { });
        using TensorScope scope = TensorScope.Begin();
        Assert.Contains("without a cache", Assert.Throws<InvalidOperationException>(() => model.Hidden(next, next.Context(new RunOptions { Hooks = hooks }, cache: [sequence]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_sees_neighbours_the_first_and_one_by_lot_that_does_not_depend_on_the_length()
    {
        BlockSparsity sparsity = new(4, window: 1, global: 1, random: 1);
        bool[] shorter = sparsity.Allowed(6), longer = sparsity.Allowed(9);
        for (int q = 0; q < 6; q++)
        {
            for (int k = 0; k < 6; k++)
            {
                Assert.Equal(shorter[(q * 6) + k], longer[(q * 9) + k]);
                if (q == 0 || k == 0 || Math.Abs(q - k) <= 1) Assert.True(shorter[(q * 6) + k]);
            }

            Assert.InRange(shorter.AsSpan(q * 6, 6).Count(true), 2, q == 0 ? 6 : 5);
        }
    }
}
