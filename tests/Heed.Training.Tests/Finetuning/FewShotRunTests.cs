using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class FewShotRunTests
{
    [Fact]
    public void Few_texts_become_a_folder_of_vectors_with_a_head_that_classifies()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder, ["dog", "rain", "train"]) with { Epochs = 4, LearningRate = 2e-3 };
        config = config with { Dev = config.Train, Test = config.Train };
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.True(report!["accuracy"] > 0.9, $"accuracy {report["accuracy"]}");
        using HeedModel opened = HeedModel.Open(folder.File("model"));
        IReadOnlyList<Prediction> classes = opened.Classify("see the rain 3 now");
        Assert.Equal("rain", classes[0].Label);
        Assert.Equal(3, classes.Count);
        Assert.Equal(1, classes.Sum(c => c.Score), 1e-5);
        using TextEmbedder embedder = TextEmbedder.Open(folder.File("model"));
        Assert.Equal(24, embedder.Embed("see the rain").Length);
    }

    [Fact]
    public void Two_classes_have_two_probabilities()
    {
        using TemporaryFolder folder = new();
        Assert.NotNull(Finetuned.Train(folder.File("model"), Config(folder, ["dog", "rain"]) with { Steps = 2 }));
        using HeedModel opened = HeedModel.Open(folder.File("model"));
        Assert.Equal(1, opened.Classify("a dog").Sum(c => c.Score), 1e-5);
        InputException e = Assert.Throws<InputException>(() => opened.Classify("a dog", "a cat"));
        Assert.Contains("a pair was given", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pairs_are_as_many_of_one_label_as_of_two_and_one_pass_is_planned()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder, ["dog", "rain", "train"], 16) with { Dev = FinetuningConfig.NoDev };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config);
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("few-shot: 720 pairs of 48 texts", StringComparison.Ordinal));
        Assert.Equal(45, run.Config.Steps);
        Assert.Equal(2e-5, run.Config.LearningRate);
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertResumes(folder, Config(folder, ["dog", "rain"]));
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("whole"), VectorHead.FileName)),
            File.ReadAllBytes(Path.Combine(folder.File("parts"), VectorHead.FileName)));
    }

    private static FinetuningConfig Config(TemporaryFolder folder, string[] labels, int each = 8)
    {
        File.WriteAllLines(folder.File("data.csv"), ["text,label", .. Enumerable.Range(0, each * labels.Length)
            .Select(i => $"see the {labels[i % labels.Length]} {i} now,{labels[i % labels.Length]}")]);
        return new FinetuningConfig { Model = Finetuned.Encoder, Train = folder.File("data.csv"), FewShot = true };
    }
}
