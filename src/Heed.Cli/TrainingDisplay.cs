using System.Globalization;
using Heed.Training.Runs;

namespace Heed.Cli;

/// <summary>Shows a training run: one live line on a terminal, a line now and then elsewhere.</summary>
internal sealed class TrainingDisplay(Terminal terminal, long steps) : ITrainingObserver
{
    private const int LongLine = 112;
    private double _seconds;
    private long _counted;

    /// <summary>The newest evaluation; null before the first.</summary>
    public EvaluationReport? Evaluation { get; private set; }

    public void Started(long firstStep, long steps)
    {
        if (firstStep >= steps) terminal.Note($"This run is finished: all {steps:N0} steps are done.");
        else if (firstStep > 0) terminal.Note($"Going on after step {firstStep:N0} of {steps:N0}.");
    }

    public void Stepped(StepReport report)
    {
        // A running mean over about twenty steps: the first steps warm up.
        _counted++;
        _seconds = _counted == 1 ? report.Seconds : _seconds + ((report.Seconds - _seconds) / Math.Min(_counted, 20));
        if (terminal.IsTerminal) terminal.Status(Line(report));
        else if (report.Step == 1 || report.Step == steps || report.Step % Math.Max(1, steps / 20) == 0) terminal.Note(Line(report));
    }

    public void Evaluated(EvaluationReport report)
    {
        Evaluation = report;
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"step {report.Step}: held-out loss {report.Loss:0.0000}, perplexity {report.Perplexity:0.00}, {report.BitsPerByte:0.000} bits per byte"));
    }

    private string Line(StepReport r)
    {
        TimeSpan rest = TimeSpan.FromSeconds(Math.Min((steps - r.Step) * _seconds, TimeSpan.MaxValue.TotalSeconds / 2));
        string left = rest.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(long)rest.TotalHours}:{rest:mm\\:ss}") : rest.ToString("mm\\:ss", CultureInfo.InvariantCulture);
        bool brief = terminal.Width < LongLine;
        // Step, rate and time left are always shown; what a narrow terminal has no room for goes by its rank, from 1.
        List<(int Rank, string Text)> parts =
        [
            (0, brief ? $"{r.Step}/{steps}" : $"step {r.Step}/{steps}"),
            (4, "loss " + r.Loss.ToString(brief ? "0.000" : "0.0000", CultureInfo.InvariantCulture)),
        ];
        if (Evaluation is { } e) parts.Add((3, string.Create(CultureInfo.InvariantCulture, $"held-out {e.BitsPerByte:0.000}{(brief ? "" : " bits/byte")}")));
        parts.Add((2, string.Create(CultureInfo.InvariantCulture, $"{r.Tokens / _seconds:N0} {(brief ? "tok/s" : "tokens/s")}")));
        if (r.Utilisation is { } u) parts.Add((1, string.Create(CultureInfo.InvariantCulture, $"{u:P0}{(brief ? "" : " of peak")}")));
        parts.Add((0, string.Create(CultureInfo.InvariantCulture, $"{(brief ? "" : "rate ")}{r.Rate:0.0e+0}")));
        parts.Add((0, $"{left} left"));
        for (int rank = 1; rank <= 4 && parts.Sum(p => p.Text.Length + 2) - 2 >= terminal.Width; rank++) parts.RemoveAll(p => p.Rank == rank);
        return string.Join("  ", parts.Select(p => p.Text));
    }
}
