using Heed.Testing;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class TaskOfDataTests
{
    [Theory]
    [InlineData("a.conll", "the O\n", "entities")]
    [InlineData("a.txt", "-DOCSTART- -X- O\n\nthe DT O\n", "entities")]
    [InlineData("a.txt", "EU B-ORG\n", "entities")]
    [InlineData("a.txt", "__label__x a text\n", "classification")]
    [InlineData("a.json", " {\"data\":[]}", "questions")]
    [InlineData("a.jsonl", "{\"question\":\"q\",\"context\":\"c\",\"answers\":[]}", "questions")]
    [InlineData("a.csv", "Frage;Kontext;Antwort\nq;c;c\n", "questions")]
    [InlineData("a.jsonl", "{\"tokens\":[\"a\"],\"ner_tags\":[0]}", "entities")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"entities\":[]}", "entities")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"label\":[[0,1,\"X\"]]}", "entities")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"label\":[\"x\",\"y\"]}", "classification")]
    [InlineData("a.json", "[{\"data\":{\"text\":\"a\"},\"annotations\":[]}]", "entities")]
    [InlineData("a.jsonl", "{\"messages\":[]}", "instruct")]
    [InlineData("a.jsonl", "{\"conversations\":[]}", "instruct")]
    [InlineData("a.jsonl", "{\"instruction\":\"a\",\"input\":\"\",\"output\":\"b\"}", "instruct")]
    [InlineData("a.tsv", "source\ttarget\na\tb\n", "translation")]
    [InlineData("a.jsonl", "{\"translation\":{\"en\":\"a\",\"de\":\"b\"}}", "translation")]
    [InlineData("a.jsonl", "{\"article\":\"a\",\"highlights\":\"b\"}", "summarization")]
    [InlineData("a.csv", "Text;Zusammenfassung\na;b\n", "summarization")]
    [InlineData("a.csv", "Nachricht;Kategorie;id\na;b;1\n", "classification")]
    [InlineData("a.csv", "premise,hypothesis,label\na,b,c\n", "classification")]
    [InlineData("a.csv", "review,score\na,4.5\n", "classification")]
    [InlineData("a.csv", "sentence1,sentence2,score\na,b,0.5\n", "similarity")]
    [InlineData("a.csv", "anchor,positive\na,b\n", "similarity")]
    [InlineData("a.csv", "query,document\na,b\n", "similarity")]
    public void A_file_says_what_it_is_for(string name, string content, string task)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File(name), content);
        TaskOfData found = TaskOfData.Find(folder.File(name), new DataOptions());
        Assert.Equal(task, found.Name);
        Assert.EndsWith($": the task is {task}", found.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text,label,summary\na,b,c\n", "fits several tasks: summarization ('text' and 'summary'); classification ('text' and 'label'). Say which one is meant (task).")]
    [InlineData("sentence1,sentence2,score,label\na,b,1,c\n", "fits several tasks: similarity ('sentence1' with 'sentence2' and 'score'); classification")]
    [InlineData("spalte1,spalte2\na,b\n", "the columns 'spalte1', 'spalte2' fit no task. Known are text and label (classification)")]
    public void What_is_ambiguous_or_unknown_is_an_error_that_names_the_candidates(string content, string message)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("a.csv"), content);
        InputException e = Assert.Throws<InputException>(() => TaskOfData.Find(folder.File("a.csv"), new DataOptions()));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
    }

    [Fact]
    public void Named_columns_decide_and_the_reason_is_among_the_decisions()
    {
        using TemporaryFolder folder = new();
        string data = folder.File("a.csv");
        File.WriteAllLines(data, ["spalte1;spalte2", .. Enumerable.Range(0, 20).Select(i => $"good {i};{(i % 2 == 0 ? "yes" : "no")}")]);
        FinetuningConfig config = new() { Model = Finetuned.Encoder, Train = data, Columns = ["text=spalte1", "label=spalte2"] };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), config);
        Assert.Equal("classification", run.Task.Name);
        Assert.Equal("'spalte1' and 'spalte2': the task is classification", run.Task.Decisions[0]);
    }

    [Fact]
    public void A_folder_per_class_is_classification()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("data"));
        Assert.Equal("classification", TaskOfData.Find(folder.File("data"), new DataOptions()).Name);
    }
}
