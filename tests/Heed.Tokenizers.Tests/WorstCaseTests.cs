using Heed.Testing;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.SentencePiece;
using Heed.Tokenizers.Tests.SentencePiece;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Tests;

/// <summary>One run without a blank: the work may grow little faster than the length.</summary>
public class WorstCaseTests
{
    /// <summary>What a run consists of: one letter, many letters, characters that small vocabularies lack, signs for a blank.</summary>
    public static readonly TheoryData<string, string> Runs = [.. new MatrixTheoryData<string, string>(
        ["gpt2-small", "llama3-style", "llama2-style", "llama2-metaspace", "bpe-word-suffix", "bpe-no-unk", "unigram-unk", "t5-style", "bert-uncased", "wordlevel"],
        ["a", "thequickbrownfox", "中", "▁", "."])];

    [Theory]
    [MemberData(nameof(Runs))]
    public void Operations_at_most_grow_by_two_and_a_half_when_the_run_doubles(string name, string unit)
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name));
        AssertGrowth(length => tokenizer.CountOperations(Run(unit, length)));
    }

    [Theory]
    [InlineData("sentencepiece-bpe")]
    [InlineData("sentencepiece-bpe-rules")]
    [InlineData("sentencepiece-unigram")]
    [InlineData("sentencepiece-unigram-symbols")]
    public void Operations_of_SentencePiece_at_most_grow_by_two_and_a_half_when_the_run_doubles(string name)
    {
        SentencePieceProcessor processor = SentencePieceProcessor.Load(Path.Combine(Repository.Goldens, "tokenizers", name, "spiece.model"));
        foreach (string unit in (string[])["a", "thequickbrownfox", "中", "▁", "."]) AssertGrowth(length => processor.CountOperations(Run(unit, length)));
    }

    [Theory]
    [InlineData(SentencePieceModelType.Word)]
    [InlineData(SentencePieceModelType.Char)]
    public void Operations_of_word_and_char_models_at_most_grow_by_two_and_a_half_when_the_run_doubles(SentencePieceModelType type)
    {
        SentencePieceProcessor processor = MadeModel.Build(type, [new("a", -1), new("▁a", -1), new("▁", -2)]);
        foreach (string unit in (string[])["a", "中", "▁"]) AssertGrowth(length => processor.CountOperations(Run(unit, length)));
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
        Patterns.RegexProgram program = Patterns.RegexProgram.Compile("(a+)+$", "tokenizer.json: $.pre_tokenizer.pattern.Regex");
        string message = Assert.Throws<BudgetException>(() => program.FindAll(new string('a', 40) + "!", [])).Message;
        Assert.StartsWith("tokenizer.json: $.pre_tokenizer.pattern.Regex: the regular expression (a+)+$ took more than 20,082,000 steps", message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_mebibyte_in_one_run_is_encoded()
    {
        foreach (string name in (string[])["gpt2-small", "llama2-style", "t5-style", "unigram-unk", "bert-uncased", "wordlevel"])
        {
            Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name));
            Assert.NotEqual(0, tokenizer.Encode(new string('a', 1 << 20)).Count);
        }

        foreach (SentencePieceModelType type in Enum.GetValues<SentencePieceModelType>())
        {
            SentencePieceProcessor processor = MadeModel.Build(type, [new("a", -1), new("aa", -1), new("▁", -2)]);
            Assert.NotEmpty(processor.Encode(new string('a', 1 << 20)));
            // One unknown token of a million characters, put together without copying its beginning again and again.
            Assert.Equal(new string('中', 1 << 20), string.Concat(processor.Encode(new string('中', 1 << 20)).Select(token => token.Surface)));
        }
    }

    private static string Run(string unit, int length) => string.Concat(Enumerable.Repeat(unit, length / unit.Length));

    private static void AssertGrowth(Func<int, long> operations)
    {
        long before = operations(1 << 12);
        for (int length = 1 << 13; length <= 1 << 16; length *= 2)
        {
            long now = operations(length);
            Assert.True(now <= (2.5 * before) + 64, $"{now} operations for {length} characters, {before} for half of them");
            before = now;
        }
    }
}
