using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Training.Objectives;

namespace Heed.Lab.Positions;

/// <summary>4: self-attention and the order of words.</summary>
internal sealed class PermutedWords : Experiment
{
    private const int Tokens = 32, Vocabulary = 101, Width = 64;

    public override int Number => 4;

    public override string Name => "permuted-words";

    public override string Claim => "Self-attention is permutation invariant.";

    public override string Form => "An encoder of 3 layers without positions reads a text and the same words in another order.";

    public override string Measure
        => "Relative difference of row i and the row of the same word in the other order; of rows at the same place; "
        + "of the means over rows; all again with positions.";

    public override string Refutation => "A mean over rows that changes with the order, without positions.";

    public override string Source => "Lee et al. 2019, arXiv:1810.00825, §2 (Set Transformer)";

    public override string Condition
        => "its rows are pooled and there are no positions; rows themselves follow their words: equivariant, not invariant";

    public override string Remark
        => "The setup was corrected after a first run, in which positions were not as the form says.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("same_word", "difference of a word's row, no positions", 1e-6),
        Expectation.AtLeast("bits", "values that differ in a bit all the same (sums run in another order)", 1, Bearing.Informs),
        Expectation.AtMost("pooled", "difference of the mean over rows, no positions", 1e-6),
        Expectation.AtLeast("same_place", "difference of the row at a place, no positions", 0.1, Bearing.Limits),
        Expectation.AtLeast("positions", "difference of a word's row, with positions", 0.1, Bearing.Limits),
        Expectation.AtLeast("causal", "difference of the mean over rows, no positions but a causal mask", 0.01, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        int[] order = new DrawSequence(run.Random("order")).Permutation(Tokens);
        CustomConfig config = new()
        {
            Encoder = true,
            Vocabulary = Vocabulary,
            Width = Width,
            Layers = 3,
            Heads = 4,
            Positions = PositionKind.None,
        };
        (float[] a, float[] b) = Rows(run, config, order);
        float[] back = new float[b.Length];
        for (int i = 0; i < Tokens; i++) b.AsSpan(i * Width, Width).CopyTo(back.AsSpan(order[i] * Width, Width));
        run.Set("same_word", LabMath.RelativeDifference(a, back));
        run.Set("bits", LabMath.Differing(a, back));
        run.Set("pooled", LabMath.RelativeDifference(Pooled(a), Pooled(b)));
        run.Set("same_place", LabMath.RelativeDifference(a, b));
        (a, b) = Rows(run, config with { Positions = PositionKind.Learned, ContextLength = Tokens }, order);
        for (int i = 0; i < Tokens; i++) b.AsSpan(i * Width, Width).CopyTo(back.AsSpan(order[i] * Width, Width));
        run.Set("positions", LabMath.RelativeDifference(a, back));
        (a, b) = Rows(run, config with { Encoder = false }, order);
        run.Set("causal", LabMath.RelativeDifference(Pooled(a), Pooled(b)));
    }

    private static (float[] Read, float[] Permuted) Rows(LabRun run, CustomConfig config, int[] order)
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet own = run.Parameters();
        CausalLanguageModel model = LabModels.Decoder(config, own);
        LabModels.KeepSizes(own, run.Seed);
        int[] ids = LabModels.Ids(run.Random("ids"), Tokens, Vocabulary);
        return (LabModels.Rows(model, ids).ToArray(), LabModels.Rows(model, [.. order.Select(i => ids[i])]).ToArray());
    }

    private static float[] Pooled(float[] rows)
    {
        float[] mean = new float[Width];
        for (int d = 0; d < Width; d++)
        {
            double sum = 0;
            for (int i = 0; i < Tokens; i++) sum += rows[(i * Width) + d];
            mean[d] = (float)(sum / Tokens);
        }

        return mean;
    }
}
