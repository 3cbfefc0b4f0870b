using System.Diagnostics;
using Heed.Testing;

namespace Heed.Tokenizers.Tests.Serialization;

/// <summary>Files with bytes changed, cut off and moved: only declared errors, quickly.</summary>
public class DamagedFileTests
{
    private const int Mutations = 10_000;

    [Theory]
    [InlineData("added-flags")]
    [InlineData("bpe-no-unk")]
    [InlineData("wordlevel")]
    public void Damaged_tokenizer_files_are_read_or_refused(string name)
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Repository.Goldens, "tokenizers", name, "tokenizer.json"));
        Damage(whole, Mutations / 3, bytes => Tokenizer.FromJson(bytes).Encode("ab c <x> İé"));
    }

    [Fact]
    public void Damaged_parts_of_every_kind_are_read_or_refused()
    {
        const string Json = """
            {"version":"1.0","truncation":{"direction":"Left","max_length":9,"strategy":"OnlyFirst","stride":2},"padding":{"strategy":{"Fixed":8},"direction":"Left","pad_to_multiple_of":4,"pad_id":0,"pad_type_id":1,"pad_token":"<p>"},
            "added_tokens":[{"id":0,"content":"<u>","single_word":true,"lstrip":true,"rstrip":true,"normalized":true,"special":true}],
            "normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":"(?i:a+?b{1,3})|[^\\s\\p{L}&&[a-z]]"},"content":"x"},{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAAA"}]},
            "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithNext","invert":true},{"type":"FixedLength","length":3},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}]},
            "post_processor":{"type":"Sequence","processors":[{"type":"RobertaProcessing","sep":["s",1],"cls":["c",2],"trim_offsets":true,"add_prefix_space":true},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"s":{"id":"s","ids":[1],"tokens":["s"]}}}]},
            "decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"CTC","pad_token":"<p>","word_delimiter_token":"|","cleanup":true},{"type":"Strip","content":" ","start":1,"stop":0},{"type":"Fuse"}]},
            "model":{"type":"Unigram","unk_id":0,"vocab":[["<u>",0.0],["s",-1.5],["c",-2.0],["ab",-3.25]],"byte_fallback":true}}
            """;
        Damage(System.Text.Encoding.UTF8.GetBytes(Json), Mutations, bytes =>
        {
            Tokenizer tokenizer = Tokenizer.FromJson(bytes);
            Encoding encoding = tokenizer.Encode("ab  aab c<u>İé", "中");
            tokenizer.Decode(encoding.Ids, skipSpecialTokens: false);
        });
    }

    [Fact]
    public void Damaged_vocabulary_files_are_read_or_refused()
    {
        using TemporaryFolder folder = new();
        string source = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");
        byte[] merges = File.ReadAllBytes(Path.Combine(source, "merges.txt"))[..800];
        File.Copy(Path.Combine(source, "vocab.json"), folder.File("vocab.json"));
        Damage(merges, Mutations / 20, bytes =>
        {
            File.WriteAllBytes(folder.File("merges.txt"), bytes);
            Tokenizer.FromFolder(folder.Path).Encode("ab c");
        });
    }

    [Fact]
    public void Damaged_configurations_are_read_or_refused()
    {
        using TemporaryFolder folder = new();
        byte[] config = File.ReadAllBytes(Path.Combine(Repository.Goldens, "tokenizers", "bert-cased", "tokenizer_config.json"));
        File.WriteAllText(folder.File("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n");
        Damage(config, Mutations / 10, bytes =>
        {
            File.WriteAllBytes(folder.File("tokenizer_config.json"), bytes);
            Tokenizer.FromFolder(folder.Path).Encode("ab c");
        });
    }

    private static void Damage(byte[] whole, int count, Action<byte[]> read)
    {
        Random random = new(20240);
        for (int i = 0; i < count; i++)
        {
            byte[] damaged = Mutate(whole, random);
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                read(damaged);
            }
            catch (HeedException)
            {
                // Declared: InputException and its kin, BudgetException.
            }

            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"mutation {i} took {watch.Elapsed}");
        }
    }

    private static byte[] Mutate(byte[] whole, Random random)
    {
        List<byte> bytes = [.. whole];
        int changes = 1 + random.Next(3);
        for (int i = 0; i < changes && bytes.Count > 1; i++)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] = (byte)"0123456789{}[]\",:-.eE\\ tfn"[random.Next(26)]; break;
                case 2: bytes.RemoveRange(at, Math.Min(bytes.Count - at, 1 + random.Next(12))); break;
                case 3: bytes.InsertRange(at, [.. bytes.Skip(random.Next(bytes.Count)).Take(1 + random.Next(20))]); break;
                default: if (random.Next(4) == 0) bytes.RemoveRange(at, bytes.Count - at); else bytes[at] ^= (byte)(1 << random.Next(8)); break;
            }
        }

        return [.. bytes];
    }
}
