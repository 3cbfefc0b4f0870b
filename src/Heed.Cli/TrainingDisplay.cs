using System.Diagnostics;
using System.Globalization;
using Heed.Training.Logging;

namespace Heed.Cli;

/// <summary>Shows a training run: one live line on a terminal, a line now and then otherwise.</summary>
/// <param name="terminal">Where it is shown.</param>
/// <param name="steps">Of the whole run.</param>
/// <param name="unit">What a target is called.</param>
/// <param name="evaluateEvery">Steps between evaluations; 0: at the end.</param>
/// <param name="evaluationSeconds">What an evaluation takes, until the first has told.</param>
internal sealed class TrainingDisplay(
    Terminal terminal, long steps, string unit = "tokens", long evaluateEvery = 0, double evaluationSeconds = 0) : ITrainingObserver
{
    private const int LongLine = 112;

    /// <summary>Steps that only warm up: the pace is the newest one's until they are done.</summary>
    private const int WarmingSteps = 5;

    /// <summary>Steps over which the pace is averaged.</summary>
    private const int PaceSteps = 20;

    private double _seconds, _evaluationSeconds = evaluationSeconds;
    private long _stepped;
    private long _counted;

    /// <summary>The newest evaluation; null before the first.</summary>
    public EvaluationReport? Evaluation { get; private set; }

    public void Started(long firstStep, long steps)
    {
        if (firstStep >= steps) terminal.Note($"This run is finished: {(steps == 1 ? "its one step is" : $"all {steps:N0} steps are")} done.");
        else if (firstStep > 0) terminal.Note($"Resuming after step {firstStep:N0} of {steps:N0}.");
    }

    public void Stepped(StepReport report)
    {
        _counted++;
        long warm = _counted - WarmingSteps;
        _seconds = warm <= 1 ? report.Seconds : _seconds + ((report.Seconds - _seconds) / Math.Min(warm, PaceSteps));
        if (terminal.IsErrorTerminal) terminal.Status(Line(report));
        else if (report.Step == 1 || report.Step == steps || report.Step % Math.Max(1, steps / 20) == 0) terminal.Note(Line(report));
        _stepped = Stopwatch.GetTimestamp();
    }

    public void Evaluated(EvaluationReport report)
    {
        Evaluation = report;
        // It began when its step had ended.
        if (_stepped != 0) _evaluationSeconds = Stopwatch.GetElapsedTime(_stepped).TotalSeconds;
        terminal.Note($"step {report.Step}: held-out {Figures(report)}");
    }

    /// <summary>The figures of an evaluation on one line.</summary>
    public static string Figures(EvaluationReport report)
    {
        List<string> figures = [string.Create(CultureInfo.InvariantCulture, $"loss {report.Loss:0.0000}")];
        if (report["perplexity"] is { } perplexity) figures.Add(string.Create(CultureInfo.InvariantCulture,
            $"perplexity {perplexity:0.00}"));
        if (report["bits_per_byte"] is { } bits) figures.Add(string.Create(CultureInfo.InvariantCulture, $"{bits:0.000} bits per byte"));
        foreach ((string name, double value) in report.Measures.Where(m => m.Key is not ("perplexity" or "bits_per_byte")).OrderBy(m
            => m.Key, StringComparer.Ordinal))
            figures.Add(string.Create(CultureInfo.InvariantCulture, $"{name.Replace('_', ' ')} {value:0.0000}"));
        return string.Join(", ", figures);
    }

    public void Warned(string message) => terminal.Warn(message);

    private string Line(StepReport r)
    {
        double evaluations = TimePlan.EvaluationsFrom(r.Step, steps, evaluateEvery) * _evaluationSeconds;
        TimeSpan rest = TimeSpan.FromSeconds(Math.Min(((steps - r.Step) * _seconds) + evaluations, TimeSpan.MaxValue.TotalSeconds / 2));
        string left = rest.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(long)rest.TotalHours}:{rest:mm\\:ss}")
            : rest.ToString("mm\\:ss", CultureInfo.InvariantCulture);
        bool brief = terminal.Width < LongLine;
        // Step, rate and time left are always shown; what a narrow terminal has no room for goes by its rank, from 1.
        List<(int Rank, string Text)> parts =
        [
            (0, brief ? $"{r.Step}/{steps}" : $"step {r.Step}/{steps}"),
            (4, double.IsNaN(r.Loss) ? "no target" : "loss " + r.Loss.ToString(brief ? "0.000" : "0.0000", CultureInfo.InvariantCulture)),
        ];
        if (Evaluation?["bits_per_byte"] is { } bits) parts.Add((3, string.Create(CultureInfo.InvariantCulture,
            $"held-out {bits:0.000}{(brief ? "" : " bits/byte")}")));
        else if (Evaluation is { } e) parts.Add((3, string.Create(CultureInfo.InvariantCulture, $"held-out {e.Loss:0.000}")));
        parts.Add((2, string.Create(CultureInfo.InvariantCulture,
            $"{r.Tokens / _seconds:N0} {(brief && unit == "tokens" ? "tok" : unit)}/s")));
        if (r.Utilisation is { } u) parts.Add((1, string.Create(CultureInfo.InvariantCulture, $"{u:P0}{(brief ? "" : " of peak")}")));
        parts.Add((0, string.Create(CultureInfo.InvariantCulture, $"{(brief ? "" : "rate ")}{r.Rate:0.0e+0}")));
        parts.Add((0, $"{left} left"));
        for (int rank = 1; rank <= 4 && parts.Sum(p => p.Text.Length + 2) - 2 >= terminal.Width; rank++) parts.RemoveAll(p
            => p.Rank == rank);
        return string.Join("  ", parts.Select(p => p.Text));
    }
}
