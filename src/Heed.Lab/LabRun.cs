using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;

namespace Heed.Lab;

/// <summary>One run of an experiment with one seed: draws, values, points of plots.</summary>
internal sealed class LabRun(Experiment experiment, int seed, LabOptions options, IProgress<LabProgress>? progress,
    CancellationToken cancellationToken)
{
    private readonly Dictionary<string, double> _values = new(StringComparer.Ordinal);

    /// <summary>The seed of everything drawn.</summary>
    public ulong Seed => (ulong)seed;

    /// <summary>The user's model, or null.</summary>
    public HeedModel? Model => options.Model;

    /// <summary>Where finished parts are kept, or null.</summary>
    public string? Work => options.Work;

    /// <summary>Whether times are measured.</summary>
    public bool Times => options.Times;

    /// <summary>Most optimizer steps of a training.</summary>
    public int StepLimit => options.StepLimit;

    /// <summary>Looked at between steps.</summary>
    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>What was measured.</summary>
    public IReadOnlyDictionary<string, double> Values => _values;

    /// <summary>Points of plots.</summary>
    public List<PlotPoint> Points { get; } = [];

    /// <summary>Gives an expectation its value.</summary>
    public void Set(string key, double value)
    {
        if (!experiment.Expectations.Any(e => e.Key == key))
            throw new InvalidOperationException($"{experiment.Name}: '{key}' is none of its expectations.");
        if (!_values.TryAdd(key, value)) throw new InvalidOperationException($"{experiment.Name}: '{key}' was measured twice.");
    }

    /// <summary>A point of a plot.</summary>
    public void Plot(LabPlot plot, string line, double x, double y) => Points.Add(new PlotPoint(plot, line, x, y));

    /// <summary>Says what happens now, and stops here if that was asked for.</summary>
    public void Report(string text)
    {
        cancellationToken.ThrowIfCancellationRequested();
        progress?.Report(new LabProgress(experiment, $"seed {seed}: {text}"));
    }

    /// <summary>Random numbers of a purpose.</summary>
    public CounterRandom Random(string purpose) => new(Seed, Initializer.StreamOf($"{experiment.Name}/{purpose}"));

    /// <summary>Numbers drawn from N(0, 1).</summary>
    public Tensor Normal(string purpose, params ReadOnlySpan<int> sizes)
    {
        Tensor x = Tensor.Uninitialized(sizes);
        Random(purpose).Normal(x.Span, 0, 1);
        return x;
    }

    /// <summary>Parameters whose first values depend on the seed.</summary>
    public ParameterSet Parameters() => new(ParameterSource.Random(Seed));

    /// <summary>Ends an experiment that needs something that is not there.</summary>
    public static LabSkippedException Skipped(string reason) => new(reason);
}

/// <summary>An experiment cannot run here; the reason is part of its result.</summary>
internal sealed class LabSkippedException(string reason) : Exception(reason);

/// <summary>A plot's axes.</summary>
/// <param name="Title">What is shown.</param>
/// <param name="X">What x is.</param>
/// <param name="Y">What y is.</param>
/// <param name="LogX">Whether x is shown as log₂.</param>
/// <param name="LogY">Whether y is shown as log₁₀.</param>
internal sealed record LabPlot(string Title, string X, string Y, bool LogX = false, bool LogY = false);

/// <summary>A point of a line of a plot.</summary>
internal readonly record struct PlotPoint(LabPlot Plot, string Line, double X, double Y);
