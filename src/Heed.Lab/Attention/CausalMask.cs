using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Attention;

/// <summary>23: the causal mask hides the future.</summary>
internal sealed class CausalMask : Experiment
{
    private const int Tokens = 48, Place = 32;

    private static readonly CustomConfig Config = new()
    {
        Vocabulary = 101,
        Width = 64,
        Layers = 3,
        Heads = 4,
        Positions = PositionKind.Rope
    };

    public override int Number => 23;

    public override string Name => "causal-mask";

    public override string Claim => "The causal mask hides the future from every token.";

    public override string Form => "A decoder reads a text twice, one token changed; then the same weights without the mask.";

    public override string Measure => "Number of logits before the changed token whose bits differ.";

    public override string Refutation => "One differing bit before the changed token.";

    public override string Source => "own";

    public override bool IsQuick => true;

    public override bool UsesModel => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Exactly("masked", "differing logits before the changed token, with the mask", 0),
        Expectation.AtLeast("after", "differing logits from the changed token on, with the mask", 1),
        Expectation.AtLeast("unmasked", "differing logits before the changed token, without the mask", 1),
    ];

    internal override void Run(LabRun run)
    {
        CustomConfig config = Config;
        using ParameterSet own = run.Parameters(), open = run.Parameters();
        CausalLanguageModel made = LabModels.Decoder(config, own), unmasked = LabModels.Decoder(config with { Encoder = true }, open);
        LabModels.KeepSizes(own, run.Seed);
        LabModels.KeepSizes(open, run.Seed);
        CausalLanguageModel model = run.Model?.Model as CausalLanguageModel ?? made;
        (int before, int after) = Differing(run, model);
        run.Set("masked", before);
        run.Set("after", after);
        run.Set("unmasked", Differing(run, unmasked).Before);
    }

    private static (int Before, int After) Differing(LabRun run, CausalLanguageModel model)
    {
        using TensorScope scope = TensorScope.Begin();
        int V = model.Config.Vocabulary;
        int[] ids = LabModels.Ids(run.Random("ids"), Tokens, V), changed = [.. ids];
        changed[Place] = (ids[Place] + 1) % V;
        ReadOnlySpan<float> a = LabModels.Logits(model, ids).Span, b = LabModels.Logits(model, changed).Span;
        return (LabMath.Differing(a[..(Place * V)], b[..(Place * V)]), LabMath.Differing(a[(Place * V)..], b[(Place * V)..]));
    }
}
