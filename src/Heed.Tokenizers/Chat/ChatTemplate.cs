using System.Text.Json;

namespace Heed.Tokenizers.Chat;

/// <summary>
/// A chat template: Jinja as Hugging Face models use it, interpreted within fixed limits of steps, sizes and depths, without access to anything but its arguments.
/// Templates are immutable; renderings may run at the same time.
/// </summary>
public sealed class ChatTemplate
{
    private readonly ParsedTemplate _parsed;

    private ChatTemplate(ParsedTemplate parsed) => _parsed = parsed;

    /// <summary>Name in messages of errors, usually the file.</summary>
    public string Name => _parsed.Name;

    /// <summary>The template's text.</summary>
    public string Source => _parsed.Source;

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template's text.</param>
    /// <param name="name">Name for messages of errors, usually the file.</param>
    /// <exception cref="ChatTemplateException">The text is no valid template, or nested too deeply.</exception>
    public static ChatTemplate Parse(string source, string name)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(name);
        return new ChatTemplate(TemplateParser.Parse(source, name));
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="request">The conversation.</param>
    /// <returns>The text, and the spans of it that the model is to generate.</returns>
    /// <exception cref="ChatTemplateRaisedException">The template refused the conversation by <c>raise_exception</c>.</exception>
    /// <exception cref="ChatTemplateException">The template failed, or the conversation does not fit it.</exception>
    /// <exception cref="BudgetException">The rendering went over a limit.</exception>
    public ChatRendering Render(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ListValue messages = Conversation.Prepare(_parsed, request);
        Scope root = new(null);
        Globals.AddTo(root);
        foreach ((string name, JsonElement value) in request.Variables) root.Set(name, JsonValues.From(value, name));
        root.Set("messages", messages);
        root.Set("tools", request.Tools is { } tools ? JsonValues.From(tools, "tools") : null);
        root.Set("documents", request.Documents is { } documents ? JsonValues.From(documents, "documents") : null);
        root.Set("add_generation_prompt", request.AddGenerationPrompt);
        Renderer renderer = new(_parsed, () => request.Clock.GetLocalNow());
        string text = renderer.Render(root, out List<(int Start, int End)> generated);
        if (request.ContinueFinalMessage) text = Conversation.Cut(_parsed, request, messages, text);
        return new ChatRendering(text, Spans(text, generated));
    }

    /// <summary>Renders a snippet with nothing but the given variables, with Jinja's switches for white space.</summary>
    internal static string RenderSnippet(string source, string name, bool trimBlocks, bool leftStripBlocks, JsonElement? context, DateTimeOffset now)
    {
        ParsedTemplate parsed = TemplateParser.Parse(source, name, trimBlocks, leftStripBlocks);
        Scope root = new(null);
        Globals.AddTo(root);
        if (context is { ValueKind: JsonValueKind.Object } variables)
            foreach (JsonProperty property in variables.EnumerateObject()) root.Set(property.Name, JsonValues.From(property.Value, property.Name));
        return new Renderer(parsed, () => now).Render(root, out _);
    }

    private static List<(int Start, int End)> Spans(string text, List<(int Start, int End)> generated)
    {
        List<(int Start, int End)> spans = [];
        foreach ((int start, int end) in generated)
        {
            if (start > text.Length) continue;
            int from = PythonText.PointsBefore(text, start);
            spans.Add((from, from + PythonText.Length(text[start..Math.Min(end, text.Length)])));
        }

        return spans;
    }
}
