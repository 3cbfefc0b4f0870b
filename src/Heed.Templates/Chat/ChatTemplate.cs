using System.Text.Json;

namespace Heed.Templates;

/// <summary>
/// A chat template: Jinja as Hugging Face models use it, interpreted within fixed limits of steps, sizes and depths, without access to
/// anything but its arguments. Templates are immutable; renderings may run at the same time.
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
        ListValue messages = Conversation.Prepare(_parsed, request, out string original);
        Scope root = new(null);
        Globals.AddTo(root);
        foreach ((string name, JsonElement value) in request.Variables) root.Set(name, JsonValues.From(value, name));
        root.Set("messages", messages);
        root.Set("tools", Objects(request.Tools, "tools"));
        root.Set("documents", Objects(request.Documents, "documents"));
        root.Set("add_generation_prompt", request.AddGenerationPrompt);
        Renderer renderer = new(_parsed, () => request.Clock.GetLocalNow());
        string text = renderer.Render(root, out List<(int Start, int End)> generated);
        if (request.ContinueFinalMessage) text = Conversation.Cut(_parsed, request, original, text);
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

    /// <summary>A list of objects; null if omitted.</summary>
    private object? Objects(JsonElement? json, string name)
    {
        if (json is not { } given || given.ValueKind == JsonValueKind.Null) return null;
        if (given.ValueKind != JsonValueKind.Array) throw new ChatTemplateException(Name, 0, $"{name} must be a JSON array of objects, not {given.ValueKind}");
        int at = 0;
        foreach (JsonElement item in given.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object) throw new ChatTemplateException(Name, 0, $"{name}[{at}] must be a JSON object, not {item.ValueKind}");
            at++;
        }

        return JsonValues.From(given, name);
    }

    private static List<Range> Spans(string text, List<(int Start, int End)> generated)
    {
        List<Range> spans = [];
        int at = 0;
        int points = 0;
        foreach ((int start, int end) in generated)
        {
            if (start > text.Length) break;
            int from = points + PythonText.Length(text[at..start]);
            at = Math.Min(end, text.Length);
            points = from + PythonText.Length(text[start..at]);
            spans.Add(from..points);
        }

        return spans;
    }
}
