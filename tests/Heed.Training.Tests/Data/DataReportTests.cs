using Heed.Testing;
using Heed.Training.Data;

namespace Heed.Training.Tests.Data;

public sealed class DataReportTests
{
    [Fact]
    public void A_split_depends_on_texts_alone_keeps_duplicates_together_and_holds_out_each_label_alike()
    {
        List<ClassificationExample> examples = [];
        for (int i = 0; i < 300; i++)
        {
            string label = i % 10 == 0 ? "rare" : "common";
            examples.Add(Example($"text number {i}", label, i));
            if (i % 7 == 0) examples.Add(Example($"text  number {i} ", label, 1000 + i));
        }

        DataSplit<ClassificationExample> split = DataSplit.Of(Set(examples), 0.2);
        Assert.Equal(examples.Count, split.Training.Count + split.HeldOut.Count);
        Assert.Empty(Keys(split.Training).Intersect(Keys(split.HeldOut)));
        Assert.Equal(6, Keys(split.HeldOut.Where(e => e.Labels[0] == "rare")).Count());
        Assert.Equal(54, Keys(split.HeldOut.Where(e => e.Labels[0] == "common")).Count());
        DataSplit<ClassificationExample> reversed = DataSplit.Of(Set([.. Enumerable.Reverse(examples)]), 0.2);
        Assert.Equal(Keys(split.HeldOut).Order(StringComparer.Ordinal), Keys(reversed.HeldOut).Order(StringComparer.Ordinal));

        static IEnumerable<string> Keys(IEnumerable<ClassificationExample> some) => some.Select(e => TextKey.Of(e.Text)).Distinct();
    }

    [Fact]
    public void A_label_of_one_text_is_learned_from_and_one_of_two_stands_on_both_sides()
    {
        DataSplit<ClassificationExample> split = DataSplit.Of(Set([Example("a", "one", 1), Example("b", "two", 2),
            Example("c", "two", 3)]));
        Assert.Equal("two", Assert.Single(split.HeldOut).Labels[0]);
        Assert.Contains(split.Training, e => e.Labels[0] == "one");
        Assert.Throws<ArgumentOutOfRangeException>(() => DataSplit.Of(Set([Example("a", "one", 1)]), 1));
    }

    [Fact]
    public void A_report_counts_labels_lengths_duplicates_contradictions_overlap_and_rare_classes()
    {
        List<ClassificationExample> examples = [.. Enumerable.Range(0, 10).Select(i => Example(new string('a', i + 1), "x", i + 1))];
        examples.AddRange([Example("b", "y", 11), Example("b", "y", 12), Example(" b ", "x", 13)]);
        DataReport report = DataReport.Of(Set(examples), Set([Example("aaa", "x", 1), Example("new", "x", 2)], "dev"),
            text => text.Length * 2);
        Assert.Equal(13, report.Examples);
        Assert.Equal(11, report.Labels["x"]);
        Assert.Equal(["y"], report.RareLabels);
        Assert.Equal("train:12: as train:11", Assert.Single(report.Duplicates).ToString());
        Assert.Equal("train:13: 'x', at train:11 'y'", Assert.Single(report.Contradictions).ToString());
        Assert.Equal("dev:1: as train:3", Assert.Single(report.Overlap).ToString());
        Assert.Equal(new LengthSummary(1, 4, 10, 10, 10, 60.0 / 13), report.Characters with { Mean = 60.0 / 13 });
        Assert.Equal(20, report.Tokens!.Longest);
        string text = report.ToString();
        foreach (string part in (string[])["13 examples", "labels: x 11, y 2", "fewer than 8 examples: y",
            "1 dev text is in the training data"]) Assert.Contains(part, text, StringComparison.Ordinal);
    }

    [SharedFact]
    public void The_disputes_are_read_in_all_three_forms()
    {
        string folder = Path.Combine(Repository.Shared!, "data", "disputes");
        ClassificationSet train = ExampleReader.Classification(Path.Combine(folder, "classification.train.jsonl")),
            dev = ExampleReader.Classification(Path.Combine(folder, "classification.dev.jsonl"));
        Assert.Equal((1000, 300), (train.Examples.Count, dev.Examples.Count));
        Assert.Equal(["fraud", "not_received", "wrong_amount"], train.Labels);
        Assert.Empty(DataReport.Of(train, dev).Faults);
        Assert.Equal(1000, ExampleReader.Tags(Path.Combine(folder, "entities.train.conll")).Examples.Count);
        Assert.True(ExampleReader.Questions(Path.Combine(folder, "questions.train.json")).Examples.Count >= 1000);
        Assert.Equal(30_000, ExampleReader.Rewritings(Path.Combine(Repository.Shared!, "data", "translation",
            "en-de.train.tsv")).Examples.Count);
    }

    private static ClassificationExample Example(string text, string label, int line, string file = "train")
        => new(new DataPlace(file, line), text, null, [label], double.NaN);

    private static ClassificationSet Set(IReadOnlyList<ClassificationExample> examples, string file = "train") => new()
    {
        Examples = [.. examples.Select(e => e with { Place = e.Place with { File = file } })],
        Statements = [],
        Faults = [],
        Kind = LabelKind.Single,
        Labels = [.. examples.Select(e => e.Labels[0]).Distinct()],
    };
}
