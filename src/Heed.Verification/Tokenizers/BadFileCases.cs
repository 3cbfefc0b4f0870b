using System.Globalization;
using System.Text.Json;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>Broken files: a refusal names the file and the place; a file that the reference accepts may be accepted with the same
/// ids.</summary>
internal static class BadFileCases
{
    private const string Probe = "ab c";

    public static IEnumerable<VerificationResult> Run(string folder)
    {
        foreach ((_, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, "expected.jsonl")))
        {
            string file = json.GetProperty("file").GetString()!;
            yield return TokenizerVerification.Check(folder, $"bad {file}", () => Compare(Path.Combine(folder, file), json));
        }
    }

    private static string? Compare(string path, JsonElement json)
    {
        string reference = json.GetProperty("hf").GetString()!;
        string place = json.GetProperty("path").GetString()!;
        bool accepted = reference.StartsWith("accepted", StringComparison.Ordinal);
        int[] ids;
        try
        {
            ids = path.EndsWith(".model", StringComparison.Ordinal)
                ? [.. Heed.Tokenizers.SentencePiece.SentencePieceProcessor.Load(path).Encode(Probe).Select(token => token.Id)]
                : Tokenizer.FromFile(path).Encode(Probe).IdArray;
        }
        catch (InvalidFileException e)
        {
            return Names(e, path, place) ? null : $"was refused without naming {place}: {e.Message}";
        }

        if (!accepted) return $"was accepted, but the reference said: {reference}";
        string shown = $"accepted [{string.Join(", ", ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}]";
        return shown == reference ? null : $"expected {reference}, got {shown}";
    }

    /// <summary>Text that is no JSON has no path: its line or byte is named then.</summary>
    private static bool Names(InvalidFileException error, string path, string place)
    {
        if (error.File != path) return false;
        string prefix = place.Split("...")[0];
        return error.Where.StartsWith(prefix, StringComparison.Ordinal) || prefix == "$"
            || error.Where.StartsWith("line ", StringComparison.Ordinal) || error.Where.StartsWith("byte ", StringComparison.Ordinal);
    }
}
