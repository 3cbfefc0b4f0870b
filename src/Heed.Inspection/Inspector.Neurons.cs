using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>The neurons that write most at each position: the largest |post_j| · ‖row j of the output projection‖ of each feed-forward
    /// part.</summary>
    /// <param name="text">The text.</param>
    /// <param name="stack">Which stack; null: the one that scores come from.</param>
    /// <param name="count">k, how many.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>Values and neurons, [L, T, k]; of equal ones the lower number first.</returns>
    /// <exception cref="InputException">There is no such stack.</exception>
    /// <remarks>Geva et al. 2021, arXiv:2012.14913: feed-forward parts as memories of keys and values.</remarks>
    public Ranking TopNeurons(InspectedText text, string? stack = null, int count = 5, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        StackParts parts = stack is null ? LastStack : PartsOf(stack);
        string ending = ".mlp.post";
        Dictionary<string, ValueArray> posts =
            Gather([text], n => n.StartsWith($"{parts.Name}.", StringComparison.Ordinal) && n.EndsWith(ending, StringComparison.Ordinal),
                null, cancellationToken);
        List<float> values = [];
        List<int> ids = [];
        int T = 0;
        for (int l = 0; l < parts.Blocks.Count; l++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ValueArray post = posts[$"{parts.Name}.blocks.{l}{ending}"].At(0);                          // [T, F]
            double[] norms = WriteNorms(parts.Blocks[l]);
            T = post.Shape[0];
            count = Math.Min(count, norms.Length);
            float[] sizes = new float[norms.Length];
            for (int t = 0; t < T; t++)
            {
                for (int j = 0; j < sizes.Length; j++) sizes[j] = (float)(Math.Abs((double)post.Span[(t * sizes.Length) + j]) * norms[j]);
                Largest(sizes, count, values, ids);
            }
        }

        return new Ranking(new ValueArray([.. values], parts.Blocks.Count, T, count), ids);
    }

    /// <summary>What neurons write, in words: for each the tokens whose rows of the unembedding its row of the output projection meets
    /// most,
    /// without the neuron's own value, norm and bias.</summary>
    /// <param name="layer">Which layer, from 0.</param>
    /// <param name="neurons">Which neurons; null: all F.</param>
    /// <param name="count">k, how many tokens.</param>
    /// <param name="cancellationToken">Looked at between blocks of neurons.</param>
    /// <returns>Values and ids, [neurons, k]; of equal ones the lower id first.</returns>
    /// <exception cref="InputException">The model does not score its vocabulary, or there is no such layer or neuron.</exception>
    public Ranking NeuronTokens(int layer, IReadOnlyList<int>? neurons = null, int count = 5, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        StackParts stack = LastStack;
        Projection output = Model switch
        {
            CausalLanguageModel causal => causal.Head.Output,
            SequenceToSequenceModel both => both.Head.Output,
            MaskedLanguageModel masked => masked.Head.Vocabulary.Output,
            _ => throw new InputException($"{Model.Architecture}: does not score a vocabulary, so its neurons write no tokens."),
        };
        FeedForward mlp = MlpOf(stack, layer);
        if (mlp.Down.Outputs != output.Inputs)
            throw new InputException(
                $"{Model.Architecture}: its layers are {mlp.Down.Outputs} wide and its unembedding {output.Inputs}; neurons do not meet "
                    + "it directly.");
        using ModelUse use = Model.Enter();
        float[] writes = Matrices.Of(mlp.Down);                                                         // [F, D]
        int D = mlp.Down.Outputs, F = mlp.Down.Inputs;
        int[] chosen = neurons is null ? [.. Enumerable.Range(0, F)] : [.. neurons];
        foreach (int j in chosen)
            if ((uint)j >= (uint)F) throw new InputException($"neuron {j}: layer {layer} has the neurons 0 to {F - 1}.");
        List<float> values = [];
        List<int> ids = [];
        foreach (int[] some in chosen.Chunk(64))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using TensorScope scope = TensorScope.Begin();
            Tensor rows = Tensor.Uninitialized(some.Length, D);
            for (int n = 0; n < some.Length; n++) writes.AsSpan(some[n] * D, D).CopyTo(rows.Span[(n * D)..]);
            Variable met = output is Linear linear
                ? LinearOp.Apply(rows, linear.Weight.AsWeight(), null, Activation.Identity)
                : output.Forward(rows) - output.Forward(Tensor.Zeros(1, D));
            count = Math.Min(count, met.Shape.Last);
            for (int n = 0; n < some.Length; n++) Largest(met.Value.Span.Slice(n * met.Shape.Last, met.Shape.Last), count, values, ids);
        }

        return new Ranking(new ValueArray([.. values], chosen.Length, count), ids);
    }

    private FeedForward MlpOf(StackParts stack, int layer)
    {
        if ((uint)layer >= (uint)stack.Blocks.Count)
            throw new InputException($"layer {layer}: the {stack.Name} has the layers 0 to {stack.Blocks.Count - 1}.");
        return stack.Blocks[layer].Mlp ?? throw new InputException($"layer {layer}: has no feed-forward part of known form.");
    }

    /// <summary>‖row j of the output projection‖, [F].</summary>
    private double[] WriteNorms(BlockParts block)
    {
        using ModelUse use = Model.Enter();
        FeedForward mlp = block.Mlp
            ?? throw new InputException($"{Model.Architecture}: its layers have no feed-forward part of known form.");
        float[] matrix = Matrices.Of(mlp.Down);
        double[] norms = new double[mlp.Down.Inputs];
        int D = mlp.Down.Outputs;
        for (int i = 0; i < matrix.Length; i++) norms[i / D] += (double)matrix[i] * matrix[i];
        for (int j = 0; j < norms.Length; j++) norms[j] = Math.Sqrt(norms[j]);
        return norms;
    }

    /// <summary>Adds the largest numbers of a row and their places, best first.</summary>
    private static void Largest(ReadOnlySpan<float> row, int count, List<float> values, List<int> ids)
    {
        Span<int> best = count <= 64 ? stackalloc int[count] : new int[count];
        int filled = 0;
        for (int i = 0; i < row.Length; i++)
        {
            if (filled == count && !(row[i] > row[best[count - 1]])) continue;
            int at = filled < count ? filled++ : count - 1;
            while (at > 0 && row[i] > row[best[at - 1]])
            {
                best[at] = best[at - 1];
                at--;
            }

            best[at] = i;
        }

        foreach (int i in best)
        {
            values.Add(row[i]);
            ids.Add(i);
        }
    }
}
