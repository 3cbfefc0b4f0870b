using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Patterns;

/// <summary>What Split and Replace look for: a string, or a regular expression in Oniguruma's syntax.</summary>
internal abstract class TextPattern
{
    /// <summary>The regular expression, or null for a fixed text.</summary>
    public virtual string? Expression => null;

    /// <summary>Finds every match from left to right; matches do not overlap, and an empty one never touches the one before.</summary>
    public abstract void FindAll(ReadOnlySpan<char> text, List<(int Start, int End)> matches);

    /// <summary>Writes <c>"pattern":{…}</c>.</summary>
    public abstract void Write(Utf8JsonWriter json);

    /// <summary>The regular expression as fast as there is a way to run it: a scanner of its own where the expression is well
    /// known.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="place">File and JSON path of the expression, for errors.</param>
    /// <exception cref="RegexSyntaxException">The expression is not one.</exception>
    public static TextPattern FromRegex(string expression, string place)
        => KnownScanners.TryGet(expression, out SplitScanner? scanner) ? new ScannedPattern(expression, scanner)
            : new RegexPattern(expression, place);
}

/// <summary>A literal string.</summary>
internal sealed class StringPattern(string text) : TextPattern
{
    public override void FindAll(ReadOnlySpan<char> input, List<(int Start, int End)> matches)
    {
        if (text.Length == 0)
        {
            FindBoundaries(input, matches);
            return;
        }

        for (int at = 0; ;)
        {
            int found = input[at..].IndexOf(text, StringComparison.Ordinal);
            if (found < 0) return;
            matches.Add((at + found, at + found + text.Length));
            at += found + text.Length;
        }
    }

    /// <summary>An empty string stands before each character and at the end, as an empty expression does.</summary>
    private static void FindBoundaries(ReadOnlySpan<char> input, List<(int Start, int End)> matches)
    {
        for (int at = 0; at < input.Length;)
        {
            matches.Add((at, at));
            _ = CodePoint.At(input, at, out int units);
            at += units;
        }

        if (input.Length > 0) matches.Add((input.Length, input.Length));
    }

    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("pattern");
        json.WriteString("String", text);
        json.WriteEndObject();
    }
}

/// <summary>A regular expression run by backtracking, within a budget of steps.</summary>
internal sealed class RegexPattern(string expression, string place) : TextPattern
{
    public override string? Expression => expression;

    private readonly RegexProgram _program = RegexProgram.Compile(expression, place);

    public override void FindAll(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
        => _program.FindAll(text, matches);

    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("pattern");
        json.WriteString("Regex", expression);
        json.WriteEndObject();
    }
}

/// <summary>A well-known expression, run by a scanner written for it.</summary>
internal sealed class ScannedPattern(string expression, SplitScanner scanner) : TextPattern
{
    public override string? Expression => expression;

    public override void FindAll(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        for (int at = 0; at < text.Length;)
        {
            int end = scanner(text, at);
            matches.Add((at, end));
            at = end;
        }
    }

    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("pattern");
        json.WriteString("Regex", expression);
        json.WriteEndObject();
    }
}
