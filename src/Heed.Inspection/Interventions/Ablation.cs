namespace Heed.Inspection;

/// <summary>What takes the place of a head's values.</summary>
public enum Ablation
{
    /// <summary>Zero.</summary>
    Zero,

    /// <summary>The mean over all positions of other texts: one vector for all positions.</summary>
    Mean,

    /// <summary>The values of another text of the same length, position by position.</summary>
    Resample,
}
