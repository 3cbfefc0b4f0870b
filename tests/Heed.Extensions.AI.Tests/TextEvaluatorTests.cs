using Heed.Generation.Embeddings;
using Heed.Testing;
using Heed.Training.Metrics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Heed.Extensions.AI.Tests;

/// <summary>Measures as evaluators: values, interpretation, references from the context.</summary>
public class TextEvaluatorTests
{
    private const string Text = "The cat sat on a mat.", Near = "The cat sat on the mat.", Far = "Dogs bark loudly at night.";

    [Fact]
    public async Task Values_are_those_of_the_library()
    {
        EvaluationResult bleu = await Evaluate(TextEvaluators.Bleu(), Text, Far, Near);
        Assert.Equal(Bleu.Sentence(Text, [Far, Near]).Score, Value(bleu, TextEvaluators.BleuName));
        EvaluationResult chrf = await Evaluate(TextEvaluators.Chrf(), Text, Near);
        Assert.Equal(Chrf.Corpus([Text], [[Near]]).Score, Value(chrf, TextEvaluators.ChrfName));
        EvaluationResult ter = await Evaluate(TextEvaluators.Ter(), Text, Near);
        Assert.Equal(100.0 / 6, Value(ter, TextEvaluators.TerName), 1e-9);   // one word of six
        EvaluationResult rouge = await Evaluate(TextEvaluators.Rouge(), Text, Far, Near);
        Assert.Equal(5.0 / 6, Value(rouge, TextEvaluators.Rouge1Name), 1e-9);
        Assert.Equal(3.0 / 5, Value(rouge, TextEvaluators.Rouge2Name), 1e-9);
        Assert.Equal(5.0 / 6, Value(rouge, TextEvaluators.RougeLName), 1e-9);
    }

    [Fact]
    public async Task Answers_are_counted_as_SQuAD_does()
    {
        EvaluationResult right = await Evaluate(TextEvaluators.Answers(), "the Cat!", "dog", "cat");
        Assert.Equal((1, 1), (Value(right, TextEvaluators.ExactMatchName), Value(right, TextEvaluators.AnswerF1Name)));
        EvaluationResult half = await Evaluate(TextEvaluators.Answers(), "black cat", "cat");
        Assert.Equal(0, Value(half, TextEvaluators.ExactMatchName));
        Assert.Equal(2.0 / 3, Value(half, TextEvaluators.AnswerF1Name), 1e-9);
        EvaluationMetric exact = half.Get<NumericMetric>(TextEvaluators.ExactMatchName), f1 = half.Get<NumericMetric>(TextEvaluators.AnswerF1Name);
        Assert.True(exact.Interpretation!.Failed);
        Assert.Equal(EvaluationRating.Unacceptable, exact.Interpretation.Rating);
        Assert.False(f1.Interpretation!.Failed);
        Assert.Equal(EvaluationRating.Good, f1.Interpretation.Rating);
        Assert.Contains(ReferenceTexts.ContextName, f1.Context!.Keys);
    }

    [Theory]
    [InlineData(0.8, false)]
    [InlineData(0.84, true)]
    public async Task A_response_passes_from_the_part_that_is_asked_for(double passing, bool fails)
    {
        EvaluationResult rouge = await Evaluate(TextEvaluators.Rouge(passing: passing), Text, Near);
        Assert.Equal(fails, rouge.Get<NumericMetric>(TextEvaluators.Rouge1Name).Interpretation!.Failed);
        Assert.Throws<ArgumentOutOfRangeException>(() => TextEvaluators.Rouge(passing: 1.2));
    }

    [Fact]
    public async Task Without_references_there_is_no_value_and_a_reason()
    {
        IEvaluator evaluator = TextEvaluators.Bleu();
        EvaluationResult result = await evaluator.EvaluateAsync([], Response(Text), cancellationToken: TestContext.Current.CancellationToken);
        NumericMetric metric = result.Get<NumericMetric>(TextEvaluators.BleuName);
        Assert.Null(metric.Value);
        Assert.Contains("none", Assert.Single(metric.Diagnostics!).Message, StringComparison.Ordinal);
        Assert.Equal([TextEvaluators.BleuName], evaluator.EvaluationMetricNames);
    }

    [Fact]
    public async Task Embeddings_find_the_nearest_reference()
    {
        using TextEmbedder embedder = TextEmbedder.Open(Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean"));
        IEvaluator evaluator = TextEvaluators.EmbeddingSimilarity(embedder);
        NumericMetric same = (await Evaluate(evaluator, Text, Far, Text)).Get<NumericMetric>(TextEvaluators.EmbeddingSimilarityName);
        Assert.Equal(1, same.Value!.Value, 1e-5);
        Assert.Equal("reference 2 is nearest", same.Reason);
        Assert.Equal(EvaluationRating.Exceptional, same.Interpretation!.Rating);
        NumericMetric other = (await Evaluate(evaluator, Text, Far)).Get<NumericMetric>(TextEvaluators.EmbeddingSimilarityName);
        Assert.Equal(embedder.Similarity(embedder.Embed(Text), embedder.Embed(Far)), other.Value!.Value, 1e-9);
    }

    private static double Value(EvaluationResult result, string name) => result.Get<NumericMetric>(name).Value!.Value;

    private static ChatResponse Response(string text) => new(new ChatMessage(ChatRole.Assistant, text));

    private static async Task<EvaluationResult> Evaluate(IEvaluator evaluator, string text, params string[] references)
        => await evaluator.EvaluateAsync([new ChatMessage(ChatRole.User, "?")], Response(text), null, [new ReferenceTexts(references)],
            TestContext.Current.CancellationToken);
}
