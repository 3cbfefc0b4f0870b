using System.Globalization;
using Heed.Training.Runs;

namespace Heed.Cli;

/// <summary>Shows a training run: one live line on a terminal, a line now and then elsewhere.</summary>
internal sealed class TrainingDisplay(Terminal terminal, long steps) : ITrainingObserver
{
    private double _seconds;
    private long _counted;
    private EvaluationReport? _evaluation;

    public void Started(long firstStep, long steps)
    {
        if (firstStep > 0) terminal.Note($"Going on after step {firstStep} of {steps}.");
    }

    public void Stepped(StepReport report)
    {
        // A running mean over about twenty steps: the first steps warm up.
        _counted++;
        _seconds = _counted == 1 ? report.Seconds : _seconds + ((report.Seconds - _seconds) / Math.Min(_counted, 20));
        string line = Line(report);
        if (terminal.IsTerminal) terminal.Status(line);
        else if (report.Step == 1 || report.Step == steps || report.Step % Math.Max(1, steps / 20) == 0) terminal.Note(line);
    }

    public void Evaluated(EvaluationReport report)
    {
        _evaluation = report;
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"step {report.Step}: held-out loss {report.Loss:0.0000}, perplexity {report.Perplexity:0.00}, {report.BitsPerByte:0.000} bits per byte"));
    }

    private string Line(StepReport r)
    {
        TimeSpan left = TimeSpan.FromSeconds((steps - r.Step) * _seconds);
        string held = _evaluation is { } e ? string.Create(CultureInfo.InvariantCulture, $"  held-out {e.BitsPerByte:0.000} bits/byte") : "";
        string used = r.Utilisation is { } u ? string.Create(CultureInfo.InvariantCulture, $"  {u:P0} of peak") : "";
        return string.Create(CultureInfo.InvariantCulture, $"step {r.Step}/{steps}  loss {r.Loss:0.0000}{held}  {r.Tokens / _seconds:N0} tokens/s{used}  rate {r.Rate:0.0e+0}  {left:hh\\:mm\\:ss} left");
    }
}
