using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Training.Finetuning;

/// <summary>Runs a model over many texts, a batch at a time. A text gives the same bits in any batch.</summary>
internal static class Predictor
{
    /// <summary>The scores of texts.</summary>
    /// <param name="model">A sequence classifier.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="batchSize">Texts at once.</param>
    /// <param name="outputs">L.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[N·L], in the order of the texts.</returns>
    public static double[] Logits(Model model, IReadOnlyList<EncodedText> texts, int batchSize, int outputs,
        CancellationToken cancellationToken)
    {
        double[] logits = new double[texts.Count * outputs];
        Run(model, texts, batchSize, (output, b, text) =>
        {
            ReadOnlySpan<float> scores = output.Logits!.Span.Slice(b * outputs, outputs);                // [B, L]
            for (int c = 0; c < outputs; c++) logits[(text * outputs) + c] = scores[c];
        }, cancellationToken);
        return logits;
    }

    /// <summary>Runs the model over texts.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="batchSize">Texts at once.</param>
    /// <param name="read">Given what the model gives for a batch, the row of a text in it, and the text's index; texts come in the order of
    /// their lengths.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public static void Run(Model model, IReadOnlyList<EncodedText> texts, int batchSize, Action<ModelOutput, int, int> read,
        CancellationToken cancellationToken)
    {
        // Texts of like length together: fewer steps of attention over nothing.
        int[] order = [.. Enumerable.Range(0, texts.Count).OrderBy(i => texts[i].Ids.Length).ThenBy(i => i)];
        foreach (int[] some in order.Chunk(batchSize))
        {
            using TensorScope scope = TensorScope.Begin();
            ModelInputs inputs = EncodedText.Grid(Array.ConvertAll(some, i => texts[i]), model.Config);
            ModelOutput output = model.Run(inputs, new RunOptions { CancellationToken = cancellationToken });
            for (int b = 0; b < some.Length; b++) read(output, b, some[b]);
        }
    }
}
