namespace Heed.Retrieval.Tests;

public class Bm25Tests
{
    [Fact]
    public void Words_are_lower_case_and_end_where_letters_digits_and_lines_below_end()
    {
        Assert.Equal(["it", "s", "67", "50", "naïve_x", "2²"], Bm25.Words("It's 67.50: NAÏVE_x 2²"));
        // As Python: a final sigma, a mark that ends a word, letters beyond the first plane.
        Assert.Equal(["οδος", "σσ", "α", "ας"], Bm25.Words("ΟΔΟΣ σΣ'α ΑΣ"), StringComparer.Ordinal);
        Assert.Equal(["i", "stanbul", "\U00010428x"], Bm25.Words("İstanbul \U00010400X"), StringComparer.Ordinal);
        Assert.Equal(["क", "ष"], Bm25.Words("क्ष"));
        Assert.Empty(Bm25.Words("… — !"));
    }

    [Fact]
    public void The_best_are_named_without_those_that_share_no_word()
    {
        Bm25 words = new(["the card was charged twice", "a refund was promised", "", "refund refund"]);
        Assert.Equal([3, 1], words.Search("Refund!", 5).Select(r => r.Item));
        Assert.Empty(words.Search("nothing of this", 5));
        Assert.Equal(4, words.Documents);
    }

    [Fact]
    public void Empty_collections_and_wrong_numbers_are_handled()
    {
        Assert.Empty(new Bm25([]).Scores("a"));
        Assert.Equal([0.0, 0.0], new Bm25(["", ""]).Scores("a"));
        ConfigException wrong = Assert.Throws<ConfigException>(() => new Bm25(["a"], new Bm25Options { B = 1.5 }));
        Assert.Contains("b: is 1.5", wrong.Message, StringComparison.Ordinal);
    }
}
