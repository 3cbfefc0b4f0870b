using System.Text;
using CsCheck;
using Heed.Generation.Text;
using Heed.Testing;
using Heed.Tokenizers;
using Xunit;

namespace Heed.Generation.Tests.Text;

public sealed class TextStreamTests
{
    private static readonly UTF8Encoding Utf8 = new();
    private static readonly Tokenizer Gpt2 = Load("gpt2-small");
    private static readonly Tokenizer Llama = Load("llama2-style");

    [Fact]
    public void Pieces_are_whole_characters_and_together_the_text()
    {
        foreach (Tokenizer tokenizer in new[] { Gpt2, Llama })
        {
            Gen.String[Gen.OneOf(Gen.Char['a', 'z'], Gen.Char[' ', ' '], Gen.Char['\u00c0', '\u30ff']), 0, 40].Sample(text =>
            {
                string whole = "The model said: " + text + " 😀 end";
                int[] ids = tokenizer.Encode(whole, addSpecialTokens: false).IdArray;
                TextStream stream = new(tokenizer, []);
                StringBuilder together = new();
                foreach (int id in ids)
                {
                    Assert.True(stream.Add(id));
                    string piece = stream.Take();
                    Assert.Equal(piece, Utf8.GetString(Utf8.GetBytes(piece)));
                    together.Append(piece);
                }

                stream.Finish();
                Assert.Equal(tokenizer.Decode(ids), together.Append(stream.Take()).ToString());
            }, iter: 200);
        }
    }

    [Fact]
    public void Stop_strings_are_cut_wherever_tokens_begin_and_end()
    {
        const string Text = "It was a dark night.\nUser: what then?\nUse of the night";
        foreach (Tokenizer tokenizer in new[] { Gpt2, Llama })
        {
            int[] ids = tokenizer.Encode(Text, addSpecialTokens: false).IdArray;
            string whole = tokenizer.Decode(ids);
            for (int start = 0; start < whole.Length; start++)
            {
                for (int length = 1; length <= Math.Min(9, whole.Length - start); length++)
                {
                    string stop = whole.Substring(start, length);
                    (string text, string? found) = Run(tokenizer, ids, [stop, "never there"]);
                    Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], text);
                    Assert.Equal(stop, found);
                }
            }

            Assert.Equal((whole, null), Run(tokenizer, ids, ["night!", "nightly", whole + "?"]));
        }
    }

    [Fact]
    public void Of_several_stop_strings_the_first_in_the_text_counts()
    {
        int[] ids = Gpt2.Encode("one two three four").IdArray;
        Assert.Equal(("one ", "two"), Run(Gpt2, ids, ["three", "two", "four"]));
        Assert.Equal("one ", Run(Gpt2, ids, ["two", "two three", "four"]).Text);
    }

    [Fact]
    public void A_continuation_keeps_the_space_between_prompt_and_text()
    {
        int[] prompt = Llama.Encode("The model").IdArray;
        int[] whole = Llama.Encode("The model said").IdArray;
        Assert.Equal(prompt, whole[..prompt.Length]);
        TextStream behind = new(Llama, prompt);
        foreach (int id in whole.AsSpan(prompt.Length)) behind.Add(id);
        behind.Finish();
        Assert.Equal(" said", behind.Take());
    }

    private static (string Text, string? Stop) Run(Tokenizer tokenizer, int[] ids, string[] stops)
    {
        TextStream stream = new(tokenizer, [], stops);
        StringBuilder text = new();
        foreach (int id in ids)
        {
            bool goesOn = stream.Add(id);
            text.Append(stream.Take());
            if (!goesOn) break;
        }

        stream.Finish();
        return (text.Append(stream.Take()).ToString(), stream.Stop);
    }

    private static Tokenizer Load(string name) => Tokenizer.FromFile(Path.Combine(Repository.Goldens, "tokenizers", name, "tokenizer.json"));
}
