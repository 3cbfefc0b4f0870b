using System.Buffers.Text;
using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Tiktoken;

/// <summary>The published split patterns, and the special tokens that come with them.</summary>
public enum TiktokenEncoding
{
    /// <summary>GPT-2's (also r50k_base): <c>&lt;|endoftext|&gt;</c> is 50256.</summary>
    Gpt2,

    /// <summary>p50k_base: GPT-2's pattern over a larger vocabulary; <c>&lt;|endoftext|&gt;</c> is 50256.</summary>
    P50kBase,

    /// <summary>cl100k_base: GPT-4's; numbers in threes, contractions in any case.</summary>
    Cl100kBase,

    /// <summary>o200k_base: GPT-4o's; words by case.</summary>
    O200kBase,
}

/// <summary>Reads <c>.tiktoken</c> files: one token a line, its bytes in base64 and its rank, which is its id and its priority in
/// merging.</summary>
public static class TiktokenFile
{
    private const long MaximumBytes = 1L << 30;
    private const int LongestToken = 4096;

    private const string Cl100kPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string O200kPattern =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?" +
        @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?" +
        @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Reads a file whose name tells its encoding: it holds <c>gpt2</c>, <c>r50k</c>, <c>p50k</c>, <c>cl100k</c> or
    /// <c>o200k</c>.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks the format.</exception>
    /// <exception cref="ConfigException">The name tells no encoding, or a special token's id is taken.</exception>
    internal static Tokenizer Read(StoredFile file)
    {
        string name = file.Name;
        bool Has(string part) => name.Contains(part, StringComparison.OrdinalIgnoreCase);
        TiktokenEncoding encoding = Has("cl100k") ? TiktokenEncoding.Cl100kBase : Has("o200k") ? TiktokenEncoding.O200kBase : Has("p50k") ? TiktokenEncoding.P50kBase
            : Has("gpt2") || Has("r50k") ? TiktokenEncoding.Gpt2
            : throw new ConfigException($"{file}: a .tiktoken file does not say how words are split, and this name tells no encoding; put gpt2, r50k_base, p50k_base, cl100k_base or o200k_base into the name, or call TiktokenFile.Read with the pattern.");
        return Parse(file.ReadAll(MaximumBytes), file.Path, Pattern(encoding), SpecialTokens(encoding));
    }

    /// <summary>Reads a file as a tokenizer with a published pattern and its special tokens.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">The pattern and special tokens.</param>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks the format.</exception>
    /// <exception cref="ConfigException">A special token's id is taken.</exception>
    public static Tokenizer Read(string path, TiktokenEncoding encoding) => Read(path, encoding, SpecialTokens(encoding));

    /// <summary>Reads a file as a tokenizer with a published pattern.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">The pattern.</param>
    /// <param name="specialTokens">Special tokens and their ids, which must not be ranks of the file.</param>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks the format.</exception>
    /// <exception cref="ConfigException">A special token's id is taken.</exception>
    public static Tokenizer Read(string path, TiktokenEncoding encoding, IReadOnlyDictionary<string, int> specialTokens) => Read(path, Pattern(encoding), specialTokens);

    /// <summary>Reads a file as a tokenizer.</summary>
    /// <param name="path">The file.</param>
    /// <param name="pattern">Regular expression whose matches are the words.</param>
    /// <param name="specialTokens">Special tokens and their ids, which must not be ranks of the file.</param>
    /// <returns>A tokenizer that can be saved as tokenizer.json; of neighbouring tokens it merges those whose joined bytes have the lowest
    /// rank, leftmost first.</returns>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">A line is not base64 and a rank, a rank or token comes twice, or one of the 256 bytes is
    /// missing.</exception>
    /// <exception cref="ConfigException">A special token's id is taken, or the pattern is not a regular expression.</exception>
    public static Tokenizer Read(string path, string pattern, IReadOnlyDictionary<string, int> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Parse(InputFile.ReadAll(path, MaximumBytes), path, pattern, specialTokens);
    }

    /// <summary>The split pattern of an encoding.</summary>
    public static string Pattern(TiktokenEncoding encoding) => encoding switch
    {
        TiktokenEncoding.Cl100kBase => Cl100kPattern,
        TiktokenEncoding.O200kBase => O200kPattern,
        _ => KnownScanners.Gpt2Expression,
    };

    /// <summary>The special tokens of an encoding and their ids.</summary>
    public static IReadOnlyDictionary<string, int> SpecialTokens(TiktokenEncoding encoding) => encoding switch
    {
        TiktokenEncoding.Cl100kBase => new Dictionary<string, int>
        {
            ["<|endoftext|>"] = 100257,
            ["<|fim_prefix|>"] = 100258,
            ["<|fim_middle|>"] = 100259,
            ["<|fim_suffix|>"] = 100260,
            ["<|endofprompt|>"] = 100276,
        },
        TiktokenEncoding.O200kBase => new Dictionary<string, int> { ["<|endoftext|>"] = 199999, ["<|endofprompt|>"] = 200018 },
        _ => new Dictionary<string, int> { ["<|endoftext|>"] = 50256 },
    };

    internal static Tokenizer Parse(ReadOnlySpan<byte> bytes, string path, string pattern, IReadOnlyDictionary<string, int> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(specialTokens);
        Dictionary<string, int> ranks = ReadRanks(bytes, path);
        HashSet<int> taken = [.. ranks.Values];
        List<KeyValuePair<string, int>> vocabulary = [.. ranks];
        foreach ((string token, int id) in specialTokens)
        {
            if (token.Length == 0 || id < 0) throw new ConfigException($"The special token \"{token}\" has the id {id}; special tokens need a text and an id of 0 or more.");
            if (!taken.Add(id)) throw new ConfigException($"The special token \"{token}\" has the id {id}, which is a rank in {path} or another special token's id; give it a free one.");
            if (!ranks.ContainsKey(token)) vocabulary.Add(new KeyValuePair<string, int>(token, id));
        }

        return new Tokenizer(new TokenizerParts
        {
            Model = new BpeModel(vocabulary, Merges(ranks), new BpeOptions { IgnoreMerges = true }),
            PreTokenizer = new SequencePreTokenizer(
            [
                new SplitPreTokenizer(Compile(pattern, path), SplitBehavior.Isolated, invert: false),
                new ByteLevelPreTokenizer(addPrefixSpace: false, trimOffsets: true, useRegex: false),
            ]),
            PostProcessor = new ByteLevelPostProcessor(addPrefixSpace: true, trimOffsets: false, useRegex: true),
            Decoder = new ByteLevelDecoder(addPrefixSpace: true, trimOffsets: true, useRegex: true),
            AddedTokens = [.. specialTokens.OrderBy(token => token.Value).Select(token => new AddedToken(token.Key) { Special = true })],
            Source = path,
        });
    }

    private static TextPattern Compile(string pattern, string path)
    {
        try
        {
            return TextPattern.FromRegex(pattern, $"{path}: its pattern");
        }
        catch (RegexSyntaxException e)
        {
            throw new ConfigException($"The pattern \"{Printable.Shorten(pattern)}\" is not a regular expression: {e.Message}", e);
        }
    }

    /// <summary>Tokens in byte characters and their ranks.</summary>
    private static Dictionary<string, int> ReadRanks(ReadOnlySpan<byte> bytes, string path)
    {
        Dictionary<string, int> ranks = new(StringComparer.Ordinal);
        HashSet<int> taken = [];
        int line = 0;
        while (!bytes.IsEmpty)
        {
            line++;
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> text = (end < 0 ? bytes : bytes[..end]).TrimEnd((byte)'\r');
            bytes = end < 0 ? [] : bytes[(end + 1)..];
            if (text.IsEmpty) continue;
            (string token, int rank) = ReadLine(text, path, line);
            if (!taken.Add(rank)) throw new InvalidFileException(path, $"line {line}", $"has the rank {rank}, which an earlier line already has");
            if (!ranks.TryAdd(token, rank)) throw new InvalidFileException(path, $"line {line}", "has a token that an earlier line already has");
        }

        foreach (char c in ByteLevelAlphabet.Characters)
            if (!ranks.ContainsKey(c.ToString()))
                throw new InvalidFileException(path, "", $"has no token for the single byte 0x{ByteLevelAlphabet.ByteOf(c):X2}; all 256 bytes are needed, the file is cut short or of another kind");
        return ranks;
    }

    private static (string Token, int Rank) ReadLine(ReadOnlySpan<byte> text, string path, int line)
    {
        int space = text.IndexOf((byte)' ');
        if (space < 1 || !Utf8Parser.TryParse(text[(space + 1)..], out int rank, out int used) || used != text.Length - space - 1 || rank < 0 || text[space + 1] == '+')
            throw new InvalidFileException(path, $"line {line}", "is not a token in base64, a space and a rank from 0 to 2147483647");
        if (space > LongestToken) throw new InvalidFileException(path, $"line {line}", $"has a token of {space} base64 characters; at most {LongestToken} are allowed");
        Span<byte> token = stackalloc byte[Base64.GetMaxDecodedFromUtf8Length(space)];
        if (Base64.DecodeFromUtf8(text[..space], token, out _, out int length) != System.Buffers.OperationStatus.Done || length == 0)
            throw new InvalidFileException(path, $"line {line}", "has a token that is not base64");
        char[] characters = new char[length];
        for (int i = 0; i < length; i++) characters[i] = ByteLevelAlphabet.Characters[token[i]];
        return (new string(characters), rank);
    }

    /// <summary>Each way to make a token of two others, by the token's rank, then by the ranks of the parts: merging by rank as a list of
    /// merges.</summary>
    private static List<(string Left, string Right)> Merges(Dictionary<string, int> ranks)
    {
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = ranks.GetAlternateLookup<ReadOnlySpan<char>>();
        List<(int Rank, int LeftRank, int RightRank, string Left, string Right)> found = [];
        foreach ((string token, int rank) in ranks)
            for (int cut = 1; cut < token.Length; cut++)
                if (lookup.TryGetValue(token.AsSpan(0, cut), out int left) && lookup.TryGetValue(token.AsSpan(cut), out int right))
                    found.Add((rank, left, right, token[..cut], token[cut..]));
        return [.. found.OrderBy(merge => (merge.Rank, merge.LeftRank, merge.RightRank)).Select(merge => (merge.Left, merge.Right))];
    }
}
