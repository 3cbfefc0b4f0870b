using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Cli.Tests;

public class TrainingDisplayTests
{
    [Theory]
    [InlineData(120, "step 12345/99999  loss 3.1416  held-out 2.718 bits/byte  128,000 tokens/s  42% of peak  rate 9.8e-4  12:10:27 left")]
    [InlineData(80, "12345/99999  loss 3.142  held-out 2.718  128,000 tok/s  9.8e-4  12:10:27 left")]
    [InlineData(64, "12345/99999  loss 3.142  held-out 2.718  9.8e-4  12:10:27 left")]
    [InlineData(60, "12345/99999  loss 3.142  9.8e-4  12:10:27 left")]
    [InlineData(40, "12345/99999  9.8e-4  12:10:27 left")]
    public void A_narrow_terminal_keeps_the_rate_and_the_time_left(int width, string expected)
    {
        using StringWriter writer = new() { NewLine = "\n" };
        TrainingDisplay display = new(new Terminal(writer, writer, isTerminal: true, colours: false) { Columns = () => width }, 99_999);
        display.Evaluated(new EvaluationReport(2, 100) { Step = 12_000, Measures = new Dictionary<string, double> { ["bits_per_byte"] = 2.718 } });
        writer.GetStringBuilder().Clear();
        display.Stepped(new StepReport(12_345, 3.14159, 1, 9.8e-4, 64_000, 1, 0.5, 0.42));
        Assert.Equal("\r" + expected, writer.ToString().Replace("\u00a0%", "%", StringComparison.Ordinal).Replace(" %", "%", StringComparison.Ordinal));
    }

    // cases: u14
    [Fact]
    public void Steps_that_warm_up_are_not_part_of_the_pace()
    {
        using StringWriter writer = new();
        TrainingDisplay display = new(new Terminal(writer, writer, isTerminal: true, colours: false) { Columns = () => 120 }, 1000);
        for (int step = 1; step <= 40; step++) display.Stepped(new StepReport(step, 3, 1, 1e-3, 100, 100L * step, step <= 5 ? 10 : 0.1, null));
        Assert.EndsWith("1,000 tokens/s  rate 1.0e-3  01:36 left", writer.ToString().TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void More_steps_than_time_can_tell_are_no_error()
    {
        using StringWriter writer = new();
        TrainingDisplay display = new(new Terminal(writer, writer, isTerminal: true, colours: false), long.MaxValue);
        display.Stepped(new StepReport(1, 1, 1, 1, 1, 1, 1, null));
        Assert.Contains("left", writer.ToString(), StringComparison.Ordinal);
    }
}
