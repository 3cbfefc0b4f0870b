using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Heed.Templates;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>Compares chat templates with the reference: <c>cases.jsonl</c> over <c>templates</c>, and the snippets of
/// <c>language.jsonl</c>.</summary>
internal static class ChatCases
{
    /// <summary>Seconds that a case which goes over a limit may take.</summary>
    private const double LongestSeconds = 2;

    /// <summary>Runs the cases of a folder.</summary>
    /// <param name="folder">The folder, with <c>cases.jsonl</c> and <c>templates</c>, or <c>language.jsonl</c>, or both.</param>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file of cases is broken.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        List<VerificationResult> results = [];
        if (TokenizerVerification.Has(folder, "cases.jsonl"))
        {
            foreach ((int line, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, "cases.jsonl")))
                results.Add(TokenizerVerification.Check(folder, $"cases {Text(json, "id")} (line {line})", () => CompareConversation(folder, json)));
        }

        if (TokenizerVerification.Has(folder, "language.jsonl"))
        {
            foreach ((int line, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, "language.jsonl")))
                results.Add(TokenizerVerification.Check(folder, $"language {Text(json, "id")} (line {line})", () => CompareSnippet(json)));
        }

        return results;
    }

    private static string? CompareConversation(string folder, JsonElement json)
    {
        string name = Text(json, "template");
        ChatTemplate? template = null;
        ChatRendering? rendering = null;
        string? failure = Attempt(json, () =>
        {
            template = ChatTemplate.Parse(
                System.Text.Encoding.UTF8.GetString(InputFile.ReadAll(Path.Combine(folder, "templates", name), 1 << 24)), name);
            rendering = template.Render(Request(json));
            return rendering.Text;
        }, "rendered");
        if (failure is not null || rendering is null || !json.TryGetProperty("generation", out JsonElement expected)) return failure;
        List<Range> spans = [.. expected.EnumerateArray().Select(span => span[0].GetInt32()..span[1].GetInt32())];
        return spans.SequenceEqual(rendering.GenerationSpans)
            ? null
            : $"generation spans are {string.Join(' ', rendering.GenerationSpans)}, not {string.Join(' ', spans)}";
    }

    private static ChatRequest Request(JsonElement json)
    {
        JsonElement? continued = Optional(json, "continue_final_message");
        Dictionary<string, JsonElement> variables = [];
        if (Optional(json, "variables") is { } given)
            foreach (JsonProperty property in given.EnumerateObject()) variables.Add(property.Name, property.Value);
        return new ChatRequest
        {
            Messages = json.GetProperty("messages"),
            Tools = Optional(json, "tools"),
            Documents = Optional(json, "documents"),
            AddGenerationPrompt = Optional(json, "add_generation_prompt") is { ValueKind: JsonValueKind.True },
            ContinueFinalMessage = continued is { ValueKind: JsonValueKind.True or JsonValueKind.String },
            ContinueField = continued is { ValueKind: JsonValueKind.String } field ? field.GetString()! : "content",
            Variables = variables,
            Clock = new FixedClock(Now(json)),
        };
    }

    private static string? CompareSnippet(JsonElement json)
    {
        JsonElement source = json.GetProperty("template");
        string template = source.ValueKind == JsonValueKind.String
            ? source.GetString()!
            : string.Concat(source.EnumerateArray().SelectMany(part => Enumerable.Repeat(part[0].GetString(), part[1].GetInt32())));
        JsonElement? options = Optional(json, "options");
        return Attempt(json, () => ChatTemplate.RenderSnippet(template, Text(json, "id"), Switch(options, "trim_blocks"), Switch(options, "lstrip_blocks"), Optional(json, "context"), Now(json)), "output");
    }

    private static bool Switch(JsonElement? options, string name)
        => options is not { } given || Optional(given, name) is not { ValueKind: JsonValueKind.False };

    /// <summary>Runs a case: null where it gives the expected text, or fails as the reference did, in the time a limit allows; one that
    /// takes longer is timed once more, since other work may have held it up.</summary>
    private static string? Attempt(JsonElement json, Func<string> render, string field, bool again = true)
    {
        long start = Stopwatch.GetTimestamp();
        JsonElement? error = Optional(json, "error");
        string text;
        try
        {
            text = render();
        }
        catch (HeedException e) when (error is { } expected)
        {
            if (json.TryGetProperty("limit", out _) && Stopwatch.GetElapsedTime(start).TotalSeconds > LongestSeconds)
                return again
                    ? Attempt(json, render, field, again: false)
                    : FormattableString.Invariant($"took {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s to fail");
            if (Text(expected, "type") != "TemplateError") return null;
            if (e is not ChatTemplateRaisedException raised) return $"failed with '{e.Message}', not by raise_exception";
            string message = Text(expected, "message");
            return raised.RaisedMessage == message ? null : $"raised '{raised.RaisedMessage}', not '{message}'";
        }

        if (error is not null) return $"gave '{Printable.Shorten(text)}', but the reference failed: {error}";
        string wanted = Text(json, field);
        return text == wanted ? null : $"gave '{text}', not '{wanted}'";
    }

    private static JsonElement? Optional(JsonElement json, string name)
        => json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string Text(JsonElement json, string name)
        => json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static DateTimeOffset Now(JsonElement json)
    {
        string text = Text(json, "now") is { Length: > 0 } given ? given : "2026-02-03T04:05:06";
        return DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
    }

    /// <summary>A clock that stands still.</summary>
    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => now;
    }
}
