using Heed.Models;
using Heed.Training.Runs;

namespace Heed.Training.Data;

/// <summary>Micro-batches of a causal model: blocks in a shuffled order of their own each epoch.</summary>
/// <param name="blocks">The training part.</param>
/// <param name="batchSize">Blocks of a micro-batch.</param>
/// <param name="seed">Seed of the order.</param>
public sealed class CausalData(TokenBlocks blocks, int batchSize, ulong seed) : ITrainingData
{
    private readonly BlockOrder _order = new(blocks.Count, seed);

    /// <inheritdoc/>
    public ModelInputs Batch(long position)
    {
        int[] chosen = new int[batchSize];
        for (int b = 0; b < batchSize; b++) chosen[b] = _order[(position * batchSize) + b];
        return blocks.Batch(chosen);
    }
}
