using Heed.Testing;
using Heed.Tokenizers;

namespace Heed.Extensions.AI.Tests;

public class MicrosoftTokenizerAdapterTests
{
    [Fact]
    public void The_adapter_gives_ids_tokens_counts_and_text()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small"));
        Microsoft.ML.Tokenizers.Tokenizer adapter = new MicrosoftTokenizerAdapter(tokenizer);
        const string Text = "The quick brown fox, naïve 😀!";
        int[] ids = [.. tokenizer.Encode(Text, addSpecialTokens: false).Ids];
        Assert.Equal(ids, adapter.EncodeToIds(Text));
        Assert.Equal(ids.Length, adapter.CountTokens(Text));
        Assert.Equal(Text, adapter.Decode(ids));
        Assert.Equal(ids, adapter.EncodeToTokens(Text, out _).Select(token => token.Id));
        int end = adapter.GetIndexByTokenCount(Text, 3, out _, out int count);
        Assert.Equal(3, count);
        Assert.Equal(ids[..3], tokenizer.Encode(Text[..end], addSpecialTokens: false).Ids);
    }

    [Theory]
    [InlineData("gpt2-small")]
    [InlineData("llama2-style")]
    [InlineData("bert-uncased")]
    [InlineData("t5-style")]
    public void What_is_cut_by_a_number_of_tokens_has_no_more_of_them(string name)
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name));
        Microsoft.ML.Tokenizers.Tokenizer adapter = new MicrosoftTokenizerAdapter(tokenizer);
        const string Text = "The quick 😀😀 brown 中文 fox, naïve!";
        int all = adapter.CountTokens(Text);
        for (int most = 1; most <= all + 1; most++)
        {
            int end = adapter.GetIndexByTokenCount(Text, most, out _, out int count);
            Assert.InRange(count, 0, most);
            Assert.True(adapter.CountTokens(Text[..end]) <= most, $"{Text[..end]} has more than {most} tokens");
            Assert.Equal(count, adapter.EncodeToIds(Text, most, out _, out int consumed).Count);
            Assert.Equal(end, consumed);
            int start = adapter.GetIndexByTokenCountFromEnd(Text, most, out _, out count);
            Assert.InRange(count, 0, most);
            Assert.InRange(start, 0, Text.Length);
            if (name == "gpt2-small") Assert.Equal(count, adapter.CountTokens(Text[start..]));
        }
    }

    [Fact]
    public void Decoding_into_a_span_says_when_it_is_too_small()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small"));
        Microsoft.ML.Tokenizers.Tokenizer adapter = new MicrosoftTokenizerAdapter(tokenizer);
        int[] ids = [.. tokenizer.Encode("The quick", addSpecialTokens: false).Ids];
        Assert.Equal(System.Buffers.OperationStatus.DestinationTooSmall, adapter.Decode(ids, new char[3], out int used, out int written));
        Assert.Equal((0, 0), (used, written));
        char[] room = new char[20];
        Assert.Equal(System.Buffers.OperationStatus.Done, adapter.Decode(ids, room, out used, out written));
        Assert.Equal((ids.Length, "The quick"), (used, new string(room, 0, written)));
    }
}
