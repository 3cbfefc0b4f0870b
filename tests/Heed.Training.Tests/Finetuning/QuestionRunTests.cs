using System.Globalization;
using System.Text;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class QuestionRunTests
{
    [Fact]
    public void Questions_and_contexts_become_a_model_that_finds_answers()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Squad(folder, "data.json", 32, unanswered: false)) with { Epochs = 20, LearningRate = 5e-3, EvaluateEvery = 20 };
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config with { Test = config.Train });
        TaskAssessment judged = FinetuningRun.Evaluate(new FinetuningConfig { Model = folder.File("model"), Test = config.Train });
        Assert.True(judged.Report["f1"] > 90, $"F1 {judged.Report["f1"]}");
        Assert.Equal(32, judged.Examples.Count);
        Assert.True(report!["f1"] > 90, $"F1 {report["f1"]}");
        Assert.True(report["exact_match"] <= report["f1"]);
        Assert.Null(report["unanswered_f1"]);
        Assert.Equal("BertForQuestionAnswering", ModelFolder.ReadConfig(folder.File("model")).Architecture);
    }

    [Fact]
    public void A_long_context_is_read_in_windows_and_questions_without_an_answer_are_learned()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Squad(folder, "data.json", 16, unanswered: true)) with
        {
            MaximumLength = 20,
            Stride = 5,
            Steps = 6,
            EvaluateEvery = 6,
            HeldOut = 0.5,
        };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config);
        string decision = Assert.Single(run.Task.Decisions, d => d.Contains("windows", StringComparison.Ordinal));
        Assert.Contains("contexts longer than 20 tokens, read in windows, each sharing 5 tokens with the one before", decision, StringComparison.Ordinal);
        QuestionData data = (QuestionData)run.Task.Data;
        int windows = data.Samples((FinetuningConfig)run.Config);
        Assert.True(windows > data.Training);
        long targets = 0;
        for (int position = 0; position * 16 < windows; position++) targets += run.Task.CountTargets(run.Task.Batch(position))[0];
        Assert.Equal(windows, targets);
        TaskAssessment assessment = run.Task.Assess(CancellationToken.None)!;
        Assert.Equal(data.HeldOut, assessment.Examples.Count);
        Assert.True(assessment.Report.Targets > data.HeldOut);
        Assert.NotNull(assessment.Report["unanswered_f1"]);
        Assert.NotNull(assessment.Report["answered_f1"]);
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertResumes(folder, Config(Squad(folder, "data.json", 16, unanswered: true)) with { MaximumLength = 20, BatchSize = 8 });
    }

    [Fact]
    public void Any_split_of_a_batch_gives_its_gradient_whatever_the_padding()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(Squad(folder, "data.json", 9, unanswered: true));
        Finetuned.AssertSplits(folder, config);
        // Without padding the loss is the reference's.
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config with { BatchSize = 1 });
        ModelInputs one = run.Task.Batch(0);
        Assert.Equal(run.Task.Model.Run(one with { AnswersLieInTexts = false }).Loss!.Value, run.Task.Model.Run(one).Loss!.Value, 1e-6);
    }

    [Fact]
    public void A_table_with_plain_answers_is_read_and_an_answer_that_stands_twice_needs_its_place()
    {
        using TemporaryFolder folder = new();
        string data = folder.File("fragen.csv");
        StringBuilder rows = new("Frage;Kontext;Antwort\r\n");
        for (int i = 0; i < 12; i++) rows.Append(CultureInfo.InvariantCulture, $"Wer?;Die Katze {i} lief.;{(i % 4 == 3 ? "" : "Katze")}\r\n");
        File.WriteAllText(data, rows.ToString());
        using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), Config(data)))
        {
            QuestionData read = (QuestionData)run.Task.Data;
            Assert.True(read.HasUnanswered);
            Assert.Equal(12, read.Training + read.HeldOut);
            Assert.All(read.TrainingExamples.Where(e => e.Answers.Count > 0), e => Assert.Equal(4, e.Answers[0].Start));
        }

        File.WriteAllText(data, "question,context,answer\nq,a b a,a\n");
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("other"), Config(data)));
        Assert.Contains("fragen.csv:2: the answer 'a' stands 2 times in the context; give \"answer_start\"", e.Message, StringComparison.Ordinal);
        File.WriteAllText(data, "question,context,answer\nq,b,a\n");
        e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("other"), Config(data)));
        Assert.Contains("fragen.csv:2: the context does not hold the answer 'a'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_question_that_leaves_no_room_is_named()
    {
        using TemporaryFolder folder = new();
        string data = folder.File("data.jsonl");
        string question = string.Join(' ', Enumerable.Repeat("cat", 20));
        File.WriteAllText(data, $"{{\"question\":\"{question}\",\"context\":\"the dog ran and ran and ran\",\"answers\":{{\"text\":[\"dog\"],\"answer_start\":[4]}}}}\n");
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"), Config(data) with { MaximumLength = 24 }));
        Assert.StartsWith($"{data}:1: the question has", e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
        Assert.False(Directory.Exists(folder.File("model")));
    }

    [SharedFact]
    public void The_real_model_answers_questions_about_disputes_after_a_few_steps()
    {
        using TemporaryFolder folder = new();
        string data = Path.Combine(Repository.Shared!, "data", "disputes");
        FinetuningConfig config = new()
        {
            Task = QuestionData.Name,
            Model = Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"),
            Train = Path.Combine(data, "questions.dev.json"),
            HeldOut = 0.1,
            Steps = 40,
            LearningRate = 3e-4,
            EvaluateEvery = 40,
        };
        EvaluationReport? report = Finetuned.Train(folder.File("model"), config);
        Assert.True(report!["f1"] > 50, $"F1 {report["f1"]}");
    }

    private static FinetuningConfig Config(string data) => new() { Task = QuestionData.Name, Model = Finetuned.Encoder, Train = data };

    /// <summary>Contexts of different lengths with an answer at different places.</summary>
    private static string Squad(TemporaryFolder folder, string name, int count, bool unanswered)
    {
        StringBuilder json = new("{\"version\":\"1\",\"data\":[{\"paragraphs\":[");
        for (int i = 0; i < count; i++)
        {
            string before = string.Concat(Enumerable.Repeat("we ran and ", i % 4)), animal = i % 2 == 0 ? "cat" : "dog";
            string context = $"{before}{i} saw the {animal} in a house";
            string answers = unanswered && i % 3 == 2 ? "[]"
                : $"[{{\"text\":\"{animal}\",\"answer_start\":{context.IndexOf(animal, StringComparison.Ordinal)}}}]";
            json.Append(i > 0 ? "," : "").Append(CultureInfo.InvariantCulture,
                $"{{\"context\":\"{context}\",\"qas\":[{{\"id\":\"{i}\",\"question\":\"{(answers == "[]" ? "when" : "what")} is it?\",\"answers\":{answers}}}]}}\n");
        }

        string path = folder.File(name);
        File.WriteAllText(path, json.Append("]}]}").ToString());
        return path;
    }
}
