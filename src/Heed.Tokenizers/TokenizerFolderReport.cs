namespace Heed.Tokenizers;

/// <summary>
/// What was made of each setting of <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>added_tokens.json</c>.
/// A setting that cannot be followed is refused by an exception; the other three groups are here.
/// </summary>
/// <remarks>Each entry reads <c>FILE: KEY</c>, in the order of the files.</remarks>
public sealed class TokenizerFolderReport
{
    private readonly List<string> _warnings = [];
    private readonly List<Action<Tokenizer, Action<string>>> _checks = [];

    internal TokenizerFolderReport()
    {
    }

    /// <summary>Settings that were followed.</summary>
    public required IReadOnlyList<string> Followed { get; init; }

    /// <summary>Settings that are known and have no effect on ids and text here (docs/tokenizers.md lists them).</summary>
    public required IReadOnlyList<string> WithoutEffect { get; init; }

    /// <summary>Keys that are not known: each has a warning.</summary>
    public required IReadOnlyList<string> Unknown { get; init; }

    /// <summary>One line for each setting that would have changed the result elsewhere, or that contradicts another.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    internal void Add(IEnumerable<string> warnings, IEnumerable<Action<Tokenizer, Action<string>>> checks)
    {
        _warnings.AddRange(warnings);
        _checks.AddRange(checks);
    }

    /// <summary>The checks that need the whole tokenizer; once, before anybody else sees it.</summary>
    internal void RunChecks(Tokenizer tokenizer)
    {
        foreach (Action<Tokenizer, Action<string>> check in _checks) check(tokenizer, _warnings.Add);
        _checks.Clear();
    }
}
