using CsCheck;
using Heed.Testing;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Tests.Models;

/// <summary>A text that is merged word by word gives what merging all of it at once gives.</summary>
public class BpeModelTests
{
    private static readonly string[] Parts = ["▁", "▁▁", "▁the", "▁of", "a", "ing", "th", "中", "é", "😀", "\n", ".", "<0x0A>", "<unk>", "▁extraordinarily", "x▁y"];

    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.Int[0, Parts.Length - 1].Select(i => Parts[i]).Array[1, 60].Select(string.Concat),
        Gen.String[Gen.Char['▀', '▃'], 1, 30]);

    [Theory]
    [InlineData(true, "<unk>")]
    [InlineData(true, null)]
    [InlineData(false, "<unk>")]
    [InlineData(false, null)]
    public void Words_merged_one_by_one_are_the_text_merged_at_once(bool byteFallback, string? unknownToken)
    {
        BpeModel given = (BpeModel)Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "llama2-style")).Parts.Model;
        BpeOptions options = given.Options with { ByteFallback = byteFallback, UnknownToken = unknownToken };
        // A merge that no text here needs, but that joins what stands before and after a ▁: it makes cutting there wrong.
        List<KeyValuePair<string, int>> vocabulary = [.. given.Vocabulary];
        vocabulary.Add(new("\uE000", vocabulary.Count));
        vocabulary.Add(new("\uE000▁", vocabulary.Count));
        BpeModel words = new([.. given.Vocabulary], given.Merges, options);
        BpeModel whole = new(vocabulary, [.. given.Merges, ("\uE000", "▁")], options);
        Texts.Sample(text => Tokens(words, text) == Tokens(whole, text), iter: 500);
    }

    [Fact]
    public void A_merge_across_words_is_made()
    {
        BpeModel model = new([new("a", 0), new("▁", 1), new("b", 2), new("a▁", 3), new("<unk>", 4)], [("a", "▁")], new BpeOptions { UnknownToken = "<unk>" });
        Assert.Equal("3@0-2 2@2-3", Tokens(model, "a▁b"));
    }

    private static string Tokens(BpeModel model, string text)
    {
        if (text.Length == 0) return "";
        TokenList tokens = new();
        model.Tokenize(text, tokens);
        return string.Join(' ', Enumerable.Range(0, tokens.Count).Select(i => $"{tokens.Ids[i]}@{tokens.Starts[i]}-{tokens.Ends[i]}"));
    }
}
