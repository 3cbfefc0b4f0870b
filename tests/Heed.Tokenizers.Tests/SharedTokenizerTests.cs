using System.Collections.Immutable;
using Heed.Testing;

namespace Heed.Tokenizers.Tests;

/// <summary>Any number of threads may use one tokenizer, and one encoding, from the first call on. (cases: 3)</summary>
public class SharedTokenizerTests
{
    private const int Rounds = 2000;
    private const int Threads = 4;
    private const string Text = "The quick brown fox, naïve 中 😀!";

    /// <summary>Lets all threads make their first call at once, over and over, each round on a fresh object.</summary>
    private static void Overlap<T>(Func<T> fresh, Action<T> use)
    {
        T subject = fresh();
        using Barrier barrier = new(Threads, _ => subject = fresh());
        Exception?[] failures = new Exception?[Threads];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                barrier.SignalAndWait();
                try
                {
                    use(subject);
                }
                catch (Exception e)
                {
                    failures[thread] ??= e;
                }
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.All(failures, Assert.Null);
    }

    [Theory]
    [InlineData("bert-uncased")]
    [InlineData("gpt2-small")]
    [InlineData("t5-style")]
    public void First_calls_of_several_threads_give_the_ids(string name)
    {
        Tokenizer made = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name));
        ImmutableArray<int> expected = made.Encode(Text).Ids;
        ImmutableArray<int> decoded = made.Encode(made.Decode(expected)).Ids;
        // A copy shares the vocabulary, not what is made at the first call.
        Overlap(() => made.WithTruncation(null), tokenizer =>
        {
            List<int> ids = [];
            Assert.Equal(expected.Length, tokenizer.EncodeToIds(Text, ids));
            Assert.Equal(expected, ids);
            Assert.Equal(expected.Length, tokenizer.CountTokens(Text));
            Assert.Equal(expected, tokenizer.Encode(Text).Ids);
            Assert.Equal(decoded, tokenizer.Encode(tokenizer.Decode(expected)).Ids);
        });
    }

    [Fact]
    public void First_readings_of_one_encoding_by_several_threads_give_the_same_values()
    {
        Tokenizer made = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased"));
        TokenEncoding expected = made.Encode(Text, "pair");
        Overlap(() => made.Encode(Text, "pair"), encoding =>
        {
            Assert.Equal(expected.Tokens, encoding.Tokens);
            Assert.Equal(expected.TypeIds, encoding.TypeIds);
            Assert.Equal(expected.SpecialTokensMask, encoding.SpecialTokensMask);
            Assert.Equal(expected.AttentionMask, encoding.AttentionMask);
            Assert.Equal(expected.SequenceIds, encoding.SequenceIds);
        });
    }
}
