using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Symptoms;

namespace Heed.Doctor.Tests;

/// <summary>Files of examples: mistakes that are planted in them, and the repository's own, which are healthy.</summary>
public sealed class DataTests : IDisposable
{
    private static readonly string Disputes = Path.Combine(Repository.Root, "samples", "disputes");
    private readonly TemporaryFolder _folder = new();

    [Theory, InlineData("classification", "jsonl"), InlineData("entities", "conll"), InlineData("questions", "json")]
    public void The_samples_are_healthy(string task, string ending)
    {
        ExaminationReport report = Examination.OfData(new FinetuningConfig
        {
            Train = Path.Combine(Disputes, $"{task}.train.{ending}"),
            Dev = Path.Combine(Disputes, $"{task}.dev.{ending}"),
            Test = Path.Combine(Disputes, $"{task}.test.{ending}"),
        });
        Assert.Contains(Rules.Leakage, Workshop.Healthy(report, Rules.TruncatedAnswers).Judged);
    }

    [Fact]
    public void A_leak_contradictions_and_duplicates_are_found_with_their_places()
    {
        string train = Workshop.Table(_folder, "train.csv", "text,label", 20, i => $"text number {i},{(i % 2 == 0 ? "a" : "b")}");
        string dev = Workshop.Table(_folder, "dev.csv", "text,label", 4, i => i == 2 ? "text  number 5,b" : $"new text {i},a");
        Finding leak = Assert.Single(Workshop.Only(Examination.OfPath(train, new FinetuningConfig { Dev = dev }), Rules.Leakage));
        Assert.Contains("dev.csv:4: as", leak.Evidence, StringComparison.Ordinal);
        Assert.Contains("train.csv:7", leak.Evidence, StringComparison.Ordinal);
        File.AppendAllText(train, "text number 5,a\n");
        Assert.Contains("train.csv:22", Assert.Single(Workshop.Only(Examination.OfPath(train), Rules.Contradictions)).Place,
            StringComparison.Ordinal);
        string same = Workshop.Table(_folder, "same.csv", "text,label", 12, i => $"text {i / 4},{(i < 8 ? "a" : "b")}");
        Assert.Contains("9 of 12 examples", Assert.Single(Workshop.Only(Examination.OfPath(same), Rules.Duplicates)).Evidence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_that_no_window_holds_are_found_for_the_model_that_is_named()
    {
        string data = Workshop.Table(_folder, "fragen.csv", "question,context,answer", 6,
            i => $"what is it?,it "
                + $"is {string.Concat(Enumerable.Repeat("very ", 40))}big {i},"
                + $"{(i < 3 ? string.Concat(Enumerable.Repeat("very ", 40)) : "")}big {i}");
        FinetuningConfig config = new() { Train = data, Model = Workshop.Pipeline("bert-answers"), Dev = FinetuningConfig.NoDev };
        Assert.Contains("3 answers lie in no window",
            Assert.Single(Workshop.Only(Examination.OfData(config with { MaximumLength = 32 }), Rules.TruncatedAnswers)).Evidence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Every_rule_stands_on_the_page_and_only_those()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "doctor.md"));
        string[] listed = [.. page.Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('`')[1])];
        Assert.Equal(DoctorRule.All.Select(r => r.Name), listed);
    }

    public void Dispose() => _folder.Dispose();
}
