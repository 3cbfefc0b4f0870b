using Heed.Testing;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Tests;

/// <summary>One run without a blank: the work may grow little faster than the length.</summary>
public class WorstCaseTests
{
    [Theory]
    [InlineData("gpt2-small", 'a')]
    [InlineData("llama2-style", 'a')]
    [InlineData("llama2-metaspace", '中')]
    [InlineData("bpe-word-suffix", 'e')]
    [InlineData("unigram-unk", 'a')]
    [InlineData("t5-style", '.')]
    [InlineData("bert-uncased", 'a')]
    [InlineData("wordlevel", 'a')]
    public void Operations_at_most_grow_by_two_and_a_half_when_the_run_doubles(string name, char unit)
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name));
        AssertGrowth(length => tokenizer.CountOperations(new string(unit, length)));
    }

    [Fact]
    public void WordPiece_without_a_limit_of_characters_stays_linear()
    {
        WordPieceModel model = new([new("[UNK]", 0), new("a", 1), new("##a", 2), new("##aaaaaaaaaaaaaaaa", 3)], maxInputCharsPerWord: int.MaxValue);
        AssertGrowth(length =>
        {
            TokenList tokens = new();
            model.Tokenize(new string('a', length), tokens);
            return tokens.Operations;
        });
    }

    [Fact]
    public void A_regular_expression_that_backtracks_without_end_is_stopped()
    {
        Patterns.RegexProgram program = Patterns.RegexProgram.Compile("(a+)+$");
        Assert.Throws<BudgetException>(() => program.FindAll(new string('a', 40) + "!", []));
    }

    [LongFact]
    public void One_mebibyte_in_one_run_is_encoded()
    {
        foreach (string name in (string[])["gpt2-small", "llama2-style", "t5-style", "unigram-unk", "bert-uncased"])
            Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name)).Encode(new string('a', 1 << 20));
    }

    private static void AssertGrowth(Func<int, long> operations)
    {
        long before = operations(1 << 12);
        for (int length = 1 << 13; length <= 1 << 17; length *= 2)
        {
            long now = operations(length);
            Assert.True(now <= (2.5 * before) + 64, $"{now} operations for {length} characters, {before} for half of them");
            before = now;
        }
    }
}
