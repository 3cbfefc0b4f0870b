using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Data;

/// <summary>One row of a file of conversations.</summary>
internal sealed class ChatRow(DataRow row, DataFaults faults)
{
    /// <summary>Roles as chat templates know them, by the names that data gives them.</summary>
    private static readonly Dictionary<string, string> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["system"] = "system",
        ["developer"] = "developer",
        ["user"] = "user",
        ["human"] = "user",
        ["assistant"] = "assistant",
        ["gpt"] = "assistant",
        ["bot"] = "assistant",
        ["model"] = "assistant",
        ["tool"] = "tool",
        ["function"] = "tool",
        ["observation"] = "tool",
    };

    /// <summary>A list of messages in OpenAI's or ShareGPT's form.</summary>
    public ChatExample? ReadMessages(string column)
    {
        if (row.Fields.GetValueOrDefault(column) is not List<object?> { Count: > 0 } list)
        {
            faults.Add(row.Place, $"'{column}' is no list of messages");
            return null;
        }

        JsonArray messages = [];
        for (int i = 0; i < list.Count; i++)
        {
            if (list[i] is not IReadOnlyDictionary<string, object?> fields) return Fault(i, "is no object");
            bool isShared = fields.ContainsKey("from") && !fields.ContainsKey("role");
            if (fields.GetValueOrDefault(isShared ? "from" : "role") is not string role) return Fault(i, "has no role");
            if (!Roles.TryGetValue(role, out string? known)) return Fault(i,
                $"has the role '{Printable.Shorten(role, 40)}'; known are {string.Join(", ", Roles.Keys)}");
            object? content = fields.GetValueOrDefault(isShared ? "value" : "content");
            JsonObject message = new() { ["role"] = known };
            if (content is string text) message["content"] = text;
            else if (content is null && fields.GetValueOrDefault("tool_calls") is List<object?>) message["content"] = null;
            else if (content is List<object?> parts && parts.TrueForAll(IsText)) message["content"] =
                string.Concat(parts.Select(p => (string)((IReadOnlyDictionary<string, object?>)p!)["text"]!));
            else return Fault(i, content is null ? "has no content" : "has content that is no text");
            if (known != "assistant" && message["content"] is JsonValue value
                && value.GetValue<string>().Length == 0) return Fault(i, $"of the {known} is empty");
            foreach ((string name, object? other) in fields)
                if (name is not ("role" or "content" or "from" or "value")) message[name] = Node(other);
            messages.Add((JsonNode)message);
        }

        return Build(messages);
    }

    /// <summary>An instruction with an optional input, and its output.</summary>
    public ChatExample? ReadAlpaca()
    {
        JsonArray messages = [];
        if (row.Fields.GetValueOrDefault("system") is string { Length: > 0 } system) Add("system", system);
        if (row.Fields.GetValueOrDefault("history") is List<object?> history)
        {
            foreach (object? turn in history)
            {
                if (turn is not List<object?> { Count: 2 } pair || pair[0] is not string asked || pair[1] is not string answered)
                {
                    faults.Add(row.Place, "'history' holds something else than pairs of texts");
                    return null;
                }

                Add("user", asked);
                Add("assistant", answered);
            }
        }

        foreach (string name in (string[])["instruction", "output"])
        {
            if (row.Fields.GetValueOrDefault(name) is string given && !string.IsNullOrWhiteSpace(given)) continue;
            faults.Add(row.Place, $"'{name}' is missing or empty; a text was expected");
            return null;
        }

        string instruction = (string)row.Fields["instruction"]!;
        Add("user", row.Fields.GetValueOrDefault("input") is string input && !string.IsNullOrWhiteSpace(input) ? $"{instruction}\n{input}"
            : instruction);
        Add("assistant", (string)row.Fields["output"]!);
        return Build(messages);

        void Add(string role, string content) => messages.Add((JsonNode)new JsonObject { ["role"] = role, ["content"] = content });
    }

    private static bool IsText(object? part) => part is IReadOnlyDictionary<string, object?> fields
        && fields.GetValueOrDefault("type") is "text" && fields.GetValueOrDefault("text") is string;

    private ChatExample? Build(JsonArray messages)
    {
        if (!messages.Any(m => m!["role"]!.GetValue<string>() == "assistant"
            && (m["tool_calls"] is not null || m["content"] is JsonValue c && !string.IsNullOrWhiteSpace(c.GetValue<string>()))))
        {
            faults.Add(row.Place, "has no message of the assistant; there is nothing to learn from");
            return null;
        }

        try
        {
            JsonElement? tools = row.Fields.GetValueOrDefault("tools") is { } given
                ? Element(given is string text ? JsonNode.Parse(text) : Node(given)) : null;
            return new ChatExample(row.Place, Element(messages), tools);
        }
        catch (JsonException)
        {
            faults.Add(row.Place, "'tools' is a text that is no JSON; a list of tools was expected");
            return null;
        }
    }

    private ChatExample? Fault(int message, string reason)
    {
        faults.Add(row.Place, FormattableString.Invariant($"message {message} {reason}"));
        return null;
    }

    private static JsonElement Element(JsonNode? node)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            if (node is null) writer.WriteNullValue();
            else node.WriteTo(writer);
        }

        using JsonDocument json = JsonDocument.Parse(buffer.ToArray());
        return json.RootElement.Clone();
    }

    private static JsonNode? Node(object? value) => value switch
    {
        null => null,
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        long whole => JsonValue.Create(whole),
        double number => JsonValue.Create(number),
        List<object?> list => new JsonArray([.. list.Select(Node)]),
        IReadOnlyDictionary<string, object?> fields => new JsonObject(fields.Select(f => KeyValuePair.Create(f.Key, Node(f.Value)))),
        _ => throw new InvalidOperationException($"{value.GetType()} is no JSON value."),
    };
}
