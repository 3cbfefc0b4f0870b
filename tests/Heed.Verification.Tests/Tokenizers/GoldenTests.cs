using Heed.Testing;
using Heed.Verification;

namespace Heed.Verification.Tests;

/// <summary>Every stored answer of the reference, through the code behind <c>heed verify --tokenizer</c>.</summary>
public class GoldenTests
{
    private static string Goldens => Path.Combine(Repository.Goldens, "tokenizers");

    public static TheoryData<string> Folders()
    {
        TheoryData<string> folders = [];
        foreach (string folder in Directory.GetDirectories(Goldens).Order(StringComparer.Ordinal))
        {
            bool cases = File.Exists(Path.Combine(folder, "cases.jsonl")) && !File.Exists(Path.Combine(folder, "spiece.model"));
            if (cases || File.Exists(Path.Combine(folder, "normalizers.jsonl")) || File.Exists(Path.Combine(folder, "expected.jsonl"))) folders.Add(Path.GetFileName(folder));
        }

        return folders;
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_case_gives_the_reference_answer(string folder) => AssertAllPass(Path.Combine(Goldens, folder));

    [SharedFact]
    public void The_real_MiniLM_tokenizer_gives_the_reference_answers() => AssertAllPass(Path.Combine(Repository.Shared!, "goldens/tokenizers/minilm"));

    [SharedFact]
    public void The_real_GPT2_vocabulary_gives_the_reference_answers() => AssertAllPass(Path.Combine(Repository.Shared!, "goldens/tokenizers/gpt2-real"));

    [Theory]
    [InlineData("cases.jsonl", """{"kind":"single","text":"a"}""")]
    [InlineData("cases.jsonl", """{"text":"a"}""")]
    [InlineData("decoders.jsonl", """{"tokens":["a"]}""")]
    [InlineData("pre_tokenizers.jsonl", """{"config":7,"name":"x","text":"a","pieces":[]}""")]
    [InlineData("expected.jsonl", """{"file":"nothing.json"}""")]
    public void Cases_that_cannot_be_read_fail_in_words(string file, string line)
    {
        using TemporaryFolder folder = new();
        File.Copy(Path.Combine(Goldens, "wordlevel", "tokenizer.json"), folder.File("tokenizer.json"));
        File.WriteAllText(folder.File(file), line + "\n");
        try
        {
            Assert.All(TokenizerVerification.Run(folder.Path), result => Assert.False(result.Passed));
        }
        catch (InvalidFileException e)
        {
            Assert.Contains(folder.Path, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("components", "decoders.jsonl")]
    [InlineData("components", "pre_tokenizers.jsonl")]
    [InlineData("wordlevel", "cases.jsonl", "tokenizer.json")]
    public void A_folder_with_some_of_the_files_is_verified_by_those(string name, params string[] files)
    {
        using TemporaryFolder outer = new();
        Directory.CreateDirectory(outer.File(name));
        foreach (string file in files) File.Copy(Path.Combine(Goldens, name, file), Path.Combine(outer.File(name), file));
        AssertAllPass(outer.Path);
    }

    private static void AssertAllPass(string folder)
    {
        IReadOnlyList<VerificationResult> results = TokenizerVerification.Run(folder);
        string[] failures = [.. results.Where(result => !result.Passed).Select(result => $"{result.Case}: {result.Detail}")];
        Assert.True(failures.Length == 0, $"{failures.Length} of {results.Count} cases differ:\n{string.Join('\n', failures.Take(40))}");
    }
}
