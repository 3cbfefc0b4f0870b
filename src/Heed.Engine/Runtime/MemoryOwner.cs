namespace Heed.Engine.Runtime;

/// <summary>What memory is held for.</summary>
public enum MemoryOwner
{
    /// <summary>Packed weights.</summary>
    Weights,

    /// <summary>Keys and values of past tokens.</summary>
    Caches,

    /// <summary>Working memory of kernels.</summary>
    Scratch,

    /// <summary>Tensors: activations, gradients, weights that are not packed, and blocks kept for reuse.</summary>
    Tensors,
}
