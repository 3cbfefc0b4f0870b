using Heed.Generation.Embeddings;
using Heed.Models;
using Heed.Testing;

namespace Heed.Generation.Tests;

/// <summary>What is done with fine-tuned models. Values are judged by the rows of <c>goldens/pipelines</c>; here are batches, spans, errors
/// and departures.</summary>
public sealed class HeedModelUnderstandingTests
{
    private const string Emoji = "Hi 😀! Café Müller took €24.99 on May 3 from the card 1496.";

    private static readonly string[] Texts = ["Refund!", Emoji, "", "The parcel did not come, and nobody answers my calls about it."];

    private static HeedModel Open(string name) => HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", name));

    [Fact]
    public async Task Batches_have_the_bits_of_single_texts()
    {
        using HeedModel disputes = Open("bert-disputes"), entities = Open("xlmr-entities"), answers = Open("roberta-answers");
        TextPair[] pairs = [.. Texts.Select(t => new TextPair(t, t.Length > 10 ? "and more" : ""))];
        IReadOnlyList<IReadOnlyList<Prediction>> classes = disputes.Classify(pairs);
        IReadOnlyList<IReadOnlyList<Entity>> found = entities.FindEntities(Texts);
        TextPair[] questions = [.. Texts.Select(t => new TextPair("Which card?", t))];
        IReadOnlyList<IReadOnlyList<Answer>> spans = answers.FindAnswers(questions, new QuestionOptions { Top = 3 });
        for (int t = 0; t < Texts.Length; t++)
        {
            Assert.Equal(disputes.Classify(pairs[t].First, pairs[t].Second), classes[t]);
            Assert.Equal(entities.FindEntities(Texts[t]), found[t]);
            Assert.Equal(answers.FindAnswers("Which card?", Texts[t], new QuestionOptions { Top = 3 }), spans[t]);
        }

        Assert.Equal(classes, await disputes.ClassifyAsync(pairs, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(found, await entities.FindEntitiesAsync(Texts, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(spans, await answers.FindAnswersAsync(questions, new QuestionOptions { Top = 3 }, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("bert-entities")]
    [InlineData("roberta-entities")]
    [InlineData("xlmr-entities")]
    public void Spans_count_UTF_16_units_of_the_text_as_given(string name)
    {
        using HeedModel model = Open(name);
        foreach (EntityAggregation aggregation in Enum.GetValues<EntityAggregation>())
        {
            IReadOnlyList<Entity> found = model.FindEntities(Emoji, new EntityOptions { Aggregation = aggregation, IgnoredLabels = [] });
            Assert.NotEmpty(found);
            Assert.All(found, e => Assert.Equal(Emoji[e.Start..e.End], e.Text));
        }

        // Groups of words cover all of a text whose every label counts; decoded words would hold broken characters.
        Assert.DoesNotContain(model.FindEntities("José", new EntityOptions { IgnoredLabels = [] }), e => e.Text.Contains('\uFFFD', StringComparison.Ordinal));
    }

    [Fact]
    public void A_long_text_is_read_to_its_end_unless_it_is_to_be_cut()
    {
        using HeedModel model = Open("bert-entities");
        string text = string.Concat(Enumerable.Repeat("Café Müller took the money of card 1496. ", 12));
        EntityOptions all = new() { IgnoredLabels = [] };
        IReadOnlyList<Entity> whole = model.FindEntities(text, all), cut = model.FindEntities(text, all with { Truncate = true });
        Assert.True(whole[^1].End >= text.TrimEnd().Length - 1, $"{whole[^1].End} of {text.Length}");
        Assert.True(cut[^1].End < text.Length / 2, $"{cut[^1].End} of {text.Length}");
        for (int i = 1; i < whole.Count; i++) Assert.True(whole[i].Start >= whole[i - 1].End);
        Assert.Contains("stride: is 62", Assert.Throws<InputException>(() => model.FindEntities(text, all with { Stride = 62 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_labels_come_all_with_their_own_probabilities()
    {
        using HeedModel model = Open("roberta-flags");
        IReadOnlyList<Prediction> flags = model.Classify("Where is my parcel?");
        Assert.Equal(model.Model.Config.Labels.Count, flags.Count);
        Assert.NotEqual(1, flags.Sum(f => f.Score), 2e-3);
        Prediction best = Assert.Single(model.Classify(["Where is my parcel?"], top: 1)[0]);
        Assert.Equal(flags[0], best);
        Assert.Equal(1, model.Classify(["Where?"], ClassificationKind.SingleLabel)[0].Sum(f => f.Score), 1e-5);
    }

    [Fact]
    public void A_second_text_that_is_empty_is_none_and_a_text_that_is_too_long_is_an_error_unless_it_is_cut()
    {
        using HeedModel model = Open("bert-disputes");
        Assert.Equal(model.Classify("Refund!"), model.Classify("Refund!", ""));
        string text = string.Concat(Enumerable.Repeat("refund ", 300));
        Assert.Contains("positions", Assert.Throws<InputException>(() => model.Classify(text)).Message, StringComparison.Ordinal);
        Assert.NotEmpty(model.Classify([text], truncate: true)[0]);
    }

    [Fact]
    public void Fillings_hold_the_token_as_it_is_and_the_whole_text()
    {
        using HeedModel model = Open("roberta-mlm");
        IReadOnlyList<Filling> all = model.Fill("The refund is<mask>.", 900);
        Filling spaced = all.First(f => f.Token.StartsWith(' '));
        Assert.Equal($"The refund is{spaced.Token}.", spaced.Text);
        Filling only = Assert.Single(model.Fill("The refund is<mask>.", targets: [" the"]));
        Assert.Equal(all.First(f => f.Id == only.Id).Probability, only.Probability);
        string[] texts = ["<mask> refund", "The refund is<mask>.", "A<mask> and a<mask> with more words behind."];
        Assert.Equal(texts.SelectMany(t => model.Fill(t)), model.Fill(texts).SelectMany(f => f));
        Assert.Contains("write it where a word is to be filled in", Assert.Throws<InputException>(() => model.Fill("none")).Message, StringComparison.Ordinal);
        Assert.Contains("has no token", Assert.Throws<InputException>(() => model.Fill("a<mask>", targets: [""])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_are_parts_of_the_context_and_none_has_probability_nothing()
    {
        using HeedModel model = Open("bert-answers");
        IReadOnlyList<Answer> found = model.FindAnswers("Which card?", Emoji, new QuestionOptions { Top = 200, MayBeMissing = true });
        Assert.All(found, a => Assert.Equal(Emoji[a.Start..a.End], a.Text));
        Assert.All(found, a => Assert.True(a.Score > 0));
        Assert.Single(found, a => a.Text.Length == 0);
        Assert.Equal(found.OrderByDescending(a => a.Score), found);
        string question = string.Concat(Enumerable.Repeat("which ", 80));
        Assert.Contains("leaves no room", Assert.Throws<InputException>(() => model.FindAnswers(question, Emoji)).Message, StringComparison.Ordinal);
        Assert.Contains("stride: is 30", Assert.Throws<InputException>(() => model.FindAnswers("Which card?", Emoji, new QuestionOptions { Length = 32, Stride = 30 })).Message, StringComparison.Ordinal);
        Assert.Empty(model.FindAnswers("Which card?", ""));
    }

    [Fact]
    public void Labels_by_entailment_need_such_a_model_and_a_place_for_the_label()
    {
        using HeedModel model = Open("bart-nli"), other = Open("bert-disputes");
        IReadOnlyList<Prediction> labels = model.ClassifyAs(["Where is my parcel?"], ["delivery", "fraud"])[0];
        Assert.Equal(1, labels.Sum(l => l.Score), 1e-5);
        Assert.True(labels[0].Score >= labels[1].Score);
        Assert.Contains("has no {}", Assert.Throws<InputException>(() => model.ClassifyAs(["a"], ["b"], "no place")).Message, StringComparison.Ordinal);
        Assert.Contains("entailment", Assert.Throws<InputException>(() => other.ClassifyAs(["a"], ["b"])).Message, StringComparison.Ordinal);
        Assert.Contains("no label", Assert.Throws<InputException>(() => model.ClassifyAs(["a"], [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scores_of_continuations_do_not_depend_on_where_the_space_stands()
    {
        using HeedModel model = Open("gpt2-text"), other = Open("bert-mlm");
        IReadOnlyList<TokenLogProbability> after = model.Score("The refund", [" is late"])[0], before = model.Score("The refund ", ["is late"])[0];
        Assert.Equal(after.Select(t => (t.Id, t.LogProbability)), before.Select(t => (t.Id, t.LogProbability)));
        Assert.Equal(model.Tokenizer.Encode("The refund is late").Ids, model.Score("The refund is late").Select(t => t.Id));
        Assert.All(after, t => Assert.True(t.Top[0].LogProbability >= t.LogProbability));
        Assert.Contains("no token", Assert.Throws<InputException>(() => model.Score("The refund", [""])).Message, StringComparison.Ordinal);
        Assert.Contains("does not predict the next token", Assert.Throws<InputException>(() => other.Score("a", ["b"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_by_prompt_are_corrected_unless_no_text_without_content_is_given()
    {
        using HeedModel model = Open("gpt2-text");
        string[] labels = ["fraud", "delivery"];
        const string Template = "Text: {text}\nLabel:";
        IReadOnlyList<Prediction> corrected = model.ClassifyByPrompt(["Where is it?"], Template, labels)[0], plain = model.ClassifyByPrompt(["Where is it?"], Template, labels, [])[0];
        Assert.Equal(1, corrected.Sum(p => p.Score), 1e-5);
        Assert.NotEqual(plain.First(p => p.Label == "fraud").Score, corrected.First(p => p.Label == "fraud").Score);
        double[] sums = [.. model.Score("Text: Where is it?\nLabel:", [" fraud", " delivery"]).Select(s => Math.Exp(s.Sum(t => (double)t.LogProbability)))];
        Assert.Equal(sums[0] / sums.Sum(), plain.First(p => p.Label == "fraud").Score, 1e-6);
        Assert.Contains("{text}", Assert.Throws<InputException>(() => model.ClassifyByPrompt(["a"], "none", labels)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chat_that_ends_with_the_assistant_is_continued()
    {
        using HeedModel model = Open("llama-chat");
        ChatMessage user = new(ChatRole.User, "Count to three."), begun = new(ChatRole.Assistant, "One, two");
        GenerationConfig config = model.Generation with { MaxNewTokens = 6 };
        Assert.Equal(model.ChatIds([user, begun], continues: true), model.ChatIds([user, begun]));
        Assert.NotEqual(model.ChatIds([user, begun], continues: false), model.ChatIds([user, begun]));
        Assert.Equal(6, model.Chat([user, begun], config).Ids.Count);
    }

    [Fact]
    public void A_folder_knows_how_its_model_rewrites()
    {
        using HeedModel model = Open("t5-translate"), other = Open("gpt2-text");
        Assert.Equal((4, 20), (model.RewritingConfig("translation_en_to_de").Beams, model.RewritingConfig("translation_en_to_de").MaxNewTokens));
        Assert.Equal((4, 256), (model.RewritingConfig().Beams, model.RewritingConfig().MaxNewTokens));
        GeneratedText prefixed = model.Rewrite(["Refund!"], "translation_en_to_de")[0];
        Assert.Equal(prefixed.Ids, model.Generate(["translate English to German: Refund!"], model.RewritingConfig("translation_en_to_de"))[0].Ids);
        Assert.Contains("does not rewrite", Assert.Throws<InputException>(() => other.Rewrite(["a"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_the_last_layer_are_features()
    {
        using HeedModel model = Open("distilbert-stars"), other = Open("t5-translate");
        Assert.Equal(model.Tokenizer.Encode("Refund!").Count, model.TokenVectors("Refund!").Count);
        Assert.All(model.TokenVectors("Refund!"), row => Assert.Equal(model.Model.Config.Width, row.Length));
        Assert.Contains("no single stack", Assert.Throws<InputException>(() => other.TokenVectors("a")).Message, StringComparison.Ordinal);
    }
}
