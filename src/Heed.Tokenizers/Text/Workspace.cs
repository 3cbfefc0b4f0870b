namespace Heed.Tokenizers.Text;

/// <summary>Working memory of one encoding at a time, reused from text to text.</summary>
internal sealed class Workspace
{
    /// <param name="source">The tokenizer's file, for errors.</param>
    public Workspace(string source) => Whole.Text.Source = Stretch.Text.Source = source;

    public PreTokenizedText Whole { get; } = new();

    /// <summary>One stretch of a text that normalized added tokens cut.</summary>
    public PreTokenizedText Stretch { get; } = new();

    public TokenList Tokens { get; } = new();

    public List<(int Id, int Start, int End)> RawSplits { get; } = [];

    public List<(int Id, int Start, int End)> NormalizedSplits { get; } = [];
}
