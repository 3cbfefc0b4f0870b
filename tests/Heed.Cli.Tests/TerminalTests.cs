namespace Heed.Cli.Tests;

public class TerminalTests
{
    // cases: u7
    [Fact]
    public void The_live_line_follows_a_terminal_that_is_narrowed()
    {
        using StringWriter output = new(), error = new();
        int columns = 40;
        Terminal terminal = new(output, error, isTerminal: true, colours: false) { Columns = () => columns };
        string text = new('x', 60);
        terminal.Status(text);
        Assert.Equal("\r" + text[..39], error.ToString());
        columns = 25;
        error.GetStringBuilder().Clear();
        terminal.Status(text);
        Assert.Equal("\r" + text[..24], error.ToString());
        error.GetStringBuilder().Clear();
        terminal.ClearStatus();
        Assert.Equal("\r" + new string(' ', 24) + "\r", error.ToString());
    }

    // cases: u7
    [Fact]
    public void Each_stream_decides_for_itself()
    {
        using StringWriter output = new(), error = new();
        Terminal redirected = new(output, error, isTerminal: true, colours: false) { IsErrorTerminal = false };
        redirected.Status("work");
        Assert.Equal("", error.ToString());
        Terminal piped = new(output, error, isTerminal: false, colours: false) { IsErrorTerminal = true };
        piped.Status("work");
        Assert.Equal("\rwork", error.ToString());
    }

    // cases: u4
    [Theory]
    [InlineData("runs/a-1.b", "runs/a-1.b")]
    [InlineData("my run", "'my run'")]
    [InlineData("$(touch x)", "'$(touch x)'")]
    [InlineData("it's `x`", "'it'\\''s `x`'")]
    [InlineData("", "''")]
    [InlineData("a\u001b[31m", "'a\\u001B[31m'")]
    public void Suggested_words_are_quoted_for_the_shell(string text, string expected) => Assert.Equal(expected, ShellWord.Of(text));
}
