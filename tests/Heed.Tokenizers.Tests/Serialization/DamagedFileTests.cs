using Heed.Testing;
using Heed.Tokenizers.Tiktoken;

namespace Heed.Tokenizers.Tests.Serialization;

/// <summary>Every reader of a tokenizer's files over damaged ones, see <see cref="Damage"/>.</summary>
public class DamagedFileTests
{
    private const string Text = "ab c <x> İé [MASK]中";

    private const string Parts = """
        {"version":"1.0","truncation":{"direction":"Left","max_length":9,"strategy":"OnlyFirst","stride":2},"padding":{"strategy":{"Fixed":8},"direction":"Left","pad_to_multiple_of":4,"pad_id":0,"pad_type_id":1,"pad_token":"<p>"},
        "added_tokens":[{"id":0,"content":"<u>","single_word":true,"lstrip":true,"rstrip":true,"normalized":true,"special":true}],
        "normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":"(?i:a+?b{1,3})|[^\\s\\p{L}&&[a-z]]"},"content":"x"},{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAAA"}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithNext","invert":true},{"type":"FixedLength","length":3},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}]},
        "post_processor":{"type":"Sequence","processors":[{"type":"RobertaProcessing","sep":["s",1],"cls":["c",2],"trim_offsets":true,"add_prefix_space":true},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"s","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"s":{"id":"s","ids":[1],"tokens":["s"]}}}]},
        "decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"CTC","pad_token":"<p>","word_delimiter_token":"|","cleanup":true},{"type":"Strip","content":" ","start":1,"stop":0},{"type":"Fuse"}]},
        "model":{"type":"Unigram","unk_id":0,"vocab":[["<u>",0.0],["s",-1.5],["c",-2.0],["ab",-3.25]],"byte_fallback":true}}
        """;

    private const string Config = """
        {"tokenizer_class":"BertTokenizer","do_lower_case":true,"strip_accents":null,"tokenize_chinese_chars":true,"model_max_length":1000000000000000019884624838656,"clean_up_tokenization_spaces":false,
        "added_tokens_decoder":{"0":{"content":"[PAD]","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":true},"4":{"content":"[MASK]","lstrip":true,"normalized":false,"rstrip":false,"single_word":false,"special":true}},
        "unk_token":"[UNK]","cls_token":"[CLS]","sep_token":{"content":"[SEP]","lstrip":false,"normalized":false,"rstrip":false,"single_word":false},"additional_special_tokens":["<x>"],
        "model_specific_special_tokens":{"image_token":"<i>"},"chat_template":[{"name":"default","template":"{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"}]}
        """;

    private const string Map = """{"unk_token":"[UNK]","cls_token":{"content":"[CLS]","lstrip":false,"normalized":false,"rstrip":false,"single_word":false},"sep_token":"[SEP]","mask_token":"[MASK]","extra_special_tokens":["<x>","<y>"]}""";

    private const string Added = """{"<x>":7,"<y>":8,"[MASK]":4,"new word":9}""";

    private const string Vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nc\ni\n##e\n中\n";

    public static TheoryData<string> Readers => ["tokenizer.json parts", "tokenizer.json bpe", "vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "r50k.tiktoken"];

    [Theory]
    [MemberData(nameof(Readers))]
    public void Damaged_files_are_read_or_refused_by_name(string reader) => Run(reader, Damage.Mutations, seed: 20240);

    [LongFact]
    public void Many_damaged_files_are_read_or_refused_by_name()
    {
        foreach (string reader in (string[])[.. Readers.Select(row => row.Data)]) Run(reader, Damage.ManyMutations, seed: 7);
    }

    private static void Run(string reader, int count, int seed)
    {
        using TemporaryFolder folder = new();
        byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
        void Folder(string name, byte[] whole, params (string Name, string Text)[] others)
        {
            foreach ((string other, string text) in others) File.WriteAllText(folder.File(other), text);
            Damage.Run(whole, count, seed, folder.Path, bytes =>
            {
                File.WriteAllBytes(folder.File(name), bytes);
                return Tokenizer.FromFolder(folder.Path);
            }, Use);
        }

        string gpt2 = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");
        switch (reader)
        {
            case "tokenizer.json parts":
                Damage.Run(Bytes(Parts), count, seed, "tokenizer.json", bytes => Tokenizer.FromJson(bytes), Use);
                break;
            case "tokenizer.json bpe":
                byte[] whole = File.ReadAllBytes(Path.Combine(Repository.Goldens, "tokenizers", "bpe-no-unk", "tokenizer.json"));
                Damage.Run(whole, count, seed, "tokenizer.json", bytes => Tokenizer.FromJson(bytes), Use);
                break;
            case "vocab.txt":
                Folder(reader, Bytes(Vocabulary), ("tokenizer_config.json", """{"unk_token":"[UNK]"}"""));
                break;
            case "vocab.json":
                Folder(reader, Bytes("""{"a":0,"b":1,"ab":2,"Ġ":3,"Ġa":4,"<x>":5}"""), ("merges.txt", "#version: 0.2\na b\nĠ a\n"));
                break;
            case "merges.txt":
                string[] merges = [.. File.ReadLines(Path.Combine(gpt2, reader)).Take(60)];
                Folder(reader, Bytes(string.Join('\n', merges)), ("vocab.json", File.ReadAllText(Path.Combine(gpt2, "vocab.json"))[..^1] + ",\"q\u00A0\":90000}"));
                break;
            case "tokenizer_config.json":
                Folder(reader, Bytes(Config), ("vocab.txt", Vocabulary));
                break;
            case "special_tokens_map.json":
                Folder(reader, Bytes(Map), ("vocab.txt", Vocabulary));
                break;
            case "added_tokens.json":
                Folder(reader, Bytes(Added), ("vocab.txt", Vocabulary), ("special_tokens_map.json", Map));
                break;
            default:
                System.Text.StringBuilder ranks = new();
                for (int b = 0; b < 256; b++) ranks.Append(System.Globalization.CultureInfo.InvariantCulture, $"{Convert.ToBase64String([(byte)b])} {b}\n");
                Damage.Run(Bytes(ranks + "YWI= 256\nYWJj 257\n"), count, seed, reader,
                    bytes => TiktokenFile.Parse(bytes, reader, TiktokenFile.Pattern(TiktokenEncoding.Gpt2), TiktokenFile.SpecialTokens(TiktokenEncoding.Gpt2)), Use);
                break;
        }
    }

    private static void Use(Tokenizer tokenizer)
    {
        TokenEncoding encoding = tokenizer.Encode(Text, "中");
        tokenizer.Decode(encoding.Ids, skipSpecialTokens: false);
    }
}
