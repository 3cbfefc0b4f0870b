using System.Globalization;
using System.Text;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Pretraining;
using Heed.Training.Runs;

namespace Heed.Doctor.Tests;

/// <summary>No false alarm: a short real run of each kind is healthy, and warns of nothing.</summary>
public sealed class HealthyRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory, InlineData(0), InlineData(4)]
    public void Classification(int lora) => Tune(new FinetuningConfig
    {
        Model = Workshop.Sentences("bert-mean"),
        Train = Workshop.Table(_folder, "data.csv", "text,label", 60, i => i % 2 == 0 ? $"the cat {i} sat,cat" : $"a dog {i} ran,dog"),
        LearningRate = 5e-3,
        Lora = lora,
    });

    [Fact]
    public void Entities()
    {
        StringBuilder rows = new();
        for (int i = 0; i < 30; i++) rows.Append(CultureInfo.InvariantCulture,
            $"I O\nsee O\n{(i % 2 == 0 ? "cats" : "dogs")} B-TIER\nin O\n{i} O\n\n");
        File.WriteAllText(_folder.File("data.conll"), rows.ToString());
        Tune(new FinetuningConfig { Model = Workshop.Sentences("bert-mean"), Train = _folder.File("data.conll"), LearningRate = 1e-2 });
    }

    [Fact]
    public void Questions() => Tune(new FinetuningConfig
    {
        Model = Workshop.Pipeline("bert-answers"),
        Train = Workshop.Table(_folder, "data.csv", "question,context,answer", 30,
            i => $"what is it?,number {i} saw the {(i % 2 == 0 ? "cat" : "dog")} there,{(i % 2 == 0 ? "cat" : "dog")}"),
        LearningRate = 1e-3,
    });

    [Theory, InlineData("t5-translate"), InlineData("gpt2-text"), InlineData("bart-summary")]
    public void Translation(string model) => Tune(new FinetuningConfig
    {
        Model = Workshop.Pipeline(model),
        Train = Workshop.Table(_folder, "data.csv", "source,target", 24, i => $"the cat {i},die Katze {i}"),
        Task = "translation",
        LearningRate = 1e-3,
    });

    [Fact]
    public void Conversations()
    {
        File.WriteAllLines(_folder.File("chats.jsonl"), Enumerable.Range(0, 20).Select(i
            => $$"""{"messages":[{"role":"user","content":"is it {{i}}?"},{"role":"assistant","content":"yes"}]}"""));
        Tune(new FinetuningConfig { Model = Workshop.Pipeline("llama-chat"), Train = _folder.File("chats.jsonl"), LearningRate = 1e-3 });
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Similarity_and_ranking(bool ranking) => Tune(new FinetuningConfig
    {
        Model = Workshop.Sentences(ranking ? "cross-encoder" : "bert-mean"),
        Train = ranking ? Workshop.Table(_folder, "data.csv", "query,document,label", 24,
            i => i % 2 == 0 ? $"is it dog {i / 4},dog yes {i},1" : $"is it dog {i / 4},rain no {i},0")
            : Workshop.Table(_folder, "data.csv", "query,document", 24,
                i => $"what does the thing {i} cost,the price of the thing {i} is {i * 7}"),
        Task = ranking ? "ranking" : "similarity",
        BatchSize = 8,
        LearningRate = 1e-3,
    });

    [Theory, InlineData("gpt2-tiny", "causal"), InlineData("custom-encoder", "masked"), InlineData("t5-small", "span")]
    public void Pretraining(string model, string objective)
    {
        string text = _folder.File("text.txt"), run = _folder.File("run");
        File.WriteAllText(text, string.Join("\n\n", Workshop.Texts));
        PretrainingConfig config = new()
        {
            Model = model,
            Objective = objective,
            Data = [text],
            Layers = 2,
            Heads = 2,
            Width = 32,
            VocabularySize = 400,
            BlockLength = 16,
            BatchSize = 4,
            Steps = 30,
            EvaluateEvery = 15,
        };
        Warnings warnings = new();
        using (TrainingRun<Heed.Training.Tasks.TextTask> made = PretrainingRun.Prepare(run, config)) made.Train([warnings]);
        Assert.Empty(warnings.All);
        Workshop.Healthy(Examination.OfPath(run));
    }

    public void Dispose() => _folder.Dispose();

    private void Tune(FinetuningConfig config)
    {
        string run = _folder.File("run");
        Assert.Empty(Workshop.Finetune(run, config with { Steps = 30, EvaluateEvery = 15 }));
        ExaminationReport report = Workshop.Healthy(Examination.OfPath(run));
        Assert.Equal("run", report.Kind);
        foreach (string rule in (string[])[Rules.TruncatedAnswers, Rules.Forgetting, Heed.Training.Symptoms.ExplodingNorm.Rule])
            Assert.Contains(rule, report.Judged);
    }
}
