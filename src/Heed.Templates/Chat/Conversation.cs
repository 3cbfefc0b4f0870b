using System.Text.Json;

namespace Heed.Templates;

/// <summary>Prepares a conversation's messages as the reference does before it renders them.</summary>
internal static class Conversation
{
    public const string Tag = "CONTINUE_FINAL_MESSAGE_TAG";

    private static readonly string[] ReasoningNames = ["reasoning_content", "thinking", "reasoning"];

    public static ListValue Prepare(ParsedTemplate template, ChatRequest request, out string original)
    {
        original = "";
        if (request.Messages.ValueKind != JsonValueKind.Array) throw Error(template, $"messages must be a JSON array, not {request.Messages.ValueKind}");
        if (request.Messages.GetArrayLength() == 0) throw Error(template, "the conversation is empty; provide at least one message");
        List<object?> messages = [];
        foreach (JsonElement json in request.Messages.EnumerateArray())
        {
            if (json.ValueKind != JsonValueKind.Object) throw Error(template, $"messages[{messages.Count}] must be a JSON object, not {json.ValueKind}");
            messages.Add(Message((DictValue)JsonValues.From(json, "messages")!));
        }

        if (request.ContinueFinalMessage) messages[^1] = Continued(template, request, (DictValue)messages[^1]!, out original);
        return new ListValue(messages);
    }

    /// <summary>Drops what is null, and gives thoughts their two usual names.</summary>
    private static DictValue Message(DictValue given)
    {
        DictValue message = new();
        object? reasoning = null;
        foreach (string name in ReasoningNames) if (reasoning is null && given.TryGet(name, out object? value) && value is not null) reasoning = value;
        if (reasoning is not null) message.Set("thinking", given.TryGet("thinking", out object? thinking) && thinking is not null ? thinking : reasoning);
        for (int i = 0; i < given.Count; i++) if (given.Values[i] is not null) message.Set(Python.HashKey(given.Keys[i]), given.Keys[i], given.Values[i]);
        if (reasoning is not null) message.Set("reasoning_content", reasoning);
        return message;
    }

    private static DictValue Continued(ParsedTemplate template, ChatRequest request, DictValue last, out string original)
    {
        if (request.AddGenerationPrompt) throw Error(template, "continue_final_message and add_generation_prompt exclude each other: the first continues a message, the second starts one");
        string field = request.ContinueField;
        if (field == "reasoning" && !last.TryGet(field, out _)) field = "reasoning_content";
        if (!last.TryGet(field, out object? value) || value is null) throw Error(template, $"continue_final_message is set but the final message has no \"{field}\" to continue");
        if (!template.Source.Contains(field, StringComparison.Ordinal) && request.ContinueField != "content" && !KnowsAlias(template, field))
            throw Error(template, $"continue_final_message is set to \"{field}\" but the template does not use that field");
        original = TextOf(value);
        DictValue message = last.Copy();
        foreach (string name in Aliases(field)) if (message.TryGet(name, out object? same) && ReferenceEquals(same, value)) message.Set(name, Tagged(template, value));
        return message;
    }

    private static bool KnowsAlias(ParsedTemplate template, string field)
        => Array.Exists(Aliases(field), name => template.Source.Contains(name, StringComparison.Ordinal));

    private static string[] Aliases(string field) => Array.IndexOf(ReasoningNames, field) >= 0 ? ReasoningNames : [field];

    /// <summary>The text that is continued: a message's, or its last text part's.</summary>
    private static string TextOf(object? value)
    {
        if (value is ListValue parts)
        {
            for (int i = parts.Items.Count - 1; i >= 0; i--) if (parts.Items[i] is DictValue part && part.TryGet("text", out object? text)) return text as string ?? "";
        }

        return value as string ?? "";
    }

    private static object? Tagged(ParsedTemplate template, object? value)
    {
        if (value is string text) return text + Tag + " ";
        if (value is ListValue parts)
        {
            List<object?> items = [.. parts.Items];
            for (int i = items.Count - 1; i >= 0; i--)
            {
                if (items[i] is not DictValue part || !part.TryGet("text", out object? last)) continue;
                if (last is not string partText) break;
                DictValue copy = part.Copy();
                copy.Set("text", partText + Tag + " ");
                items[i] = copy;
                return new ListValue(items);
            }
        }

        throw Error(template, "continue_final_message is set but the final message has no text to continue");
    }

    /// <summary>The text up to the tag; blanks go where the template trimmed them off the message.</summary>
    public static string Cut(ParsedTemplate template, ChatRequest request, string original, string text)
    {
        int at = text.LastIndexOf(Tag, StringComparison.Ordinal);
        if (at < 0 || !text.Contains(PythonText.Strip(original, null), StringComparison.Ordinal)) throw Error(template, "continue_final_message is set but the final message does not appear in the text; the template may drop or change it");
        bool kept = at + Tag.Length < text.Length && text[at + Tag.Length] == ' ';
        return kept ? text[..at] : PythonText.Strip(text[..at], null, left: false);
    }

    private static ChatTemplateException Error(ParsedTemplate template, string reason) => new(template.Name, 0, reason);
}
