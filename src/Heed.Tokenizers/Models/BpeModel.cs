using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

/// <summary>What a byte-pair model does besides merging.</summary>
internal sealed record BpeOptions
{
    /// <summary>Chance of leaving a merge out, 0…1; null or 0: never.</summary>
    public double? Dropout { get; init; }

    /// <summary>Token of characters outside the vocabulary; null drops them.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Prefix of symbols that do not begin a piece.</summary>
    public string? ContinuingSubwordPrefix { get; init; }

    /// <summary>Suffix of symbols that end a piece.</summary>
    public string? EndOfWordSuffix { get; init; }

    /// <summary>Joins neighbouring unknown characters to one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Spells characters outside the vocabulary as tokens <c>&lt;0x00&gt;</c>…<c>&lt;0xFF&gt;</c>.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>A piece that is itself in the vocabulary is taken whole.</summary>
    public bool IgnoreMerges { get; init; }
}

/// <summary>Byte-pair encoding.  Sennrich et al. 2016.</summary>
internal sealed partial class BpeModel : ITokenModel
{
    private readonly VocabularyMap _map;

    /// <summary>Builds the model.</summary>
    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="merges">Pairs of tokens by rank, best first; parts and results must be in the vocabulary.</param>
    /// <param name="options">Prefix, suffix, unknown token and the like.</param>
    /// <exception cref="MergeException">A merge names a token that is not in the vocabulary.</exception>
    public BpeModel(IReadOnlyList<KeyValuePair<string, int>> vocabulary, IReadOnlyList<(string Left, string Right)> merges, BpeOptions options)
    {
        _map = new VocabularyMap(vocabulary);
        Merges = merges;
        Options = options;
        Prepare();
    }

    public BpeOptions Options { get; }

    /// <summary>The merges as given, by rank.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges { get; }

    public int VocabularySize => _map.Count;

    public IEnumerable<KeyValuePair<string, int>> Vocabulary => _map.Entries;

    public int IdOf(ReadOnlySpan<char> token) => _map.IdOf(token);

    public string? TokenOf(int id) => _map.TokenOf(id);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "BPE");
        if (Options.Dropout is { } dropout) json.WriteNumber("dropout", dropout);
        else json.WriteNull("dropout");
        json.WriteString("unk_token", Options.UnknownToken);
        json.WriteString("continuing_subword_prefix", Options.ContinuingSubwordPrefix);
        json.WriteString("end_of_word_suffix", Options.EndOfWordSuffix);
        json.WriteBoolean("fuse_unk", Options.FuseUnknown);
        json.WriteBoolean("byte_fallback", Options.ByteFallback);
        json.WriteBoolean("ignore_merges", Options.IgnoreMerges);
        _map.Write(json);
        json.WriteStartArray("merges");
        foreach ((string left, string right) in Merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>A merge names a token outside the vocabulary.</summary>
/// <param name="index">Which merge, from 0.</param>
/// <param name="token">The missing token.</param>
internal sealed class MergeException(int index, string token) : ArgumentException($"Merge {index} needs the token \"{Printable.Shorten(token)}\", which is not in the vocabulary.")
{
    public int Index { get; } = index;

    public string Token { get; } = token;
}
