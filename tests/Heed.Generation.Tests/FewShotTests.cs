using Heed.Generation.Understanding;
using Heed.Testing;

namespace Heed.Generation.Tests;

/// <summary>Labels by prompts that show examples: the same numbers as scores of continuations that a test puts together by hand.</summary>
public class FewShotTests
{
    private static readonly LabelledText[] Pool =
    [
        new("My card was used in Oslo.", "fraud"), new("The parcel is late.", "delivery"), new("The sum is wrong.", "amount"),
        new("I did not buy this.", "fraud"), new("Nothing arrived.", "delivery"), new("They took too much.", "amount"),
    ];

    private static readonly string[] Labels = ["amount", "delivery", "fraud"];

    [Fact]
    public void A_prompt_shows_its_examples_and_the_labels_are_scored_after_it()
    {
        using HeedModel model = Open();
        LabelledText[] shown = [Pool[0], Pool[1]];
        const string Begin = "Text: My card was used in Oslo.\nLabel: fraud\n\nText: The parcel is late.\nLabel: delivery\n\n";
        FewShotOptions options = new() { Labels = Labels };
        Assert.Equal(Begin, FewShotPrompt.Of(shown, options));
        double[] Likely(string text) => [.. model.Score($"{Begin}Text: {text}\nLabel:", [.. Labels.Select(l => " " + l)])
            .Select(tokens => Math.Exp(tokens.Sum(t => (double)t.LogProbability)))];
        double[] prior = PromptClassification.Normalised([.. PromptClassification.ContentFree.Select(Likely)
            .Aggregate((a, b) => [.. a.Zip(b, (x, y) => x + y)])]);
        double[] plain = PromptClassification.Normalised(Likely("Where is my order?"));
        double[] expected = PromptClassification.Normalised([.. plain.Zip(prior, (p, q) => p / q)]);

        IReadOnlyList<Prediction> found = model.ClassifyByExamples(["Where is my order?"], shown, options)[0];
        Assert.Equal(Labels.Order(), found.Select(p => p.Label).Order());
        for (int l = 0; l < Labels.Length; l++) Assert.Equal(expected[l], found.First(p => p.Label == Labels[l]).Score, 1e-6);
        IReadOnlyList<Prediction> uncorrected = model.ClassifyByExamples(["Where is my order?"], shown,
            options with { ContentFree = [] })[0];
        for (int l = 0; l < Labels.Length; l++) Assert.Equal(plain[l], uncorrected.First(p => p.Label == Labels[l]).Score, 1e-6);
    }

    [Fact]
    public void Without_examples_it_is_the_prompt_alone()
    {
        using HeedModel model = Open();
        Assert.Equal(model.ClassifyByPrompt(["Where is my order?"], "Text: {text}\nLabel:", Labels)[0],
            model.ClassifyByExamples(["Where is my order?"], [], new FewShotOptions { Labels = Labels })[0]);
    }

    [Fact]
    public void Braces_in_an_example_are_text()
    {
        using HeedModel model = Open();
        LabelledText[] shown = [new("I see {text} here.", "a"), new("No.", "b")];
        Assert.Contains("I see {text} here.", FewShotPrompt.Of(shown, new FewShotOptions()), StringComparison.Ordinal);
        FewShotClassifier classifier = new(model, shown, new FewShotOptions(), CancellationToken.None);
        Assert.Equal(1, classifier.Of("Yes.", CancellationToken.None).Plain.Sum(p => p.Score), 1e-5);
    }

    [Fact]
    public void Examples_are_chosen_by_the_seed_as_many_of_each_label()
    {
        LabelledText[] first = FewShotPrompt.PerLabel(Pool, Labels, 1, 1), again = FewShotPrompt.PerLabel(Pool, Labels, 1, 1);
        Assert.Equal(first, again);
        Assert.Equal(Labels, first.Select(e => e.Label).Order());
        Assert.Contains(Enumerable.Range(2, 6), s => !FewShotPrompt.PerLabel(Pool, Labels, 1, (ulong)s).SequenceEqual(first));
        Assert.Equal(4, FewShotPrompt.InAll(Pool, 4, 1).Distinct().Count());
        LabelledText[] all = FewShotPrompt.PerLabel(Pool, Labels, 2, 3), shuffled = FewShotPrompt.WithShuffledLabels(all, 3);
        Assert.Equal(all.Select(e => e.Text), shuffled.Select(e => e.Text));
        Assert.Equal(all.Select(e => e.Label).Order(), shuffled.Select(e => e.Label).Order());
        Assert.NotEqual(all, shuffled);
        Assert.Contains("has 2 of the label 'amount', and 3",
            Assert.Throws<InputException>(() => FewShotPrompt.PerLabel(Pool, Labels, 3, 1)).Message
            .Replace("have 2", "has 2", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_beyond_the_window_is_refused_by_how_much()
    {
        using HeedModel model = Open();
        LabelledText[] many = [.. Enumerable.Range(0, 60).Select(i => Pool[i % Pool.Length])];
        BudgetException e = Assert.Throws<BudgetException>(() => model.ClassifyByExamples(["x"], many));
        Assert.Matches(@"^the prompt has [\d,]+ tokens with the longest label, and the model reads [\d,]+: [\d,]+ too many\.", e.Message);
    }

    [Theory, InlineData("no place", "no {text}"), InlineData(null, "is the only one")]
    public void What_does_not_fit_is_refused(string? template, string message)
    {
        using HeedModel model = Open();
        FewShotOptions options = template is null ? new() : new() { Template = template };
        LabelledText[] shown = template is null ? [Pool[0]] : Pool;
        Assert.Contains(message, Assert.Throws<ConfigException>(() => model.ClassifyByExamples(["x"], shown, options)).Message,
            StringComparison.Ordinal);
    }

    private static HeedModel Open() => HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text"));
}
