namespace Heed.Retrieval;

/// <summary>How a stored vector's numbers are kept.</summary>
public enum VectorFormat
{
    /// <summary>As they are: 4 bytes per number.</summary>
    Float32,

    /// <summary>The nearest half-precision number, ties to even: 2 bytes per number. Beyond 65,519.99 it is infinite.</summary>
    Float16,

    /// <summary>Whether the number is above 0: 1 bit per number, the first one the highest bit of the first byte.</summary>
    Binary,
}
