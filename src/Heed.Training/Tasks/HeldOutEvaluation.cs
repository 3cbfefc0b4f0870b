using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Data;
using Heed.Training.Logging;

namespace Heed.Training.Tasks;

/// <summary>Evaluates a causal model on held-out ids: mean loss, perplexity, bits per byte of the text.</summary>
/// <param name="model">The model.</param>
/// <param name="ids">The held-out ids.</param>
/// <param name="bytes">UTF-8 bytes of the text that the ids encode.</param>
/// <param name="length">T, tokens of a block; shorter if the part is.</param>
/// <param name="batch">Blocks run at once.</param>
internal sealed class HeldOutEvaluation(CausalLanguageModel model, int[] ids, long bytes, int length, int batch)
{
    private readonly int _batch = batch > 0 ? batch : throw new ArgumentOutOfRangeException(nameof(batch), batch, "At least 1 was expected.");

    /// <summary>Runs blocks evenly spread over the held-out part; if all are read, also the shorter one at its end.</summary>
    /// <param name="maximumBlocks">Most blocks read; 0 reads all.</param>
    /// <param name="cancellationToken">Checked before each batch.</param>
    /// <returns>Measures <c>bits_per_byte</c> and <c>perplexity</c>.</returns>
    public EvaluationReport Run(int maximumBlocks = 0, CancellationToken cancellationToken = default)
    {
        TokenBlocks blocks = new(ids, Math.Max(1, Math.Min(length, ids.Length - 1)), "held-out");
        int count = maximumBlocks > 0 ? Math.Min(maximumBlocks, blocks.Count) : blocks.Count;
        int[] chosen = new int[count];
        for (int i = 0; i < count; i++) chosen[i] = (int)((long)i * blocks.Count / count);
        double nats = 0;
        long targets = 0;
        void Read(ModelInputs inputs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using TensorScope scope = TensorScope.Begin();
            ModelOutput output = model.Run(inputs, new RunOptions { Logits = false });
            nats += output.Losses[0].Sum.Value.ToScalar();
            targets += output.Losses[0].Count;
        }

        for (int i = 0; i < count; i += _batch) Read(blocks.Batch(chosen.AsSpan(i, Math.Min(_batch, count - i))));
        int end = blocks.Count * blocks.Length;
        bool all = maximumBlocks <= 0 || maximumBlocks > blocks.Count;
        if (all && ids.Length - 1 > end) Read(new TokenBlocks(ids[end..], ids.Length - 1 - end, "held-out").Batch([0]));
        double loss = targets == 0 ? 0 : nats / targets;
        return new EvaluationReport(loss, targets)
        {
            Measures = new Dictionary<string, double>
            {
                // Nats per token × tokens per byte of the held-out text, over ln 2.
                ["bits_per_byte"] = bytes == 0 ? 0 : loss / Math.Log(2) * ids.Length / bytes,
                ["perplexity"] = Math.Exp(loss),
            },
        };
    }
}
