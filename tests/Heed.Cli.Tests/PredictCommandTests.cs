using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public sealed class PredictCommandTests
{
    private static string Model(string name) => Path.Combine(Repository.Goldens, "pipelines", "models", name);

    private static JsonElement[] Lines(string output)
        => [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];

    private static async Task<JsonElement[]> Predict(params string[] args)
    {
        (int code, string output, string error) = await Run(["predict", .. args]);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Equal("", error);
        return Lines(output);
    }

    [Fact]
    public async Task Each_head_says_what_it_was_made_for_a_line_of_json_per_text()
    {
        JsonElement[] classes = await Predict(Model("bert-disputes"), "Where is my parcel?", "Refund!", "--top-k", "2");
        Assert.Equal(["Where is my parcel?", "Refund!"], classes.Select(c => c.GetProperty("text").GetString()));
        Assert.All(classes, c => Assert.Equal(2, c.GetProperty("predictions").GetArrayLength()));
        JsonElement pair = Assert.Single(await Predict(Model("bert-nli"), "It is late.", "--pair", "It is not there."));
        Assert.Equal("It is not there.", pair.GetProperty("pair").GetString());

        JsonElement answers = Assert.Single(await Predict(Model("bert-answers"), "--question", "Which card?", "--context", "Please block card 1496 now.", "--top-k", "2", "--no-answer"));
        foreach (JsonElement a in answers.GetProperty("answers").EnumerateArray())
            Assert.Equal(a.GetProperty("text").GetString(), "Please block card 1496 now."[a.GetProperty("start").GetInt32()..a.GetProperty("end").GetInt32()]);
        Assert.Equal(3, Assert.Single(await Predict(Model("roberta-mlm"), "The refund is<mask>.", "--top-k", "3")).GetProperty("fillings").GetArrayLength());
        Assert.Equal(["delivery", "fraud"], Assert.Single(await Predict(Model("bart-nli"), "Where is it?", "--labels", "delivery, fraud,", "--multi-label"))
            .GetProperty("predictions").EnumerateArray().Select(p => p.GetProperty("label").GetString()).Order());
        Assert.Equal(2, Assert.Single(await Predict(Model("gpt2-text"), "Where is it?", "--labels", "delivery,fraud", "--template", "{text} About:")).GetProperty("predictions").GetArrayLength());
        Assert.Equal("falseentd", Assert.Single(await Predict(Model("t5-translate"), "Refund!", "--task", "translation_en_to_de")).GetProperty("outputs")[0].GetProperty("text").GetString());
        Assert.Equal(3, Assert.Single(await Predict(Model("t5-translate"), "Refund!", "--top-k", "3", "--max-new-tokens", "4")).GetProperty("outputs").GetArrayLength());
    }

    [Fact]
    public async Task Entities_have_offsets_in_the_units_asked_for()
    {
        const string Text = "😀 José paid at Corner Café";
        JsonElement plain = Assert.Single(await Predict(Model("xlmr-entities"), Text)), points = Assert.Single(await Predict(Model("xlmr-entities"), Text, "--offsets", "code-points"));
        JsonElement[] entities = [.. plain.GetProperty("entities").EnumerateArray()];
        Assert.NotEmpty(entities);
        Assert.All(entities, e => Assert.Equal(e.GetProperty("text").GetString(), Text[e.GetProperty("start").GetInt32()..e.GetProperty("end").GetInt32()]));
        Assert.All(entities.Zip(points.GetProperty("entities").EnumerateArray()).Where(p => p.First.GetProperty("start").GetInt32() > 1),
            p => Assert.Equal(p.First.GetProperty("start").GetInt32() - 1, p.Second.GetProperty("start").GetInt32()));
        double least = entities.Max(e => e.GetProperty("score").GetDouble());
        Assert.Single(Assert.Single(await Predict(Model("xlmr-entities"), Text, "--threshold", least.ToString("R", System.Globalization.CultureInfo.InvariantCulture))).GetProperty("entities").EnumerateArray());
        Assert.True(Assert.Single(await Predict(Model("xlmr-entities"), Text, "--aggregation", "none")).GetProperty("entities").GetArrayLength() > entities.Length);
    }

    [Fact]
    public async Task Texts_come_from_files_by_their_columns_and_from_the_standard_input_by_line()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("a.csv"), "id;Bewertung;x\n1;\"Refund; now!\";a\n2;Where?;b\n");
        JsonElement[] rows = await Predict(Model("bert-disputes"), "--file", folder.File("a.csv"));
        Assert.Equal(["Refund; now!", "Where?"], rows.Select(r => r.GetProperty("text").GetString()));
        Assert.Equal([2, 3], rows.Select(r => r.GetProperty("line").GetInt32()));
        Assert.Equal("a", (await Predict(Model("bert-disputes"), "--file", folder.File("a.csv"), "--text-column", "x"))[0].GetProperty("text").GetString());
        Assert.Equal("a", (await Predict(Model("bert-nli"), "--file", folder.File("a.csv"), "--text-column", "Bewertung", "--pair-column", "x"))[0].GetProperty("pair").GetString());
        File.WriteAllText(folder.File("a.txt"), "one\n\ntwo\n");
        rows = [.. Lines((await Run("predict", Model("bert-disputes"), "--file", folder.File("a.txt"))).Output)];
        Assert.Equal([1, 2, 3], rows.Select(r => r.GetProperty("line").GetInt32()));
        Assert.True(rows[1].GetProperty("blank").GetBoolean());
        File.WriteAllText(folder.File("q.jsonl"), """{"question": "Which card?", "context": "Card 1496."}""" + "\n");
        Assert.Equal("Card 1496.", (await Predict(Model("bert-answers"), "--file", folder.File("q.jsonl")))[0].GetProperty("context").GetString());
        File.WriteAllText(folder.File("s.jsonl"), """{"article": "Refund!", "summary": "r"}""" + "\n");
        Assert.Equal("Refund!", (await Predict(Model("t5-translate"), "--file", folder.File("s.jsonl")))[0].GetProperty("text").GetString());
        (int code, string output, string error) = await Run(["predict", Model("bert-disputes"), "-"], "one\r\n\ntwo");
        Assert.True(code == ExitCode.Ok, error);
        Assert.Equal(["one", "", "two"], Lines(output).Select(r => r.GetProperty("text").GetString()));
        Assert.Contains("1 line was blank, and got a line without a prediction", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blank_line_shifts_no_other_line_and_a_word_that_is_no_token_is_told()
    {
        string text = string.Concat(Enumerable.Range(0, 70).Select(i => i % 7 == 3 ? "  \n" : $"Refund {i}!\n"));
        (int code, string output, string error) = await Run(["predict", Model("bert-disputes")], text);
        Assert.True(code == ExitCode.Ok, error);
        JsonElement[] rows = [.. Lines(output)];
        Assert.Equal(Enumerable.Range(1, 70), rows.Select(r => r.GetProperty("line").GetInt32()));
        Assert.All(rows, (row, i) => Assert.Equal(i % 7 == 3, row.TryGetProperty("blank", out _)));
        Assert.All(rows, (row, i) => Assert.Equal(i % 7 == 3 ? "  " : $"Refund {i}!", row.GetProperty("text").GetString()));
        (code, output, _) = await Run(["predict", Model("bert-disputes")], "\n\n");
        Assert.Equal((ExitCode.Ok, 2), (code, Lines(output).Length));
        (code, _, error) = await Run("predict", Model("bert-mlm"), "a [MASK] b", "--labels", "the,xyzzyplugh");
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("--labels: 'xyzzyplugh' is no token of the vocabulary; its first piece 'x' stands for it", error,
            StringComparison.Ordinal);
        Assert.DoesNotContain("'the' is no token", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_with_a_fault_is_named_before_the_work_and_a_text_that_is_refused_after_those_before_it()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("a.csv"), "text,x\nRefund!,1\n ,2\n");
        (int code, string output, string error) = await Run("predict", Model("bert-disputes"), "--file", folder.File("a.csv"));
        Assert.Equal((ExitCode.InputRejected, ""), (code, output));
        Assert.Contains("a.csv:3: 'text' is empty", error, StringComparison.Ordinal);
        Assert.Contains("--skip-faulty", error, StringComparison.Ordinal);
        (code, output, error) = await Run("predict", Model("bert-disputes"), "--file", folder.File("a.csv"), "--skip-faulty");
        Assert.Equal(ExitCode.Ok, code);
        Assert.Single(Lines(output));
        Assert.Contains("a.csv:3", error, StringComparison.Ordinal);
        File.WriteAllText(folder.File("b.csv"), "a,b\n1,2\n");
        (code, _, error) = await Run("predict", Model("bert-disputes"), "--file", folder.File("b.csv"));
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("name it (--text-column)", error, StringComparison.Ordinal);
        (code, output, error) = await Run(["predict", Model("bert-mlm")], "The [MASK].\nnone\nThe [MASK].\n");
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Single(Lines(output));
        Assert.Contains("line 2: The text has no [MASK]", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_that_is_too_long_is_cut_and_said_to_be()
    {
        (int code, string output, string error) = await Run("predict", Model("bert-disputes"), string.Concat(Enumerable.Repeat("refund ", 300)), "Refund!");
        Assert.Equal(ExitCode.Ok, code);
        JsonElement[] rows = Lines(output);
        Assert.True(rows[0].GetProperty("cut").GetBoolean());
        Assert.False(rows[1].TryGetProperty("cut", out _));
        Assert.Contains("1 text was longer than the 96 tokens", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_explanation_names_each_token_and_the_gap()
    {
        const string Text = "Where is my parcel?";
        JsonElement row = Assert.Single(await Predict(Model("bert-disputes"), Text, "--explain", "--top-k", "1"));
        JsonElement explanation = row.GetProperty("explanation");
        Assert.Equal(row.GetProperty("predictions")[0].GetProperty("label").GetString(), explanation.GetProperty("label").GetString());
        JsonElement[] tokens = [.. explanation.GetProperty("tokens").EnumerateArray()];
        double sum = tokens.Sum(t => t.GetProperty("integrated").GetDouble());
        Assert.Equal(explanation.GetProperty("gap").GetDouble(), sum - (explanation.GetProperty("logit").GetDouble() - explanation.GetProperty("baseline_logit").GetDouble()), 1e-6);
        Assert.Equal(1, tokens.Sum(t => t.GetProperty("read").GetDouble()), 1e-5);
        Assert.Equal("Where is my parcel?", string.Join("", tokens.Where(t => !t.GetProperty("special").GetBoolean()).Select(t => t.GetProperty("start").GetInt32() > 0 && Text[t.GetProperty("start").GetInt32() - 1] == ' '
            ? " " + Text[t.GetProperty("start").GetInt32()..t.GetProperty("end").GetInt32()] : Text[t.GetProperty("start").GetInt32()..t.GetProperty("end").GetInt32()])));
    }

    [Fact]
    public async Task A_person_reads_columns()
    {
        using StringWriter output = new(), error = new();
        int code = await Application.RunAsync(["predict", Model("bert-disputes"), "Refund!\u001b[31m", "--explain"], new Terminal(output, error, isTerminal: true, colours: false));
        Assert.Equal(ExitCode.Ok, code);
        string text = output.ToString();
        Assert.DoesNotContain('\u001b', text);
        Assert.Contains("fraud", text, StringComparison.Ordinal);
        Assert.Contains("where it read", text, StringComparison.Ordinal);
        Assert.Contains("from the mean of all tokens: gap", text, StringComparison.Ordinal);
        Assert.DoesNotContain('{', text);
    }

    [Theory]
    [InlineData("bert-disputes", "a --stride 3", ExitCode.Usage, "--stride: is for other tasks")]
    [InlineData("bert-entities", "a --explain", ExitCode.Usage, "--explain: is for other tasks")]
    [InlineData("bert-entities", "a --stride 3 --truncate", ExitCode.Usage, "--truncate")]
    [InlineData("bert-entities", "a --aggregation most", ExitCode.Usage, "most")]
    [InlineData("bert-answers", "a", ExitCode.Usage, "--question: is missing")]
    [InlineData("bert-answers", "--question a", ExitCode.Usage, "--context: is missing")]
    [InlineData("bert-disputes", "a --file b.csv", ExitCode.Usage, "--file: names the texts")]
    [InlineData("bert-disputes", "--file none.csv", ExitCode.InputOutput, "none.csv")]
    [InlineData("bert-disputes", "a --text-column b", ExitCode.Usage, "--text-column: belongs to --file")]
    [InlineData("bert-disputes", "a --labels b", ExitCode.InputRejected, "'entailment'. The labels of the model")]
    [InlineData("distilbert-stars", "a --labels b", ExitCode.InputRejected, "are stars. Leave --labels out")]
    [InlineData("bert-disputes", "--file .", ExitCode.InputRejected, ".: is a folder; one file ending in")]
    [InlineData("bart-nli", "a --labels ,", ExitCode.Usage, "--labels: is empty")]
    [InlineData("bart-nli", "a --template b", ExitCode.Usage, "--template: belongs to --labels")]
    [InlineData("bart-nli", "a --labels b --template c", ExitCode.InputRejected, "has no {}")]
    [InlineData("gpt2-text", "a", ExitCode.Usage, "use 'heed generate'")]
    [InlineData("t5-translate", "a --task unheard", ExitCode.Usage, "has summarization, translation_en_to_de")]
    [InlineData("bert-sentences", "a", ExitCode.InputRejected, "has no head that predicts")]
    public async Task What_does_not_fit_is_refused_in_one_sentence(string model, string args, int expected, string sentence)
    {
        (int code, string output, string error) = await Run(["predict", Model(model), .. args.Split(' ')]);
        Assert.Equal((expected, ""), (code, output));
        Assert.Contains(sentence, error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
