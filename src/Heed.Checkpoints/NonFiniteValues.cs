namespace Heed.Checkpoints;

/// <summary>A tensor of a conversion in which values are no finite numbers.</summary>
/// <param name="Tensor">Its name, as written.</param>
/// <param name="Values">Number of its values.</param>
/// <param name="InSource">Values that are NaN or infinite in the source already.</param>
/// <param name="Overflowed">Values that are finite in the source and infinite in the type written.</param>
/// <param name="Stored">Type in the source.</param>
/// <param name="Written">Type in the target.</param>
internal sealed record NonFiniteValues(string Tensor, long Values, long InSource, long Overflowed, DType Stored, DType Written)
{
    /// <summary>Of <see cref="InSource"/> those that are NaN; the others are infinite.</summary>
    public long NaN { get; init; }

    /// <summary>What was found and what helps, without the file, in whole sentences.</summary>
    public string Describe()
    {
        List<string> parts = [];
        if (Overflowed > 0)
        {
            string largest = Written switch { DType.F16 => "65504", DType.BF16 => "3.39e38", _ => "3.40e38" };
            parts.Add($"tensor '{Tensor}': {Overflowed} of {Values} values are finite in {Stored.Name()} and infinite in {Written.Name()}, whose largest is {largest}. {(Written == DType.F16 ? "Store it as bf16 or f32." : "Scale the tensor down first.")}");
        }

        if (InSource > 0) parts.Add($"tensor '{Tensor}': in the source {new NonFiniteCount(NaN, InSource - NaN).Describe(Values)}. Restore it from a good checkpoint.");
        return string.Join(' ', parts);
    }
}

/// <summary>A tensor whose NaN and infinite values are counted while it is read from its start to its end.</summary>
internal sealed class CountedTensor(RawTensor inner) : RawTensor(inner.Name, inner.DType, inner.Sizes)
{
    /// <summary>Number of such values read so far.</summary>
    public NonFiniteCount Found { get; private set; }

    protected override void ReadCore(long start, Span<byte> destination)
    {
        inner.ReadBytes(start, destination);
        Found += DType.CountNonFinite(destination);
    }
}
