using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class SearchCommandTests
{
    [Fact]
    public async Task A_folder_is_built_searched_changed_and_built_again()
    {
        using TemporaryFolder folder = new();
        string docs = Docs(folder), index = folder.File("index");
        using JsonDocument built = await Json("search", "build", "--docs", docs, "--out", index);
        Assert.Equal((5, 0), (Number(built, "written"), Number(built, "unchanged")));
        using JsonDocument found = await Json("search", "query", index, "warranty");
        JsonElement hit = found.RootElement.GetProperty("hits")[0];
        Assert.Equal("guide/warranty.md", hit.GetProperty("key").GetString());
        string text = File.ReadAllText(Path.Combine(docs, "guide", "warranty.md"));
        Assert.Equal(hit.GetProperty("text").GetString(), text[hit.GetProperty("start").GetInt32()..hit.GetProperty("end").GetInt32()]);
        using JsonDocument filtered = await Json("search", "query", index, "tent", "--filter", "price<100 and file=goods.csv");
        Assert.Equal(["t2"], filtered.RootElement.GetProperty("hits").EnumerateArray().Select(h => h.GetProperty("key").GetString()));

        File.Delete(Path.Combine(docs, "notes.txt"));
        File.AppendAllText(Path.Combine(docs, "guide", "warranty.md"), "\nMore words.\n");
        using JsonDocument again = await Json("search", "build", "--docs", docs, "--out", index);
        Assert.Equal((1, 3, 1), (Number(again, "written"), Number(again, "unchanged"), Number(again, "removed")));
        (int code, string output, _) = await Run("search", "query", index, "zebra");
        Assert.Equal((ExitCode.Ok, "nothing found"), (code, output.Trim()));
    }

    [Fact]
    public async Task Judged_queries_are_measured()
    {
        using TemporaryFolder folder = new();
        string index = folder.File("index");
        _ = await Json("search", "build", "--docs", Docs(folder), "--out", index);
        File.WriteAllLines(folder.File("q.jsonl"), ["""{"query": "big tent", "relevant": {"t1": 2, "t2": 1}}""",
            """{"query": "warranty", "relevant": ["x"]}"""]);
        using JsonDocument json = await Json("search", "eval", index, "--queries", folder.File("q.jsonl"));
        JsonElement words = json.RootElement.GetProperty("modes").GetProperty("words");
        Assert.Equal(0.5, words.GetProperty("recall@10").GetDouble());
        Assert.Equal(0.5, words.GetProperty("ndcg@10").GetDouble());
        (int code, _, string error) = await Run("search", "eval", index);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--queries and --sdk", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_sdks_documentation_is_a_set_of_questions()
    {
        using JsonDocument json = await Json("search", "eval", "--sdk", "--members", "200", "--questions", "60");
        Assert.Equal((200, 60), (Number(json, "documents"), Number(json, "queries")));
        Assert.InRange(json.RootElement.GetProperty("modes").GetProperty("words").GetProperty("recall@10").GetDouble(), 0.3, 1);
        Assert.True(json.RootElement.TryGetProperty("not_found", out _));
    }

    [Fact]
    public async Task An_answer_names_its_place_and_what_the_documents_do_not_say_is_not_found()
    {
        using TemporaryFolder folder = new();
        string docs = Docs(folder);
        using JsonDocument answer = await Json("ask", "--docs", docs, "What ends after two years?");
        Assert.True(answer.RootElement.GetProperty("found").GetBoolean());
        Assert.StartsWith("It ends after two years", answer.RootElement.GetProperty("answer").GetString(), StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(docs, ".heed-search")));
        using JsonDocument none = await Json("ask", "--docs", docs, "Who painted Guernica?", "--threshold", "0.3");
        Assert.False(none.RootElement.GetProperty("found").GetBoolean());
        Assert.Equal(JsonValueKind.Null, none.RootElement.GetProperty("answer").ValueKind);
        (int code, string output, _) = await Run("ask", "--docs", docs, "Who painted Guernica?", "--threshold", "0.3");
        Assert.Equal(ExitCode.Ok, code);
        Assert.StartsWith("not found in the documents (evidence 0.000, more than 0.300 is asked for)", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("search query {index} x --filter year", ExitCode.Usage, "--filter: 'year' is no condition")]
    [InlineData("search query {nowhere} x", ExitCode.InputOutput, "holds no index")]
    [InlineData("search query {index} x --mode vectors", ExitCode.InputRejected, "has no vectors")]
    [InlineData("search build --docs {nowhere} --out {index}2", ExitCode.InputOutput, "does not exist")]
    [InlineData("search build --docs {docs} --out {index} --words atire", ExitCode.InputRejected, "other settings")]
    [InlineData("ask --docs {docs} x --model {encoder}", ExitCode.InputRejected, "neither answers questions nor writes")]
    public async Task What_cannot_be_done_is_said(string line, int code, string said)
    {
        using TemporaryFolder folder = new();
        string docs = Docs(folder), index = folder.File("index");
        _ = await Json("search", "build", "--docs", docs, "--out", index);
        string[] args = [.. line.Split(' ').Select(a => a.Replace("{index}", index, StringComparison.Ordinal)
            .Replace("{nowhere}", folder.File("nowhere"), StringComparison.Ordinal).Replace("{docs}", docs, StringComparison.Ordinal)
            .Replace("{encoder}", Path.Combine(Repository.Goldens, "pipelines", "models", "bert-disputes"), StringComparison.Ordinal))];
        (int exit, _, string error) = await Run(args);
        Assert.Contains(said, error, StringComparison.Ordinal);
        Assert.Equal(code, exit);
    }

    private static string Docs(TemporaryFolder folder)
    {
        string docs = folder.File("docs");
        Directory.CreateDirectory(Path.Combine(docs, "guide"));
        File.WriteAllText(Path.Combine(docs, "guide", "warranty.md"), "# Warranty\n\nIt ends after two years.\n\n## "
            + "Exceptions\n\nBatteries: one year.\n");
        File.WriteAllText(Path.Combine(docs, "notes.txt"), "Shoes are sold in pairs.\n\nReturns are free.");
        File.WriteAllText(Path.Combine(docs, "goods.csv"), "id,text,price\nt1,a big big tent,120\nt2,a small tent,80\nb1,a blue bottle "
            + "for water,9.5\n");
        return docs;
    }

    private static int Number(JsonDocument json, string name) => json.RootElement.GetProperty(name).GetInt32();

    private static async Task<JsonDocument> Json(params string[] args)
    {
        (int code, string output, string error) = await Run([.. args, "--json"]);
        Assert.True(code == ExitCode.Ok, error);
        return JsonDocument.Parse(output);
    }
}
