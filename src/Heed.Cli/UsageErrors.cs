using System.CommandLine;
using System.CommandLine.Parsing;

namespace Heed.Cli;

/// <summary>What is wrong with a command line, in one sentence.</summary>
internal static class UsageErrors
{
    /// <summary>True where a command was left out and nothing stands in its place: its help answers best.</summary>
    public static bool IsBare(ParseResult parsed) => parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0 && parsed.Errors.Count > 0 && parsed.Errors.All(e => e.SymbolResult is CommandResult);

    /// <summary>The first error of a command line that has one.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="name">The command, as the user calls it.</param>
    public static string Sentence(ParseResult parsed, string name)
    {
        Command command = parsed.CommandResult.Command;
        // A misspelt option explains what is missing or left over after it; a wrong value comes before a word too many.
        if (UnknownOption(parsed) is { } unknown) return $"'{Shown(unknown)}' is not an option of {name}{Suggestion(unknown, Options(parsed))}{(command.Arguments.Count > 0 ? " A text that begins with -- follows a -- of its own." : "")}";
        if (parsed.UnmatchedTokens.Count > 0 && command.Subcommands.Count > 0) return $"'{Shown(parsed.UnmatchedTokens[0])}' is not a command of {name}{Suggestion(parsed.UnmatchedTokens[0], command.Subcommands.Select(c => c.Name))}";
        if (parsed.Errors.FirstOrDefault(e => e.SymbolResult is OptionResult or ArgumentResult) is { } value) return OneLine(value.Message);
        return parsed.UnmatchedTokens.Count > 0 ? $"'{Shown(parsed.UnmatchedTokens[0])}' is one word too many; put quotation marks around a text of several words." : OneLine(parsed.Errors[0].Message);
    }

    /// <summary>A word that looks like an option and is none, not even an option's value; null where there is none. The parser takes it for
    /// an argument.</summary>
    public static string? UnknownOption(ParseResult parsed)
    {
        Token[] tokens = [.. parsed.Tokens];
        int plain = Array.FindIndex(tokens, t => t.Type == TokenType.DoubleDash);
        HashSet<Token> text = new(plain < 0 ? [] : tokens[plain..], ReferenceEqualityComparer.Instance);
        HashSet<string> words = [.. text.Select(t => t.Value)];
        IEnumerable<string> arguments = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens).Where(t => !text.Contains(t)).Select(t => t.Value);
        return parsed.UnmatchedTokens.Where(word => !words.Contains(word)).Concat(arguments).FirstOrDefault(word => word.Length > 2 && word.StartsWith("--", StringComparison.Ordinal));
    }

    private static string Shown(string word) => Printable.Escape(Printable.Shorten(word)).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Suggestion(string word, IEnumerable<string> known) => Printable.Nearest(word, known) is { } nearest ? $"; did you mean '{nearest}'?" : ".";

    /// <summary>The options of a command and those that it has from the commands around it.</summary>
    private static IEnumerable<string> Options(ParseResult parsed)
    {
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult at; result = at.Parent)
        {
            foreach (Option option in at.Command.Options)
                if (option.Recursive || ReferenceEquals(at, parsed.CommandResult)) yield return option.Name;
        }
    }

    private static string OneLine(string message)
    {
        string[] parts = message.Split(['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return Printable.Escape(parts.Length < 2 ? message : $"{parts[0]} {string.Join(", ", parts[1..])}.");
    }
}
