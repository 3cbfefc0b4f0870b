using System.Text;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class ClassificationRunTests
{
    private static readonly string Base = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");

    [Fact]
    public void A_spreadsheet_becomes_a_model_that_knows_its_labels_by_name()
    {
        using TemporaryFolder folder = new();
        string data = folder.File("daten.csv");
        StringBuilder csv = new("\uFEFFNachricht;Kategorie\r\n");
        for (int i = 0; i < 40; i++) csv.Append(i % 2 == 0 ? $"\"the cat {i};\nsat\";Katze\r\n" : $"a dog {i} ran;Hund\r\n");
        File.WriteAllText(data, csv.ToString());
        string model = folder.File("model");
        EvaluationReport? report = Train(model, Config(data) with { Epochs = 6, LearningRate = 5e-3 });
        Assert.NotNull(report);
        Assert.Equal(1, report["accuracy"]);
        using HeedModel opened = HeedModel.Open(model);
        Assert.Equal(["Hund", "Katze"], opened.Model.Config.Labels);
        Assert.Equal("Katze", opened.Classify("the cat 77; sat")[0].Label);
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Rows(folder, "text,label", 30, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no"))
            with
        { Steps = 12, SaveEvery = 3, LearningRate = 3e-3, Dropout = 0.1, GroupByLength = true };
        Train(folder.File("whole"), config);
        Train(folder.File("parts"), config, stopAfter: 4);
        Train(folder.File("parts"), config, stopAfter: 3);
        Train(folder.File("parts"), config);
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("whole"), "model.safetensors")),
            File.ReadAllBytes(Path.Combine(folder.File("parts"), "model.safetensors")));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_adapter_learns_is_resumed_to_the_bit_and_opens_with_its_labels(bool dora)
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 40, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        FinetuningConfig config = Config(data) with { Lora = 4, Dora = dora, LoraDropout = 0.1, Steps = 30, SaveEvery = 5, LearningRate = 1e-2 };
        EvaluationReport? report = Train(folder.File("whole"), config);
        Train(folder.File("parts"), config, stopAfter: 7);
        Train(folder.File("parts"), config);
        Assert.Equal(1, report!["accuracy"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("whole"), "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(folder.File("parts"), "adapter_model.safetensors")));
        Assert.False(File.Exists(Path.Combine(folder.File("whole"), "model.safetensors")));
        using HeedModel opened = HeedModel.Open(folder.File("whole"));
        Assert.Equal("yes", opened.Classify("good day 77")[0].Label);
        Assert.Equal(1, FinetuningRun.Evaluate(new FinetuningConfig { Model = folder.File("whole"), Test = data }).Report["accuracy"]);
    }

    [Fact]
    public void A_finished_run_leaves_figures_a_page_a_card_and_a_temperature()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 60, i => i % 2 == 0 ? $"good <b>day</b> {i},yes" : $"bad night {i},no");
        // Some labels are wrong on purpose, so that there is something to calibrate and to list.
        string test = folder.File("test.csv");
        File.WriteAllLines(test, File.ReadLines(data).Select((line, i) => i % 9 == 1 ? line.Replace(",yes", ",no", StringComparison.Ordinal) : line));
        Train(folder.File("model"), Config(data) with { Dev = test, Test = test, Steps = 30, LearningRate = 3e-3 });
        System.Text.Json.Nodes.JsonNode report = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(folder.File("model"), "report.json")))!;
        Assert.Equal(60, report["test"]!["examples"]!.GetValue<int>());
        Assert.Equal(report["loss"]!.GetValue<double>(), report["test"]!["loss"]!.GetValue<double>());
        Assert.Equal(2, ((System.Text.Json.Nodes.JsonArray)report["details"]!["confusion"]!).Count);
        Assert.NotEmpty((System.Text.Json.Nodes.JsonArray)report["worst"]!);
        string plain = File.ReadAllText(Path.Combine(folder.File("model"), "report.txt"));
        Assert.Contains(", trained for classification: step ", plain, StringComparison.Ordinal);
        Assert.Contains(" held-out examples\n  loss ", plain, StringComparison.Ordinal);
        Assert.Contains("\n  macro f1 ", plain, StringComparison.Ordinal);
        string page = File.ReadAllText(Path.Combine(folder.File("model"), "report.html")), card = File.ReadAllText(Path.Combine(folder.File("model"), "README.md"));
        Assert.DoesNotContain("<b>day</b>", page, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;day&lt;/b&gt;", page, StringComparison.Ordinal);
        Assert.Contains("model-index:", card, StringComparison.Ordinal);
        Assert.DoesNotContain(folder.Path, card + page, StringComparison.Ordinal);
        Assert.DoesNotContain("More information needed", card, StringComparison.OrdinalIgnoreCase);
        ClassCalibration calibration = ClassCalibration.Read(new FolderModelFiles(folder.File("model")));
        Assert.InRange(calibration.Temperature, 0.01, 100);
        Assert.NotEqual(1, calibration.Temperature);
        float calibrated = Classified(folder.File("model"));
        File.Delete(Path.Combine(folder.File("model"), "calibration.json"));
        double odds = Math.Log(Classified(folder.File("model")) / (1 - Classified(folder.File("model"))));
        Assert.Equal(1 / (1 + Math.Exp(-odds / calibration.Temperature)), calibrated, 1e-5);

        static float Classified(string folder)
        {
            using HeedModel model = HeedModel.Open(folder);
            return model.Classify("good day 7")[0].Score;
        }
    }

    [Theory]
    [InlineData("sentence1,sentence2,label", "a dog {0},a cat,other", "a dog {0},a dog,same", ClassificationKind.SingleLabel, "macro_f1")]
    [InlineData("text,label", "a dog {0},animal|pet", "a car {0},thing", ClassificationKind.MultiLabel, "subset_accuracy")]
    [InlineData("text,label", "a dog {0},0.75", "a car {0},0.25", ClassificationKind.Regression, "r2")]
    public void Pairs_several_labels_and_numbers_are_noticed(string header, string even, string odd, ClassificationKind kind, string measure)
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, header, 24, i => string.Format(System.Globalization.CultureInfo.InvariantCulture, i % 2 == 0 ? even : odd, i));
        FinetuningConfig config = Config(data) with { Steps = 4, EvaluateEvery = 4, Kind = kind == ClassificationKind.MultiLabel ? "multiple" : null };
        EvaluationReport? report = Train(folder.File("model"), config);
        Assert.NotNull(report![measure]);
        ModelDescription saved = ModelFolder.ReadConfig(folder.File("model"));
        Assert.Equal(kind, saved.Config.ClassificationKind);
    }

    [Fact]
    public void What_is_omitted_is_decided_and_the_reason_is_given()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 100, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), Config(data));
        // 90 examples to learn from: 6 batches, 20 epochs at most.
        Assert.Equal(120, run.Config.Steps);
        Assert.Equal(5e-5, run.Config.LearningRate);
        Assert.Equal(7, run.Config.WarmupSteps);
        Assert.Equal(12, run.Config.EvaluateEvery);
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("10 of 100 examples are held out", StringComparison.Ordinal));
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("learning rate 5.0e-5: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_dev_label_that_training_does_not_know_is_named_with_its_line()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 20, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        File.WriteAllText(folder.File("dev.csv"), "text,label\na day,yes\na week,perhaps\n");
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"), Config(data) with { Dev = folder.File("dev.csv") }));
        Assert.Contains("dev.csv:3: the label 'perhaps'", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("model")));
    }

    [Fact]
    public void A_model_that_no_run_has_made_is_not_written_over()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 20, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        Directory.CreateDirectory(folder.File("model"));
        File.WriteAllText(Path.Combine(folder.File("model"), "config.json"), "{}");
        StorageException e = Assert.Throws<StorageException>(() => FinetuningRun.Prepare(folder.File("model"), Config(data)));
        Assert.Contains("holds a model that no run here has made", e.Message, StringComparison.Ordinal);
        Assert.Throws<ConfigException>(() => FinetuningRun.Prepare(Base, Config(data)));
    }

    [Fact]
    public void A_run_whose_predictions_are_all_one_class_stops_and_suspects_the_rate()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 60, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        FinetuningConfig config = Config(data) with { Steps = 40, LearningRate = 10, HeadRate = 1, WarmupSteps = 0, EvaluateEvery = 2, Patience = 0 };
        NumericalException e = Assert.Throws<NumericalException>(() => Train(folder.File("model"), config));
        Assert.Contains("of predictions are", e.Message, StringComparison.Ordinal);
        Assert.Contains("the learning rate 1.0e+1 is too high", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_evaluated_outside_the_loop_does_not_judge_a_run()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 60, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), Config(data) with { Steps = 2, EvaluateEvery = 1 });
        for (int i = 0; i < 5; i++) run.Measure(TimeSpan.FromMilliseconds(1));
        for (int i = 0; i < 5; i++) run.EvaluateAll();
        Assert.Equal(TrainingEnd.Finished, run.Train([]));
        Assert.NotNull(FinetuningRun.Finish(run));
    }

    [Fact]
    public void A_list_in_a_cell_is_several_labels_and_labels_alike_are_told()
    {
        using TemporaryFolder folder = new();
        string[] lists = ["\"[\"\"a\"\",\"\"b\"\"]\"", "[]", "\"[\"\"b\"\"]\""];
        string data = Rows(folder, "text,label", 24, i => $"a dog {i},{lists[i % 3]}");
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("several"), Config(data)))
            Assert.Equal(["a", "b"], run.Task.Model.Config.Labels);
        data = Rows(folder, "text,label", 24, i => $"a dog {i},{(i % 3 == 0 ? "Fraud" : i % 3 == 1 ? "fraud" : "other")}");
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("alike"), Config(data)))
            Assert.Contains(run.Task.Decisions, d => d.Contains("'Fraud', 'fraud' differ in case only", StringComparison.Ordinal));
    }

    [Fact]
    public void Pairs_of_many_texts_are_not_all_learned_from_unless_epochs_say_so()
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 300, i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no");
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("a"), Config(data) with { FewShot = true }))
        {
            Assert.Equal(500, run.Config.Steps);
            Assert.Contains(run.Task.Decisions, d => d.EndsWith("more of so many pairs teach little; epochs sets another number", StringComparison.Ordinal));
        }

        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("b"), Config(data) with { FewShot = true, Epochs = 1 }))
            Assert.True(run.Config.Steps > 1000, $"{run.Config.Steps} steps");
    }

    [Theory]
    [InlineData("balanced", 0.75f, 1.5f)]
    [InlineData("no=4", 1f, 4f, true)]
    public void Classes_weigh_as_the_setting_says(string setting, float first, float second, bool swapped = false)
    {
        using TemporaryFolder folder = new();
        string data = Rows(folder, "text,label", 30, i => i % 3 < 2 ? $"good day {i},yes" : $"bad night {i},no");
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), Config(data) with { Dev = FinetuningConfig.NoDev });
        ClassificationData read = (ClassificationData)run.Task.Data;
        float[] weights = ClassWeights.Of(setting, read.Labels, read.TrainingExamples.Select(e => e.Labels[0]))!;
        // Labels are no, yes.
        Assert.Equal(swapped ? [second, first] : [second, first], weights);
        ConfigException e = Assert.Throws<ConfigException>(() => ClassWeights.Of("maybe=2", read.Labels, []));
        Assert.Contains("labels are no, yes", e.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_epoch_reads_each_example_once_and_the_last_batch_is_shorter(bool groupByLength)
    {
        int[] lengths = [.. Enumerable.Range(0, 53).Select(i => (i * 7) % 13)];
        ExampleOrder order = new(lengths, 8, seed: 3, shuffle: true, groupByLength);
        Assert.Equal(7, order.BatchesPerEpoch);
        for (int epoch = 0; epoch < 3; epoch++)
        {
            List<int> read = [];
            for (int batch = 0; batch < 7; batch++) read.AddRange(order[(epoch * 7) + batch]);
            Assert.Equal(Enumerable.Range(0, 53), read.Order());
        }

        Assert.Equal(5, order[6].Length);
        Assert.NotEqual(order[0].ToArray(), order[7].ToArray());
    }

    private static FinetuningConfig Config(string data) => new() { Model = Base, Train = data };

    private static string Rows(TemporaryFolder folder, string header, int count, Func<int, string> row)
    {
        string path = folder.File("data.csv");
        File.WriteAllLines(path, [header, .. Enumerable.Range(0, count).Select(row)]);
        return path;
    }

    private static EvaluationReport? Train(string folder, FinetuningConfig config, int? stopAfter = null)
    {
        using CancellationTokenSource stop = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder, config);
        TrainingEnd end = run.Train([new StopAfter(stop, stopAfter)], cancellationToken: stop.Token);
        return end == TrainingEnd.Interrupted ? null : FinetuningRun.Finish(run);
    }

    private sealed class StopAfter(CancellationTokenSource stop, int? steps) : ITrainingObserver
    {
        private int _done;

        public void Stepped(StepReport report)
        {
            if (++_done == steps) stop.Cancel();
        }
    }
}
