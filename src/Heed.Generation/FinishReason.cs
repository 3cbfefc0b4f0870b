namespace Heed.Generation;

/// <summary>Why a text ended.</summary>
public enum FinishReason
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>An end id came.</summary>
    End,

    /// <summary>A stop string came.</summary>
    Stop,

    /// <summary>The longest length was reached.</summary>
    Length,

    /// <summary>The caller withdrew it.</summary>
    Cancelled,
}
