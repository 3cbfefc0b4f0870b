using Heed.Tokenizers.SentencePiece;

namespace Heed.Tokenizers.Tests.SentencePiece;

/// <summary>Models written here piece by piece: the types and options that no stored model has.</summary>
public sealed class SentencePieceModelTypeTests
{
    private static string Show(SentencePieceProcessor processor, string text) => string.Join('|', processor.Encode(text).Select(token => token.Piece));

    [Fact]
    public void Word_models_cut_at_spaces()
    {
        SentencePieceProcessor words = MadeModel.Build(SentencePieceModelType.Word, [new("▁a", -1), new("▁cat", -2)]);
        Assert.Equal("▁a|▁cat|▁a", Show(words, " a  cat a "));
        Assert.Equal([3, 0, 3], words.Encode("a dog a").Select(token => token.Id));
        Assert.Equal("a cat", words.Decode([3, 4]));
        Assert.Throws<InputException>(() => words.ToTokenizer());
    }

    [Fact]
    public void Char_models_cut_characters_and_keep_user_defined_pieces()
    {
        SentencePieceProcessor characters = MadeModel.Build(SentencePieceModelType.Char, [new("▁", -1), new("a", -2), new("<x>", 0, SentencePieceType.UserDefined), new("😀", -3)]);
        Assert.Equal("▁|a|<x>|😀|a", Show(characters, "a<x>😀a"));
        Assert.Equal((4, 6), (characters.Encode("a<x>😀a")[3].Start, characters.Encode("a<x>😀a")[3].End));
        Assert.Equal("a\u2047 ".Replace("\u2047", " \u2047", StringComparison.Ordinal), characters.Decode([3, 4, 0]));
    }

    [Fact]
    public void White_space_can_follow_the_word()
    {
        SentencePieceProcessor suffix = MadeModel.Build(SentencePieceModelType.Unigram, [new("a▁", -1), new("b▁", -1), new("a", -5), new("b", -5), new("▁", -5)], suffix: true);
        Assert.Equal("a▁b▁", suffix.Normalize(" a  b "));
        Assert.Equal("a▁|b▁", Show(suffix, "a b"));
        Assert.Throws<InputException>(() => suffix.ToTokenizer());
    }

    [Fact]
    public void Spaces_stay_where_they_are_not_escaped()
    {
        SentencePieceProcessor plain = MadeModel.Build(SentencePieceModelType.Unigram, [new(" a", -1), new("a", -2), new(" ", -3)], escape: false);
        Assert.Equal(" a a", plain.Normalize("a  a"));
        Assert.Equal(" a| a", Show(plain, "a  a"));
    }

    [Fact]
    public void Unused_pieces_are_never_given_out()
    {
        MadePiece[] pieces = [new("a", -3), new("b", -3), new("ab", -1, SentencePieceType.Unused), new("abb", -0.5f), new("▁", -9)];
        foreach (SentencePieceModelType type in new[] { SentencePieceModelType.Bpe, SentencePieceModelType.Unigram })
        {
            SentencePieceProcessor processor = MadeModel.Build(type, pieces, dummyPrefix: false);
            Assert.Equal("a|b", Show(processor, "ab"));
            Assert.Equal("abb", Show(processor, "abb"));
        }
    }

    [Fact]
    public void Neighbouring_unknown_characters_are_one_unknown_piece()
    {
        SentencePieceProcessor processor = MadeModel.Build(SentencePieceModelType.Unigram, [new("a", -1), new("▁", -2)]);
        SentencePieceToken unknown = processor.Encode("aЖЖa")[2];
        Assert.Equal((0, "ЖЖ", "ЖЖ", 1, 3), (unknown.Id, unknown.Piece, unknown.Surface, unknown.Start, unknown.End));
    }

    [Fact]
    public void Lone_surrogates_count_as_replacement_characters()
    {
        SentencePieceProcessor processor = MadeModel.Build(SentencePieceModelType.Unigram, [new("a", -1), new("▁", -2)]);
        Assert.Equal((2, 3), (processor.Encode("a\uD800a")[^1].Start, processor.Encode("a\uD800a")[^1].End));
    }
}
