using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>The commands that README and documents show are what the parser takes, and the cheap ones run (cases: u11).</summary>
public sealed partial class DocumentedCommandTests
{
    /// <summary>Commands that take a moment, as they are written, with files in place of what stands for files; null: as they
    /// are.</summary>
    private static readonly (string Document, string Command, string[] Run)[] Cheap =
    [
        ("docs/verify.md", "./heed verify goldens/metrics", ["verify", "{goldens}/metrics"]),
        ("docs/verify.md", "./heed verify goldens/models/gpt2 --dump out", ["verify", "{goldens}/models/gpt2", "--dump", "{folder}/out"]),
        ("docs/embeddings.md", "heed verify goldens/similarity/folders", ["verify", "{goldens}/similarity/folders"]),
        ("docs/custom-models.md", "heed info custom-decoder", ["info", "custom-decoder"]),
        ("docs/custom-models.md", "heed info custom-encoder", ["info", "custom-encoder"]),
        ("docs/tokenizers.md", "./heed tokenize MODEL \"Hello world\"", ["tokenize", "{gpt2}", "Hello world"]),
        ("docs/tokenizers.md", "./heed tokenize MODEL - < text.txt", ["tokenize", "{gpt2}", "-"]),
        ("docs/tokenizers.md", "./heed tokenize MODEL \"Hello world\" --count", ["tokenize", "{gpt2}", "Hello world", "--count"]),
        ("docs/tokenizers.md", "./heed tokenize MODEL \"15496 995\" --decode", ["tokenize", "{gpt2}", "1 995", "--decode"]),
        ("docs/tokenizers.md", "./heed tokenize MODEL --jsonl < in.jsonl > out.jsonl", ["tokenize", "{gpt2}", "--jsonl"]),
        ("docs/tokenizers.md", "./heed tokenizer info MODEL", ["tokenizer", "info", "{gpt2}"]),
        ("docs/tokenizers.md", "./heed tokenizer convert spiece.model tokenizer.json", ["tokenizer", "convert", "{goldens}/tokenizers/sentencepiece-bpe/spiece.model", "{folder}/tokenizer.json"]),
        ("docs/tokenizers.md", "./heed tokenizer compare A B --data FILE", ["tokenizer", "compare", "{gpt2}", "{gpt2}", "--text", "{folder}/text.txt"]),
        ("docs/tokenizers.md", "./heed tokenizer train FILES --model bpe --vocab-size 32000 --special \"<|endoftext|>\" --out tokenizer.json",
            ["tokenizer", "train", "{folder}/text.txt", "--model", "bpe", "--vocab-size", "300", "--special", "<|endoftext|>", "--out", "{folder}/made.json"]),
        ("docs/tokenizers.md", "./heed verify --tokenizer FOLDER", ["verify", "--tokenizer", "{gpt2}"]),
    ];

    public static TheoryData<string> Documents => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
        .Concat(Directory.EnumerateFiles(Repository.Root, "*.md")).Append(Path.Combine(Repository.Root, "goldens", "README.md"))
        .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/')).Where(file => Commands(file).Any()).Order(StringComparer.Ordinal)];

    public static TheoryData<string> CheapOnes => [.. Cheap.Select(c => c.Command)];

    [Theory, MemberData(nameof(Documents))]
    public void A_command_that_a_document_shows_is_one_that_the_parser_takes(string document)
    {
        using StringWriter writer = new();
        RootCommand root = Application.Build(new Terminal(writer, writer, isTerminal: false, colours: false));
        List<string> wrong = [];
        foreach ((string command, bool isWhole) in Commands(document))
        {
            ParseResult parsed = root.Parse(Words(command));
            // What a sentence mentions, as in "heed verify --strict", may lack arguments; its command and options exist.
            bool exists = parsed.CommandResult.Command != root && UsageErrors.UnknownOption(parsed) is null;
            if (!exists || (isWhole && parsed.Errors.Count > 0)) wrong.Add($"{command}: {string.Join(' ', parsed.Errors.Select(e => e.Message))}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Theory, MemberData(nameof(CheapOnes))]
    public async Task A_cheap_one_runs(string command)
    {
        (string document, _, string[] words) = Cheap.Single(c => c.Command == command);
        Assert.Contains(command, File.ReadAllText(Path.Combine(Repository.Root, document)), StringComparison.Ordinal);
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("text.txt"), string.Concat(Enumerable.Repeat("the cat sees the dog and the bird. ", 50)));
        string[] args = [.. words.Select(w => w.Replace("{goldens}", Repository.Goldens, StringComparison.Ordinal).Replace("{folder}", folder.Path, StringComparison.Ordinal)
            .Replace("{gpt2}", Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small"), StringComparison.Ordinal))];
        (int code, string output, string error) = await Run(args, "{\"text\":\"Hello world\"}\n");
        Assert.True(code == ExitCode.Ok, error + output);
        Assert.NotEmpty(output);
    }

    /// <summary>The command lines in a document's code: whole ones in blocks, and those that sentences mention.</summary>
    private static IEnumerable<(string Command, bool IsWhole)> Commands(string document)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, document)).ReplaceLineEndings("\n");
        foreach (Match block in Block().Matches(text))
        {
            foreach (string line in block.Groups[1].Value.Split('\n'))
                if (Command().Match(line) is { Success: true } found) yield return (found.Groups[1].Value, true);
        }

        foreach (Match code in Inline().Matches(Block().Replace(text, "")))
            if (Command().Match(code.Groups[1].Value) is { Success: true } found) yield return (found.Groups[1].Value, false);
    }

    /// <summary>The words of a command line as a shell has them: quotes, a comment at the end, redirections left out.</summary>
    private static string[] Words(string command)
    {
        List<string> words = [];
        StringBuilder word = new();
        bool any = false;
        char quote = '\0';
        for (int i = 0; i <= command.Length; i++)
        {
            char c = i < command.Length ? command[i] : ' ';
            if (quote != '\0' && c == quote) quote = '\0';
            else if (quote == '\0' && c is '"' or '\'') (quote, any) = (c, true);
            else if (quote == '\0' && c == ' ')
            {
                if (any) words.Add(word.ToString());
                word.Clear();
                any = false;
            }
            else if (quote == '\0' && !any && c == '#') break;
            else
            {
                word.Append(c);
                any = true;
            }
        }

        for (int i = words.IndexOf("<"); i >= 0; i = words.IndexOf("<")) words.RemoveRange(i, 2);
        for (int i = words.IndexOf(">"); i >= 0; i = words.IndexOf(">")) words.RemoveRange(i, 2);
        return [.. words];
    }

    [GeneratedRegex(@"^```\w*\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();

    [GeneratedRegex(@"`([^`\n]+)`")]
    private static partial Regex Inline();

    [GeneratedRegex(@"^(?:\./)?heed ([a-z].*)$")]
    private static partial Regex Command();
}
