using System.Text;
using System.Text.Json;
using Heed.Templates;
using Heed.Training.Data;

namespace Heed.Training.Collators;

/// <summary>Renders conversations and finds what the assistant says in them.</summary>
internal static class ChatSpans
{
    /// <summary>Renders a conversation; the spans of the result are what the assistant says.</summary>
    /// <remarks>
    /// A template with <c>{% generation %}</c> says itself what that is. Of others it is what a message of the assistant adds to the text
    /// up to the beginning of its turn: with the end of the turn, as the model must learn to end it.
    /// </remarks>
    /// <param name="template">The template.</param>
    /// <param name="example">The conversation.</param>
    /// <param name="variables">The special tokens that the template prints.</param>
    /// <param name="clock">What the template takes for today.</param>
    /// <exception cref="InputException">The template refuses the conversation, or does not show where the assistant's turn begins.</exception>
    public static ChatRendering Render(ChatTemplate template, ChatExample example, IReadOnlyDictionary<string, JsonElement> variables,
        TimeProvider clock)
    {
        ChatRequest request = new() { Messages = example.Messages, Tools = example.Tools, Variables = variables, Clock = clock };
        try
        {
            ChatRendering whole = template.Render(request);
            return Marks(template) ? whole : whole with { GenerationSpans = Spans(template, request, whole.Text, example.Place) };
        }
        catch (ChatTemplateException e)
        {
            throw new InputException($"{example.Place}: the chat template refuses the conversation: {e.Message}", e);
        }
    }

    /// <summary>True for a template that says what the assistant's words are.</summary>
    public static bool Marks(ChatTemplate template) => template.Source.Contains("endgeneration", StringComparison.Ordinal);

    private static List<Range> Spans(ChatTemplate template, ChatRequest request, string whole, DataPlace place)
    {
        List<Range> spans = [];
        JsonElement[] messages = [.. request.Messages.EnumerateArray()];
        for (int i = 0; i < messages.Length; i++)
        {
            if (messages[i].GetProperty("role").GetString() != "assistant") continue;
            string before = i == 0 ? "" : Text(messages[..i], prompt: true), after = i + 1 == messages.Length ? whole
                : Text(messages[..(i + 1)], prompt: false);
            int end = whole.AsSpan().CommonPrefixLength(after);
            if (!whole.StartsWith(before, StringComparison.Ordinal) || end <= before.Length)
            {
                throw new InputException($"{place}: {template.Name} does not show where message {i}, the assistant's, begins: the text up to "
                    + $"its turn is no beginning of the whole conversation's. Mark its words with {{% generation %}} and "
                    + $"{{% endgeneration %}} in the template (chat_template).");
            }

            spans.Add(Points(whole, before.Length)..Points(whole, end));
        }

        return spans;

        string Text(JsonElement[] some, bool prompt) => template.Render(new ChatRequest
        {
            Messages = Array(some),
            Tools = request.Tools,
            Variables = request.Variables,
            Clock = request.Clock,
            AddGenerationPrompt = prompt,
        }).Text;
    }

    private static JsonElement Array(JsonElement[] items)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartArray();
            foreach (JsonElement item in items) item.WriteTo(writer);
            writer.WriteEndArray();
        }

        using JsonDocument json = JsonDocument.Parse(buffer.ToArray());
        return json.RootElement.Clone();
    }

    /// <summary>A place of UTF-16 units in code points.</summary>
    private static int Points(string text, int at)
    {
        int points = 0;
        foreach (Rune _ in text.AsSpan(0, at).EnumerateRunes()) points++;
        return points;
    }
}
