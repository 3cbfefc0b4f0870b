using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Training.Finetuning;
using Heed.Training.Runs;
using Heed.Training.Symptoms;

namespace Heed.Doctor.Tests;

/// <summary>Each rule finds the mistake of a run that was made with it, in the folder that it left; cheap rules warn while it
/// trains.</summary>
public sealed class PlantedRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory, InlineData(0, RisingLoss.WarmupRule), InlineData(12, RisingLoss.RateRule)]
    public void A_rate_that_spoils_the_model_is_found_and_warned_of_once(int warmup, string rule)
    {
        FinetuningConfig config = Classes() with
        {
            Steps = 40,
            LearningRate = 0.3,
            WarmupSteps = warmup,
            EvaluateEvery = 100,
            ClipNorm = 0
        };
        List<string> warnings = Workshop.Finetune(_folder.File("run"), config);
        Assert.Single(warnings, w => w.StartsWith(rule, StringComparison.Ordinal));
        Finding found = Assert.Single(Examination.OfPath(_folder.File("run")).Findings, f => f.Rule == rule);
        Assert.Contains("when the run began", found.Evidence, StringComparison.Ordinal);
        Assert.StartsWith(found.ToString(), warnings.Single(w => w.StartsWith(rule, StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_norm_that_explodes_is_found_and_warned_of_once()
    {
        Tokenizer words = Workshop.Tokenizer();
        TrainingConfig config = new() { Steps = 50, EvaluateEvery = 0 };
        Warnings warnings = new();
        using (TrainingRun<TextsTask> run = TrainingRun.Prepare(_folder.File("run"), config,
            _ => new TextsTask(PlantedTaskTests.Model(), words) { HeavyAfter = 30 }))
            run.Train([warnings]);
        Assert.StartsWith($"{ExplodingNorm.Rule}: step 35: ",
            Assert.Single(warnings.All, w => w.StartsWith(ExplodingNorm.Rule, StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Equal("step 35", Assert.Single(Examination.OfPath(_folder.File("run")).Findings, f => f.Rule == ExplodingNorm.Rule).Place);
    }

    [Fact]
    public void Predictions_of_one_class_are_found_in_a_finished_run_and_in_one_that_failed()
    {
        FinetuningConfig config = Classes() with { LearningRate = 0.3, WarmupSteps = 4, Steps = 20, EvaluateEvery = 10, Patience = 0 };
        Workshop.Finetune(_folder.File("finished"), config);
        Finding found = Assert.Single(Examination.OfPath(_folder.File("finished")).Findings, f => f.Rule == OneClass.Rule);
        Assert.Contains("100 % of predictions", found.Evidence.Replace("100%", "100 %", StringComparison.Ordinal),
            StringComparison.Ordinal);
        Workshop.Finetune(_folder.File("failed"), config with { Steps = 200, EvaluateEvery = 15 });
        Assert.False(File.Exists(Path.Combine(_folder.File("failed"), "report.json")));
        Assert.Contains(Examination.OfPath(_folder.File("failed")).Findings, f => f.Rule == OneClass.Rule);
    }

    [Fact]
    public void A_layer_without_gradient_is_found_in_the_optimizers_state_and_warned_of_once()
    {
        Tokenizer words = Workshop.Tokenizer();
        TrainingConfig config = new() { Steps = 6, EvaluateEvery = 0 };
        Warnings warnings = new();
        using (TrainingRun<TextsTask> run = TrainingRun.Prepare(_folder.File("run"), config,
            _ => new TextsTask(PlantedTaskTests.Model(), words) { Hooks = PlantedTaskTests.Cut }))
            run.Train([warnings]);
        Assert.Single(warnings.All, w => w.StartsWith($"{UnreachedLayers.Rule}: pos_embed, blocks.0", StringComparison.Ordinal));
        Assert.Equal("pos_embed, "
            + "blocks.0", Assert.Single(Workshop.Only(Examination.OfPath(_folder.File("run")), UnreachedLayers.Rule)).Place);
    }

    [Fact]
    public void A_model_that_learned_to_repeat_what_it_reads_is_found_by_its_folder()
    {
        Tokenizer words = Workshop.Tokenizer(Models.ModelProbe.GeneralTexts);
        TrainingConfig config = new() { Steps = 150, LearningRate = 1e-2, EvaluateEvery = 0, SaveEvery = 0 };
        using (TrainingRun<TextsTask> run = TrainingRun.Prepare(_folder.File("run"), config,
            _ => new TextsTask(Model(words), words, Models.ModelProbe.GeneralTexts) { SaysShifted = true }))
            run.Train([]);
        Finding found = Assert.Single(Workshop.Only(Examination.OfPath(_folder.File("run")), Rules.LabelsNotShifted));
        Assert.Contains("just read", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_that_was_exchanged_after_the_run_is_found()
    {
        string run = _folder.File("run");
        Workshop.Finetune(run, Classes() with { Steps = 3, LearningRate = 1e-4 });
        Workshop.Edit(run, "tokenizer.json", t =>
        {
            System.Text.Json.Nodes.JsonObject words = t["model"]!["vocab"]!.AsObject();
            string[] last = [.. words.Select(w => w.Key).TakeLast(2)];
            (int a, int b) = (words[last[0]]!.GetValue<int>(), words[last[1]]!.GetValue<int>());
            (words[last[0]], words[last[1]]) = (b, a);
        });
        Assert.Contains("SHA-256", Assert.Single(Workshop.Only(Examination.OfPath(run), Rules.TokenizerMismatch)).Evidence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Dev_texts_that_were_learned_and_answers_that_were_cut_are_found()
    {
        string train = _folder.File("train.tsv"), dev = _folder.File("dev.tsv");
        File.WriteAllLines(train, Enumerable.Range(0,
            20).Select(i => $"the cat {i}\t{string.Concat(Enumerable.Repeat("die Katze und ", i))}das Haus"));
        File.WriteAllLines(dev, ["the cat 3\tdie Katze", "the dog 1\tder Hund"]);
        FinetuningConfig config = new()
        {
            Model = Workshop.Pipeline("t5-translate"),
            Train = train,
            Dev = dev,
            Task = "translation",
            MaximumLength = 24,
            Steps = 2,
            LearningRate = 1e-4,
        };
        Workshop.Finetune(_folder.File("run"), config);
        IReadOnlyList<Finding> found = Workshop.Only(Examination.OfPath(_folder.File("run")), Rules.Leakage, Rules.TruncatedAnswers);
        Assert.StartsWith("1 dev texts", found[0].Evidence, StringComparison.Ordinal);
        Assert.Contains("in their target", found[1].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_forgot_its_language_is_found_and_one_that_did_not_is_silent()
    {
        Tokenizer words = Workshop.Tokenizer([.. Models.ModelProbe.GeneralTexts, .. Workshop.Texts]);
        string knows = _folder.File("knows");
        TrainingConfig learn = new() { Steps = 150, LearningRate = 1e-2, EvaluateEvery = 0, SaveEvery = 0 };
        using (TrainingRun<TextsTask> run = TrainingRun.Prepare(_folder.File("base"), learn,
            _ => new TextsTask(Model(words), words, Models.ModelProbe.GeneralTexts)))
        {
            run.Train([]);
            Workshop.Save(knows, (CausalLanguageModel)run.Task.Model, words);
        }

        string data = Workshop.Table(_folder, "pairs.csv", "source,target", 40, i => $"the cat {i},the dog {i}");
        FinetuningConfig config = new()
        {
            Model = knows,
            Train = data,
            Task = "translation",
            Steps = 30,
            EvaluateEvery = 30,
            Dev = FinetuningConfig.NoDev
        };
        Workshop.Finetune(_folder.File("gentle"), config with { LearningRate = 1e-5 });
        Assert.Contains(Rules.Forgetting, Workshop.Healthy(Examination.OfPath(_folder.File("gentle"))).Judged);
        Workshop.Finetune(_folder.File("rough"), config with { LearningRate = 2e-2 });
        Assert.Contains("the loss on general text is",
            Assert.Single(Examination.OfPath(_folder.File("rough")).Findings, f => f.Rule == Rules.Forgetting).Evidence,
            StringComparison.Ordinal);
    }

    [Theory, InlineData("classification"), InlineData("similarity")]
    public void A_base_without_a_language_model_head_is_found_by_how_far_its_weights_moved(string task)
    {
        string data = Workshop.Table(_folder, "pairs.csv", "query,document", 40, i => $"the cat {i},the dog {i}");
        FinetuningConfig config = Classes() with { Model = WideEncoder(8_000), Task = task, Steps = 20, EvaluateEvery = 20 };
        if (task == "similarity") config = config with { Train = data };
        Workshop.Finetune(_folder.File("gentle"), config with { LearningRate = 1e-5 });
        ExaminationReport gentle = Examination.OfPath(_folder.File("gentle"));
        Assert.Contains(Rules.Forgetting, gentle.Judged);
        Assert.DoesNotContain(gentle.Findings, f => f.Rule == Rules.Forgetting);
        Workshop.Finetune(_folder.File("rough"), config with { LearningRate = 2e-2 });
        Assert.StartsWith("half of its matrices have moved by",
            Assert.Single(Examination.OfPath(_folder.File("rough")).Findings, f => f.Rule == Rules.Forgetting).Evidence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_rate_far_above_the_usual_is_found_in_the_settings_before_the_loss_shows_it()
    {
        FinetuningConfig config = Classes() with { Model = WideEncoder(40_000), Steps = 2, EvaluateEvery = 2 };
        List<string> warnings = Workshop.Finetune(_folder.File("high"), config with { LearningRate = 5e-3 });
        Finding found = Assert.Single(Examination.OfPath(_folder.File("high")).Findings, f => f.Rule == RisingLoss.RateRule);
        Assert.Equal("learning_rate", found.Place);
        Assert.Contains("100 times the usual 5.0e-5 for all weights", found.Evidence, StringComparison.Ordinal);
        Assert.StartsWith(found.ToString(), Assert.Single(warnings, w => w.StartsWith(RisingLoss.RateRule, StringComparison.Ordinal)),
            StringComparison.Ordinal);
        warnings = Workshop.Finetune(_folder.File("usual"), config with { LearningRate = 5e-5 });
        Assert.DoesNotContain(warnings, w => w.StartsWith(RisingLoss.RateRule, StringComparison.Ordinal));
        Assert.DoesNotContain(Examination.OfPath(_folder.File("usual")).Findings, f => f.Rule == RisingLoss.RateRule);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>A folder of sentence-transformers whose encoder has enough weights to be held against its base.</summary>
    private string WideEncoder(int vocabulary)
    {
        string folder = Workshop.Copy(Workshop.Sentences("bert-mean"), _folder.File("wide"));
        BertConfig sizes = new() { Vocabulary = vocabulary, Width = 128, Layers = 2, Heads = 4, PositionRows = 40, PaddingId = 0 };
        using Model model = ModelFamilies.Build("BertModel", sizes, new ParameterSet(ParameterSource.Random(5)));
        ModelFolder.Save(model, folder);
        Workshop.Edit(folder, Path.Combine("1_Pooling", "config.json"), c => c["embedding_dimension"] = sizes.Width);
        return folder;
    }

    private static CausalLanguageModel Model(Tokenizer words) => CausalLanguageModel.Create(
        Workshop.Sizes(words.VocabularySize) with { EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 },
        new ParameterSet(ParameterSource.Random(3)));

    /// <summary>Cats and dogs, on a small encoder.</summary>
    private FinetuningConfig Classes() => new()
    {
        Model = Workshop.Sentences("bert-mean"),
        Train = Workshop.Table(_folder, "classes.csv", "text,label", 60, i => i % 2 == 0 ? $"the cat {i} sat,cat" : $"a dog {i} ran,dog"),
        BatchSize = 8,
    };
}
