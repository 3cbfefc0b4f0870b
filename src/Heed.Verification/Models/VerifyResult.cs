using System.Globalization;
using System.Text.Json.Nodes;

namespace Heed.Verification;

/// <summary>One comparison with a reference.</summary>
/// <param name="Name">What is compared, by the reference's name: <c>batch0.output.logits</c>, <c>trained.wte.weight</c>,
/// <c>train.loss.3</c>, <c>generate.2.output_ids</c>.</param>
/// <param name="Distance">L2 distance, or the number of ids that differ.</param>
/// <param name="Tolerance">Largest distance that passes.</param>
public sealed record TensorCheck(string Name, double Distance, double Tolerance)
{
    /// <summary>True where the distance is within the tolerance; not so for NaN.</summary>
    public bool Passed => Distance <= Tolerance;

    /// <summary>Distance over tolerance: above 1 it fails.</summary>
    internal double Ratio => double.IsNaN(Distance) ? double.PositiveInfinity : Distance == 0 ? 0 : Distance / Tolerance;
}

/// <summary>What <see cref="ModelVerifier"/> found in one folder.</summary>
public sealed record VerifyResult
{
    /// <summary>The folder, as given.</summary>
    public required string Folder { get; init; }

    /// <summary>All comparisons, in the order in which they were made.</summary>
    public IReadOnlyList<TensorCheck> Checks { get; init; } = [];

    /// <summary>Why the folder could not be run, or null.</summary>
    public HeedException? Error { get; init; }

    /// <summary>Generations of the reference that were not run because no generator was given.</summary>
    public int GenerationsNotRun { get; init; }

    /// <summary>True where the folder ran and every comparison is within its tolerance.</summary>
    public bool Passed => Error is null && Checks.All(c => c.Passed);

    /// <summary>The comparison nearest to or furthest beyond its tolerance, or null.</summary>
    public TensorCheck? Worst => Checks.MaxBy(c => c.Ratio);

    /// <summary>One line: <c>pass  goldens/models/gpt2  211 comparisons, worst trained.… 3.1e-06 (≤ 2.0e-05)</c>.</summary>
    public override string ToString()
    {
        if (Error is not null) return $"FAIL  {Folder}  {Error.Message}";
        int failed = Checks.Count(c => !c.Passed);
        string counts = failed == 0 ? $"{Checks.Count} comparisons" : $"{failed} of {Checks.Count} comparisons fail";
        string worst = Worst is { } w ? string.Create(CultureInfo.InvariantCulture, $", worst {w.Name} {w.Distance:0.0e+00} ({(w.Passed ? "≤" : ">")} {w.Tolerance:0.0e+00})") : "";
        string rest = GenerationsNotRun == 0 ? "" : $", {GenerationsNotRun} generations not run";
        return $"{(failed == 0 ? "pass" : "FAIL")}  {Folder}  {counts}{worst}{rest}";
    }

    /// <summary>The same as data: folder, passed, number of comparisons, the worst and the failed ones with distance and
    /// tolerance.</summary>
    public JsonObject ToJson() => new()
    {
        ["folder"] = Folder,
        ["passed"] = Passed,
        ["comparisons"] = Checks.Count,
        ["worst"] = Worst is { } worst ? Describe(worst) : null,
        ["failed"] = new JsonArray([.. Checks.Where(c => !c.Passed).Select(Describe)]),
        ["generations_not_run"] = GenerationsNotRun,
        ["error"] = Error?.Message,
    };

    private static JsonNode Describe(TensorCheck check)
        => new JsonObject { ["name"] = check.Name, ["distance"] = Number(check.Distance), ["tolerance"] = Number(check.Tolerance) };

    /// <summary>JSON has no NaN and no infinity: they are written as words.</summary>
    internal static JsonNode Number(double value)
        => double.IsFinite(value) ? JsonValue.Create(value) : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));
}
