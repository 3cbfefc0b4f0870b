using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Generation;

namespace Heed.Cli;

/// <summary>Names of values as JSON has them: small letters, words joined by <c>_</c>.</summary>
internal static class JsonWord
{
    /// <summary>Why a text ended, in the words of OpenAI's interface: <c>stop</c> for an end and for a stop string,
    /// <c>length</c>.</summary>
    public static string Of(FinishReason reason) => reason == FinishReason.End ? Of(FinishReason.Stop) : Of<FinishReason>(reason);

    /// <summary>A number; null if it is not finite, for which JSON has no word.</summary>
    public static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <inheritdoc cref="Number(double)"/>
    public static JsonNode? Number(float value) => float.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <summary>The name of a value.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum
        => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
