using Heed.Engine.Runtime;

namespace Heed.Retrieval.Tests.Words;

public class WordVectorTrainerTests
{
    private static readonly string[] Animals = ["cat", "dog", "cow", "hen"], Colours = ["red", "blue", "green", "black"];

    /// <summary>Sentences in which animals eat and colours paint: words of one kind share their neighbours.</summary>
    private static IEnumerable<string> Text() => Enumerable.Range(0, 1500).Select(i => i % 2 == 0
        ? $"the {Animals[i / 2 % 4]} eats its {(i % 3 == 0 ? "hay" : "grass")} slowly"
        : $"she paints a {Colours[i / 2 % 4]} wall with {(i % 3 == 0 ? "thick" : "thin")} paint");

    private static WordVectorConfig Config(WordVectorMethod method) => new()
    {
        Method = method,
        Width = 20,
        Window = 3,
        Epochs = method == WordVectorMethod.GloVe ? 30 : 8,
        Sample = 0,
        MinimumCount = 2,
        Rate = method == WordVectorMethod.GloVe ? 0.05 : 0.05,
    };

    [Theory]
    [InlineData(WordVectorMethod.SkipGram)]
    [InlineData(WordVectorMethod.Cbow)]
    [InlineData(WordVectorMethod.GloVe)]
    public void Words_that_share_their_neighbours_come_near_each_other(WordVectorMethod method)
    {
        List<WordTrainingProgress> reports = [];
        WordVectors vectors = WordVectorTrainer.Train(Text(), Config(method), new Reporter<WordTrainingProgress>(reports.Add));
        foreach (string[] kind in (string[][])[Animals, Colours])
            foreach (string word in kind)
                Assert.Equal(kind.Where(w => w != word).Order(), vectors.MostSimilar([word], top: 3).Select(s => s.Word).Order());
        Assert.Equal(reports[^1].TotalWords, reports[^1].Words);
        Assert.True(reports[^1].Loss > 0);
    }

    [Theory]
    [InlineData(WordVectorMethod.SkipGram)]
    [InlineData(WordVectorMethod.Cbow)]
    [InlineData(WordVectorMethod.GloVe)]
    public void The_same_seed_gives_the_same_bits_with_any_number_of_threads_and_another_seed_others(WordVectorMethod method)
    {
        WordVectorConfig config = Config(method) with { Epochs = 1, Sample = 1e-2 };
        float[] one = Trained(1, config), two = Trained(2, config);
        Assert.Equal(one, two);
        Assert.NotEqual(one, Trained(1, config with { Seed = 2 }));
    }

    private static float[] Trained(int threads, WordVectorConfig config)
    {
        using ComputeContext context = new(new ComputeOptions { Threads = threads });
        using ContextScope entered = context.Enter();
        WordVectors vectors = WordVectorTrainer.Train(Text(), config);
        return [.. Enumerable.Range(0, vectors.Words.Count).SelectMany(i => vectors.Row(i).ToArray())];
    }

    [Fact]
    public void Words_come_by_frequency_and_rare_ones_are_left_out()
    {
        WordVectorConfig config = new() { MinimumCount = 2, Width = 4, Epochs = 1 };
        WordVectors vectors = WordVectorTrainer.Train(["b a, B? c\nA b once", "c"], config);
        Assert.Equal(["b", "a", "c"], vectors.Words);
        Assert.Equal(["B?", "a,"], WordVectorTrainer.Train(["B? a, B? a, B?"], config with { SplitsAtBlanks = true }).Words);
        InputException error = Assert.Throws<InputException>(() => WordVectorTrainer.Train(["a b"], config));
        Assert.Contains("the most frequent 1 times", error.Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => WordVectorTrainer.Train([], config));
    }

    [Fact]
    public void Lines_are_sentences_and_the_longest_has_a_thousand_words()
    {
        WordVectorConfig config = new() { MinimumCount = 1 };
        WordCorpus corpus = WordCorpus.Read(["a b\n\nc d e", string.Join(' ', Enumerable.Repeat("x", 2500))], config, default);
        Assert.Equal([2, 3, 1000, 1000, 500], corpus.Sentences().Select(s => s.Length));
        Assert.Equal(2505, corpus.Total);
    }

    [Fact]
    public void Settings_out_of_range_are_refused_by_name()
    {
        foreach ((WordVectorConfig config, string name) in (IEnumerable<(WordVectorConfig, string)>)
            [(new() { Width = 0 }, "Width"), (new() { Window = 101 }, "Window"), (new() { Negatives = 0 }, "Negatives"), (new() { Sample = 1 }, "Sample"),
            (new() { MinimumCount = 0 }, "MinimumCount"), (new() { Epochs = 0 }, "Epochs"), (new() { Rate = 0 }, "Rate")])
            Assert.Contains($"WordVectorConfig.{name}: is", Assert.Throws<ConfigException>(() => WordVectorTrainer.Train(["a"], config)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_that_is_stopped_stops()
    {
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => WordVectorTrainer.Train(Stopping(), Config(WordVectorMethod.SkipGram), cancellationToken: stop.Token));

        IEnumerable<string> Stopping()
        {
            foreach (string line in Text()) yield return line;
            stop.Cancel();
        }
    }
}
