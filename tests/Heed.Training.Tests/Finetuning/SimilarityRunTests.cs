using System.Globalization;
using Heed.Checkpoints;
using Heed.Generation.Embeddings;
using Heed.Models;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class SimilarityRunTests
{
    private static readonly string WithDense = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-cls-dense-normalize");

    private static readonly string[] NliClasses = ["entailment", "neutral", "contradiction"], Articles = ["the", "a", "my", "one", "some"];

    [Theory]
    [InlineData("query,document", "what does {0} cost,the price of {0} is low", "in_batch_negatives", "mrr@10")]
    [InlineData("sentence1,sentence2,score", "a dog {0},a cat {0},0.{0}", "cosent", "spearman")]
    [InlineData("sentence1,sentence2,label", "a dog {0},a cat {0},{1}", "online_contrastive", "average_precision")]
    [InlineData("anchor,positive,negative", "a dog {0},a dog ran {0},the rain {0}", "in_batch_negatives", "triplet_accuracy")]
    [InlineData("premise,hypothesis,label", "a dog {0},a cat {0},class {1}", "softmax", "macro_f1")]
    [InlineData("text,label", "a dog {0},class {1}", "batch_hard", "map")]
    public void What_the_data_hold_decides_the_loss_and_the_measure(string header, string row, string loss, string measure)
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, header, 24, i => string.Format(CultureInfo.InvariantCulture, row, 10 + i, i % 2));
        FinetuningConfig config = Config(data) with { Steps = 4, EvaluateEvery = 2, Test = data, HeldOut = 0.2 };
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

    [Fact]
    public void Classes_of_pairs_are_learned_with_a_classifier_that_lies_beside_the_vectors()
    {
        using TemporaryFolder folder = new();
        string[] nouns = ["dog", "cat", "rain", "house", "train", "book"];
        string data = Rows(folder, "premise,hypothesis,label", 36, i => $"a {nouns[i % 6]} {i / 12},"
            + $"a {nouns[(i + (i / 12 * 2)) % 6]} {i / 12},{NliClasses[i / 12]}");
        FinetuningConfig config = Config(data) with { Dev = data, Steps = 60, LearningRate = 3e-3, EvaluateEvery = 20, Patience = 0 };
        EvaluationReport report = Finetuned.Train(folder.File("model"), config)!;
        Assert.True(report["macro_f1"] > 0.9, $"macro F1 {report["macro_f1"]}");
        using (SafetensorsFile head = SafetensorsFile.Open(folder.File("model/pair_head.safetensors")))
            Assert.Equal([3, 3 * 24], head["weight"].Shape.Select(s => (int)s));
        using (SafetensorsFile encoder = SafetensorsFile.Open(folder.File("model/model.safetensors")))
            Assert.DoesNotContain(encoder.Tensors, t => t.Name.Contains("pair_head", StringComparison.Ordinal));
        using (TextEmbedder embedder = TextEmbedder.Open(folder.File("model"))) Assert.Equal(24, embedder.Embed("a dog").Length);

        // Another file is judged by the classes that the head knows, in its own order.
        EvaluationReport again = FinetuningRun.Evaluate(new FinetuningConfig { Model = folder.File("model"), Test = data }).Report;
        Assert.Equal(report["macro_f1"], again["macro_f1"]);
        Assert.Equal(report.Loss, again.Loss);
        string other = folder.File("other.csv");
        File.WriteAllText(other, "premise,hypothesis,label\na dog,a cat,maybe\na dog,a dog,neutral\n");
        InputException e = Assert.Throws<InputException>(()
            => FinetuningRun.Evaluate(new FinetuningConfig { Model = folder.File("model"), Test = other }));
        Assert.Contains("other.csv:2: the class 'maybe' is none that the model knows; these are contradiction, entailment, neutral",
            e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("premise,hypothesis,label", "a dog {0},a cat {0},c{1}")]
    [InlineData("text,label", "a dog {0},c{1}")]
    public void A_run_over_classes_that_was_interrupted_ends_with_the_bits_of_one_that_was_not(string header, string row)
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, header, 30, i => string.Format(CultureInfo.InvariantCulture, row, 10 + i, i % 3));
        Finetuned.AssertResumes(folder, Config(data) with { BatchSize = 4, HeldOut = 0.2 });
        string head = PairHead.FileName;
        if (!File.Exists(Path.Combine(folder.File("whole"), head))) return;
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("whole"), head)),
            File.ReadAllBytes(Path.Combine(folder.File("parts"), head)));
    }

    [Fact]
    public void Splits_of_a_batch_of_classes_of_pairs_give_one_gradient()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertSplits(folder, Config(Rows(folder, "premise,hypothesis,label", 9, i => $"a dog {i},a cat {i},c{i % 3}")));
    }

    [Theory]
    [InlineData("batch_hard")]
    [InlineData("batch_hard_soft")]
    [InlineData("batch_semi_hard")]
    [InlineData("batch_all")]
    public void Texts_of_a_class_find_each_other_after_training(string loss)
    {
        using TemporaryFolder folder = new();
        string[] nouns = ["dog", "cat", "rain", "house"];
        string data = Rows(folder, "text,label", 40, i => $"{Articles[i / 4 % 5]} {nouns[i % 4]} "
            + $"{(i < 20 ? "ran" : "came")},{(i % 4 < 2 ? "animal" : "thing")}");
        FinetuningConfig config = Config(data) with
        {
            Dev = data,
            Loss = loss,
            Margin = loss == "batch_hard_soft" ? null : 1,
            Steps = 40,
            LearningRate = 3e-3,
            EvaluateEvery = 20,
            Patience = 0
        };
        EvaluationReport before, after = Finetuned.Train(folder.File("model"), config)!;
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("before"), config))
        {
            before = run.Task.Evaluate(all: true, CancellationToken.None)!;
            // Two of a class stand side by side in each batch.
            float[] classes = [.. run.Task.Batch(0).NumberLabels!];
            Assert.All(Enumerable.Range(0, classes.Length / 2), i => Assert.Equal(classes[2 * i], classes[(2 * i) + 1]));
        }

        Assert.True(after["map"] > 0.95 && after["map"] > before["map"], $"{before["map"]} → {after["map"]}");
        Assert.Equal(1, after["accuracy@1"]);
    }

    [Fact]
    public void Two_texts_of_a_class_are_held_out_wherever_there_are_four()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 16, i => $"a dog {i},{(i < 4 ? "x" : "y")}");
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), Config(data) with { Steps = 1 });
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("4 of 16 examples are held out", StringComparison.Ordinal));
    }

    [Fact]
    public void Numbers_are_classes_where_the_loss_or_names_of_labels_say_so()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "premise,hypothesis,label", 30, i => $"a dog {i},a cat {i},{i % 3}");
        FinetuningConfig config = Config(data) with { Steps = 1 };
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("scores"), config))
            Assert.Equal("spearman", run.Task.Measure.Name);
        foreach (FinetuningConfig classes in (FinetuningConfig[])[config with { Loss = "softmax" },
            config with { LabelNames = ["entailment", "neutral", "contradiction"] }])
        {
            using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("classes"), classes);
            Assert.Equal("macro_f1", run.Task.Measure.Name);
            run.Task.Save(Directory.CreateDirectory(folder.File("saved")).FullName);
            Assert.Contains(classes.Loss is null ? "\"entailment\"" : "\"0\"", File.ReadAllText(folder.File("saved/config.json")),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Prompts_stand_before_the_texts_are_saved_and_used_again()
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-prompt-excluded");
        string data = Pairs(folder);
        FinetuningConfig config = Config(data) with
        {
            Model = model,
            Dev = data,
            Steps = 2,
            QueryPrompt = "find: ",
            DocumentPrompt = "read: "
        };
        EvaluationReport report = Finetuned.Train(folder.File("model"), config)!;
        using TextEmbedder embedder = TextEmbedder.Open(folder.File("model"));
        Assert.Equal(("find: ", "read: "), (embedder.Settings.Prompts["query"], embedder.Settings.Prompts["document"]));
        Assert.Equal("query", embedder.Settings.DefaultPromptName);

        // What is embedded while training is what the folder gives for the purpose: prompt before the text, its rows left out.
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model2"), config with { Steps = 1 }))
        {
            Assert.Contains("prompts: \"find: \" before first texts, \"read: \" before the others", run.Task.Decisions);
            TokenGrid ids = run.Task.Batch(0).InputIds!;
            string question = Tokenizers.Tokenizer.FromFolder(model).Decode([.. Enumerable.Range(0, ids.Columns).Select(t => ids[0, t])]);
            Assert.Contains("find", question, StringComparison.Ordinal);
        }

        EvaluationReport again = FinetuningRun.Evaluate(new FinetuningConfig { Model = folder.File("model"), Test = data, BatchSize = 8 }).Report;
        Assert.Equal((report.Loss, report["mrr@10"]), (again.Loss, again["mrr@10"]));
        using TrainingRun<FinetuningTask> own = FinetuningRun.Prepare(folder.File("own"), config with { QueryPrompt = null, DocumentPrompt = "" });
        Assert.Contains("prompts: \"query: \" before first texts, \"\" before the others", own.Task.Decisions);
    }

    [Fact]
    public void Prompts_left_out_of_the_pooling_give_the_vectors_that_the_folder_gives()
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-prompt-excluded");
        string data = Rows(folder, "sentence1,sentence2,score", 9, i => $"a dog {i},a cat {i},0.{i}");
        FinetuningConfig config = Config(data) with { Model = model, Dev = data, Loss = "cosine", QueryPrompt = "find: ", DocumentPrompt = "" };
        using TextEmbedder embedder = TextEmbedder.Open(model);
        double expected = 0;
        for (int i = 0; i < 9; i++)
        {
            double near = embedder.Similarity(embedder.Embed($"a dog {i}", new EmbeddingOptions { Prompt = "find: " }),
                embedder.Embed($"a cat {i}", new EmbeddingOptions { Prompt = "" }));
            expected += Math.Pow(near - (i / 10.0), 2) / 9;
        }

        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config))
            Assert.Equal(expected, run.Task.Evaluate(all: true, CancellationToken.None)!.Loss, 1e-5);
        Finetuned.AssertSplits(folder, config);
    }

    [Theory]
    [InlineData("triplet", "loss: triplet does not fit")]
    [InlineData("cosent", "loss: cosent does not fit")]
    [InlineData("softmax", "loss: softmax does not fit")]
    [InlineData("batch_hard", "loss: batch_hard does not fit")]
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
