using Heed.Engine.Tensors;
using Heed.Generation.Decoding;
using Heed.Models;
using Heed.Models.Gpt2;
using Xunit;

namespace Heed.Generation.Tests.Decoding;

public sealed class DecoderTests
{
    [Fact]
    public void Prefill_and_decode_give_the_same_bits_over_two_hundred_tokens()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using TensorScope scope = TensorScope.Begin();
        int[] ids = TestModels.Prompt(230, 5);
        TokenBatch batch = TokenBatch.Of(ids);
        Tensor whole = model.Logits(model.Hidden(batch, batch.Context())).Value;
        using Decoder decoder = Decoder.Of(model, long.MaxValue);
        using DecoderSequence sequence = DecoderSequence.New(decoder.Cache, ids[..3], null);
        for (int t = 2; t < ids.Length; t++)
        {
            using TensorScope step = TensorScope.Begin();
            if (t > 2) sequence.Unread = [ids[t]];
            Tensor scores = decoder.Step([sequence], default)!;
            Assert.True(scores.Span.SequenceEqual(whole.Rows(t, 1).Span), $"token {t}");
        }
    }

    [Fact]
    public void Alone_and_in_a_batch_scores_have_the_same_bits()
    {
        using CausalLanguageModel model = TestModels.Gpt2();
        using TensorScope scope = TensorScope.Begin();
        int[][] prompts = [TestModels.Prompt(1, 1), TestModels.Prompt(63, 2), TestModels.Prompt(64, 3), TestModels.Prompt(65, 4), TestModels.Prompt(150, 5)];
        using Decoder decoder = Decoder.Of(model, long.MaxValue);
        DecoderSequence[] together = [.. prompts.Select(p => DecoderSequence.New(decoder.Cache, p, null))];
        for (int step = 0; step < 4; step++)
        {
            Tensor scores = decoder.Step(together, default)!;
            for (int i = 0; i < prompts.Length; i++)
            {
                using DecoderSequence alone = DecoderSequence.New(decoder.Cache, [.. prompts[i], .. Enumerable.Range(0, step)], null);
                Assert.True(scores.Rows(i, 1).Span.SequenceEqual(decoder.Step([alone], default)!.Span), $"prompt {i}, step {step}");
                together[i].Unread = [step];
            }
        }

        foreach (DecoderSequence sequence in together) sequence.Dispose();
        Assert.Equal(0, decoder.Cache.UsedBytes);
    }
}
