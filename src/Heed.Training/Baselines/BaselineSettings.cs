using Heed.Training.Finetuning;

namespace Heed.Training.Baselines;

/// <summary>What <see cref="BaselineComparison"/> compares.</summary>
public sealed record BaselineSettings
{
    /// <summary>Labelled texts to learn from.</summary>
    public required string Train { get; init; }

    /// <summary>Labelled texts that nothing is learned from or chosen by.</summary>
    public required string Test { get; init; }

    /// <summary>Others of which the same holds: texts as those of training; empty for none.</summary>
    public string Dev { get; init; } = "";

    /// <summary>Folder of a trained encoder, for all methods but <c>words</c> and <c>lstm</c>.</summary>
    public string Model { get; init; } = "";

    /// <summary>Names of methods, of <see cref="BaselineComparison.Methods"/>; empty for all.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>Numbers of training examples; 0 stands for all.</summary>
    public IReadOnlyList<int> Examples { get; init; } = [0];

    /// <summary>How many seeds, from <see cref="FirstSeed"/> on: each draws its own examples and weights.</summary>
    public int Seeds { get; init; } = 3;

    /// <summary>The first seed.</summary>
    public int FirstSeed { get; init; } = 1;

    /// <summary>C of the logistic regressions: how much the examples count against small weights.</summary>
    public double Strength { get; init; } = 10;

    /// <summary>How the files are read, and how networks are trained where that is not left to the data; <c>model</c>, files and
    /// <c>seed</c> are set by the comparison.</summary>
    public FinetuningConfig Training { get; init; } = new();
}

/// <summary>One trained model.</summary>
/// <param name="Method">Of <see cref="BaselineComparison.Methods"/>.</param>
/// <param name="Examples">Texts that it learned from.</param>
/// <param name="Seed">Of examples and weights.</param>
/// <param name="Dev">Share of right answers on the dev file; NaN without one.</param>
/// <param name="Test">Share of right answers on the test file.</param>
/// <param name="Seconds">Learning and answering.</param>
public sealed record BaselineResult(string Method, int Examples, ulong Seed, double Dev, double Test, double Seconds);
