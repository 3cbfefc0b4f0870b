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
    public void The_time_left_counts_the_evaluations_to_come()
    {
        using StringWriter writer = new();
        TrainingDisplay display = new(new Terminal(writer, writer, isTerminal: true, colours: false) { Columns = () => 120 }, 95, "tokens", 10, 6);
        // 94 steps of a second, and nine evaluations of six beside the one at the end.
        display.Stepped(new StepReport(1, 3, 1, 1e-3, 100, 100, 1, null));
        Assert.EndsWith("02:34 left", writer.ToString().TrimEnd(), StringComparison.Ordinal);
        display.Stepped(new StepReport(90, 3, 1, 1e-3, 100, 100, 1, null));
        Assert.EndsWith("00:17 left", writer.ToString().TrimEnd(), StringComparison.Ordinal);
        display.Stepped(new StepReport(95, 3, 1, 1e-3, 100, 100, 1, null));
        Assert.EndsWith("00:06 left", writer.ToString().TrimEnd(), StringComparison.Ordinal);
        // What an evaluation really took counts from the first on.
        display.Evaluated(new EvaluationReport(2, 100) { Step = 95 });
        display.Stepped(new StepReport(91, 3, 1, 1e-3, 100, 100, 1, null));
        Assert.EndsWith("00:04 left", writer.ToString().TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 100, 10, 10)]
    [InlineData(10, 100, 10, 10)]
    [InlineData(11, 100, 10, 9)]
    [InlineData(1, 95, 10, 10)]
    [InlineData(95, 95, 10, 1)]
    [InlineData(1, 5, 10, 1)]
    [InlineData(3, 5, 0, 1)]
    public void Evaluations_to_come_are_those_asked_for_and_one_at_the_end(long step, long steps, long every, long expected)
        => Assert.Equal(expected, TimePlan.EvaluationsFrom(step, steps, every));

    [Theory]
    [InlineData(0.5, 0, 1, 0, 120)]
    [InlineData(0.5, 3, 1, 0, 72)]      // Eight evaluations in all.
    [InlineData(0.5, 10, 1, 0, 60)]     // Half of the time is for steps in any case.
    [InlineData(0.5, 5, 1, 10, 60)]     // As often as asked for: half a second a step.
    [InlineData(0.5, 0, 0.01, 0, 20)]
    public void Steps_are_as_many_as_fit_beside_their_evaluations(double step, double evaluation, double minutes, long every, long expected)
        => Assert.Equal(expected, TimePlan.Steps(new RunTiming(step, evaluation), minutes, every));

    [Fact]
    public void More_steps_than_time_can_tell_are_no_error()
    {
        using StringWriter writer = new();
        TrainingDisplay display = new(new Terminal(writer, writer, isTerminal: true, colours: false), long.MaxValue);
        display.Stepped(new StepReport(1, 1, 1, 1, 1, 1, 1, null));
        Assert.Contains("left", writer.ToString(), StringComparison.Ordinal);
    }
}
