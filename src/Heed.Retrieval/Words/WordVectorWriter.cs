using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Heed.Retrieval;

/// <summary>Writes files of word vectors with the bytes that word2vec.c, gensim, GloVe and fastText write.</summary>
internal static class WordVectorWriter
{
    public static void Write(string path, WordVectors vectors, WordVectorFormat format)
    {
        bool isBinary = format is WordVectorFormat.Word2VecBinary or WordVectorFormat.Word2VecOriginalBinary;
        foreach (string word in vectors.Words)
            if (word.Length == 0 || word[0] == '\n' || (isBinary ? word.Contains(' ', StringComparison.Ordinal)
                : word.Contains('\n', StringComparison.Ordinal)))
                throw new InputException($"{path}: the word '{Printable.Shorten(Printable.Escape(word))}' cannot be written: "
                    + $"{(isBinary ? "a blank" : "a line feed")} ends a word in this form. Remove the word, or choose another form.");
        if (format == WordVectorFormat.GloVe && vectors.Width == 1)
            throw new InputException($"{path}: vectors of one number cannot be written "
            + "in GloVe's form, whose first line would be taken for a line of counts. Choose another form.");
        DurableFile.Write(path, output =>
        {
            if (format != WordVectorFormat.GloVe)
                output.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                    $"{vectors.Words.Count} {vectors.Width}\n")));
            byte[] numbers = new byte[4 * vectors.Width];
            StringBuilder line = new();
            for (int i = 0; i < vectors.Words.Count; i++)
            {
                if (isBinary)
                {
                    output.Write(Encoding.UTF8.GetBytes(vectors.Words[i]));
                    output.WriteByte((byte)' ');
                    for (int d = 0; d < vectors.Width; d++) BinaryPrimitives.WriteSingleLittleEndian(numbers.AsSpan(4 * d),
                        vectors.Row(i)[d]);
                    output.Write(numbers);
                    if (format == WordVectorFormat.Word2VecOriginalBinary) output.WriteByte((byte)'\n');
                    continue;
                }

                line.Clear().Append(vectors.Words[i]);
                foreach (float value in vectors.Row(i)) line.Append(' ').Append(Number(value, format));
                if (format is WordVectorFormat.Word2VecOriginalText or WordVectorFormat.FastText) line.Append(' ');
                output.Write(Encoding.UTF8.GetBytes(line.Append('\n').ToString()));
            }
        });
    }

    private static string Number(float value, WordVectorFormat format)
        => (format switch
        {
            WordVectorFormat.Word2VecOriginalText => ((double)value).ToString("F6", CultureInfo.InvariantCulture),
            WordVectorFormat.FastText => ((double)value).ToString("G5", CultureInfo.InvariantCulture),
            _ => value.ToString(CultureInfo.InvariantCulture),
        }).Replace('E', 'e');
}
