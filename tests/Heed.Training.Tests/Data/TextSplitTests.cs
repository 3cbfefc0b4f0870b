using System.Text;
using Heed.Testing;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using Heed.Training.Tests.Runs;

namespace Heed.Training.Tests.Data;

public class TextSplitTests
{
    [Fact]
    public void A_single_long_text_is_cut_at_line_ends_and_joined_it_is_the_same()
    {
        string text = string.Concat(Enumerable.Range(0, 4000).Select(i => $"Line {i} says something of its own, 😀 and ends.\n"));
        List<TextDocument> passages = TextSplit.Passaged([new TextDocument("a.txt", text)]);
        Assert.InRange(passages.Count, 200, 500);
        Assert.All(passages, p => Assert.EndsWith("\n", p.Text, StringComparison.Ordinal));
        Assert.Equal(text, string.Concat(passages.Select(p => p.Text)));
    }

    [Fact]
    public void A_text_without_lines_is_cut_between_words_and_never_inside_a_character()
    {
        foreach (string text in (string[])[string.Join(' ', Enumerable.Range(0, 3000)), string.Concat(Enumerable.Repeat("😀", 3001)), "x" + string.Concat(Enumerable.Repeat("😀", 3001))])
        {
            List<TextDocument> passages = TextSplit.Passaged([new TextDocument("a.txt", text)]);
            Assert.True(passages.Count > 1);
            Assert.Equal(text, string.Concat(passages.Select(p => p.Text)));
            foreach (TextDocument passage in passages) Assert.Equal(passage.Text, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(passage.Text)));
        }
    }

    [Fact]
    public void Many_documents_stay_as_they_are()
    {
        List<TextDocument> documents = [.. Enumerable.Range(0, TextSplit.ManyDocuments).Select(i => new TextDocument("a", new string('a', 5000 + i)))];
        Assert.Same(documents, TextSplit.Passaged(documents));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(40)]
    public void Both_parts_hold_a_document_however_few_there_are(int count)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            List<TextDocument> documents = [.. Enumerable.Range(0, count).Select(i => new TextDocument("a", $"document {i} of {seed}"))];
            foreach (double wanted in (double[])[0.001, 0.02, 0.5, 0.9])
            {
                double part = TextSplit.Part(documents, wanted);
                Assert.InRange(documents.Count(d => d.IsHeldOut(part)), 1, count - 1);
            }

            Assert.Equal(0, TextSplit.Part(documents, 0));
        }
    }

    [Fact]
    public void A_document_that_stands_alone_is_learned_from() => Assert.Equal(0, TextSplit.Part([new TextDocument("a", "alone")], 0.5));

    [Fact]
    public void A_run_on_one_file_holds_out_a_part_of_it()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder);
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), config with { Data = [config.Data[0]], HeldOut = 0.02 });
        Assert.True(run.Task.Corpus.HeldOut.Length > 0 && run.Task.Corpus.Training.Length > 10 * run.Task.Corpus.HeldOut.Length);
        Assert.True(run.EvaluateAll()!.Loss > 0);
    }

    [Fact]
    public void A_tokenizer_of_other_texts_is_trained_anew()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder);
        string run = folder.File("run"), tokenizer = Path.Combine(run, "tokenizer", "tokenizer.json");
        PretrainingRun.Prepare(run, config).Dispose();
        string first = File.ReadAllText(tokenizer);
        DateTime made = File.GetLastWriteTimeUtc(tokenizer);
        PretrainingRun.Prepare(run, config).Dispose();
        Assert.Equal(made, File.GetLastWriteTimeUtc(tokenizer));
        PretrainingRun.Prepare(run, config with { VocabularySize = 290 }).Dispose();
        Assert.NotEqual(first, File.ReadAllText(tokenizer));
        PretrainingRun.Prepare(run, config).Dispose();
        Assert.Equal(first, File.ReadAllText(tokenizer));
    }
}
