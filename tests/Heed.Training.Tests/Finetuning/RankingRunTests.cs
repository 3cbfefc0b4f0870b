using Heed.Generation.Embeddings;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;

namespace Heed.Training.Tests.Finetuning;

public class RankingRunTests
{
    [Fact]
    public void A_cross_encoder_learns_which_document_answers_and_opens_as_one()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder) with { Steps = 60, LearningRate = 3e-3, EvaluateEvery = 20, Patience = 0 };
        config = config with { Dev = config.Train, Test = config.Train };
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.True(report!["ndcg@10"] > 0.8, $"ndcg@10 {report["ndcg@10"]}");
        Assert.NotNull(report["mrr@10"]);
        Assert.NotNull(report["average_precision"]);
        using PairScorer scorer = PairScorer.Open(folder.File("model"));
        Assert.Equal(1, scorer.Outputs);
        float[] scores = [.. scorer.Score([new TextPair("is it dog 1", "dog yes 1"), new TextPair("is it dog 1", "rain no 1")]).Select(s
            => s[0])];
        Assert.All(scores, s => Assert.InRange(s, 0, 1));
        Assert.True(scores[0] > scores[1]);
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertResumes(folder, Config(folder));
    }

    [Fact]
    public void Splits_of_a_batch_give_one_gradient()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertSplits(folder, Config(folder, 9));
    }

    [Fact]
    public void Pairs_without_a_label_are_refused()
    {
        using TemporaryFolder folder = new();
        File.WriteAllLines(folder.File("data.csv"), ["query,document", "a dog,a cat", "a b,c d"]);
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"),
            new FinetuningConfig { Model = Finetuned.Encoder, Train = folder.File("data.csv"), Task = "ranking" }));
        Assert.Contains("needs a column label (1 or 0) or score", e.Message, StringComparison.Ordinal);
    }

    private static FinetuningConfig Config(TemporaryFolder folder, int count = 24)
    {
        File.WriteAllLines(folder.File("data.csv"), ["query,document,label",
            .. Enumerable.Range(0, count).Select(i => i % 2 == 0 ? $"is it dog {i / 4},dog yes {i},1"
                : $"is it dog {i / 4},rain no {i},0")]);
        return new FinetuningConfig { Model = Finetuned.Encoder, Train = folder.File("data.csv"), Task = "ranking", BatchSize = 8 };
    }
}
