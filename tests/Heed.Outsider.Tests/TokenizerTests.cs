using Heed.Tokenizers;
using Heed.Tokenizers.Training;

namespace Heed.Outsider.Tests;

/// <summary>A tokenizer that is trained, saved and used.</summary>
public sealed class TokenizerTests : IDisposable
{
    private readonly Workshop _workshop = new();

    [Fact]
    public void A_trained_tokenizer_gives_texts_back_from_its_file()
    {
        const string Text = "The cat number 7 sat — naïvely 🙂 — on the mat.";
        Workshop.Tokenizer().Save(_workshop.At("tokenizer.json"));
        Tokenizer tokenizer = Tokenizer.FromFile(_workshop.At("tokenizer.json"));
        TokenEncoding encoding = tokenizer.Encode(Text);
        Assert.Equal(Text, tokenizer.Decode(encoding.Ids));
        Assert.Equal("The", Text[encoding.CodePointRanges(Text)[0]]);
        Assert.True(encoding.Ids == encoding.Ids, "the ids are copied when they are asked for");
        Assert.True(encoding.Tokens == encoding.Tokens, "the tokens are copied when they are asked for");
        Assert.Equal(Text, tokenizer.Decode((IReadOnlyList<int>)[.. encoding.Ids]));
        Assert.Equal(Text, tokenizer.Decode(encoding.Ids.AsSpan()));
        List<int> ids = [];
        Assert.Equal(encoding.Count, tokenizer.EncodeToIds(Text, ids));
        Assert.Equal(encoding.Ids, ids);
        IReadOnlyList<TokenEncoding> pairs = tokenizer.EncodeBatch(["The cat", "The dog"], ["sat", "slept"]);
        Assert.Equal(tokenizer.Encode("The dog", "slept").Ids, pairs[1].Ids);
    }

    [Fact]
    public void Training_reports_how_far_it_is()
    {
        List<TrainingProgress> seen = [];
        Tokenizer tokenizer = TokenizerTrainer.Train(
            new UnigramTrainerSettings { VocabularySize = 120 }, Workshop.Texts, TrainingPipeline.Metaspace, new Immediate<TrainingProgress>(seen.Add));
        Assert.True(tokenizer.VocabularySize <= 120);
        Assert.NotEmpty(seen);
    }

    public void Dispose() => _workshop.Dispose();

    private sealed class Immediate<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
