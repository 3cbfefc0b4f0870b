using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Doctor.Tests;

/// <summary>A model as a user writes it around another one.</summary>
/// <param name="inner">Computes.</param>
/// <param name="architecture">Its class name.</param>
/// <param name="shift">Columns by which labels lie after the scores that are compared with them.</param>
/// <param name="reads">What becomes of the inputs before they are read.</param>
internal sealed class CarelessModel(Model inner, string architecture, int shift = 1, Func<ModelInputs, ModelInputs>? reads = null)
    : Model(architecture, inner.Config, inner.Parameters)
{
    public override long[] CountTargets(ModelInputs inputs)
        => [inputs.Labels is null ? 0 : inputs.Labels.Rows * (inputs.Labels.Columns - shift)];

    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        ModelInputs read = reads is null ? inputs : reads(inputs);
        ModelOutput output = inner.Run(read with { Labels = null }, run.Options with { Logits = true });
        Tensor logits = output.Logits ?? output.LastHiddenState!;
        if (inputs.Labels is not { } labels) return new ModelOutput { Logits = logits };
        int[] targets = [.. Enumerable.Range(0, labels.Rows).SelectMany(b => Enumerable.Range(0, labels.Columns).Select(t
            => t + shift < labels.Columns ? labels[b, t + shift] : CausalLanguageModel.IgnoredLabel))];
        Variable rows = new Variable(logits).Reshape(targets.Length, logits.Shape.Last);
        Variable sum = Loss.CrossEntropy(rows, targets,
            new CrossEntropySettings { Reduction = Reduction.Sum, IgnoreIndex = CausalLanguageModel.IgnoredLabel });
        return new ModelOutput { Logits = logits, Losses = [new LossPart("tokens", sum, targets.LongCount(t => t >= 0))] };
    }
}
