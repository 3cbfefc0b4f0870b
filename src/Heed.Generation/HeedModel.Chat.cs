using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Templates;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>Answers a chat, with the folder's chat template; a last message that is the assistant's is continued.</summary>
    /// <param name="messages">The chat so far; the answer follows the last message. Give the next turn the same messages and the answer
    /// before its own: what was read then is not computed again (<see cref="TokenUsage.CachedTokens"/>).</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>The answer, whose <see cref="GeneratedText.Text"/> is the content of the assistant's message.</returns>
    /// <exception cref="UsageException">The folder has no chat template.</exception>
    /// <exception cref="InputException">The template refuses the messages, or a setting cannot be worked with, or the model does not
    /// generate.</exception>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)" path="/exception"/>
    public GeneratedText Chat(
        IReadOnlyList<ChatMessage> messages, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using IDisposable use = _uses.Enter();
        GenerationRequest request = ChatRequest(messages, config);
        return _engine.Value.Generate([request], cancellationToken)[0];
    }

    /// <summary>As <see cref="Chat"/>, without holding the calling thread.</summary>
    /// <inheritdoc cref="Chat"/>
    public async Task<GeneratedText> ChatAsync(
        IReadOnlyList<ChatMessage> messages, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using IDisposable use = _uses.Enter();
        GenerationRequest request = ChatRequest(messages, config);
        return (await _engine.Value.GenerateAsync([request], cancellationToken).ConfigureAwait(false))[0];
    }

    /// <summary>As <see cref="Chat"/>, token by token.</summary>
    /// <inheritdoc cref="Chat"/>
    /// <returns>One update per token of the answer.</returns>
    public IAsyncEnumerable<GenerationUpdate> ChatStreamAsync(
        IReadOnlyList<ChatMessage> messages, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatMessage[] copy = [.. messages];
        return UpdatesAsync(() => ChatRequest(copy, config), cancellationToken);
    }

    /// <summary>Whether the folder has a chat template.</summary>
    internal bool HasChatTemplate => _templates.Value.Names.Count > 0;

    private GenerationRequest ChatRequest(IReadOnlyList<ChatMessage> messages, GenerationConfig? config)
    {
        config = Checked(config);
        return Request(ChatIds(messages), config);
    }

    /// <summary>The tokens of a chat as the template writes it: up to the beginning of the model's turn, or to the end of the assistant's
    /// message that is continued. The template writes the special tokens itself.</summary>
    /// <param name="messages">The chat.</param>
    /// <param name="continues">Whether the last message is continued; null: if it is the assistant's.</param>
    internal int[] ChatIds(IReadOnlyList<ChatMessage> messages, bool? continues = null)
    {
        JsonArray array = [];
        foreach (ChatMessage message in messages)
        {
            if (message is null) throw new ArgumentException("A message is null.", nameof(messages));
            array.Add((JsonNode)new JsonObject { ["role"] = message.Role, ["content"] = message.Content });
        }

        bool open = continues ?? (messages.Count > 0 && messages[^1].Role == "assistant");
        using JsonDocument json = JsonDocument.Parse(array.ToJsonString());
        ChatTemplates templates = _templates.Value;
        string text = templates.Choose().Render(new ChatRequest
        {
            Messages = json.RootElement,
            AddGenerationPrompt = !open,
            ContinueFinalMessage = open,
            Variables = templates.SpecialTokens,
        }).Text;
        List<int> ids = [];
        Tokenizer.EncodeToIds(text, ids, addSpecialTokens: false);
        return [.. ids];
    }
}
