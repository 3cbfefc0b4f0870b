namespace Heed.Lab;

/// <summary>
/// A claim of courses about Transformers, as an experiment: what is said, the sharpest small form of it, what is measured, what was
/// expected
/// before the run and what would refute it. <see cref="Experiments"/> lists all.
/// </summary>
public abstract class Experiment
{
    private protected Experiment()
    {
    }

    /// <summary>Its number in the list, 1 … 52.</summary>
    public abstract int Number { get; }

    /// <summary>Its name on the command line, such as <c>dot-products</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The claim as courses say it.</summary>
    public abstract string Claim { get; }

    /// <summary>The sharpest small experiment that shows it.</summary>
    public abstract string Form { get; }

    /// <summary>What is measured.</summary>
    public abstract string Measure { get; }

    /// <summary>What would refute the claim.</summary>
    public abstract string Refutation { get; }

    /// <summary>Where the claim and the expected numbers are from.</summary>
    public abstract string Source { get; }

    /// <summary>The condition of a claim that holds under one; empty for others.</summary>
    public virtual string Condition => "";

    /// <summary>What was found out about the measured numbers after the runs; empty if there is nothing to add.</summary>
    public virtual string Remark => "";

    /// <summary>True for experiments that train nothing and take seconds.</summary>
    public virtual bool IsQuick => false;

    /// <summary>True if the experiment runs on the model of <see cref="LabOptions.Model"/> where that is of the right kind.</summary>
    public virtual bool UsesModel => false;

    /// <summary>The numbers that it measures, with the bounds expected beforehand.</summary>
    public abstract IReadOnlyList<Expectation> Expectations { get; }

    /// <summary>Measures with one seed: every expectation gets its value.</summary>
    internal abstract void Run(LabRun run);

    /// <summary>The name of its page and result file without ending, such as <c>01-dot-products</c>.</summary>
    internal string FileName => $"{Number:00}-{Name}";
}
