using CsCheck;

namespace Heed.Retrieval.Tests;

public class TextChunkerTests
{
    private const string Page = """
        # Guide

        Before you begin, read this.

        ## Install

        Run the command.

        ```
        # no heading
        heed env
        ```

        ### On Linux
        ## Empty
        ## Use
        First sentence here. Second sentence is here! A third one? Yes, it is.
        """;

    [Fact]
    public void A_page_is_cut_at_its_headings_and_code_is_no_heading()
    {
        IReadOnlyList<TextChunk> chunks = TextChunker.Cut(Page, DocumentForm.Markdown, 100);
        Assert.Equal(
            [("Guide", "Before you begin, read this."), ("Guide › Install", "Run the command.\n\n```\n# no heading\nheed env\n```"),
                ("", "### On Linux"), ("", "## Empty"),
                ("Guide › Use", "First sentence here. Second sentence is here! A third one? Yes, it is.")],
            chunks.Select(c => (c.Heading, Page[c.Start..c.End].ReplaceLineEndings("\n"))));
    }

    [Fact]
    public void What_is_too_long_is_cut_between_sentences_then_words_then_in_halves()
    {
        string[] Cut(string text, int most) => [.. TextChunker.Cut(text, DocumentForm.Plain, most).Select(c => text[c.Start..c.End])];
        Assert.Equal(["One two three. Four five.", "Six seven eight nine."], Cut("One two three. Four five. Six seven eight nine.", 5));
        Assert.Equal(["one two three", "four five six", "seven"], Cut("one two three four five six seven", 3));
        IReadOnlyList<TextChunk> halves = TextChunker.Cut("abcdefgh", DocumentForm.Plain, 2, text => text.Length);
        Assert.Equal(["ab", "cd", "ef", "gh"], halves.Select(c => "abcdefgh"[c.Start..c.End]));
        Assert.Empty(Cut(" \n\n ", 5));
    }

    [Fact]
    public void No_letter_is_lost_none_comes_twice_and_no_part_is_too_long()
    {
        Gen<string> word = Gen.Char["abc.!?#`\n \t"].Array[0, 12].Select(c => new string(c));
        Gen.Select(word.Array[0, 30], Gen.Int[1, 9], Gen.Bool).Sample((parts, most, markdown) =>
        {
            string text = string.Join(' ', parts);
            IReadOnlyList<TextChunk> chunks = TextChunker.Cut(text, markdown ? DocumentForm.Markdown : DocumentForm.Plain, most);
            int end = 0;
            foreach (TextChunk chunk in chunks)
            {
                if (chunk.Start < end || chunk.End <= chunk.Start) return false;
                end = chunk.End;
                string part = text[chunk.Start..chunk.End];
                bool isHeading = markdown && part.StartsWith('#');
                if (Bm25.Words(part).Count > most && !isHeading) return false;
            }

            // Headings that have something below them stand in Heading.
            if (markdown) return true;
            // What has no blank may be cut within a word.
            return string.Concat(Bm25.Words(text)) == string.Concat(chunks.SelectMany(c => Bm25.Words(text[c.Start..c.End])));
        });
    }
}
