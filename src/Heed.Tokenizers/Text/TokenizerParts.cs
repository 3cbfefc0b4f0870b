namespace Heed.Tokenizers.Text;

/// <summary>What a tokenizer is made of: the parts of tokenizer.json.</summary>
internal sealed record TokenizerParts
{
    public required ITokenModel Model { get; init; }

    public INormalizer? Normalizer { get; init; }

    public IPreTokenizer? PreTokenizer { get; init; }

    public IPostProcessor? PostProcessor { get; init; }

    public IDecoder? Decoder { get; init; }

    /// <summary>Added tokens in the order in which they get their ids.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    public TruncationOptions? Truncation { get; init; }

    /// <summary>Where the truncation was set, for errors: a place in the file, or the call.</summary>
    public string TruncationPlace { get; init; } = "truncation";

    public PaddingOptions? Padding { get; init; }

    /// <summary>Tokens by role, e.g. <c>eos_token</c>, as tokenizer_config.json and special_tokens_map.json name them.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; init; } = new Dictionary<string, string>();

    /// <summary>Texts of added tokens that are never cut out of a text: its other steps see them.</summary>
    public IReadOnlySet<string> Spelled { get; init; } = new HashSet<string>();

    /// <summary>The side that truncation cuts and the side that padding goes to, where nothing else is set.</summary>
    public (Side Truncation, Side Padding) Sides { get; init; }

    /// <summary>What tokenizer.json gets where it cannot express these parts; null: these parts.</summary>
    public Lazy<TokenizerParts>? Saved { get; init; }

    /// <summary>What was made of the settings in the folder; null for a tokenizer that came from none.</summary>
    public TokenizerFolderReport? Report { get; init; }

    /// <summary>Name of the file they were read from, for errors.</summary>
    public string Source { get; init; } = "tokenizer";
}
