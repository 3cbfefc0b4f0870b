using Heed.Testing;

namespace Heed.Tokenizers.Tests;

/// <summary>Encoding to ids and counting take no memory per token: what a warm tokenizer allocates does not grow with the text
/// (cases: t5).</summary>
/// <remarks>
/// Alone in its collection, on its own thread's count. Code that is not optimised yet allocates what optimised code does not, and how soon
/// the runtime optimises depends on what else runs: so the least of several rounds counts. What the code itself allocates is in every
/// round.
/// </remarks>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
[Collection(nameof(AllocationTests))]
public class AllocationTests
{
    private const int LeastRounds = 3;
    private const int MostRounds = 40;

    private static readonly string[] Sentences =
    [
        "Gets or sets the value, 1234 of it; ", "isn't that the end of the THREAD-pool's work? ", "Naïve café, ﬁne ½ × 中文 か\u3099 — İstanbul 👩‍👩‍👧! ", "extraordinarilyunspeakablylongwords_without.blanks/in:them ",
    ];

    public static TheoryData<string> Pipelines() =>
    [
        "added-flags", "bert-cased", "bert-uncased", "bpe-no-unk", "bpe-word-suffix", "gpt2-small", "llama2-metaspace", "llama2-style", "llama3-style", "roberta-style", "t5-style", "unigram-unk", "wordlevel",
    ];

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void Ids_and_counts_allocate_nothing_per_token(string name) => AssertNothingGrows(Path.Combine(Repository.Goldens, "tokenizers", name));

    [SharedFact]
    public void The_real_GPT2_vocabulary_allocates_nothing_per_token() => AssertNothingGrows(Path.Combine(Repository.Shared!, "goldens/tokenizers/gpt2-real"));

    [SharedFact]
    public void The_real_MiniLM_tokenizer_allocates_nothing_per_token() => AssertNothingGrows(Path.Combine(Repository.Shared!, "goldens/tokenizers/minilm"));

    private static void AssertNothingGrows(string folder)
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(folder).WithTruncation(null).WithPadding(null);
        string once = string.Concat(Sentences), often = string.Concat(Enumerable.Repeat(once, 64));
        // Buffers, which take turns, grow to the longest text; words that are met first are learnt.
        foreach (string text in (string[])[once, often, often, often]) Allocated(tokenizer, text);
        long few = long.MaxValue, many = long.MaxValue;
        for (int round = 0; round < MostRounds && (many > few || round < LeastRounds); round++)
        {
            if (round >= LeastRounds) Thread.Sleep(TimeSpan.FromMilliseconds(100));   // the runtime optimises in the background
            (few, many) = (Math.Min(few, Allocated(tokenizer, once)), Math.Min(many, Allocated(tokenizer, often)));
        }

        Assert.True(many <= few, $"{few} bytes for a text, {many} for one of 64 times its length");
        Assert.InRange(few, 0, 1 << 14);
    }

    private static long Allocated(Tokenizer tokenizer, string text)
    {
        List<int> ids = new(1 << 16);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int count = tokenizer.EncodeToIds(text, ids);
        int counted = tokenizer.CountTokens(text);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(count, counted);
        return allocated;
    }
}
