using System.Text;
using Heed.Testing;

namespace Heed.Retrieval.Tests.Words;

public class WordVectorFileTests
{
    private static string File(string name) => Path.Combine(Repository.Goldens, "retrieval", "vectors", name);

    [Theory]
    [InlineData("gensim.txt", WordVectorFormat.Word2VecText)]
    [InlineData("gensim.bin", WordVectorFormat.Word2VecBinary)]
    [InlineData("glove.txt", WordVectorFormat.GloVe)]
    [InlineData("glove-blanks.txt", WordVectorFormat.GloVe)]
    [InlineData("word2vec-c.txt", WordVectorFormat.Word2VecOriginalText)]
    [InlineData("word2vec-c.bin", WordVectorFormat.Word2VecOriginalBinary)]
    [InlineData("fasttext.vec", WordVectorFormat.FastText)]
    public void A_file_that_is_read_and_written_has_the_same_bytes(string name, WordVectorFormat format)
    {
        using TemporaryFolder folder = new();
        WordVectors.Read(File(name)).Write(folder.File("again"), format);
        Assert.Equal(System.IO.File.ReadAllBytes(File(name)), System.IO.File.ReadAllBytes(folder.File("again")));
    }

    [Theory]
    [InlineData(WordVectorFormat.Word2VecText)]
    [InlineData(WordVectorFormat.Word2VecBinary)]
    [InlineData(WordVectorFormat.Word2VecOriginalBinary)]
    [InlineData(WordVectorFormat.GloVe)]
    public void Every_float32_comes_back_by_its_bits(WordVectorFormat format)
    {
        using TemporaryFolder folder = new();
        float[] values = [.. Enumerable.Range(0, 4000).Select(i => BitConverter.Int32BitsToSingle(i * 1_073_741)).Select(v => float.IsFinite(v) ? v : -0f)];
        WordVectors made = WordVectors.Create([.. Enumerable.Range(0, 400).Select(i => $"w{i}")], values);
        made.Write(folder.File("v"), format);
        WordVectors read = WordVectors.Read(folder.File("v"));
        Assert.Equal(made.Words, read.Words);
        for (int i = 0; i < 400; i++)
            Assert.Equal(made.Row(i).ToArray().Select(BitConverter.SingleToInt32Bits), read.Row(i).ToArray().Select(BitConverter.SingleToInt32Bits));
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("2 3\na 1 2 3\n", "ends after 1 words; line 1 announces 2")]
    [InlineData("1 3\na 1 2 3\nb 1 2 3\n", "line 3: is one more than the 1 words")]
    [InlineData("2 3\na 1 2 3\nb 1 2\n", "line 3: has 2 numbers after the word; 3 were expected")]
    [InlineData("2 3\na 1 2 3\nb 1 x 3\n", "has \"x\" as number 2 of 3")]
    [InlineData("2 3\na 1 2 3\nb 1 nan 3\n", "has \"nan\" as number 2 of 3; a finite number")]
    [InlineData("many 3\na 1 2 3\n", "line 1: is \"many 3\"; two fields are the number of words")]
    [InlineData("word\n", "line 1: is \"word\"; a word and its numbers")]
    [InlineData("a b c\n", "a word and its numbers were expected")]
    [InlineData("999999999 900000\n\u0001\u0002 \u0003", "which take more than the file's")]
    public void A_file_that_is_wrong_is_refused_by_its_place(string content, string expected)
    {
        using TemporaryFolder folder = new();
        System.IO.File.WriteAllText(folder.File("v"), content);
        InvalidFileException error = Assert.Throws<InvalidFileException>(() => WordVectors.Read(folder.File("v")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(folder.File("v"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_binary_file_that_is_cut_off_anywhere_is_refused()
    {
        using TemporaryFolder folder = new();
        byte[] whole = System.IO.File.ReadAllBytes(File("gensim.bin"));
        for (int length = 6; length < whole.Length; length += 37)
        {
            System.IO.File.WriteAllBytes(folder.File("v"), whole[..length]);
            Assert.Throws<InvalidFileException>(() => WordVectors.Read(folder.File("v")));
        }

        System.IO.File.WriteAllBytes(folder.File("v"), [.. whole, .. "more"u8]);
        Assert.Contains("goes on after", Assert.Throws<InvalidFileException>(() => WordVectors.Read(folder.File("v"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_larger_than_any_buffer_is_read_as_it_was_written()
    {
        using TemporaryFolder folder = new();
        string[] words = [.. Enumerable.Range(0, 5000).Select(i => new string((char)('a' + (i % 26)), 1 + (i % 300)) + i)];
        float[] values = [.. Enumerable.Range(0, 5000 * 7).Select(i => i / 3f)];
        foreach (WordVectorFormat format in (WordVectorFormat[])[WordVectorFormat.Word2VecBinary, WordVectorFormat.GloVe])
        {
            WordVectors.Create(words, values).Write(folder.File("v"), format);
            List<double> parts = [];
            WordVectors read = WordVectors.Read(folder.File("v"), new Reporter<double>(parts.Add));
            Assert.Equal(words, read.Words);
            Assert.Equal(values[^7..], read[words[^1]].ToArray());
            Assert.Equal(1, parts[^1]);
        }
    }

    [Fact]
    public void A_word_that_a_form_cannot_hold_is_refused_and_the_old_file_stays()
    {
        using TemporaryFolder folder = new();
        WordVectors made = WordVectors.Create(["New York", "two\nlines"], [1, 2, 3, 4]);
        System.IO.File.WriteAllText(folder.File("v"), "old");
        Assert.Contains("'New York'", Assert.Throws<InputException>(() => made.Write(folder.File("v"), WordVectorFormat.Word2VecBinary)).Message, StringComparison.Ordinal);
        Assert.Contains("line feed", Assert.Throws<InputException>(() => made.Write(folder.File("v"), WordVectorFormat.GloVe)).Message, StringComparison.Ordinal);
        Assert.Contains("one number", Assert.Throws<InputException>(() => WordVectors.Create(["a"], [1]).Write(folder.File("v"), WordVectorFormat.GloVe)).Message, StringComparison.Ordinal);
        Assert.Equal("old", System.IO.File.ReadAllText(folder.File("v")));
    }

    [Fact]
    public void Compressed_files_and_words_that_are_not_text_are_named()
    {
        using TemporaryFolder folder = new();
        System.IO.File.WriteAllBytes(folder.File("v"), [0x1F, 0x8B, 8, 0, 10]);
        Assert.Contains("gunzip", Assert.Throws<InvalidFileException>(() => WordVectors.Read(folder.File("v"))).Message, StringComparison.Ordinal);
        System.IO.File.WriteAllBytes(folder.File("v"), [.. "a 1 2\n"u8, 0xFF, .. " 1 2\n"u8]);
        Assert.Contains("line 2: has a word that is not UTF-8", Assert.Throws<InvalidFileException>(() => WordVectors.Read(folder.File("v"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_word_without_a_vector_is_named_with_its_other_spelling()
    {
        WordVectors vectors = WordVectors.Read(File("gensim.txt"));
        Assert.Contains("It has 'king'", Assert.Throws<InputException>(() => vectors.MostSimilar(["King"])).Message, StringComparison.Ordinal);
        Assert.Contains("no vector for 'emperor' among its 43 words", Assert.Throws<InputException>(() => vectors["emperor"].ToArray()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => vectors.MostSimilar([]));
        Assert.Throws<ArgumentException>(() => WordVectors.Create(["a", "a"], [1, 2]));
        Assert.Throws<ArgumentException>(() => WordVectors.Create(["a", "b"], [1, 2, 3]));
    }

    [Fact]
    public void Equal_cosines_come_in_the_order_of_words_and_zeros_are_near_to_nothing()
    {
        WordVectors vectors = WordVectors.Create(["zero", "b", "a", "c"], [0, 0, 2, 0, 5, 0, 0, 1]);
        Assert.Equal(["b", "a", "zero"], vectors.MostSimilar(["b"], top: 3, includeGiven: true).Select(s => s.Word));
        Assert.Equal(0, vectors.Similarity("zero", "a"));
        Assert.Empty(vectors.MostSimilar(["b"], top: 0));
        Assert.Equal(3, vectors.MostSimilar(["b"], top: 99).Count);
    }
}
