namespace Heed.Training.Data;

/// <summary>The faults of a file while it is read.</summary>
internal sealed class DataFaults
{
    private const int Shown = 10;

    private readonly List<DataFault> _faults = [];

    public IReadOnlyList<DataFault> All => _faults;

    public void Add(DataPlace place, string reason) => _faults.Add(new DataFault(place, reason));

    /// <summary>An error that names the faults, unless they are to be skipped.</summary>
    /// <exception cref="InputException">There are faults.</exception>
    public void ThrowUnlessSkipped(DataOptions options)
    {
        if (_faults.Count == 0 || options.SkipFaulty) return;
        string first = string.Join("\n", _faults.Take(Shown));
        string more = _faults.Count > Shown ? FormattableString.Invariant($"\n… and {_faults.Count - Shown} more") : "";
        throw new InputException(FormattableString.Invariant($"{first}{more}\nThe data has {_faults.Count} fault{(_faults.Count == 1 ? "" : "s")}. Correct {(_faults.Count == 1 ? "it" : "them")}, or leave such lines out (--skip-faulty, {nameof(DataOptions)}.{nameof(DataOptions.SkipFaulty)})."));
    }
}
