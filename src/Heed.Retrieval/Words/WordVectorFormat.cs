namespace Heed.Retrieval;

/// <summary>The forms of files of word vectors; <see cref="WordVectors.Read"/> tells them apart by itself.</summary>
public enum WordVectorFormat
{
    /// <summary>word2vec's text as gensim writes it: a line of counts, then a word and its numbers a line, each with the fewest digits
    /// that read back as the same float32.</summary>
    Word2VecText,

    /// <summary>word2vec's binary form as gensim writes it: a line of counts, then word, blank and float32 values one after
    /// another.</summary>
    Word2VecBinary,

    /// <summary>Text as word2vec.c writes it: six decimals, a blank before each line's end.</summary>
    Word2VecOriginalText,

    /// <summary>Binary as word2vec.c writes it: a newline after each vector.</summary>
    Word2VecOriginalBinary,

    /// <summary>GloVe's text: as <see cref="Word2VecText"/> without the line of counts.</summary>
    GloVe,

    /// <summary>fastText's <c>.vec</c>: five significant digits, a blank before each line's end.</summary>
    FastText,
}
