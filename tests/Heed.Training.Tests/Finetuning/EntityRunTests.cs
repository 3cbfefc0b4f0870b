using System.Globalization;
using System.Text;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class EntityRunTests
{
    private static readonly string[] Names = ["the cat", "cat", "a dog", "dog"];

    [Fact]
    public void Words_with_tags_become_a_model_that_finds_their_entities()
    {
        using TemporaryFolder folder = new();
        string data = Conll(folder, 40);
        EvaluationReport? report = Finetuned.Train(folder.File("model"), Config(data) with { Epochs = 20, LearningRate = 5e-3, EvaluateEvery = 20 });
        Assert.True(report!["f1"] > 0.9, $"F1 {report["f1"]}");
        Assert.True(report["strict_f1"] <= report["f1"]);
        ModelDescription saved = ModelFolder.ReadConfig(folder.File("model"));
        Assert.Equal("BertForTokenClassification", saved.Architecture);
        Assert.Equal(["O", "B-ORT", "I-ORT", "B-TIER", "I-TIER"], saved.Config.Labels);
    }

    [Fact]
    public void Labelled_parts_of_texts_are_learned_by_their_offsets()
    {
        using TemporaryFolder folder = new();
        string data = Spans(folder, 40);
        EvaluationReport? report = Finetuned.Train(folder.File("model"), Config(data) with { Epochs = 20, LearningRate = 5e-3, EvaluateEvery = 20 });
        Assert.True(report!["f1"] > 0.9, $"F1 {report["f1"]}");
        Assert.Equal(["O", "B-TIER", "I-TIER"], ModelFolder.ReadConfig(folder.File("model")).Config.Labels);
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertResumes(folder, Config(Conll(folder, 24)) with { BatchSize = 4, ClassWeights = "balanced", LabelSmoothing = 0.1 });
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Any_split_of_a_batch_gives_its_gradient(bool spans)
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertSplits(folder, Config(spans ? Spans(folder, 9) : Conll(folder, 9)));
    }

    [Fact]
    public void Words_that_are_cut_or_have_no_token_are_named_before_the_first_step_and_count_as_predicted_outside()
    {
        using TemporaryFolder folder = new();
        string data = Conll(folder, 20), dev = folder.File("dev.conll");
        File.WriteAllText(dev, "the O\ncat B-TIER\nran O\n\nin O\nthe O\nhouse B-ORT\n\u200b B-TIER\n");
        FinetuningConfig config = Config(data) with { Dev = dev, MaximumLength = 4 };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config);
        string cut = Assert.Single(run.Task.Decisions, d => d.Contains("lose words", StringComparison.Ordinal));
        Assert.Contains("2 of 2 held-out texts lose words beyond 4 tokens or without a token, and with them 2 labels, which count as "
            + "predicted O (dev.conll:1, dev.conll:5;", cut, StringComparison.Ordinal);
        TaskAssessment assessment = run.Task.Assess(CancellationToken.None)!;
        // Two tokens of each text are kept; its other words are held against O.
        Assert.Equal(4, assessment.Report.Targets);
        Assert.Equal(2, assessment.Examples.Count);
        Assert.Equal("house (ORT), \u200b (TIER)", assessment.Examples[1].Expected);
        Assert.True(assessment.Report["recall"] <= 1 / 3.0);
    }

    [Fact]
    public void Parts_take_the_tokens_that_lie_in_them()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Finetuned.Encoder);
        const string Text = "the cat, a dog\u00a0ran";
        SpanExample example = new(default, Text, [Of("cat", "A"), Of("cat", "B"), Of("a dog", "C"), Of("og\u00a0r", "D")]);
        TaggedSpans spans = SpanAlignment.Align(tokenizer, example with { Spans = [.. example.Spans.Take(3)] });
        string[] tokens = [.. Enumerable.Range(0, spans.Encoding.Count).Where(i => spans.Encoding.SpecialTokensMask[i] == 0)
            .Select(i => Text[spans.Encoding.Starts[i]..spans.Encoding.Ends[i]])];
        Assert.Equal(tokens.Length, spans.Tags.Count);
        // "cat" has three tokens in this vocabulary, "dog" two.
        Assert.Equal("the/O c/B-A a/I-A t/I-A ,/O a/B-C do/I-C g/I-C", string.Join(' ', tokens.Zip(spans.Tags, (t, g) => $"{t}/{g}").Take(8)));
        Assert.Equal("B", Assert.Single(spans.Lost).Label);
        Assert.Empty(spans.Uneven);
        spans = SpanAlignment.Align(tokenizer, example with { Spans = [example.Spans[3]] });
        Assert.Equal("D", Assert.Single(spans.Uneven).Label);

        static LabelledSpan Of(string part, string label)
        {
            int at = Text.IndexOf(part, StringComparison.Ordinal);
            return new LabelledSpan(at, at + part.Length, label);
        }
    }

    [Theory]
    [InlineData("dev.conll", "the O\ncat B-PFLANZE\n", "dev.conll:1: the tag 'B-PFLANZE' is none that")]
    [InlineData("dev.jsonl", "{\"tokens\":[\"a\",\"b\"],\"tags\":[\"O\"]}\n", "dev.jsonl:1: has 2 words in 'tokens' and 1 tags in 'tags'")]
    [InlineData("dev.conll", "the O\ncat\n", "dev.conll:2: has 1 columns and the lines before 2")]
    [InlineData("dev.conll", "\n\n", "holds no example")]
    [InlineData("dev.conll", "th\u00ff", "")]
    public void A_fault_of_the_data_is_named_with_its_line_before_anything_is_made(string file, string text, string message)
    {
        using TemporaryFolder folder = new();
        string dev = folder.File(file);
        File.WriteAllBytes(dev, message.Length > 0 ? Encoding.UTF8.GetBytes(text) : Encoding.Latin1.GetBytes("the O\nK\u00e4fer B-TIER\n"));
        InputException e = Assert.Throws<InputException>(
            () => FinetuningRun.Prepare(folder.File("model"), Config(Conll(folder, 10)) with { Dev = dev }));
        Assert.Contains(message.Length > 0 ? message : "dev.conll:2", e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
        Assert.False(Directory.Exists(folder.File("model")));
    }

    [Fact]
    public void A_family_without_the_head_is_refused_and_its_heads_are_listed()
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text");
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"), Config(Conll(folder, 10)) with { Model = model }));
        Assert.Contains("the gpt2 family has no head for entities. It has GPT2LMHeadModel", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_of_another_task_is_refused()
    {
        using TemporaryFolder folder = new();
        ConfigException e = Assert.Throws<ConfigException>(
            () => FinetuningRun.Prepare(folder.File("model"), Config(Conll(folder, 10)) with { Kind = "single" }));
        Assert.Contains("kind: is a setting of classification, and the task is entities", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_that_mark_no_entities_are_measured_as_words()
    {
        using TemporaryFolder folder = new();
        StringBuilder rows = new();
        for (int i = 0; i < 30; i++) rows.Append("the\tDET\r\n").Append(i % 2 == 0 ? "cat" : "dog").Append("\tNOUN\r\nran\tVERB\r\n\r\n");
        string data = folder.File("pos.conll");
        File.WriteAllText(data, rows.ToString());
        EvaluationReport? report = Finetuned.Train(folder.File("model"), Config(data) with { Steps = 4, EvaluateEvery = 4 });
        Assert.NotNull(report!["accuracy"]);
        Assert.Null(report["f1"]);
        Assert.Equal(["DET", "NOUN", "VERB"], ModelFolder.ReadConfig(folder.File("model")).Config.Labels);
    }

    [Theory]
    [InlineData("I-A O B-B", "O B-A I-A B-B I-B", EntityReading.Iob2)]
    [InlineData("I-A O", "O I-A", EntityReading.None)]
    [InlineData("B-A E-A S-B O", "O B-A E-A S-B", EntityReading.Iobes)]
    [InlineData("U-A L-A B-A", "B-A L-A U-A", EntityReading.Bilou)]
    public void Tags_keep_their_scheme(string tags, string labels, EntityReading scheme)
    {
        Assert.Equal(labels.Split(' '), EntityLabels.Of(tags.Split(' ')));
        Assert.Equal(scheme.ToString(), EntityLabels.Scheme(tags.Split(' '))?.ToString() ?? "None");
    }

    public enum EntityReading
    {
        None,
        Iob2,
        Iobes,
        Bilou,
    }

    [SharedFact]
    public void The_real_model_finds_entities_of_disputes_after_a_few_steps()
    {
        using TemporaryFolder folder = new();
        string data = Path.Combine(Repository.Shared!, "data", "disputes");
        FinetuningConfig config = new()
        {
            Task = EntityData.Name,
            Model = Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"),
            Train = Path.Combine(data, "entities.train.conll"),
            Dev = Path.Combine(data, "entities.dev.conll"),
            Steps = 40,
            LearningRate = 2e-4,
            EvaluateEvery = 40,
        };
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.True(report!["f1"] > 0.8, $"F1 {report["f1"]}");
    }

    private static FinetuningConfig Config(string data) => new() { Task = EntityData.Name, Model = Finetuned.Encoder, Train = data };

    private static string Conll(TemporaryFolder folder, int count)
    {
        StringBuilder rows = new("-DOCSTART- -X- O\n\n");
        for (int i = 0; i < count; i++)
        {
            string[] name = Names[i % 4].Split(' ');
            rows.Append("I _ O\nsee _ O\n");
            for (int w = 0; w < name.Length; w++) rows.Append(CultureInfo.InvariantCulture, $"{name[w]} _ {(w == 0 ? "B" : "I")}-TIER\n");
            rows.Append(CultureInfo.InvariantCulture, $"in _ O\nhouse _ B-ORT\n{i} _ I-ORT\n. _ O\n\n");
        }

        string path = folder.File("data.conll");
        File.WriteAllText(path, rows.ToString());
        return path;
    }

    private static string Spans(TemporaryFolder folder, int count)
    {
        StringBuilder rows = new();
        for (int i = 0; i < count; i++)
        {
            string before = $"😀 I, {i}, see ", name = Names[i % 4];
            int start = new StringInfo(before).LengthInTextElements;
            rows.Append(CultureInfo.InvariantCulture,
                $"{{\"Text\":\"{before}{name}.\",\"Entitäten\":[{{\"start\":{start},\"end\":{start + name.Length},\"label\":\"TIER\"}}]}}\n");
        }

        string path = folder.File("daten.jsonl");
        File.WriteAllText(path, rows.ToString());
        return path;
    }
}
