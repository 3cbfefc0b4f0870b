using System.Text.Json.Nodes;
using System.Text.Json;
using Heed.Testing;
using Heed.Tokenizers;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary><c>heed tokenize</c> and <c>heed tokenizer</c>: what they read, what they refuse, what they say.</summary>
public class TokenizerCommandTests
{
    private static string Gpt2 => Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");

    /// <summary>A tokenizer that cuts to four tokens and pads to six.</summary>
    private static string Cutting(TemporaryFolder folder)
    {
        string path = folder.File("cutting.json");
        Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased"))
            .WithTruncation(new TruncationOptions(4)).WithPadding(new PaddingOptions { Length = 6, Id = 0, Token = "[PAD]" }).Save(path);
        return path;
    }

    [Theory]
    [InlineData("a", "1")]
    [InlineData("one two three four five six seven", null)]
    public async Task Counting_and_comparing_take_the_whole_text(string text, string? words)
    {
        using TemporaryFolder folder = new();
        string cutting = Cutting(folder), whole = Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased");
        Assert.Equal((await Run("tokenize", whole, text, "--count")).Output, (await Run("tokenize", cutting, text, "--count")).Output);
        Assert.Equal((await Run("tokenize", whole, text, "--pair", text, "--count")).Output, (await Run("tokenize", cutting, text, "--pair", text, "--count")).Output);
        if (words is not null) Assert.Equal("1\n", (await Run("tokenize", cutting, text, "--no-special", "--count")).Output);
        (int code, string output, string error) = await Run(["tokenizer", "compare", whole, cutting, "--text", "-", "--json"], text);
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(json.RootElement[0].GetProperty("tokens").GetInt64(), json.RootElement[1].GetProperty("tokens").GetInt64());
        Assert.Equal(json.RootElement[0].GetProperty("vocabulary_used").GetDouble(), json.RootElement[1].GetProperty("vocabulary_used").GetDouble());
    }

    [Fact]
    public async Task Names_that_are_compared_keep_their_ends_and_empty_text_is_refused()
    {
        using TemporaryFolder folder = new();
        string first = folder.File("a-tokenizer-of-mine-1.json"), second = folder.File("a-tokenizer-of-mine-2.json"), text = folder.File("a.txt");
        File.WriteAllText(text, "\n \n");
        Tokenizer.FromFolder(Gpt2).Save(first);
        Tokenizer.FromFolder(Gpt2).Save(second);
        string output = (await Run(["tokenizer", "compare", first, second, "--text", "-"], "some text")).Output;
        Assert.Contains("mine-1.json", output, StringComparison.Ordinal);
        Assert.Contains("mine-2.json", output, StringComparison.Ordinal);
        (int code, _, string error) = await Run("tokenizer", "compare", first, second, "--text", text);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("white space", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_of_json_stand_between_line_feeds_and_are_counted_as_they_are()
    {
        using MemoryStream input = new([.. "{\"text\":\"a\"}\n \t\r\n{\"text\":\n"u8, 0xFF]);
        (int code, string output, string error) = await Run(["tokenize", Gpt2, "--jsonl"], input);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("standard input:3: ", error, StringComparison.Ordinal);

        // Bad bytes far behind: what came before is answered, and the line is the right one. A lone carriage return is white space of JSON.
        byte[] good = [.. "{\"text\":\r\"a\"}\n"u8], many = [.. Enumerable.Repeat(good, 10_000).SelectMany(line => line)];
        using MemoryStream distant = new([.. many, .. "\n{\"text\":\""u8, 0xFF, .. "\"}\n"u8]);
        (code, output, error) = await Run(["tokenize", Gpt2, "--jsonl"], distant);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Equal(10_000, output.Count(c => c == '\n'));
        Assert.Contains("standard input:10002: byte 9: is not UTF-8", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n", "a")]
    [InlineData("a\r\n", "a")]
    [InlineData("a\n\n\n", "a\n\n")]
    [InlineData("\n", "")]
    [InlineData("\uFEFFa", "a")]
    public async Task Standard_input_loses_one_line_end(string input, string text)
    {
        (int code, string output, _) = await Run(["tokenize", Gpt2, "-", "--json"], input);
        Assert.Equal(ExitCode.Ok, code);
        Assert.Equal((await Run("tokenize", Gpt2, text, "--json")).Output, output);
    }

    [Theory]
    [InlineData("a", "--jsonl")]
    [InlineData("--jsonl", "--decode")]
    [InlineData("--jsonl", "--count")]
    [InlineData("--jsonl", "--pair", "b")]
    [InlineData("1", "--decode", "--pair", "b")]
    [InlineData("1", "--decode", "--offsets", "utf16")]
    [InlineData("1", "--decode", "--count")]
    [InlineData("a", "--count", "--offsets", "code-points")]
    public async Task Options_that_would_be_ignored_are_refused(params string[] options)
    {
        (int code, string output, string error) = await Run(["tokenize", Gpt2, .. options], "{\"text\":\"a\"}");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Empty(output);
        Assert.Contains("Leave one of them out.", error, StringComparison.Ordinal);
    }

    // cases: u12
    [Theory]
    [InlineData("é", 2, "\u201Cé\u201D")]
    [InlineData("😀", 4, null)]
    [InlineData("naïve 中 😀", 15, null)]
    public async Task The_table_gives_each_token_its_own_bytes_and_readable_pieces(string text, int bytes, string? piece)
    {
        string output = (await Run("tokenize", Gpt2, text)).Output;
        string[] rows = [.. output.Split('\n').Where(l => l.TrimStart().Length > 0 && char.IsAsciiDigit(l.TrimStart()[0]) && l.Contains('–', StringComparison.Ordinal))];
        Assert.Equal(bytes, rows.Sum(row => int.Parse(row.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], System.Globalization.CultureInfo.InvariantCulture)));
        if (piece is not null) Assert.Contains(piece, output, StringComparison.Ordinal);
    }

    // cases: u12
    [Fact]
    public async Task A_run_of_padding_is_one_line()
    {
        using TemporaryFolder folder = new();
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased", "tokenizer.json")))!;
        json["padding"] = JsonNode.Parse("""{"strategy":{"Fixed":128},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"}""");
        File.WriteAllText(folder.File("tokenizer.json"), json.ToJsonString());
        string output = (await Run("tokenize", folder.File("tokenizer.json"), "the word")).Output;
        Assert.Contains(" × [PAD] 0, padding", output, StringComparison.Ordinal);
        Assert.InRange(output.Split('\n').Length, 5, 20);
    }

    [Fact]
    public async Task The_table_counts_offsets_as_asked()
    {
        Assert.Contains("0–2", (await Run("tokenize", Gpt2, "😀")).Output, StringComparison.Ordinal);
        string output = (await Run("tokenize", Gpt2, "😀", "--offsets", "code-points")).Output;
        Assert.Contains("0–1", output, StringComparison.Ordinal);
        Assert.DoesNotContain("0–2", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model", "tokenize", "", "x")]
    [InlineData("model", "tokenizer", "info", "")]
    [InlineData("in", "tokenizer", "convert", "", "x.json")]
    [InlineData("out", "tokenizer", "convert", "x.json", "")]
    [InlineData("a", "tokenizer", "compare", "", "x", "--text", "x")]
    [InlineData("--data", "tokenizer", "compare", "x", "x", "--text", "")]
    [InlineData("text", "tokenizer", "train", "", "--out", "x.json")]
    [InlineData("--out", "tokenizer", "train", "x", "--out", "")]
    [InlineData("--special", "tokenizer", "train", "x", "--out", "x.json", "--special", "")]
    public async Task Empty_arguments_are_named(string argument, params string[] args)
    {
        (int code, _, string error) = await Run(args);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains($": {argument}: is empty", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--vocab-size is 100, but", "--vocab-size", "100")]
    [InlineData("--vocab-size is 0;", "--vocab-size", "0")]
    [InlineData("--vocab-size is 3, but", "--vocab-size", "3", "--model", "unigram")]
    [InlineData("--vocab-size is 5, but", "--vocab-size", "5", "--model", "wordpiece")]
    [InlineData("--vocab-size is 2, but the special tokens alone need 3", "--vocab-size", "2", "--model", "wordlevel", "--special", "<a>", "<b>")]
    [InlineData("--limit-alphabet is 0;", "--limit-alphabet", "0")]
    [InlineData("--min-frequency is -1;", "--min-frequency", "-1")]
    [InlineData("--shrinking-factor is 3;", "--shrinking-factor", "3", "--model", "unigram")]
    [InlineData("--special: \"<a>\" is given 2 times", "--special", "<a>", "<a>")]
    [InlineData("--initial-alphabet: \"\" is not one character", "--initial-alphabet", "")]
    [InlineData("--initial-alphabet: \"ab\" is not one character", "--initial-alphabet", "ab")]
    public async Task Settings_of_training_that_cannot_be_are_told_by_their_option(string message, params string[] options)
    {
        using TemporaryFolder folder = new();
        string text = folder.File("a.txt"), made = folder.File("t.json");
        File.WriteAllText(text, "the cat sat on the mat\n");
        (int code, _, string error) = await Run(["tokenizer", "train", text, "--out", made, .. options]);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.False(File.Exists(made));
    }

    [Fact]
    public async Task Training_needs_text_and_a_place_for_its_file()
    {
        using TemporaryFolder folder = new();
        string text = folder.File("a.txt"), made = folder.File("t.json");
        File.WriteAllText(text, "");
        Assert.Equal(ExitCode.InputRejected, (await Run("tokenizer", "train", text, "--out", made)).Code);
        Assert.Equal(ExitCode.InputRejected, (await Run(["tokenizer", "train", "-", "--out", made], " \n\n")).Code);
        Assert.False(File.Exists(made));
        foreach (string[] args in (string[][])[["tokenizer", "train", "/nowhere.txt", "--out", folder.Path], ["tokenizer", "train", "/nowhere.txt", "--out", folder.File("no/t.json")], ["tokenizer", "convert", Gpt2, folder.File("no/t.json")]])
        {
            (int code, _, string error) = await Run(args);
            Assert.Equal(ExitCode.InputOutput, code);
            Assert.Contains(args[^1], error, StringComparison.Ordinal);
            Assert.DoesNotContain("heed-tmp", error, StringComparison.Ordinal);
        }

        Assert.Equal(ExitCode.Ok, (await Run(["tokenizer", "train", "-", "--out", made], "the cat sat on the mat\n")).Code);
        Assert.Empty(Directory.GetFiles(folder.Path, "*heed-tmp*"));
        File.WriteAllText(text, "the cat sat on the mat\n");
        Assert.Equal(ExitCode.Ok, (await Run("tokenizer", "train", text, "--out", folder.File("u.json"))).Code);
        Assert.Equal(File.ReadAllBytes(folder.File("u.json")), File.ReadAllBytes(made));
    }

    [Fact]
    public async Task Info_tells_the_parts_their_settings_and_the_tokens()
    {
        using TemporaryFolder folder = new();
        string output = (await Run("tokenizer", "info", Cutting(folder))).Output;
        foreach (string part in (string[])["cutting.json (tokenizer.json)", "WordPiece", "unknown token [UNK]", "to 4 tokens", "LongestFirst", "stride 0", "to 6 tokens", "with [PAD] 0", "added tokens", "[MASK]", "special"])
            Assert.Contains(part, output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse((await Run("tokenizer", "info", Cutting(folder), "--json")).Output);
        Assert.Equal(4, json.RootElement.GetProperty("truncation").GetProperty("max_length").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("padding").GetProperty("pad_id").GetInt32());

        output = (await Run("tokenizer", "info", Path.Combine(Repository.Goldens, "tokenizers", "llama2-style"))).Output;
        Assert.Contains("byte fallback", output, StringComparison.Ordinal);
        Assert.Contains("Prepend, Replace", output, StringComparison.Ordinal);
        Assert.Contains(" merges", output, StringComparison.Ordinal);
        using JsonDocument sentences = JsonDocument.Parse((await Run("tokenizer", "info", Path.Combine(Repository.Goldens, "tokenizers", "sentencepiece-unigram", "spiece.model"), "--json")).Output);
        Assert.Equal("SentencePiece model", sentences.RootElement.GetProperty("kind").GetString());
        Assert.Equal("<unk>", sentences.RootElement.GetProperty("model").GetProperty("unknown_token").GetProperty("token").GetString());
        Assert.Equal(JsonValueKind.Array, sentences.RootElement.GetProperty("normalizer").ValueKind);
    }
}
