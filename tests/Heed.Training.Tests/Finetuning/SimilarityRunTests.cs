using System.Globalization;
using Heed.Checkpoints;
using Heed.Generation.Embeddings;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class SimilarityRunTests
{
    private static readonly string WithDense = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-cls-dense-normalize");

    [Theory]
    [InlineData("query,document", "what does {0} cost,the price of {0} is low", "in_batch_negatives", "mrr@10")]
    [InlineData("sentence1,sentence2,score", "a dog {0},a cat {0},0.{0}", "cosent", "spearman")]
    [InlineData("sentence1,sentence2,label", "a dog {0},a cat {0},{1}", "online_contrastive", "average_precision")]
    [InlineData("anchor,positive,negative", "a dog {0},a dog ran {0},the rain {0}", "in_batch_negatives", "triplet_accuracy")]
    public void What_the_data_hold_decides_the_loss_and_the_measure(string header, string row, string loss, string measure)
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, header, 24, i => string.Format(CultureInfo.InvariantCulture, row, 10 + i, i % 2));
        FinetuningConfig config = Config(data) with { Steps = 4, EvaluateEvery = 2, Test = data };
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("plan"), config))
        {
            Assert.Equal(measure, run.Task.Measure.Name);
            Assert.Contains(run.Task.Decisions, d => d.StartsWith($"loss {loss}: ", StringComparison.Ordinal));
        }

        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.NotNull(report![measure]);
    }

    [Fact]
    public void Pairs_find_each_other_after_training_and_the_folder_gives_the_trained_vectors()
    {
        using TemporaryFolder folder = new();
        string[] nouns = ["dog", "cat", "rain", "house", "train", "book", "green", "water"];
        string data = Rows(folder, "query,document", 32, i => $"what is {nouns[i % 8]} {i / 8},{nouns[i % 8]} {i / 8} is this");
        FinetuningConfig config = Config(data) with { Dev = data, Steps = 60, LearningRate = 3e-3, EvaluateEvery = 20, Patience = 0 };
        EvaluationReport before, after = Finetuned.Train(folder.File("model"), config)!;
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("before"), config))
            before = run.Task.Evaluate(all: true, CancellationToken.None)!;
        Assert.True(after["mrr@10"] > before["mrr@10"] && after["mrr@10"] > 0.8, $"mrr@10 {before["mrr@10"]} → {after["mrr@10"]}");
        Assert.True(after.Loss < before.Loss);
        using TextEmbedder embedder = TextEmbedder.Open(folder.File("model"));
        IReadOnlyList<float[]> vectors = embedder.Embed(["what is dog 1", "dog 1 is this", "rain 2 is this"]);
        Assert.True(embedder.Similarity(vectors[0], vectors[1]) > embedder.Similarity(vectors[0], vectors[2]));
        using SafetensorsFile saved = SafetensorsFile.Open(Path.Combine(folder.File("model"), "model.safetensors"));
        using SafetensorsFile source = SafetensorsFile.Open(Path.Combine(Finetuned.Encoder, "model.safetensors"));
        Assert.Equal(source.Tensors.Select(t => t.Name).Order(), saved.Tensors.Select(t => t.Name).Order());
    }

    [Fact]
    public void An_adapter_learns_vectors_and_its_folder_gives_them()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Pairs(folder)) with { Lora = 4, Steps = 6, EvaluateEvery = 3, LearningRate = 1e-2, Patience = 0 };
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.NotNull(report!["mrr@10"]);
        Assert.True(File.Exists(folder.File("model/adapter_model.safetensors")));
        Assert.True(File.Exists(folder.File("model/modules.json")));
        Assert.False(File.Exists(folder.File("model/model.safetensors")));
        using TextEmbedder adapted = TextEmbedder.Open(folder.File("model")), plain = TextEmbedder.Open(Finetuned.Encoder);
        Assert.True(adapted.Similarity(adapted.Embed("the thing"), plain.Embed("the thing")) < 0.9999);

        // Interrupted, it ends with the same bits.
        string whole = Convert.ToHexString(File.ReadAllBytes(folder.File("model/adapter_model.safetensors")));
        using CancellationTokenSource stop = new();
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("parts"), config))
            run.Train([new StopAt(stop, 4)], 0, stop.Token);
        Finetuned.Train(folder.File("parts"), config);
        Assert.Equal(whole, Convert.ToHexString(File.ReadAllBytes(folder.File("parts/adapter_model.safetensors"))));
    }

    [Fact]
    public void Dense_layers_are_trained_and_lie_in_their_own_folder()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Pairs(folder)) with
        {
            Model = WithDense,
            Steps = 3,
            LearningRate = 1e-2,
            Shuffle = false,
            WarmupSteps = 0
        };
        Assert.NotNull(Finetuned.Train(folder.File("model"), config));
        string dense = Path.Combine("2_Dense", "model.safetensors");
        using SafetensorsFile saved = SafetensorsFile.Open(Path.Combine(folder.File("model"), dense)),
            source = SafetensorsFile.Open(Path.Combine(WithDense, dense));
        Assert.Equal(source.Tensors.Select(t => t.ToString()).Order(), saved.Tensors.Select(t => t.ToString()).Order());
        Assert.NotEqual(source["linear.weight"].ToFloats(), saved["linear.weight"].ToFloats());
        using SafetensorsFile encoder = SafetensorsFile.Open(Path.Combine(folder.File("model"), "model.safetensors"));
        Assert.DoesNotContain(encoder.Tensors, t => t.Name.StartsWith("2_Dense", StringComparison.Ordinal));
        using TextEmbedder embedder = TextEmbedder.Open(folder.File("model"));
        Assert.Equal(10, embedder.Embed("a dog").Length);
        Assert.Equal(1, embedder.Embed("a dog").Sum(v => (double)v * v), 1e-5);
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Pairs(folder)) with { Model = WithDense, MineNegatives = 2, BatchSize = 4 };
        Finetuned.AssertResumes(folder, config);
        string dense = Path.Combine("2_Dense", "model.safetensors");
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("whole"), dense)),
            File.ReadAllBytes(Path.Combine(folder.File("parts"), dense)));
    }

    [Fact]
    public void Splits_of_a_batch_give_one_gradient_where_the_loss_is_a_mean_over_rows()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "sentence1,sentence2,score", 9, i => $"a dog {i},a cat {i},0.{i}");
        Finetuned.AssertSplits(folder, Config(data) with { Loss = "cosine" });
    }

    [Fact]
    public void A_large_batch_in_parts_gives_the_loss_and_the_norm_of_the_whole()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Pairs(folder)) with
        {
            Steps = 1,
            Dropout = 0,
            BatchSize = 12,
            Dev = FinetuningConfig.NoDev,
            Matryoshka = ["24", "12"]
        };
        StepReport whole = Step(folder.File("whole"), config), parts = Step(folder.File("parts"), config with { MiniBatch = 5 });
        Assert.Equal(whole.Loss, parts.Loss, 1e-6 * whole.Loss);
        Assert.True(whole.GradientNorm > 0);
        Assert.Equal(whole.GradientNorm, parts.GradientNorm, 1e-5 * whole.GradientNorm);
    }

    [Fact]
    public void Mined_negatives_are_documents_of_other_pairs_and_are_said()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Pairs(folder)) with { MineNegatives = 2, MineMargin = 0, Dev = FinetuningConfig.NoDev, Steps = 1 };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config);
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("2 hard negatives for each of ", StringComparison.Ordinal));
        Assert.Equal(0, run.Task.Batch(0).InputIds!.Rows % 4);
    }

    [Theory]
    [InlineData("triplet", "loss: triplet does not fit")]
    [InlineData("cosent", "loss: cosent does not fit")]
    public void A_loss_that_the_data_cannot_have_is_refused_by_name(string loss, string message)
    {
        using TemporaryFolder folder = new();
        ConfigException e = Assert.Throws<ConfigException>(()
            => FinetuningRun.Prepare(folder.File("model"), Config(Pairs(folder)) with { Loss = loss }));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        Assert.Contains("use one of in_batch_negatives, symmetric", e.Message, StringComparison.Ordinal);
    }

    private static StepReport Step(string folder, FinetuningConfig config)
    {
        Last last = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder, config);
        run.Train([last]);
        return last.Report!;
    }

    private static FinetuningConfig Config(string data)
        => new() { Model = Finetuned.Encoder, Train = data, Task = "similarity", BatchSize = 8 };

    private static string Pairs(TemporaryFolder folder)
        => Rows(folder, "query,document", 24, i => $"what does the thing {i} cost,the price of the thing {i} is {i * 7}");

    private static string Rows(TemporaryFolder folder, string header, int count, Func<int, string> row)
    {
        string path = folder.File("data.csv");
        File.WriteAllLines(path, [header, .. Enumerable.Range(0, count).Select(row)]);
        return path;
    }

    private sealed class StopAt(CancellationTokenSource stop, int step) : ITrainingObserver
    {
        public void Stepped(StepReport report)
        {
            if (report.Step == step) stop.Cancel();
        }
    }

    private sealed class Last : ITrainingObserver
    {
        public StepReport? Report { get; private set; }

        public void Stepped(StepReport report) => Report = report;
    }
}
