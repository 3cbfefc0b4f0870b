using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model that tells which tokens of a text a generator has replaced: ELECTRA's discriminator. Its scores are [B, T], above 0
/// where a token looks replaced.</summary>
/// <remarks>Clark et al. 2020, arXiv:2003.10555, §2.</remarks>
/// <param name="architecture">Hugging Face's class name.</param>
/// <param name="parameters">All parameters.</param>
/// <param name="stack">The layers.</param>
/// <param name="dense">D → D.</param>
/// <param name="activation">Applied after it.</param>
/// <param name="output">D → 1.</param>
internal sealed class ReplacedTokenDetector(
    string architecture, ParameterSet parameters, TokenStack stack, Linear dense, Activation activation, Linear output)
    : EncoderModel(architecture, parameters, stack)
{
    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        TokenBatch batch = Pack(inputs);
        Variable hidden = Encode(batch, run.Context(batch));                                         // [N, D]
        Variable scores = output.Forward(dense.Forward(hidden).Activate(activation)).Reshape(-1);    // [N]
        LossPart[] losses = [];
        if (inputs.Labels is not null)
        {
            int[] labels = batch.Pick(inputs.Labels);
            CheckLabels(labels, 2);
            int[] rows = [.. Enumerable.Range(0, labels.Length).Where(n => labels[n] != CausalLanguageModel.IgnoredLabel)];
            Tensor targets = Tensor.Create(Array.ConvertAll(rows, n => (float)labels[n]), new Shape(rows.Length));
            Variable counted = rows.Length == labels.Length ? scores : scores.Gather(rows);
            Variable sum = rows.Length == 0 ? Tensor.Scalar(0) : Loss.BinaryCrossEntropy(counted, targets) * rows.Length;
            losses = [new LossPart("replaced", sum, rows.Length)];
        }

        return new ModelOutput { Losses = losses, Logits = batch.ToGrid(scores.Value) };
    }

    /// <summary>Labels of padding do not count.</summary>
    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return [inputs.Labels is null ? 0 : Count(Pack(inputs).Pick(inputs.Labels))];
    }
}
