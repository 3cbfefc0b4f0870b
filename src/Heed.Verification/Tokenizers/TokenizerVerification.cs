using System.Text.Json;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>The outcome of one reference case.</summary>
/// <param name="Folder">Name of the folder that the case is from.</param>
/// <param name="Case">Kind and name of the case, with its line in its file.</param>
/// <param name="Passed">Whether Heed's answer is the reference's.</param>
/// <param name="Detail">What differs, where it does.</param>
internal sealed record VerificationResult(string Folder, string Case, bool Passed, string? Detail);

/// <summary>Compares Heed with stored answers of the reference: any folder in the form of <c>goldens/tokenizers</c> (its README).</summary>
internal static class TokenizerVerification
{
    /// <summary>Runs every case of a folder: a pipeline's, SentencePiece's, <c>components</c>, <c>trainers</c>, <c>bad</c>, <c>chat</c>, or
    /// all the folders in it.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file of cases is broken, or the folder has no cases.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder))
            throw new StorageException($"{folder}: no such folder. Name a folder with cases.jsonl, components or bad files.");
        List<VerificationResult> results = [];
        try
        {
            Collect(folder, results);
        }
        catch (Exception e) when (IsBrokenCase(e))
        {
            throw new InvalidFileException(folder, "", "has a case without a field that it needs, "
                + $"or with a value of another kind ({e.Message}); docs/verify.md says what cases hold", e);
        }

        return results.Count > 0
            ? results
            : throw new InvalidFileException(folder, "", "has no cases; a folder with cases.jsonl, "
                + "expected.jsonl or normalizers.jsonl was expected");
    }

    private static void Collect(string folder, List<VerificationResult> results)
    {
        if (Has(folder, "expected.jsonl")) results.AddRange(BadFileCases.Run(folder));
        else if (Has(folder, "normalizers.jsonl") || Has(folder, "pre_tokenizers.jsonl") || Has(folder, "decoders.jsonl"))
            results.AddRange(ComponentCases.Run(folder));
        else if (Has(folder, "corpus.txt")) results.AddRange(TrainerCases.Run(folder));
        else if (Has(folder, "language.jsonl") || (Has(folder, "cases.jsonl") && Directory.Exists(Path.Combine(folder, "templates"))))
            results.AddRange(ChatCases.Run(folder));
        else if (Has(folder, "spiece.model") && !Has(folder, "tokenizer.json") && !Has(folder, "tokenizer_config.json"))
            results.AddRange(SentencePieceCases.Run(folder));
        else if (Has(folder, "cases.jsonl")) results.AddRange(PipelineCases.Run(folder));
        else foreach (string inner in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
            if (IsCases(inner)) results.AddRange(Run(inner));
    }

    /// <summary>What reading a field of a case throws where it is missing or of another kind.</summary>
    private static bool IsBrokenCase(Exception e)
        => e is KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException;

    internal static bool Has(string folder, string file) => File.Exists(Path.Combine(folder, file));

    /// <summary>The JSON lines of a file with their line numbers, from 1.</summary>
    internal static IEnumerable<(int Line, JsonElement Json)> Lines(string path)
    {
        byte[] bytes = InputFile.ReadAll(path, 1L << 30);
        int line = 0;
        for (int start = 0; start < bytes.Length;)
        {
            int length = bytes.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0) length = bytes.Length - start;
            line++;
            if (length > 0)
            {
                using JsonDocument document = StrictJson.Parse(bytes.AsMemory(start, length), $"{path}, line {line}");
                yield return (line, document.RootElement.Clone());
            }

            start += length + 1;
        }
    }

    /// <summary>Runs a comparison: the detail of a difference, or null where there is none; an ordinary error is a difference
    /// too.</summary>
    internal static VerificationResult Check(string folder, string name, Func<string?> compare)
    {
        string? detail;
        try
        {
            detail = compare();
        }
        catch (Exception e) when (e is HeedException or ArgumentException)
        {
            detail = $"failed: {e.Message}";
        }
        catch (Exception e) when (IsBrokenCase(e))
        {
            detail = $"the case cannot be read: {e.Message}";
        }

        return new VerificationResult(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), name, detail is null, detail);
    }

    /// <summary>Whether an action fails with an ordinary error, as the reference did.</summary>
    internal static string? ExpectError(Action action, string reference)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is HeedException or ArgumentException)
        {
            return null;
        }

        return $"gave an answer, but the reference failed: {reference}";
    }

    private static bool IsCases(string folder)
        => Has(folder, "expected.jsonl") || Has(folder, "normalizers.jsonl") || Has(folder, "pre_tokenizers.jsonl")
            || Has(folder, "decoders.jsonl") || Has(folder, "cases.jsonl") || Has(folder, "language.jsonl") || Has(folder, "corpus.txt");
}
