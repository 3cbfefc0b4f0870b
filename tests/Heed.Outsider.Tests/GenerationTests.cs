using System.Text;
using Heed.Generation;
using Heed.Generation.Processors;

namespace Heed.Outsider.Tests;

/// <summary>Open, stream, cancel; chat; a rule of one's own over logits.</summary>
public sealed class GenerationTests : IDisposable
{
    private static readonly GenerationConfig Settings = new() { MaxNewTokens = 12 };
    private readonly Workshop _workshop = new();

    [Fact]
    public async Task A_text_streams_with_its_usage()
    {
        using HeedModel model = await HeedModel.OpenAsync(_workshop.Decoder());
        StringBuilder text = new();
        GenerationUpdate? last = null;
        await foreach (GenerationUpdate update in model.StreamAsync("The cat", Settings))
        {
            text.Append(update.Text);
            last = update;
        }

        Assert.Equal(FinishReason.Length, last!.Finish);
        Assert.Equal(12, last.Usage.GeneratedTokens);
        Assert.Equal(model.Tokenizer.Encode("The cat").Count, last.Usage.PromptTokens);
        Assert.Equal(model.Generate("The cat", Settings), text.ToString());
    }

    [Fact]
    public async Task A_stream_is_cancelled_and_the_model_serves_on()
    {
        using HeedModel model = HeedModel.Open(_workshop.Decoder());
        string whole = model.Generate("The dog", Settings);
        using CancellationTokenSource stop = new();
        int updates = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationUpdate _ in model.StreamAsync("The dog", Settings with { MaxNewTokens = 200 }, stop.Token))
                if (++updates == 3) stop.Cancel();
        });
        Assert.InRange(updates, 3, 199);
        Assert.Equal(whole, await model.GenerateAsync("The dog", Settings));
    }

    [Fact]
    public async Task A_chat_of_two_turns_keeps_what_was_said()
    {
        using HeedModel model = HeedModel.Open(_workshop.Decoder());
        List<ChatMessage> messages = [new(ChatRole.User, "Where did the cat sit, and where did the dog sleep, and what were their numbers? Tell all of it, please.")];
        GeneratedText first = await model.ChatAsync(messages, Settings);
        messages.Add(new(ChatRole.Assistant, first.Text));
        messages.Add(new(ChatRole.User, "And the dog?"));
        GeneratedText second = await model.ChatAsync(messages, Settings);
        Assert.Equal(12, second.Usage.GeneratedTokens);
        Assert.True(second.Usage.PromptTokens > first.Usage.PromptTokens + first.Usage.GeneratedTokens);
    }

    [Fact]
    public void A_processor_of_ones_own_decides_what_may_follow()
    {
        using HeedModel model = HeedModel.Open(_workshop.Decoder());
        using InferenceEngine engine = new(model.Model);
        GenerationRequest request = new()
        {
            Prompt = model.Tokenizer.Encode("The cat").Ids,
            Config = Settings,
            Tokenizer = model.Tokenizer,
            Processors = [new Only(id => id % 2 == 0)],
        };
        GeneratedText text = engine.Generate([request])[0];
        Assert.Equal(12, text.Ids.Count);
        Assert.All(text.Ids, id => Assert.Equal(0, id % 2));
    }

    public void Dispose() => _workshop.Dispose();

    private sealed class Only(Predicate<int> allowed) : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> history, Span<float> scores)
        {
            for (int id = 0; id < scores.Length; id++)
                if (!allowed(id)) scores[id] = float.NegativeInfinity;
        }
    }
}
