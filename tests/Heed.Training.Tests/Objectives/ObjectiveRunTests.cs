using System.Security.Cryptography;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Objectives;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using Heed.Training.Tests.Runs;

namespace Heed.Training.Tests.Objectives;

/// <summary>Runs with each objective: from nothing or further, interrupted or not, opened afterwards.</summary>
public sealed class ObjectiveRunTests
{
    [Theory]
    [InlineData("bert-base", "masked", true, 1)]
    [InlineData("roberta-base", "masked", false, 3)]
    [InlineData("distilbert", "masked", false, 1)]
    [InlineData("electra-small", "replaced", true, 2)]
    [InlineData("gpt2-tiny", "causal", false, 1)]
    [InlineData("t5-small", "span", false, 1)]
    [InlineData("bart-base", "denoise", false, 1)]
    [InlineData("t5-v1_1-small", "denoise", false, 1)]
    public void An_interrupted_run_ends_with_the_bits_of_one_that_was_not(string model, string objective, bool wholeWords, int longest)
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder, model, objective) with
        {
            WholeWords = wholeWords,
            LongestNgram = longest,
            Dropout = 0.1,
            Steps = 8,
            EvaluateEvery = 3,
        };
        string whole = Train(folder.File("whole"), config, null), parts = folder.File("parts");
        Train(parts, config, stopAfter: 3);
        Train(parts, config, stopAfter: 2);
        Assert.Equal(whole, Train(parts, config, null));
        // Unless it is named, the objective is the one that the model was made for.
        if (model != "t5-v1_1-small") Assert.Equal(whole, Train(folder.File("again"), config with { Objective = null }, null));
    }

    [Theory]
    [InlineData("bert-base", "masked", 0.4)]
    [InlineData("t5-small", "span", 0.4)]
    [InlineData("bart-base", "denoise", 0.4)]
    public void The_held_out_loss_falls_on_a_real_text_and_the_folder_opens(string model, string objective, double less)
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Recorder recorder = new();
        PretrainingConfig config = Config(folder, model, objective) with
        {
            Data = [Path.Combine(Repository.Root, "docs", "training.md"), Path.Combine(Repository.Root, "docs", "tokenizers.md")],
            Steps = 80,
            EvaluateEvery = 20,
            EvaluateBlocks = 16,
        };
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config)) training.Train([recorder]);
        Assert.True(recorder.Evaluations[^1].Loss < recorder.Losses[0] - less, $"{recorder.Losses[0]} → {recorder.Evaluations[^1].Loss}");
        Assert.Null(recorder.Evaluations[^1]["bits_per_byte"]);
        Assert.Equal(Math.Exp(recorder.Evaluations[^1].Loss), recorder.Evaluations[^1]["perplexity"]!.Value, 1e-9);
        using HeedModel opened = HeedModel.Open(Path.Combine(run, "model"));
        if (objective == "masked")
        {
            Assert.Equal(3, opened.Fill("the [MASK] of a run.", 3).Count);
            Assert.Equal("[CLS]", opened.Tokenizer.SpecialTokens["cls_token"]);
        }
        else
        {
            Assert.NotNull(opened.Generate(objective == "span" ? "the folder <extra_id_0> a run." : "the folder <mask> a run."));
            Assert.Equal("</s>", opened.Tokenizer.IdToToken(opened.Tokenizer.Encode("the cat").Ids[^1]));
            SequenceToSequenceModel both = Assert.IsType<SequenceToSequenceModel>(opened.Model);
            Assert.Equal(objective == "span" ? "<pad>" : "</s>", opened.Tokenizer.IdToToken(both.DecoderStartId));
        }

        // Further from the folder, with its tokenizer: what it had learned is there.
        Recorder further = new();
        PretrainingConfig again = config with
        {
            Model = Path.Combine(run, "model"),
            Layers = 0,
            Heads = 0,
            Width = 0,
            Steps = 2,
            LearningRate = 1e-4,
        };
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(folder.File("further"), again)) training.Train([further]);
        Assert.True(further.Losses[0] < recorder.Losses[0] - less, $"{further.Losses[0]}");
    }

    [Theory]
    [InlineData("gpt2-tiny", "masked", "objective: is masked, and \"gpt2-tiny\" is GPT2LMHeadModel, which does not learn "
        + "objective masked; set objective to causal, or name another model, such as bert-base")]
    [InlineData("bert-base", "causal", "set objective to masked")]
    [InlineData("bert-base", "span", "such as t5-small")]
    [InlineData("t5-small", "causal", "set objective to span or denoise")]
    public void An_objective_that_the_model_cannot_learn_is_refused(string model, string objective, string expected)
    {
        using TemporaryFolder folder = new();
        Assert.Contains(expected, Refused(folder, Config(folder, model, objective)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(FirstPresets))]
    public void A_preset_of_every_family_learns_every_objective_that_it_has_a_head_for(string model, string objective)
    {
        using TemporaryFolder folder = new();
        Recorder recorder = new();
        PretrainingConfig config = Config(folder, model, objective) with
        {
            Steps = 2,
            Heads = model.StartsWith("lstm", StringComparison.Ordinal) ? 0 : 4,
            Width = 32,
            EvaluateBlocks = 4,
        };
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(folder.File("run"), config)) training.Train([recorder]);
        // ELECTRA's loss is that of the generator and fifty times the discriminator's, which begins at ln 2.
        Assert.InRange(recorder.Losses[0] - (objective == "replaced" ? 50 * Math.Log(2) : 0), objective == "replaced" ? 0 : 4, 9);
        Assert.True(double.IsFinite(recorder.Evaluations[^1].Loss));
        using HeedModel opened = HeedModel.Open(Path.Combine(folder.File("run"), "model"));
        string architecture = opened.Model.Architecture;
        ModelFamily family = ModelFamilies.All.First(f => f.Architectures.Contains(architecture));
        Assert.Equal(ObjectiveKind.HeadOf(objective), family.HeadOf(architecture));
    }

    /// <summary>The first preset of each <c>model_type</c> with each objective that it can learn.</summary>
    public static TheoryData<string, string> FirstPresets()
    {
        TheoryData<string, string> all = [];
        HashSet<string> types = [];
        foreach (ModelFamily family in ModelFamilies.All)
        {
            foreach ((string name, ModelPreset preset) in family.Presets)
            {
                string type = preset.Config.ModelType;
                if (!types.Add(type)) continue;
                // A student needs a teacher: DistillationRunTests.
                foreach (string objective in ObjectiveKind.Names.Where(n => n != ObjectiveKind.Distill))
                    if (ObjectiveKind.ArchitectureFor(objective, family, type, preset.Architecture) is not null) all.Add(name, objective);
            }
        }

        return all;
    }

    [Fact]
    public void Settings_of_another_objective_are_refused()
    {
        using TemporaryFolder folder = new();
        Refuses("whole_words: belongs to objective masked, replaced or distill", folder, Config(folder, "t5-small", "span") with { WholeWords = true });
        Refuses("longest_ngram: belongs to objective masked, replaced or distill", folder, Config(folder, "gpt2-tiny", "causal") with { LongestNgram = 2 });
        Refuses("next_sentence: belongs to objective masked", folder, Config(folder, "gpt2-tiny", "causal") with { NextSentence = true });
        Refuses("next_sentence: \"distilbert\" is", folder, Config(folder, "distilbert", "masked") with { NextSentence = true });
        Refuses("generator_size: belongs to objective replaced", folder, Config(folder, "bert-base", "masked") with { GeneratorSize = 0.5 });
        Refuses("temperature: belongs to objective distill", folder, Config(folder, "bert-base", "masked") with { Temperature = 1 });
        Refuses("teacher: is empty", folder, Config(folder, "bert-base", "distill"));
        Refuses("mean_span_length: ", folder, Config(folder, "bert-base", "masked") with { MeanSpanLength = 2 });
        Refuses("corruption_rate: ", folder, Config(folder, "gpt2-tiny", "causal") with { CorruptionRate = 0.2 });
        Refuses("corruption_rate: at 0.9 the decoder", folder, Config(folder, "t5-small", "span") with { CorruptionRate = 0.9 });
        Refuses("block_length: is 2", folder, Config(folder, "t5-small", "span") with { BlockLength = 2 });
        Refuses("block_length: is 3", folder, Config(folder, "bert-base", "masked") with { BlockLength = 3 });
        Refuses("vocabulary_size: is 300", folder, Config(folder, "t5-small", "span") with { VocabularySize = 300 });
    }

    [Theory]
    [InlineData("bert-base", "masked", "has no mask token")]
    [InlineData("bart-base", "denoise", "has no mask token")]
    [InlineData("t5-small", "span", "has 0 sentinels")]
    public void A_tokenizer_without_the_tokens_of_the_objective_is_refused(string model, string objective, string expected)
    {
        using TemporaryFolder folder = new();
        Train(folder.File("causal"), Config(folder, "gpt2-tiny", "causal") with { Steps = 2 }, null);
        PretrainingConfig config = Config(folder, model, objective) with { Tokenizer = folder.File("causal/tokenizer") };
        InputException e = Assert.ThrowsAny<InputException>(() => PretrainingRun.Prepare(folder.File("no"), config));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains("leave the tokenizer out to train one", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("no")));
    }

    [Fact]
    public void A_batch_depends_on_its_position_alone_and_masks_anew_in_each_epoch()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(
            folder.File("run"), Config(folder, "bert-base", "masked") with { WholeWords = true });
        TextTask task = run.Task;
        int[] first = task.Batch(3).InputIds.Cells;
        task.Batch(9);
        Assert.Equal(first, task.Batch(3).InputIds.Cells);
        HashSet<string> seen = [];
        for (long position = 0; position < 50; position++) Assert.True(seen.Add(string.Join(' ', task.Batch(position).InputIds.Cells)));
    }

    [Fact]
    public void Words_are_found_where_offsets_hold_the_spaces()
    {
        string text = "the quick fox doesn't stop";
        Heed.Tokenizers.Tokenizer tokenizer = Heed.Tokenizers.Tokenizer.FromFolder(
            Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text"));
        Heed.Tokenizers.TokenEncoding encoding = tokenizer.Encode(text, addSpecialTokens: false);
        bool[] begins = WordGroups.Begins(encoding, text);
        Assert.Equal(5, begins.Count(b => b));
    }

    [Fact]
    public void A_bare_encoder_gets_a_new_head_and_one_that_lacks_a_layer_is_refused()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder, "bert-base", "masked") with { Steps = 2 };
        Train(folder.File("run"), config, null);
        string bare = folder.File("bare"), sizes = Path.Combine(bare, ModelFolder.ConfigName);
        using (Model encoder = ModelFolder.Load(folder.File("run/model"), new LoadOptions { Architecture = "BertModel" }).Model)
            ModelFolder.Save(encoder, bare);
        config = config with { Model = bare, Layers = 0, Heads = 0, Width = 0, Tokenizer = folder.File("run/model") };

        List<string> warnings = [];
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("further"), config, warnings: new Gathered(warnings)))
            run.Train([]);
        Assert.Contains($"{bare}: has no head for objective masked; the head begins with new weights.", warnings);
        using (HeedModel opened = HeedModel.Open(folder.File("further/model"))) Assert.Equal(3, opened.Fill("the [MASK] sees.", 3).Count);

        File.WriteAllText(sizes, File.ReadAllText(sizes).Replace(
            "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", StringComparison.Ordinal));
        InputException e = Assert.Throws<InputException>(() => PretrainingRun.Prepare(folder.File("no"), config));
        Assert.Contains("num_hidden_layers 3", e.Message, StringComparison.Ordinal);
        Assert.Contains("encoder.layer.2.", e.Message, StringComparison.Ordinal);
    }

    private static void Refuses(string expected, TemporaryFolder folder, PretrainingConfig config)
        => Assert.StartsWith(expected, Refused(folder, config).Message, StringComparison.Ordinal);

    private static ConfigException Refused(TemporaryFolder folder, PretrainingConfig config)
    {
        ConfigException e = Assert.ThrowsAny<ConfigException>(() => PretrainingRun.Prepare(folder.File("no"), config));
        Assert.False(Directory.Exists(folder.File("no")));
        return e;
    }

    private static PretrainingConfig Config(TemporaryFolder folder, string model, string objective)
        => PretrainingRunTests.Config(folder) with
        {
            Model = model,
            Objective = objective,
            VocabularySize = 400,
            BlockLength = 24,
            HeldOut = 0.1,
        };

    private static string Train(string folder, PretrainingConfig config, int? stopAfter)
    {
        using CancellationTokenSource stop = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([new StopAfter(stop, stopAfter)], 0, stop.Token);
        string weights = Path.Combine(folder, "model", "model.safetensors");
        return File.Exists(weights) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(weights))) : "unfinished";
    }

    private sealed class Recorder : ITrainingObserver
    {
        public List<double> Losses { get; } = [];

        public List<EvaluationReport> Evaluations { get; } = [];

        public void Stepped(StepReport report) => Losses.Add(report.Loss);

        public void Evaluated(EvaluationReport report) => Evaluations.Add(report);
    }

    private sealed class StopAfter(CancellationTokenSource stop, int? steps) : ITrainingObserver
    {
        private int _done;

        public void Stepped(StepReport report)
        {
            if (++_done == steps) stop.Cancel();
        }
    }

    private sealed class Gathered(List<string> lines) : IProgress<string>
    {
        public void Report(string value) => lines.Add(value);
    }
}
