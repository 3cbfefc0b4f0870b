using System.Text.Json.Nodes;

namespace Heed.Cli;

/// <summary>
/// Where a command writes. Colours and progress appear on a terminal only, and never in JSON; each stream decides for itself. Tests pass
/// writers of their own.
/// </summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool isTerminal, bool colours, Stream? input = null)
{
    private const int StandardWidth = 120, NarrowestWidth = 20, UnknownWidth = 80;
    private int _statusLength;

    public TextWriter Output { get; } = output;

    public TextWriter Error { get; } = error;

    /// <summary>The bytes of the standard input; <see cref="StandardInput"/> reads them.</summary>
    public Stream Input { get; private set; } = input ?? Stream.Null;

    /// <summary>True if a person reads the output: it is not redirected.</summary>
    public bool IsTerminal { get; } = isTerminal;

    /// <summary>True where colours may be shown.</summary>
    public bool HasColours => colours && !IsJson;

    /// <summary>True if a person reads the error stream, where progress is shown.</summary>
    public bool IsErrorTerminal { get; init; } = isTerminal;

    /// <summary>Columns of the terminal now: a window may be resized at any time. Enough for everything if nobody watches.</summary>
    public int Width => Columns?.Invoke() ?? StandardWidth;

    /// <summary>Asks for the columns of the terminal; null if there is none.</summary>
    public Func<int>? Columns { get; init; }

    /// <summary>What is left when the command is stopped, and how to resume; printed after "stopped."</summary>
    public string WhenStopped { get; set; } = "";

    /// <summary>Set by <c>--json</c>: one JSON value on the output and nothing else.</summary>
    public bool IsJson { get; set; }

    /// <summary>Set by <c>--verbose</c>.</summary>
    public bool IsVerbose { get; set; }

    /// <summary>Makes reads of the standard input end when the command is interrupted.</summary>
    public void InterruptInputBy(CancellationToken cancellationToken) => Input = new InterruptibleInput(Input, cancellationToken);

    public static Terminal FromProcess()
    {
        Console.OutputEncoding = new System.Text.UTF8Encoding(false);
        bool terminal = !Console.IsOutputRedirected, errorTerminal = !Console.IsErrorRedirected;
        bool noColour = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 }
            || Environment.GetEnvironmentVariable("TERM") == "dumb";
        System.Text.UTF8Encoding encoding = new(false);
        StreamWriter output = new(new StandardOutput(Console.OpenStandardOutput(), isError: false), encoding) { AutoFlush = true };
        TextWriter error = TextWriter.Synchronized(new StreamWriter(new StandardOutput(Console.OpenStandardError(), isError: true),
            encoding)
        { AutoFlush = true });
        return new Terminal(output, error, terminal, terminal && !noColour, Console.OpenStandardInput())
        {
            IsErrorTerminal = errorTerminal,
            Columns = terminal || errorTerminal ? WindowWidth : null,
        };
    }

    /// <summary>A line of the result.</summary>
    public void Line(string text = "")
    {
        ClearStatus();
        Output.WriteLine(text);
    }

    /// <summary>A line about the work, on the error stream; silent with <c>--json</c>.</summary>
    public void Note(string text)
    {
        if (IsJson) return;
        ClearStatus();
        Error.WriteLine(text);
    }

    /// <summary>Something odd that was accepted, on the error stream, with <c>--json</c> too.</summary>
    public void Warn(string text)
    {
        ClearStatus();
        Error.WriteLine($"warning: {Printable.Escape(text)}");
    }

    /// <summary>A line that is overwritten by the next one; only on a terminal.</summary>
    public void Status(string text)
    {
        if (!IsErrorTerminal || IsJson) return;
        // One column stays free: a full line would wrap. After a terminal was narrowed, the rest of the old line lies on a row of its own.
        int width = Width;
        string shown = text.Length >= width ? text[..Math.Max(0, width - 1)] : text;
        Error.Write("\r" + shown.PadRight(Math.Min(_statusLength, Math.Max(0, width - 1))));
        _statusLength = shown.Length;
    }

    /// <summary>The result as JSON.</summary>
    public void Json(JsonNode value)
    {
        ClearStatus();
        Output.Write(StrictJson.Format(value));
    }

    /// <summary>What a model wrote, as the output may show it: a terminal would obey its control characters, so they are escaped there, all
    /// but the end of a line and the tabulator.</summary>
    public string Written(string text) => IsTerminal ? string.Join('\t',
        text.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\t').Select(Printable.Escape)) : text;

    public string Bold(string text) => Paint(text, "1");

    public string Dim(string text) => Paint(text, "2");

    public string Green(string text) => Paint(text, "32");

    public string Red(string text) => Paint(text, "31");

    public string Colour(string text, int number) => Paint(text, (number % 6) switch
    {
        0 => "36",
        1 => "33",
        2 => "35",
        3 => "32",
        4
        => "34",
        _ => "31"
    });

    private string Paint(string text, string code) => colours && !IsJson ? $"\u001b[{code}m{text}\u001b[0m" : text;

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? Math.Max(NarrowestWidth, width) : UnknownWidth;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return UnknownWidth;
        }
    }

    /// <summary>Wipes the line of <see cref="Status"/>.</summary>
    public void ClearStatus()
    {
        if (_statusLength == 0) return;
        Error.Write("\r" + new string(' ', Math.Min(_statusLength, Math.Max(0, Width - 1))) + "\r");
        _statusLength = 0;
    }
}
