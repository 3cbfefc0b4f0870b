using System.Text;
using Heed.Testing;
using Xunit;

namespace Heed.Tokenizers.Tests;

/// <summary>For any ids, what a stream returns is what decoding all ids at once returns.</summary>
public sealed class DecodeStreamTests
{
    public static TheoryData<string> Names =>
    [
        .. Directory.GetFiles(Path.Combine(Repository.Goldens, "tokenizers"), "tokenizer.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => Path.GetRelativePath(Path.Combine(Repository.Goldens, "tokenizers"), Path.GetDirectoryName(f)!)).Where(n => !n.StartsWith("bad", StringComparison.Ordinal)),
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void Chunks_and_rest_are_the_whole_text_of_any_ids(string name)   // cases: 1
    {
        Tokenizer tokenizer = Tokenizer.FromFile(Path.Combine(Repository.Goldens, "tokenizers", name, "tokenizer.json"));
        int[] bytes = [.. Enumerable.Range(0, tokenizer.VocabularySize + 2).Where(id => tokenizer.IdToToken(id) is { Length: 6 } t && t.StartsWith("<0x", StringComparison.Ordinal))];
        int[] special = [.. tokenizer.AddedTokens.Keys];
        Random random = new(7);
        for (int round = 0; round < 600; round++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => Next(random, tokenizer.VocabularySize, bytes, special))];
            foreach (bool skip in (bool[])[true, false])
            {
                DecodeStream stream = tokenizer.CreateDecodeStream(skip);
                StringBuilder text = new();
                foreach (int id in ids)
                {
                    string? chunk = stream.Step(id);
                    Assert.NotEqual("", chunk);
                    text.Append(chunk);
                }

                text.Append(stream.Flush());
                Assert.Equal(tokenizer.Decode(ids, skip), text.ToString());
            }
        }
    }

    [Fact]
    public void A_run_of_byte_tokens_is_returned_once_it_is_closed()
    {
        Tokenizer tokenizer = Tokenizer.FromFile(Path.Combine(Repository.Goldens, "tokenizers", "llama2-style", "tokenizer.json"));
        DecodeStream stream = tokenizer.CreateDecodeStream();
        int Id(string token) => tokenizer.TokenToId(token)!.Value;
        Assert.Equal("the", stream.Step(Id("▁the")));
        Assert.Null(stream.Step(Id("<0x0A>")));
        Assert.Null(stream.Step(Id("<0xE4>")));
        Assert.Equal("\uFFFD\uFFFD a", stream.Step(Id("▁a")));
        Assert.Null(stream.Flush());
    }

    /// <summary>Bytes, special tokens and ids outside the vocabulary are common.</summary>
    private static int Next(Random random, int vocabulary, int[] bytes, int[] special) => random.Next(10) switch
    {
        < 4 when bytes.Length > 0 => bytes[random.Next(bytes.Length)],
        4 when special.Length > 0 => special[random.Next(special.Length)],
        5 when random.Next(4) == 0 => vocabulary + 1,
        _ => random.Next(vocabulary),
    };
}
