using System.Collections.Immutable;
using Heed.Testing;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.SentencePiece;
using Heed.Verification;

namespace Heed.Tokenizers.Tests.SentencePiece;

public sealed class SentencePieceProcessorTests
{
    private static readonly string Goldens = Path.Combine(Repository.Goldens, "tokenizers");

    public static TheoryData<string> Folders => [.. Directory.GetDirectories(Goldens, "sentencepiece-*").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Answers_are_sentencepieces(string folder)
        => Assert.Empty(SentencePieceCases.Run(Path.Combine(Goldens, folder)).Where(result => !result.Passed).Select(result => $"{result.Case}: {result.Detail}"));

    [Fact]
    public void Broken_models_are_refused_by_place()
    {
        List<VerificationResult> results = [.. BadFileCases.Run(Path.Combine(Goldens, "bad")).Where(result => result.Case.EndsWith(".model", StringComparison.Ordinal))];
        Assert.Equal(6, results.Count);
        Assert.Empty(results.Where(result => !result.Passed).Select(result => $"{result.Case}: {result.Detail}"));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Damaged_models_are_read_or_refused_by_name(string folder) => RunDamaged(folder, Damage.Mutations, folder.Length);

    [LongFact]
    public void Many_damaged_models_are_read_or_refused_by_name()
    {
        foreach (string folder in Folders.Select(row => row.Data)) RunDamaged(folder, Damage.ManyMutations, 3);
    }

    private static void RunDamaged(string folder, int count, int seed)
    {
        // The head of the file with all that is not a piece: thousands of loads stay quick, and the structure is hit more often.
        byte[] small = Shortened(File.ReadAllBytes(Path.Combine(Goldens, folder, "spiece.model")), pieces: 120);
        Damage.Run(small, count, seed, "damaged.model", bytes => SentencePieceProcessor.Parse(bytes, "damaged.model"), processor =>
        {
            processor.Decode([.. processor.Encode("Some text, a 中 and <0x0A>\n 😀.").Select(token => token.Id)]);
            _ = processor.Normalize(" a  b ");
            _ = processor.ToTokenizer().Encode("a 中");
        });
    }

    /// <summary>A model file with its first pieces only, and without a charsmap above 2 KiB.</summary>
    private static byte[] Shortened(byte[] model, int pieces)
    {
        List<byte> kept = [];
        for (int at = 0; at < model.Length;)
        {
            int start = at;
            int field = model[at++] >> 3;
            int length = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte b = model[at++];
                length |= (b & 0x7F) << shift;
                if (b < 0x80) break;
            }

            at += length;
            if ((field == 1 && pieces-- > 0) || (field != 1 && length < 2048)) kept.AddRange(model[start..at]);
        }

        return [.. kept];
    }

    [Fact]
    public void Conversion_gives_the_merges_and_scores_of_the_reference()
    {
        Tokenizer llama = SentencePieceProcessor.Load(Path.Combine(Goldens, "sentencepiece-bpe", "spiece.model")).ToTokenizer();
        BpeModel expected = (BpeModel)Tokenizer.FromFile(Path.Combine(Goldens, "llama2-style", "tokenizer.json")).Parts.Model;
        BpeModel actual = (BpeModel)llama.Parts.Model;
        Assert.Equal(expected.Merges, actual.Merges);
        Assert.Equal(expected.Vocabulary, actual.Vocabulary);
        Assert.Equal(expected.Options, actual.Options);

        UnigramModel unigram = (UnigramModel)SentencePieceProcessor.Load(Path.Combine(Goldens, "sentencepiece-unigram-symbols", "spiece.model")).ToTokenizer().Parts.Model;
        UnigramModel stored = (UnigramModel)Tokenizer.FromFile(Path.Combine(Goldens, "unigram-unk", "tokenizer.json")).Parts.Model;
        Assert.Equal(stored.Pieces.Select(piece => piece.Piece), unigram.Pieces.Select(piece => piece.Piece));
        // The reference reads decimal scores to the last digit but one.
        Assert.All(stored.Pieces.Zip(unigram.Pieces), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-14));
        Assert.Equal(stored.UnknownId, unigram.UnknownId);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_converted_model_gives_the_same_ids_and_text_for_plain_text(string folder)
    {
        SentencePieceProcessor processor = SentencePieceProcessor.Load(Path.Combine(Goldens, folder, "spiece.model"));
        Tokenizer converted = Tokenizer.FromJson(processor.ToTokenizer().ToJson());
        foreach (string text in new[] { "The statement is an object.", "two  words and   more", "naïve déjà 中文 text", "x = y + 42;" })
        {
            int[] expected = [.. processor.Encode(text).Select(token => token.Id)];
            Assert.Equal(expected, converted.Encode(text).Ids);
        }
    }

    [Fact]
    public void Asked_for_marks_are_added_by_the_converted_model()
    {
        Tokenizer converted = SentencePieceProcessor.Load(Path.Combine(Goldens, "sentencepiece-bpe", "spiece.model")).ToTokenizer(addBos: true, addEos: true);
        ImmutableArray<string> tokens = converted.Encode("text").Tokens;
        Assert.Equal("<s>", tokens[0]);
        Assert.Equal("</s>", tokens[^1]);
    }

    [Fact]
    public void A_folder_with_a_model_file_opens_as_its_class_says()
    {
        using TemporaryFolder llama = new(), t5 = new();
        File.Copy(Path.Combine(Goldens, "sentencepiece-bpe", "spiece.model"), llama.File("tokenizer.model"));
        File.WriteAllText(llama.File("tokenizer_config.json"), """{"tokenizer_class": "LlamaTokenizer"}""");
        Assert.Equal("<s>", Tokenizer.FromFolder(llama.Path).Encode("text").Tokens[0]);

        File.Copy(Path.Combine(Goldens, "sentencepiece-unigram", "spiece.model"), t5.File("spiece.model"));
        File.WriteAllText(t5.File("tokenizer_config.json"), """{"tokenizer_class": "T5Tokenizer"}""");
        Tokenizer opened = Tokenizer.FromFolder(t5.Path), stored = Tokenizer.FromFile(Path.Combine(Goldens, "t5-style", "tokenizer.json"));
        Assert.Equal(stored.VocabularySize, opened.VocabularySize);
        Assert.Equal(stored.TokenToId("<extra_id_0>"), opened.TokenToId("<extra_id_0>"));
        const string Text = "The statement <extra_id_7> is an object.";
        Assert.Equal(stored.Encode(Text).Ids, opened.Encode(Text).Ids);
    }

    [Fact]
    public void A_long_run_without_spaces_is_no_trouble()
    {
        foreach (string folder in new[] { "sentencepiece-bpe", "sentencepiece-unigram" })
        {
            SentencePieceProcessor processor = SentencePieceProcessor.Load(Path.Combine(Goldens, folder, "spiece.model"));
            string text = new('a', 200_000);
            IReadOnlyList<SentencePieceToken> tokens = processor.Encode(text);
            Assert.Equal(text.Length, tokens[^1].End);
        }
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_refused()
    {
        SentencePieceProcessor processor = SentencePieceProcessor.Load(Path.Combine(Goldens, "sentencepiece-bpe", "spiece.model"));
        Assert.Contains("1100", Assert.Throws<InputException>(() => processor.Decode([1100])).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => processor.Decode([-1]));
    }
}
