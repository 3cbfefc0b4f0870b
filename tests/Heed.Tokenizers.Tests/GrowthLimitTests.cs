using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Heed.Tokenizers.Tests;

/// <summary>A short tokenizer file cannot make a short text gigabytes long. (cases: r14)</summary>
public class GrowthLimitTests
{
    private const string Doubling = """{"type":"Replace","pattern":{"Regex":"a"},"content":"aa"}""";
    private const long MostBytes = 256 << 20;

    private static Tokenizer Build(string? normalizer = null, string? preTokenizer = null, string? decoder = null, string? postProcessor = null, string added = "[]")
        => Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes($$$"""
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":{{{added}}},"normalizer":{{{normalizer ?? "null"}}},"pre_tokenizer":{{{preTokenizer ?? "null"}}},
            "post_processor":{{{postProcessor ?? "null"}}},"decoder":{{{decoder ?? "null"}}},"model":{"type":"WordLevel","vocab":{"a":0,"é":1,"[UNK]":2},"unk_token":"[UNK]"}}
            """), "growing.json");

    private static string Sequence(string list, string part, int times) => $$"""{"type":"Sequence","{{list}}":[{{string.Join(',', Enumerable.Repeat(part, times))}}]}""";

    /// <summary>The steps end in a limit error, within two seconds and 256 MiB.</summary>
    private static void AssertLimited(Action work)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        BudgetException error = Assert.Throws<BudgetException>(work);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 2);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        Assert.Contains("remove the step", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(27)]
    [InlineData(40)]
    public void Replace_normalizers_that_double_the_text_are_stopped(int times)
    {
        Tokenizer tokenizer = Build(Sequence("normalizers", Doubling, times));
        AssertLimited(() => tokenizer.Encode("a"));
        AssertLimited(() => tokenizer.CountTokens("a"));
    }

    [Fact]
    public void A_normalized_added_token_that_grows_is_refused_by_its_file()
    {
        string added = """[{"id":3,"content":"a","single_word":false,"lstrip":false,"rstrip":false,"normalized":true,"special":false}]""";
        AssertLimited(() => Build(Sequence("normalizers", Doubling, 40), added: added));
        Assert.StartsWith("growing.json: ", Assert.Throws<BudgetException>(() => Build(Sequence("normalizers", Doubling, 40), added: added)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("normalizers", """{"type":"Prepend","prepend":"PPPP"}""")]
    [InlineData("normalizers", """{"type":"ByteLevel"}""")]
    [InlineData("pretokenizers", """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}""")]
    public void Other_steps_that_grow_are_stopped(string list, string part)
    {
        string steps = Sequence(list, part.Replace("PPPP", new string('x', 1 << 16), StringComparison.Ordinal), 40);
        Tokenizer tokenizer = list == "normalizers" ? Build(steps) : Build(preTokenizer: steps);
        AssertLimited(() => tokenizer.Encode("é"));
    }

    [Fact]
    public void A_charsmap_of_long_replacements_is_stopped()
    {
        // A trie of the one key "a", whose replacement is 100,000 characters long: darts-clone's layout, see CharacterMap.
        byte[] map = new byte[4 + 1024 + 100_001];
        BitConverter.TryWriteBytes(map, 1024);
        void Unit(int at, uint value) => BitConverter.TryWriteBytes(map.AsSpan(4 + (at * 4)), value);
        Unit(0, 1u << 10);
        Unit(1 ^ 'a', (2u << 10) | (1u << 8) | 'a');
        Unit(1 ^ 'a' ^ 2, 0x80000000);
        map.AsSpan(4 + 1024, 100_000).Fill((byte)'b');
        Tokenizer tokenizer = Build($$"""{"type":"Precompiled","precompiled_charsmap":"{{Convert.ToBase64String(map)}}"}""");
        Assert.Equal(1, tokenizer.CountTokens("a"));
        AssertLimited(() => tokenizer.Encode(new string('a', 1000)));
    }

    [Fact]
    public void Decoders_that_double_the_text_are_stopped()
    {
        Tokenizer tokenizer = Build(decoder: Sequence("decoders", Doubling, 40));
        AssertLimited(() => tokenizer.Decode([0]));
        Tokenizer longOne = Build(decoder: Doubling.Replace("\"aa\"", $"\"{new string('b', 2 << 20)}\"", StringComparison.Ordinal));
        AssertLimited(() => longOne.Decode([0, 0, 0, 0]));
    }

    [Fact]
    public void A_template_that_repeats_the_text_is_stopped()
    {
        string piece = """{"Sequence":{"id":"A","type_id":0}}""", pieces = string.Join(',', Enumerable.Repeat(piece, 20_000));
        Tokenizer tokenizer = Build(preTokenizer: """{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated","invert":false}""",
            postProcessor: $$$"""{"type":"TemplateProcessing","single":[{{{pieces}}}],"pair":[{{{piece}}}],"special_tokens":{}}""");
        AssertLimited(() => tokenizer.Encode(new string('a', 10_000)));
        Assert.Equal(20_000, tokenizer.Encode("a").Count);
    }

    [Fact]
    public void Growth_that_languages_need_is_allowed()
    {
        Tokenizer tokenizer = Build("""{"type":"NFKC"}""");
        Assert.Equal(1, tokenizer.CountTokens(string.Concat(Enumerable.Repeat("\uFDFA", 200_000))));   // 18 characters each
    }
}
