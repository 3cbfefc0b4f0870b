using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Understanding;

/// <summary>The rows of the last layer, below any head.</summary>
internal static class TokenVectors
{
    /// <summary>One vector per token of a text, special tokens included.</summary>
    /// <exception cref="InputException">The text is too long, or the model has two stacks.</exception>
    public static float[][] Of(TextReading reading, string text, bool cut, CancellationToken cancellationToken)
        => Of(reading.Model, reading.InputsOf([reading.Encode(text, cut: cut)]), cancellationToken);

    /// <summary>One vector per token of one text.</summary>
    /// <exception cref="InputException">The text is too long, or the model has two stacks.</exception>
    public static float[][] Of(Model model, ModelInputs inputs, CancellationToken cancellationToken)
    {
        TokenStack stack = model switch
        {
            EncoderModel encoder => encoder.Stack,
            SequenceClassifier classifier => classifier.Stack,
            CausalLanguageModel causal => causal.Stack,
            _ => throw new InputException($"{model.Architecture} has no single stack whose rows could be features. Open an encoder "
                + "or a decoder."),
        };
        using ModelUse use = model.Enter();
        using TensorScope scope = TensorScope.Begin();
        TokenBatch batch = stack.WithPositions(inputs).Pack();
        Variable rows = stack.Run(batch, batch.Context(new RunOptions { CancellationToken = cancellationToken }));      // [N, D]
        return [.. Enumerable.Range(0, batch.Rows).Select(n => TextReading.Row(rows.Value, n, rows.Shape.Last))];
    }
}
