using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Cli.Commands;

/// <summary>What the commands of runs share before the first step: settings from a file, a folder and options; preparation; the steps that
/// fit into a time; the forecast.</summary>
/// <typeparam name="TConfig">The settings.</typeparam>
/// <typeparam name="TTask">What is learned.</typeparam>
/// <param name="terminal">Where notes go.</param>
/// <param name="fields">The settings there are.</param>
/// <param name="given">Those of the command line.</param>
/// <param name="minutes">How long the run may take; null leaves the steps as they are set.</param>
internal sealed class RunStart<TConfig, TTask>(
    Terminal terminal, IReadOnlyList<SettingField<TConfig>> fields, Dictionary<SettingField<TConfig>, string> given, double? minutes)
    where TConfig : TrainingConfig
    where TTask : TrainingTask
{
    private static readonly TimeSpan Measuring = TimeSpan.FromSeconds(1.5);

    /// <summary>What a time fixes.</summary>
    private static readonly string[] Planned = ["steps", "epochs", "warmup_steps", "evaluate_every", "save_every"];

    private RunTiming? _timing;
    private string? _file;

    /// <summary>Wall time of an evaluation, if it was measured.</summary>
    public double EvaluationSeconds => _timing?.EvaluationSeconds ?? 0;

    /// <summary>Whether the command line gives a setting.</summary>
    public bool Gives(string name) => given.Keys.Any(f => f.Name == name);

    /// <summary>What holds: the options, over a file that is named, else over the settings of the run in the folder, else over the standard
    /// ones. Until something is learned, settings that begin a run begin it anew.</summary>
    /// <param name="folder">The folder, for notes.</param>
    /// <param name="file">The file that is named, or null.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="ofRun">The settings of the folder's run, of one that has a checkpoint or of any, and their file.</param>
    /// <param name="standard">The standard settings.</param>
    /// <param name="beginning">Settings that begin a run.</param>
    public TConfig Settings(string folder, string? file, Func<string, TConfig> read, (Func<bool, TConfig?> Read, string File) ofRun,
        Func<TConfig> standard, params ReadOnlySpan<string> beginning)
    {
        bool begins = false;
        foreach (string name in beginning) begins |= Gives(name);
        _file = file;
        TConfig? before = file is null ? ofRun.Read(begins) : null;
        if (before is not null)
        {
            _file = ofRun.File;
            terminal.Note($"Settings that are omitted are those of the run in {folder}.");
        }

        TConfig config = file is not null ? read(file) : before ?? standard();
        foreach ((SettingField<TConfig> field, string text) in given) config = field.Parse(config, text);
        if (minutes is null) return config;
        if (given.Keys.FirstOrDefault(f => f.Name is "steps" or "epochs") is { } set)
            throw new UsageException($"--minutes: is given beside {set.Option}, and both decide the number of steps. "
                + "Leave one of them out.");
        return ofRun.Read(true) is { } begun ? AsPlanned(config, begun, folder) : config;
    }

    /// <summary>Prepares the run; a setting that does not fit is reported by its option if one was given, else by file and key.</summary>
    /// <param name="prepare">Prepares it with a plan, or without.</param>
    /// <param name="plan">Makes settings of a number of steps.</param>
    /// <param name="most">Steps beyond which a run only learns by heart.</param>
    /// <param name="cancellationToken">Ends the measuring of steps.</param>
    public TrainingRun<TTask> Prepare(Func<Func<TrainingRun<TTask>, TrainingConfig>?, TrainingRun<TTask>> prepare,
        Func<TConfig, long, TConfig> plan, Func<TrainingRun<TTask>, long> most, CancellationToken cancellationToken)
    {
        try
        {
            return prepare(minutes is null ? null : Fit);
        }
        catch (ConfigException e)
        {
            throw SettingOptions<TConfig>.Named(e, fields, given, _file) ?? e;
        }

        TrainingConfig Fit(TrainingRun<TTask> run)
        {
            if (run.FirstStep > 0 || run.IsOver) return run.Config;
            TConfig config = (TConfig)run.Config;
            terminal.Status("measuring steps until they run warm …");
            RunTiming timing = run.Measure(TimePlan.Measuring(minutes!.Value), cancellationToken);
            _timing = timing;
            long fit = TimePlan.Steps(timing, minutes.Value, Gives("evaluate_every") ? config.EvaluateEvery : 0), cap = most(run);
            long steps = Math.Min(fit, Math.Max(1, cap));
            terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{steps:N0} steps: ")
                + (steps < fit ? "more would only be learned by heart" : string.Create(CultureInfo.InvariantCulture,
                    $"as many as fit into {minutes.Value:0.##} {(minutes.Value == 1 ? "minute" : "minutes")} at "
                        + $"{timing.StepSeconds:0.000} s each")));
            return plan(config, steps);
        }
    }

    /// <summary>Says what the run needs, measured on this machine, and returns the machine's peak in operations a second.</summary>
    /// <param name="run">Has steps to take.</param>
    /// <param name="what">What it trains and learns from, for the note.</param>
    /// <param name="cancellationToken">Ends the measuring.</param>
    public double Forecast(TrainingRun<TTask> run, string what, CancellationToken cancellationToken)
    {
        TrainingConfig config = run.Config;
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        if (_timing is null) terminal.Status("measuring a few steps …");
        RunTiming timing = _timing ??= run.Measure(Measuring, cancellationToken);
        TimeSpan time = timing.Of(config.Steps - run.FirstStep,
            TimePlan.EvaluationsFrom(run.FirstStep + 1, config.Steps, config.EvaluateEvery));
        string steps = run.FirstStep > 0
            ? string.Create(CultureInfo.InvariantCulture, $"the other {config.Steps - run.FirstStep:N0} of {config.Steps:N0}")
            : string.Create(CultureInfo.InvariantCulture, $"all {config.Steps:N0}");
        terminal.Note($"{what}; {steps} steps need about {Printable.Bytes(run.Forecast!.TotalBytes)} of memory and {RunDuration.Of(time)}");
        return peak;
    }

    /// <summary>A run that has begun keeps the number of its steps.</summary>
    private TConfig AsPlanned(TConfig config, TConfig begun, string folder)
    {
        terminal.Note($"--minutes changes nothing: {folder} holds a run of {begun.Steps:N0} steps; "
            + "choose another folder with --out for another one.");
        JsonObject before = begun.ToJson();
        using JsonDocument document = JsonDocument.Parse(before.ToJsonString());
        foreach (SettingField<TConfig> field in fields)
        {
            if (Planned.Contains(field.Name) && !given.ContainsKey(field))
                config = field.Read(config, document.RootElement.GetProperty(field.Name), RunSettings.FileName, "$." + field.Name);
        }

        return config;
    }
}
