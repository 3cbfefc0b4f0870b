namespace Heed.Training.Data;

/// <summary>Where an example stands: file and line, or file and row where a format has no lines.</summary>
/// <param name="File">Path of the file, as given.</param>
/// <param name="Number">Line, or row of a Parquet file, from 1.</param>
/// <param name="IsRow">True where <paramref name="Number"/> counts rows.</param>
public readonly record struct DataPlace(string File, long Number, bool IsRow = false)
{
    /// <summary><c>train.csv:12</c> or <c>train.parquet: row 12</c>.</summary>
    public override string ToString() => IsRow ? FormattableString.Invariant($"{File}: row {Number}")
        : FormattableString.Invariant($"{File}:{Number}");
}

/// <summary>A line that cannot be an example, and why.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Reason">What was found, what is expected and what to do.</param>
public sealed record DataFault(DataPlace Place, string Reason)
{
    /// <summary><c>train.csv:12: has 3 fields …</c>.</summary>
    public override string ToString() => $"{Place}: {Reason}";
}
