using Heed.Engine.Tensors;
using Heed.Lab.Attention;
using Heed.Lab.Circuits;
using Heed.Lab.Costs;
using Heed.Lab.Depth;
using Heed.Lab.Disputes;
using Heed.Lab.Language;
using Heed.Lab.Memory;
using Heed.Lab.Objectives;
using Heed.Lab.Positions;
using Heed.Lab.Training;

namespace Heed.Lab;

/// <summary>The experiments, and how they run.</summary>
/// <example><code>
/// foreach (Experiment experiment in Experiments.Quick)
///     Console.WriteLine(Experiments.Run(experiment).VerdictText);
/// </code></example>
public static class Experiments
{
    /// <summary>All experiments by number.</summary>
    public static IReadOnlyList<Experiment> All { get; } = [.. ((Experiment[])
    [
        new CausalMask(), new Conservation(), new DirectAttention(), new DotProducts(), new HeadParameters(),
        new HeadRank(), new MaskAfterSoftmax(), new Saturation(), new WindowReach(), new AttentionGrowth(),
        new AttentionMemory(), new NamedSizes(), new OnlyTheMask(), new Recomputation(), new RecurrenceCost(),
        new WeightTying(), new Collapse(), new NormPlacement(), new NormScale(), new NormWarmup(),
        new ResidualGradient(), new ContextualVectors(), new LinearRecall(), new PathLength(),
        new FutureLeak(), new SpanShares(), new Extrapolation(), new OrderWithoutPositions(),
        new PermutedWords(), new Sinusoids(),
        new PretrainingWorth(), new FinetuningWarmup(), new AttentionRelevance(), new DropoutLeftOn(), new FactStorage(),
        new FactCapacity(), new FixedVector(), new LabelSmoothing(), new ParallelTokens(),
        new ObjectivesCompared(), new ModelScaling(), new PositionKinds(), new Forgetting(), new Emergence(),
        new InductionHeads(), new InductionAblation(), new CopyMemory(), new MultiQueryRecall(),
        new UnscaledTraining(), new HeadRelations(), new HeadAblation(),
    ]).OrderBy(e => e.Number)];

    /// <summary>Those that train nothing and take seconds.</summary>
    public static IReadOnlyList<Experiment> Quick { get; } = [.. All.Where(e => e.IsQuick)];

    /// <summary>The experiment with a name or number.</summary>
    /// <exception cref="UsageException">There is none; the error names the nearest.</exception>
    public static Experiment Named(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (All.FirstOrDefault(e => e.Name == name || e.Number.ToString(
            System.Globalization.CultureInfo.InvariantCulture) == name) is { } found)
            return found;
        string near = Printable.Nearest(name, All.Select(e => e.Name)) is { } nearest ? $" Did you mean \"{nearest}\"?" : "";
        throw new UsageException($"experiment \"{Printable.Shorten(name)}\" is unknown; a name or number of 'heed lab list' was "
            + $"expected.{near}");
    }

    /// <summary>Runs an experiment once per seed. The same bits on any number of threads; times excepted.</summary>
    /// <param name="experiment">One of <see cref="All"/>.</param>
    /// <param name="options">Seeds, model, times; null: <see cref="LabOptions.Default"/>.</param>
    /// <param name="progress">Told what runs; may be null.</param>
    /// <param name="cancellationToken">Stops between steps.</param>
    /// <exception cref="ArgumentException">There is no seed.</exception>
    public static ExperimentResult Run(
        Experiment experiment, LabOptions? options = null, IProgress<LabProgress>? progress = null,
            CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(experiment);
        options ??= LabOptions.Default;
        if (options.Seeds.Count == 0) throw new ArgumentException("LabOptions.Seeds is empty; at least one seed was expected.", nameof(
            options));
        List<LabRun> runs = [];
        foreach (int seed in options.Seeds)
        {
            LabRun run = new(experiment, seed, options, progress, cancellationToken);
            run.Report("measures");
            try
            {
                using TensorScope scope = TensorScope.Begin();
                experiment.Run(run);
            }
            catch (LabSkippedException skipped)
            {
                return new ExperimentResult(experiment, options.Seeds, [], skipped.Message);
            }

            foreach (Expectation e in experiment.Expectations)
                if (!e.IsTime && !run.Values.ContainsKey(e.Key))
                    throw new InvalidOperationException($"{experiment.Name}: '{e.Key}' was not measured.");
            runs.Add(run);
        }

        Measurement[] measured =
        [
            .. experiment.Expectations.Where(e => runs.TrueForAll(r => r.Values.ContainsKey(e.Key)))
                .Select(e => new Measurement(e, [.. runs.Select(r => r.Values[e.Key])])),
        ];
        return new ExperimentResult(experiment, options.Seeds, measured)
        {
            Points = Medians(runs),
            Model = experiment.UsesModel && options.Model is { } model ? Path.GetFileName(Path.TrimEndingDirectorySeparator(
                model.Folder)) : "",
        };
    }

    private static List<PlotPoint> Medians(List<LabRun> runs)
    {
        List<PlotPoint> points = [];
        foreach (var group in runs.SelectMany(r => r.Points).GroupBy(p => (p.Plot, p.Line, p.X)))
        {
            double[] sorted = [.. group.Select(p => p.Y).Where(double.IsFinite).Order()];
            if (sorted.Length > 0) points.Add(new PlotPoint(group.Key.Plot, group.Key.Line, group.Key.X, sorted[sorted.Length / 2]));
        }

        return points;
    }
}
