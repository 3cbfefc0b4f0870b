using System.Globalization;
using System.Text;
using System.Text.Json;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Collators;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

/// <summary>Translations and summaries, by encoder-decoders and decoders.</summary>
public class RewritingRunTests
{
    private static readonly string[] English = ["one dog", "two dogs", "three cats"], German = ["ein Hund", "zwei Hunde", "drei Katzen"];

    [Fact]
    public void Pairs_of_a_table_become_an_encoder_decoder_that_translates_with_the_folder_s_prefix()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config("t5-translate", Pairs(folder, 24)) with { Steps = 40, LearningRate = 1e-2, EvaluateEvery = 40 };
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("plan"), config))
        {
            Assert.Contains(run.Task.Decisions, d => d.StartsWith("the model reads \"translate English to German: {source}\", with the prefix of "
                + "translation_en_to_de", StringComparison.Ordinal));
            ModelInputs inputs = run.Task.Batch(0);
            // The start, and the labels without the last.
            Assert.Equal(inputs.Labels!.Row(0)[..^1].TakeWhile(l => l >= 0), inputs.DecoderInputIds!.Row(0).Skip(1).TakeWhile(i => i > 0)
                .Take(inputs.Labels.Row(0)[..^1].TakeWhile(l => l >= 0).Count()));
            Assert.Equal(0, inputs.DecoderInputIds[0, 0]);
        }

        EvaluationReport? report = Finetuned.Train(folder.File("model"), config with { Test = config.Train });
        Assert.Contains("\"bleu_signature\"", File.ReadAllText(Path.Combine(folder.File("model"), "report.json")), StringComparison.Ordinal);
        foreach (string measure in (string[])["bleu", "chrf", "exact_match", "perplexity"]) Assert.NotNull(report![measure]);
        Assert.Equal(Math.Exp(report!.Loss), report["perplexity"]!.Value, 1e-9);
        Assert.True(report.Loss < 2, $"loss {report.Loss}");
        using HeedModel opened = HeedModel.Open(folder.File("model"));
        Assert.NotEmpty(opened.Rewrite(["two dogs"], "translation_en_to_de"));
    }

    [Fact]
    public void A_decoder_learns_the_target_alone_and_its_prompt_ends_with_a_line()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config("gpt2-text", Pairs(folder, 20)) with { Steps = 30, LearningRate = 1e-2, EvaluateEvery = 30 };
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("plan"), config))
        {
            RewritingData data = (RewritingData)run.Task.Data;
            LearnedText text = data.Encode(data.TrainingExamples[0], 64);
            int prompt = data.Source(data.TrainingExamples[0].Source).Length;
            Assert.All(text.Labels.Take(prompt), l => Assert.Equal(IgnoredLabel.Value, l));
            Assert.Equal(text.Ids.Skip(prompt), text.Labels.Skip(prompt));
            Assert.Equal(run.Task.Model.Config.EndId, text.Ids[^1]);
            Assert.Equal(data.TrainingExamples[0].Source + "\n", data.Tokenizer.Decode(text.Ids.AsSpan(0, prompt)));
            // What is too long loses the end of its text, and keeps line and target.
            LearnedText cut = data.Encode(data.TrainingExamples[0], text.Ids.Length - 3);
            Assert.True(cut.Ids.Length <= text.Ids.Length - 3);
            Assert.Equal(text.Labels.Where(l => l >= 0), cut.Labels.Where(l => l >= 0));
            Assert.EndsWith("\n", data.Tokenizer.Decode([.. cut.Ids.Take(cut.Labels.TakeWhile(l => l < 0).Count())]), StringComparison.Ordinal);
        }

        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.NotNull(report!["bleu"]);
        Assert.True(report.Loss < 3, $"loss {report.Loss}");
    }

    [Fact]
    public void Documents_and_summaries_are_measured_by_rouge_which_does_not_see_other_letters()
    {
        using TemporaryFolder folder = new();
        string data = folder.File("texte.jsonl");
        File.WriteAllLines(data, Enumerable.Range(0, 12).Select(i => $"{{\"Text\":\"Die Kätzchen {i} schliefen überall.\",\"Zusammenfassung\":\"Kätzchen {i}\"}}"));
        FinetuningConfig config = Config("bart-summary", data) with { Task = RewritingData.Summarization, Steps = 3, EvaluateEvery = 3 };
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("plan"), config))
            Assert.Contains(run.Task.Decisions, d => d.Contains("ROUGE does not see them", StringComparison.Ordinal));
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        foreach (string measure in (string[])["rouge1", "rouge2", "rougeL", "rougeLsum", "exact_match"]) Assert.NotNull(report![measure]);
        Assert.Equal(24, GenerationConfig.FromFolder(folder.File("model")).MaxLength);
    }

    [Theory, InlineData("t5-translate"), InlineData("gpt2-text"), InlineData("bart-summary")]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not(string model)
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertResumes(folder, Config(model, Pairs(folder, 12)) with { BatchSize = 4 });
    }

    [Theory, InlineData("t5-translate"), InlineData("gpt2-text"), InlineData("bart-summary")]
    public void Any_split_of_a_batch_gives_its_gradient(string model)
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertSplits(folder, Config(model, Pairs(folder, 9)));
    }

    [Fact]
    public void What_is_cut_is_counted_and_named()
    {
        using TemporaryFolder folder = new();
        string data = Pairs(folder, 12);
        File.AppendAllText(data, $"{string.Join(' ', Enumerable.Repeat("dog", 90))}\tHund\n");
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"),
            Config("t5-translate", data) with { MaximumLength = 80, Dev = FinetuningConfig.NoDev });
        string cut = Assert.Single(run.Task.Decisions, d => d.Contains("tokens and cut", StringComparison.Ordinal));
        Assert.Contains("1 of 13 examples is longer than 80 tokens and cut, 0 of them in their target (data.tsv:13;", cut, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prefix_that_was_set_is_saved_with_the_model()
    {
        using TemporaryFolder folder = new();
        Finetuned.Train(folder.File("model"), Config("bart-summary", Pairs(folder, 12)) with { Prompt = "in German: {source}", Steps = 2, EvaluateEvery = 2 });
        using HeedModel opened = HeedModel.Open(folder.File("model"));
        Assert.Equal(opened.RewritingIds(["one dog"], RewritingData.Translation, truncate: false)[0],
            opened.RewritingIds(["in German: one dog"], null, truncate: false)[0]);
    }

    [Theory]
    [InlineData("translate it", "holds {source} 0 times")]
    [InlineData("{source} {source}", "holds {source} 2 times")]
    public void A_prompt_holds_the_text_once(string prompt, string message)
    {
        using TemporaryFolder folder = new();
        ConfigException e = Assert.Throws<ConfigException>(
            () => FinetuningRun.Prepare(folder.File("model"), Config("t5-translate", Pairs(folder, 9)) with { Prompt = prompt }));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_encoder_is_refused()
    {
        using TemporaryFolder folder = new();
        InputException e = Assert.Throws<InputException>(
            () => FinetuningRun.Prepare(folder.File("model"), Config("t5-translate", Pairs(folder, 9)) with { Model = Finetuned.Encoder }));
        Assert.Contains("the bert family has no head for translation", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_without_its_target_is_named()
    {
        using TemporaryFolder folder = new();
        string data = Pairs(folder, 9);
        File.AppendAllText(data, "one cat\t\n");
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"), Config("t5-translate", data)));
        Assert.Contains("data.tsv:10: 'target' is empty", e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
        Assert.False(Directory.Exists(folder.File("model")));
    }

    private static FinetuningConfig Config(string model, string data)
        => new() { Task = RewritingData.Translation, Model = Finetuned.Pipeline(model), Train = data };

    /// <summary>Pairs of unequal lengths, without a header.</summary>
    private static string Pairs(TemporaryFolder folder, int count)
    {
        string path = folder.File("data.tsv");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(i
            => string.Create(CultureInfo.InvariantCulture, $"{English[i % 3]} and {i}\t{German[i % 3]}{(i % 2 == 0 ? $" und {i}" : "")}")));
        return path;
    }
}
