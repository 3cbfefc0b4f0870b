using System.Text.Json;
using Heed.Generation;

namespace Heed.Cli;

/// <summary>Names of values as JSON has them: small letters, words joined by <c>_</c>.</summary>
internal static class JsonWord
{
    /// <summary>Why a text ended, in the words of OpenAI's interface: <c>stop</c> for an end and for a stop string,
    /// <c>length</c>.</summary>
    public static string Of(FinishReason reason) => reason == FinishReason.End ? Of(FinishReason.Stop) : Of<FinishReason>(reason);

    /// <summary>The name of a value.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum
        => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
