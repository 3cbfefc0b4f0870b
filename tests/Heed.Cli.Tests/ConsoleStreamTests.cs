using System.Text;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class ConsoleStreamTests
{
    [Fact]
    public async Task Input_that_is_not_UTF8_is_refused_by_the_number_of_its_byte()
    {
        using TemporaryFolder folder = new();
        string tokenizer = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");
        foreach (string[] args in (string[][])[["generate", SmallModels.Gpt2(folder)], ["tokenize", tokenizer], ["tokenize", tokenizer, "-"]])
        {
            (int code, string output, string error) = await Run(args, new MemoryStream([.. "é\ncaf"u8, 0xE9]));
            Assert.Equal((ExitCode.InputRejected, ""), (code, output));
            Assert.Contains("standard input: line 2, byte 6: is not valid UTF-8", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void Input_is_the_same_text_however_the_bytes_come(int piece)
    {
        string text = string.Concat(Enumerable.Range(0, 9000).Select(i => i % 7 == 0 ? "é😀\r\n" : "line\n"));
        byte[] bytes = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(text)];
        Terminal Over(byte[] given) => new(TextWriter.Null, TextWriter.Null, isTerminal: false, colours: false, new InPieces(given, piece));
        Assert.Equal(text[..^1], StandardInput.Text(Over(bytes)));
        Assert.Equal(text, string.Concat(StandardInput.Pieces(Over(bytes))));
        Assert.Equal(text.ReplaceLineEndings("\n").Split('\n')[..^1], StandardInput.Lines(Over(bytes)).Select(line => Encoding.UTF8.GetString(line.Line.Span).TrimEnd('\r')));

        // All lines before a wrong byte are still read; an unfinished character at the end is one.
        List<string> read = [];
        InvalidFileException refused = Assert.Throws<InvalidFileException>(() =>
        {
            foreach (string line in StandardInput.Pieces(Over([.. bytes, (byte)'a', 0xC3]))) read.Add(line);
        });
        Assert.Equal(text, string.Concat(read));
        Assert.Contains($"byte {bytes.Length + 1}: is not valid UTF-8", refused.Message, StringComparison.Ordinal);
    }

    // cases: r13
    [Theory]
    [InlineData(2, ExitCode.Interrupted)]
    [InlineData(15, ExitCode.Terminated)]
    public async Task A_signal_ends_a_command_that_waits_for_its_standard_input(int signal, int expected)
    {
        (int code, TimeSpan after) = await SignalledWhileItReads(signal, "tokenize", Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small"), "-");
        Assert.Equal(expected, code);
        Assert.True(after < TimeSpan.FromSeconds(20), $"It took {after.TotalSeconds:0} s.");
    }

    [Fact]
    public async Task A_full_output_is_an_error_of_exit_code_5()
    {
        string tokenizer = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");
        foreach (string[] args in (string[][])[["env"], ["env", "--json"], ["tokenize", tokenizer, "a"], ["--help"]])
        {
            using StreamWriter output = new(new StandardOutput(new Full(), isError: false), leaveOpen: true) { AutoFlush = true };
            using StringWriter error = new();
            int code = await Application.RunAsync(args, new Terminal(output, error, isTerminal: false, colours: false));
            Assert.Equal(ExitCode.InputOutput, code);
            Assert.Contains("standard output: cannot be written: No space left", error.ToString(), StringComparison.Ordinal);
        }

        // What cannot be said does not change how a command ends.
        using StreamWriter full = new(new StandardOutput(new Full(), isError: true)) { AutoFlush = true };
        Assert.Equal(ExitCode.Usage, await Application.RunAsync(["bogus"], new Terminal(full, full, isTerminal: false, colours: false)));
    }

    private sealed class Full : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("No space left on device");
    }

    /// <summary>Gives at most so many bytes at once, as a pipe does.</summary>
    private sealed class InPieces(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(most, count));
    }
}
