using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Testing;

namespace Heed.Retrieval.Tests;

public class DocumentAnswersTests
{
    private static readonly string[] Subjects = ["warranty", "parcel", "refund", "invoice", "password", "printer", "garden", "train"];
    private static readonly string[] Facts =
    [
        "ends twenty four months after the day on which the device was bought in our shop",
        "arrives within five working days if it was ordered before noon on a weekday",
        "is paid back to the same card within two weeks after we have received the goods",
        "is sent by electronic mail to the address that was given with the order itself",
        "must be changed every ninety days and has to hold at least twelve letters or digits",
        "needs a new cartridge when the small red lamp on its left side begins to blink",
        "is watered each morning between six and seven by the machine near the old wall",
        "leaves the northern platform every hour at quarter past until late in the evening",
    ];

    [Fact]
    public async Task Words_that_the_documents_do_not_hold_are_not_found_and_those_they_hold_are()
    {
        using TemporaryFolder folder = new();
        Build(folder.Path, null);
        using SearchIndex index = SearchIndex.Open(folder.Path);
        EvidenceThreshold evidence = index.Evidence!;
        Assert.Equal((SearchMode.Words, Subjects.Length), (evidence.Of, evidence.Questions));
        Assert.Equal((1, 0), (evidence.Kept, evidence.LetThrough));
        DocumentAnswers answers = new(index);
        DocumentAnswer found = await answers.AskAsync("When is the garden watered?");
        Assert.True(found.Found);
        Assert.Equal((AnswerKind.Passage, "garden.txt", 0), (found.Kind, found.Sources[0].Key, found.Start));
        DocumentAnswer missing = await answers.AskAsync("Which volcano erupted yesterday near Reykjavik?");
        Assert.False(missing.Found);
        Assert.Null(missing.Text);
        Assert.True(missing.Evidence <= missing.Threshold);
        Assert.True((await answers.AskAsync("the volcano", new AnswerOptions { Threshold = 0 })).Found);
        await Assert.ThrowsAsync<InputException>(() => answers.AskAsync(" "));
    }

    [Theory]
    [InlineData(new[] { 0.8, 0.9 }, new[] { 0.1, 0.2 }, 0.5)]                        // a gap: its middle
    [InlineData(new[] { 0.3, 0.5, 0.6, 0.7 }, new[] { 0.1, 0.2, 0.4, 0.25 }, 0.35)]  // one of four lost, one of four let through
    public void The_threshold_loses_as_much_as_it_lets_through(double[] with, double[] without, double expected)
        => Assert.Equal(expected, EvidenceCalibration.EqualError(with, without), 12);

    [Fact]
    public async Task A_question_about_a_document_that_is_gone_has_less_evidence_than_before()
    {
        using TemporaryFolder folder = new();
        using SearchIndexWriter writer = SearchIndexWriter.Open(folder.Path);
        for (int i = 0; i < Subjects.Length; i++)
            writer.Put(new SearchDocument
            {
                Key = $"{Subjects[i]}.txt",
                Text = $"About the {Subjects[i]} people ask often. The {Subjects[i]} {Facts[i]}. Write to us if the {Subjects[i]} fails.",
            });
        writer.Calibrate();
        using SearchIndex index = SearchIndex.Open(folder.Path);
        EvidenceThreshold evidence = index.Evidence!;
        Assert.InRange(evidence.Questions, 1, 2 * Subjects.Length);
        Assert.Equal(evidence.Kept, 1 - evidence.LetThrough, 0.26);
        const string Question = "When is the garden watered by the machine?";
        DocumentAnswer before = await new DocumentAnswers(index).AskAsync(Question);
        Assert.True(before.Found);
        writer.Remove("garden.txt");
        writer.Calibrate();
        index.Refresh();
        DocumentAnswer after = await new DocumentAnswers(index).AskAsync(Question);
        Assert.True(after.Evidence < before.Evidence / 2);
        Assert.NotEqual(evidence.Threshold, index.Evidence!.Threshold);   // what is gone counts no longer
    }

    [Fact]
    public async Task A_question_answering_head_takes_the_answer_from_a_source_and_says_where_it_stands()
    {
        using TemporaryFolder folder = new();
        Build(folder.Path, null);
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", "bert-answers"));
        using SearchIndex index = SearchIndex.Open(folder.Path);
        DocumentAnswer answer = await new DocumentAnswers(index, model).AskAsync("When is the garden watered?");
        Assert.Equal(AnswerKind.Extracted, answer.Kind);
        // The small model's answer says nothing, and its place must be right.
        if (answer.Found)
        {
            string document = Text(Subjects.IndexOf(answer.Sources[answer.Source!.Value].Title));
            Assert.Equal(document[answer.Start!.Value..answer.End!.Value], answer.Text);
        }

        double best = answer.Sources.Max(s => model.FindAnswers("When is the garden watered?", s.Text,
            new QuestionOptions { MayBeMissing = true, LongestAnswer = 30 })[0] is { Text.Length: > 0 } a ? a.Score : 0);
        Assert.Equal(best, answer.Score ?? 0);
    }

    [Fact]
    public async Task A_decoder_writes_from_as_many_sources_as_it_can_read()
    {
        using TemporaryFolder folder = new();
        using TextEmbedder embedder = TextEmbedder.Open(Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean"));
        Build(folder.Path, embedder);
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text"));
        using SearchIndex index = SearchIndex.Open(folder.Path, embedder);
        Assert.Equal(SearchMode.Vectors, index.Evidence!.Of);
        DocumentAnswers answers = new(index, model);
        AnswerOptions options = new() { MaxNewTokens = 4, Threshold = -1 };
        if (model.Model.Config.MaximumLength < 600)
        {
            InputException full = await Assert.ThrowsAsync<InputException>(() => answers.AskAsync("When?", options));
            Assert.Contains("leaves no room", full.Message, StringComparison.Ordinal);
            return;
        }

        DocumentAnswer answer = await answers.AskAsync("When?", options);
        Assert.Equal(AnswerKind.Generated, answer.Kind);
        Assert.NotEmpty(answer.Sources);
    }

    private static void Build(string folder, TextEmbedder? embedder)
    {
        using SearchIndexWriter writer = SearchIndexWriter.Open(folder, embedder: embedder);
        for (int i = 0; i < Subjects.Length; i++)
            writer.Put(new SearchDocument { Key = $"{Subjects[i]}.txt", Title = Subjects[i], Text = Text(i) });
        writer.Calibrate();
    }

    private static string Text(int i) => $"The {Subjects[i]} {Facts[i]}.";
}
