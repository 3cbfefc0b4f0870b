using Heed.Testing;
using Heed.Tokenizers.SentencePiece;

namespace Heed.Tokenizers.Tests.SentencePiece;

/// <summary>
/// The ids of families whose folders are published with a SentencePiece model alone, over models made here. The numbers follow from the
/// layouts of transformers' CamembertTokenizer, MBartTokenizer and PegasusTokenizer: camembert-base has &lt;s&gt; 5 and &lt;mask&gt;
/// 32004 over 32,000 pieces, mbart-large-cc25 en_XX 250004 and &lt;mask&gt; 250026 over 250,000, pegasus &lt;unk&gt; 105.
/// </summary>
public sealed class PublishedLayoutTests : IDisposable
{
    private static readonly MadePiece[] Words = [new("\u2581", -4), new("\u2581le", -1), new("\u2581mot", -2), new("s", -3)];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("le mots", null, "5 8 9 10 6")]
    [InlineData("le", "mot", "5 8 6 6 9 6")]
    [InlineData("le é", null, "5 8 7 3 6")]
    [InlineData("le <mask> mot", null, "5 8 11 9 6")]
    public void CamemBERT_shifts_by_four_and_keeps_its_unused_tokens(string text, string? pair, string expected)
    {
        Tokenizer tokenizer = Open("CamembertTokenizer", "sentencepiece.bpe.model", [new("<unk>", 0, SentencePieceType.Unknown), Control("<s>"), Control("</s>"), .. Words]);
        Assert.Equal(expected, Ids(tokenizer, text, pair));
        AssertNamed(tokenizer, ("<s>NOTUSED", 0), ("<pad>", 1), ("</s>NOTUSED", 2), ("<unk>", 3), ("<unk>NOTUSED", 4), ("<s>", 5), ("</s>", 6), ("<mask>", 11));
        Assert.Equal(12, tokenizer.VocabularySize);
    }

    [Theory]
    [InlineData("", "le mots", null, "5 6 7 2 11")]
    [InlineData("", "le", "mot", "5 6 2 11")]
    [InlineData("", "le é", null, "5 4 3 2 11")]
    [InlineData("", "le <mask> mot", null, "5 33 6 2 11")]
    [InlineData(", \"src_lang\": \"fr_XX\"", "le", null, "5 2 15")]
    public void MBart_ends_with_the_source_language(string option, string text, string? pair, string expected)
    {
        Tokenizer tokenizer = Open("MBartTokenizer", "sentencepiece.bpe.model", [new("<unk>", 0, SentencePieceType.Unknown), Control("<s>"), Control("</s>"), .. Words], option);
        Assert.Equal(expected, Ids(tokenizer, text, pair));
        AssertNamed(tokenizer, ("<s>", 0), ("<pad>", 1), ("</s>", 2), ("<unk>", 3), ("ar_AR", 8), ("en_XX", 11), ("zh_CN", 32), ("<mask>", 33));
        Assert.Equal(34, tokenizer.VocabularySize);
    }

    [Theory]
    [InlineData("le mots", null, "107 108 109 1")]
    [InlineData("le", "mot", "107 108 1")]
    [InlineData("le é", null, "107 106 105 1")]
    [InlineData("le <mask_1> mot", null, "107 2 108 1")]
    public void Pegasus_shifts_by_103_after_its_mask_tokens(string text, string? pair, string expected)
    {
        Tokenizer tokenizer = Open("PegasusTokenizer", "spiece.model", [Control("<pad>"), Control("</s>"), new("<unk>", 0, SentencePieceType.Unknown), .. Words]);
        Assert.Equal(expected, Ids(tokenizer, text, pair));
        AssertNamed(tokenizer, ("<pad>", 0), ("</s>", 1), ("<mask_1>", 2), ("<mask_2>", 3), ("<unk_2>", 4), ("<unk_102>", 104), ("<unk>", 105));
        Assert.Equal(110, tokenizer.VocabularySize);
        tokenizer.Save(_folder.File("saved.json"));
        Assert.Equal(expected, Ids(Tokenizer.FromFile(_folder.File("saved.json")), text, pair));
    }

    private static MadePiece Control(string text) => new(text, 0, SentencePieceType.Control);

    private static string Ids(Tokenizer tokenizer, string text, string? pair) => string.Join(' ', (pair is null ? tokenizer.Encode(text) : tokenizer.Encode(text, pair)).Ids);

    private static void AssertNamed(Tokenizer tokenizer, params (string Token, int Id)[] named)
    {
        foreach ((string token, int id) in named) Assert.Equal((token, id), (token, tokenizer.TokenToId(token) ?? -1));
    }

    private Tokenizer Open(string name, string file, MadePiece[] pieces, string option = "")
    {
        File.WriteAllBytes(_folder.File(file), MadeModel.Bytes(SentencePieceModelType.Unigram, pieces));
        File.WriteAllText(_folder.File("tokenizer_config.json"), $$"""{"tokenizer_class": "{{name}}"{{option}}}""");
        return Tokenizer.FromFolder(_folder.Path);
    }
}
