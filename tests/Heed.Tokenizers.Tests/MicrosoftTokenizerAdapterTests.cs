using Heed.Testing;

namespace Heed.Tokenizers.Tests;

public class MicrosoftTokenizerAdapterTests
{
    [Fact]
    public void The_adapter_gives_ids_tokens_counts_and_text()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small"));
        Microsoft.ML.Tokenizers.Tokenizer adapter = new MicrosoftTokenizerAdapter(tokenizer);
        const string Text = "The quick brown fox, naïve 😀!";
        int[] ids = tokenizer.Encode(Text, addSpecialTokens: false).Ids;
        Assert.Equal(ids, adapter.EncodeToIds(Text));
        Assert.Equal(ids.Length, adapter.CountTokens(Text));
        Assert.Equal(Text, adapter.Decode(ids));
        Assert.Equal(ids, adapter.EncodeToTokens(Text, out _).Select(token => token.Id));
        int end = adapter.GetIndexByTokenCount(Text, 3, out _, out int count);
        Assert.Equal(3, count);
        Assert.Equal(ids[..3], tokenizer.Encode(Text[..end], addSpecialTokens: false).Ids);
    }
}
