namespace Heed.Cli;

/// <summary>Words of a command line that is suggested to a person: pasted into a shell, they are the text and nothing else.</summary>
internal static class ShellWord
{
    private const string Plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:=@%,";

    /// <summary>The text as one word of a POSIX shell: as it is if nothing in it has a meaning, else in single quotation marks.</summary>
    /// <param name="text">Control characters are shown escaped: no terminal obeys them.</param>
    public static string Of(string text)
    {
        string shown = Printable.Escape(text);
        if (shown.Length > 0 && shown.All(c => Plain.Contains(c, StringComparison.Ordinal))) return shown;
        return $"'{shown.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
