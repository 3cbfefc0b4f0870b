using System.Globalization;
using System.Text;
using Heed.Testing;
using Heed.Training.Baselines;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using Heed.Training.Logging;

namespace Heed.Training.Tests.Baselines;

/// <summary>Simple methods beside fine-tuning, and the curves of runs.</summary>
public class BaselineTests
{
    private static readonly string Disputes = Path.Combine(Repository.Root, "samples", "disputes");

    [Fact]
    public void Words_are_two_letters_or_more_and_pairs_follow_them()
        => Assert.Equal(["my", "card", "é9", "my card", "card é9"], BagOfWords.WordsOf("My CARD, a é9!"));

    /// <summary>scikit-learn's figures: TfidfVectorizer(ngram_range=(1, 2)) and LogisticRegression(C=10) on the samples' texts give 0.67
    /// on test and 1.00 on dev.</summary>
    [Fact]
    public void A_bag_of_words_reaches_the_reference_on_the_disputes()
    {
        ClassificationSet train = Read("train"), dev = Read("dev"), test = Read("test");
        BagOfWords words = BagOfWords.Fit([.. train.Examples.Select(e => e.Text)], JudgedTexts.Indices(train.Examples, train.Labels),
            train.Labels.Count, 10);
        Assert.Equal(5481, words.Words);
        Assert.Equal(1.00, Share(dev), 0.005);
        Assert.Equal(0.67, Share(test), 0.01);

        double Share(ClassificationSet set) => new JudgedTexts([.. set.Examples.Select(e => e.Text)],
            JudgedTexts.Indices(set.Examples, train.Labels)).Share(words.Predict);
        static ClassificationSet Read(string part) => ExampleReader.Classification(Path.Combine(Disputes, $"classification.{part}.jsonl"));
    }

    [Fact]
    public void Examples_are_drawn_label_after_label_and_by_seed()
    {
        ClassificationSet set = ExampleReader.Classification(Path.Combine(Disputes, "classification.train.jsonl"));
        ClassificationExample[] ten = BaselineComparison.Draw(set, 10, 1);
        Assert.Equal([4, 3, 3], set.Labels.Select(l => ten.Count(e => e.Labels[0] == l)));
        Assert.Equal(ten, BaselineComparison.Draw(set, 30, 1).Take(10));
        Assert.NotEqual(ten, BaselineComparison.Draw(set, 10, 2));
        Assert.Equal(set.Examples.Count, BaselineComparison.Draw(set, set.Examples.Count, 3).Distinct().Count());
    }

    [Fact]
    public void Every_method_is_trained_and_judged_and_known_results_are_not_repeated()
    {
        using TemporaryFolder folder = new();
        string data = Texts(folder);
        BaselineSettings settings = new()
        {
            Train = data,
            Test = data,
            Dev = data,
            Model = Finetuned(),
            Examples = [8, 0],
            Seeds = 1,
            Training = new FinetuningConfig { Steps = 3, BatchSize = 4, VocabularySize = 300 },
        };
        List<BaselineResult> results = [.. BaselineComparison.Run(settings, folder.File("work"))];
        Assert.Equal([.. BaselineComparison.Methods.Select(m => (m, 8)), .. BaselineComparison.Methods.Select(m => (m, 24))],
            results.Select(r => (r.Method, r.Examples)));
        Assert.All(results, r => Assert.InRange(r.Test, 0, 1));
        Assert.All(results, r => Assert.Equal(r.Dev, r.Test));
        Assert.Equal(1, results.Single(r => r.Method == "words" && r.Examples == 24).Test);
        Assert.Empty(Directory.GetFileSystemEntries(folder.File("work")));

        BaselineReport.Write(folder.File("work"), settings, results);
        Assert.Equal(results.Count, BaselineReport.Read(folder.File("work"), settings).Count);
        Assert.Empty(BaselineReport.Read(folder.File("work"), settings with { Strength = 3 }));
        BaselineResult[] known = [.. results.Select(r => r with { Test = 0.125 })];
        Assert.Equal(known, BaselineComparison.Run(settings, folder.File("work"), known));
        string chart = File.ReadAllText(folder.File("work/accuracy.svg"));
        Assert.StartsWith("<svg xmlns=", chart, StringComparison.Ordinal);
        Assert.Equal(BaselineComparison.Methods.Count, chart.Split("<polyline").Length - 1);
        Assert.Equal("0.62 (0.58–0.66)", BaselineReport.Cell([0.58, 0.66, 0.62]));
    }

    [Fact]
    public void What_cannot_be_compared_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        string data = Texts(folder);
        BaselineSettings settings = new() { Train = data, Test = data };
        Assert.StartsWith("methods: \"trees\" is unknown", Refused(settings with { Methods = ["trees"] }), StringComparison.Ordinal);
        Assert.StartsWith("methods: vectors needs a trained encoder", Refused(settings with { Methods = ["vectors"] }),
            StringComparison.Ordinal);
        Assert.StartsWith("examples: is 25, and ", Refused(settings with { Methods = ["words"], Examples = [25] }),
            StringComparison.Ordinal);
        string other = folder.File("other.csv");
        File.WriteAllText(other, "text,label\nfog all day,ugly\nsun all day,good\n");
        Assert.Contains("the label 'ugly' is none of the training data: bad, good",
            Refused(settings with { Methods = ["words"], Test = other }), StringComparison.Ordinal);

        string Refused(BaselineSettings refused) => Assert.ThrowsAny<HeedException>(()
            => BaselineComparison.Run(refused, folder.File("work")).ToList()).Message;
    }

    [Fact]
    public void A_curve_counts_the_seconds_of_steps_and_names_the_measures_that_a_log_has()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("a/run"));
        File.WriteAllText(folder.File("a/run/log.jsonl"),
            "{\"step\":1,\"loss\":3,\"seconds\":0.5}\n{\"step\":2,\"loss\":2,\"seconds\":0.25}\n{\"step\":2,\"held_out_loss\":2.5,\"held_out_exact_match\":10}\n{\"step\":3,\"loss\":1,\"seconds\":1}\n");
        RunCurve curve = RunCurve.Read(folder.File("a"), "held_out_exact_match");
        Assert.Equal("a", curve.Name);
        Assert.Equal([new RunCurvePoint(2, 0.75, 10)], curve.Points);
        Assert.Equal([0.5, 0.75, 1.75], RunCurve.Read(folder.File("a"), "loss").Points.Select(p => p.Seconds));
        Assert.Contains("no line has \"bleu\"; there are held_out_exact_match, held_out_loss, loss, seconds",
            Assert.Throws<InputException>(() => RunCurve.Read(folder.File("a"), "bleu")).Message, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => RunCurve.Read(folder.Path, "loss"));
        File.AppendAllText(folder.File("a/run/log.jsonl"), "{\"ste");
        Assert.Contains("log.jsonl:5: ", Assert.Throws<InputException>(() => RunCurve.Read(folder.File("a"), "loss")).Message,
            StringComparison.Ordinal);
    }

    private static string Finetuned() => Heed.Training.Tests.Finetuning.Finetuned.Encoder;

    private static string Texts(TemporaryFolder folder)
    {
        StringBuilder rows = new("text,label\n");
        for (int i = 0; i < 24; i++) rows.Append(CultureInfo.InvariantCulture,
            $"{(i % 2 == 0 ? "the sun shines" : "rain falls down")} on day {i},{(i % 2 == 0 ? "good" : "bad")}\n");
        File.WriteAllText(folder.File("texts.csv"), rows.ToString());
        return folder.File("texts.csv");
    }
}
