using System.Text.Json;

namespace Heed.Templates;

/// <summary>What a chat template is rendered for: a conversation with its tools, documents and variables.</summary>
public sealed class ChatRequest
{
    /// <summary>The messages: a JSON array of objects, usually with <c>role</c> and <c>content</c>.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>JSON schemas of the functions that the model may call; null for none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Documents for retrieval; null for none.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>Whether the text ends with the beginning of the model's turn.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Whether the last message is left open for the model to continue it.</summary>
    public bool ContinueFinalMessage { get; init; }

    /// <summary>The field of the last message that is continued; <c>content</c> unless named.</summary>
    public string ContinueField { get; init; } = "content";

    /// <summary>Further variables by name: <c>bos_token</c>, <c>eos_token</c>, <c>enable_thinking</c> and what else the template knows.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The clock that <c>strftime_now</c> reads, in its local time zone.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>What a template gave for a conversation.</summary>
/// <param name="Text">The text for the tokenizer.</param>
/// <param name="GenerationSpans">Spans [Start, End) of the text between <c>{% generation %}</c> and <c>{% endgeneration %}</c>, in Unicode code points.</param>
public sealed record ChatRendering(string Text, IReadOnlyList<Range> GenerationSpans);
