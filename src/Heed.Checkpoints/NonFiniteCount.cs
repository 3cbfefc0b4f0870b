namespace Heed.Checkpoints;

/// <summary>How many values are no finite numbers, by kind: NaN comes from a computation gone wrong, infinity from a type too
/// small.</summary>
/// <param name="NaN">Values that are NaN.</param>
/// <param name="Infinite">Values that are plus or minus infinity.</param>
internal readonly record struct NonFiniteCount(long NaN, long Infinite)
{
    /// <summary>Both kinds.</summary>
    public long Total => NaN + Infinite;

    public static NonFiniteCount operator +(NonFiniteCount a, NonFiniteCount b) => new(a.NaN + b.NaN, a.Infinite + b.Infinite);

    /// <summary>As in <c>2 values are NaN and 1 is infinite</c>, of <paramref name="values"/> values in all.</summary>
    public string Describe(long values)
    {
        string nan = $"{NaN} of {values} values {(NaN == 1 ? "is" : "are")} NaN";
        if (Infinite == 0) return nan;
        return NaN == 0 ? $"{Infinite} of {values} values {(Infinite == 1 ? "is" : "are")} infinite" : $"{nan} and {Infinite} {(Infinite == 1 ? "is" : "are")} infinite";
    }
}
