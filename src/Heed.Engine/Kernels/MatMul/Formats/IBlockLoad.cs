using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>
/// One row against panels of blocks, unpacked in registers: what differs from format to format. A vector is some neighbouring outputs of a
/// panel, from <c>column</c> on. The values have the bits of the block's scalar definition, and each output's sum is one chain of fused
/// multiply-adds in ascending k.
/// </summary>
internal unsafe interface IBlockLoad
{
    /// <summary>Inputs of a block, and its bytes for each output.</summary>
    static abstract int Length { get; }

    /// <inheritdoc cref="Length"/>
    static abstract int Bytes { get; }

    /// <summary>Inputs that share a scale.</summary>
    static abstract int Group { get; }

    /// <summary>Inputs that one call of Add takes; whole ones fill a group.</summary>
    static abstract int Step { get; }

    /// <summary>Whether a group has a minimum.</summary>
    static abstract bool HasMinimum { get; }

    /// <summary>d of a block.</summary>
    static abstract Vector512<float> Factor512(byte* block, int lane, int column);

    /// <summary>The scale of a block's minima.</summary>
    static abstract Vector512<float> Least512(byte* block, int lane, int column);

    /// <summary>Scales of a group, from the block's.</summary>
    static abstract Vector512<float> Scale512(Vector512<float> factor, byte* block, int lane, int column, int group);

    /// <summary>Minima of a group with their sign turned, from the block's scale.</summary>
    static abstract Vector512<float> Minimum512(Vector512<float> least, byte* block, int lane, int column, int group);

    /// <summary>sum + Σ x[i]·w[i] over a step of inputs, from input <paramref name="first"/> of the block on.</summary>
    static abstract Vector512<float> Add512(
        Vector512<float> sum, byte* block, int lane, int column, int first, Vector512<float> scale, Vector512<float> minimum, float* x);

    /// <inheritdoc cref="Factor512"/>
    static abstract Vector256<float> Factor256(byte* block, int lane, int column);

    /// <inheritdoc cref="Least512"/>
    static abstract Vector256<float> Least256(byte* block, int lane, int column);

    /// <inheritdoc cref="Scale512"/>
    static abstract Vector256<float> Scale256(Vector256<float> factor, byte* block, int lane, int column, int group);

    /// <inheritdoc cref="Minimum512"/>
    static abstract Vector256<float> Minimum256(Vector256<float> least, byte* block, int lane, int column, int group);

    /// <inheritdoc cref="Add512"/>
    static abstract Vector256<float> Add256(
        Vector256<float> sum, byte* block, int lane, int column, int first, Vector256<float> scale, Vector256<float> minimum, float* x);
}
