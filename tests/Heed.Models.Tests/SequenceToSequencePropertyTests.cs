using System.Runtime.InteropServices;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bart;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;
using Heed.Models.T5;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>What holds for every encoder-decoder, bit for bit, whatever its weights.</summary>
public sealed class SequenceToSequencePropertyTests
{
    private const int Vocabulary = 61, Length = 210;

    private static readonly int[][] Sources = [Text(33, 1), Text(1, 2), Text(70, 3)];

    public static TheoryData<string> Families => ["t5", "t5 v1.1", "bart", "marian", "2017", "2017, norms first", "lstm"];

    private static SequenceToSequenceModel Make(string family)
    {
        ParameterSet set = new(ParameterSource.Random(7));
        T5Config t5 = new() { Layers = 2, Width = 32, Heads = 4, HeadWidth = 6, InnerWidth = 40, Vocabulary = Vocabulary, PaddingId = 0, EndId = 1 };
        BartConfig bart = BartConfig.Base with { Layers = 2, Width = 32, Heads = 4, Vocabulary = Vocabulary, ContextLength = 2 * Length, InitialDeviation = 0.2f };
        BartConfig marian = BartConfig.MarianBase with { Layers = 2, Width = 32, Heads = 4, Vocabulary = Vocabulary, ContextLength = 2 * Length, InitialDeviation = 0.2f, PaddingId = 60, DecoderStartId = 60 };
        Transformer2017Config first = Transformer2017Config.Tiny with { Width = 32, Heads = 4, Vocabulary = Vocabulary };
        SequenceToSequenceModel model = family switch
        {
            "t5" => SequenceToSequenceModel.Create(t5, set),
            "t5 v1.1" => SequenceToSequenceModel.Create(t5 with { Gated = true, TiedOutput = false, Activation = Engine.Kernels.Activation.GeluTanh }, set),
            "bart" => SequenceToSequenceModel.Create(bart, set),
            "marian" => SequenceToSequenceModel.Create(marian, set),
            "2017" => SequenceToSequenceModel.Create(first, set),
            "2017, norms first" => SequenceToSequenceModel.Create(first with { NormFirst = true, TiedOutput = false }, set),
            _ => SequenceToSequenceModel.Create(new LstmConfig { Task = LstmTask.SequenceToSequence, Vocabulary = Vocabulary, Width = 32, Layers = 2, EmbeddingWidth = 20, AttentionWidth = 24, BeginId = 1, PaddingId = 0 }, set),
        };
        foreach (Parameter p in set)
        {
            // Biases begin as zeros: give them values, so that one that is added where it must not be would be seen.
            if (p.Name.EndsWith("bias", StringComparison.Ordinal)) p.Assign(Tensor.Create([.. Enumerable.Range(0, p.Shape.Count).Select(i => 0.1f * MathF.Sin(i + p.Name.Length))], p.Shape));
            // An LSTM's small first weights would forget the beginning of a text within a few tokens.
            else if (family == "lstm" && p.Shape.Rank == 2) foreach (ref float v in p.Value.Span) v *= 3;
        }

        return model;
    }

    private static int[] Text(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => ((i * 31) + (seed * 17) + (i * i * (seed + 1))) % Vocabulary)];

    /// <summary>Of each text the logits of all its rows, [T·V].</summary>
    private static float[][] Logits(SequenceToSequenceModel model, TokenBatch source, TokenBatch target)
    {
        using TensorScope scope = TensorScope.Begin();
        ForwardContext reading = source.Context();
        Variable hidden = model.Decode(target, model.Encode(source, reading), target.Context(memory: reading));
        return Split(model.Logits(hidden).Value, target);
    }

    private static float[][] Logits(SequenceToSequenceModel model, int[] source, int[] target) => Logits(model, TokenBatch.Of(source), TokenBatch.Of(target));

    private static float[][] Split(Tensor logits, TokenBatch batch)
        => [.. Enumerable.Range(0, batch.GridRows).Select(b => logits.Span[(batch.Starts[b] * Vocabulary)..(batch.Starts[b + 1] * Vocabulary)].ToArray())];

    /// <summary>The next ids of texts that have a cache. The encoder's rows are given with the first ones only, as in generation.</summary>
    private static float[][] Continue(SequenceToSequenceModel model, TokenBatch? source, TokenBatch target, KeyValueSequence[] cache)
    {
        using TensorScope scope = TensorScope.Begin();
        ForwardContext reading = source?.Context() ?? new ForwardContext(new int[cache.Length + 1], []);
        Variable memory = source is null ? Tensor.Zeros(0, model.Config.Width) : model.Encode(source, reading);
        return Split(model.Logits(model.Decode(target, memory, target.Context(memory: reading, cache: cache))).Value, target);
    }

    /// <summary>Texts in one grid, filled up on one side; positions count each text's own tokens.</summary>
    private static TokenBatch Padded(int[][] texts, bool left)
    {
        int longest = texts.Max(t => t.Length) + 3;
        int[] ids = new int[texts.Length * longest], mask = new int[ids.Length], positions = new int[ids.Length];
        for (int b = 0; b < texts.Length; b++)
        {
            int first = (b * longest) + (left ? longest - texts[b].Length : 0);
            texts[b].CopyTo(ids, first);
            mask.AsSpan(first, texts[b].Length).Fill(1);
            for (int t = 0; t < texts[b].Length; t++) positions[first + t] = t;
        }

        TokenGrid Grid(int[] cells) => new(texts.Length, longest, cells);
        return TokenBatch.FromGrid(Grid(ids), Grid(mask), Grid(positions));
    }

    private static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
        => Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), $"{expected.Length} and {actual.Length} logits differ in their bits.");

    [Theory]
    [MemberData(nameof(Families))]
    public void Writing_in_pieces_with_a_cache_gives_the_logits_of_the_whole_text(string family)
    {
        using SequenceToSequenceModel model = Make(family);
        int[][] texts = [Text(Length, 4), Text(Length, 5), Text(Length, 6)];
        float[][] whole = Logits(model, TokenBatch.Of(Sources), TokenBatch.Of(texts));
        foreach (int piece in (int[])[1, 7, 64])
        {
            using KeyValueCache cache = new(model.CacheLayers);
            KeyValueSequence[] sequences = [.. Sources.Select(_ => cache.NewSequence())];
            for (int first = 0, count = 1; first < Length; first += count, count = Math.Min(piece, Length - first))
            {
                TokenBatch target = TokenBatch.Of([.. texts.Select(t => t[first..(first + count)])]);
                target = target.WithPositions([.. Enumerable.Range(0, target.Rows).Select(n => first + (n % count))]);
                float[][] rows = Continue(model, first == 0 ? TokenBatch.Of(Sources) : null, target, sequences);
                for (int b = 0; b < texts.Length; b++) Same(whole[b].AsSpan(first * Vocabulary, count * Vocabulary), rows[b]);
            }

            foreach (KeyValueSequence sequence in sequences)
            {
                Assert.Equal(Length, sequence.Count);
                sequence.Dispose();
            }

            Assert.Equal(0, cache.UsedBytes);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_later_token_changes_no_earlier_logit_and_a_token_of_the_source_changes_all(string family)
    {
        using SequenceToSequenceModel model = Make(family);
        int[] text = Text(Length, 1), source = Sources[0];
        float[] before = Logits(model, source, text)[0];
        Assert.All(before, x => Assert.True(float.IsFinite(x)));
        foreach (int at in (int[])[1, 63, 64, Length - 1])
        {
            float[] after = Logits(model, source, [.. text[..at], (text[at] + 5) % Vocabulary, .. text[(at + 1)..]])[0];
            Same(before.AsSpan(0, at * Vocabulary), after.AsSpan(0, at * Vocabulary));
            Assert.False(before.AsSpan(at * Vocabulary, Vocabulary).SequenceEqual(after.AsSpan(at * Vocabulary, Vocabulary)));
        }

        // The encoder looks both ways: its last token is seen from the decoder's first row on.
        foreach (int at in (int[])[0, source.Length - 1])
        {
            float[] after = Logits(model, [.. source[..at], (source[at] + 5) % Vocabulary, .. source[(at + 1)..]], text)[0];
            for (int t = 0; t < Length; t++)
                Assert.False(before.AsSpan(t * Vocabulary, Vocabulary).SequenceEqual(after.AsSpan(t * Vocabulary, Vocabulary)), $"row {t} does not see token {at} of the source");
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_text_gives_the_same_logits_alone_in_a_batch_and_padded_on_either_side(string family)
    {
        using SequenceToSequenceModel model = Make(family);
        int[][] texts = [Text(70, 7), Text(Length, 8), Text(1, 9)];
        float[][] alone = [.. texts.Select((t, b) => Logits(model, Sources[b], t)[0])];
        foreach (bool sourceLeft in (bool[])[false, true])
        {
            foreach (bool left in (bool[])[false, true])
            {
                float[][] padded = Logits(model, Padded(Sources, sourceLeft), Padded(texts, left));
                for (int b = 0; b < texts.Length; b++) Same(alone[b], padded[b]);
            }
        }

        // The same through the door with Hugging Face's grids, padding on the right.
        using TensorScope scope = TensorScope.Begin();
        TokenGrid Mask(int[][] rows) => TokenGrid.Of([.. rows.Select(r => Enumerable.Repeat(1, r.Length).ToArray())]);
        ModelInputs inputs = new() { InputIds = TokenGrid.Of(Sources), AttentionMask = Mask(Sources), DecoderInputIds = TokenGrid.Of(texts), DecoderAttentionMask = Mask(texts) };
        Tensor grid = model.Run(inputs).Logits!;
        for (int b = 0; b < texts.Length; b++) Same(alone[b], grid.Span.Slice(b * Length * Vocabulary, texts[b].Length * Vocabulary));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Prompts_of_the_decoder_of_several_lengths_go_on_from_their_cache_as_each_does_alone(string family)
    {
        using SequenceToSequenceModel model = Make(family);
        int[][] texts = [Text(30, 3), Text(75, 4), Text(12, 5)];
        int[] prompts = [20, 66, 1];
        float[][] alone = [.. texts.Select((t, b) => Logits(model, Sources[b], t)[0])];
        foreach (bool left in (bool[])[false, true])
        {
            using KeyValueCache cache = new(model.CacheLayers);
            KeyValueSequence[] sequences = [.. Sources.Select(_ => cache.NewSequence())];
            float[][] rows = Continue(model, Padded(Sources, left), Padded([.. texts.Select((t, b) => t[..prompts[b]])], left), sequences);
            for (int b = 0; b < texts.Length; b++) Same(alone[b].AsSpan(0, prompts[b] * Vocabulary), rows[b]);
            for (int step = 0; step < 9; step++)
            {
                int[] at = [.. prompts.Select(p => p + step)];
                rows = Continue(model, null, TokenBatch.Of([.. texts.Select((t, b) => t[at[b]..(at[b] + 1)])]).WithPositions(at), sequences);
                for (int b = 0; b < texts.Length; b++) Same(alone[b].AsSpan(at[b] * Vocabulary, Vocabulary), rows[b]);
            }

            foreach (KeyValueSequence sequence in sequences) sequence.Dispose();
        }
    }
}
