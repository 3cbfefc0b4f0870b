using Heed.Engine.Nn;

namespace Heed.Lab.Attention;

/// <summary>16: many heads have the same parameters as one large head.</summary>
internal sealed class HeadParameters : Experiment
{
    public override int Number => 16;

    public override string Name => "head-parameters";

    public override string Claim => "Multi-head attention has the same number of parameters as one large head.";

    public override string Form
        => "Attention of width 768 with 1, 12 and 96 heads; of width 512 with 8 heads of 64 and of 128 (T5's d_kv).";

    public override string Measure => "Values in all parameters.";

    public override string Refutation => "Counts that differ between 1, 12 and 96 heads.";

    public override string Source => "arXiv:1706.03762, §3.2.2; T5's d_kv: arXiv:1910.10683";

    public override string Condition => "heads times their width is the model's width";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Exactly("heads_1", "width 768, 1 head", 2_362_368),
        Expectation.Exactly("heads_12", "width 768, 12 heads", 2_362_368),
        Expectation.Exactly("heads_96", "width 768, 96 heads", 2_362_368),
        Expectation.Exactly("width_64", "width 512, 8 heads of 64, no biases", 1_048_576, Bearing.Informs),
        Expectation.Exactly("width_128", "width 512, 8 heads of 128, no biases", 2_097_152, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        foreach (int heads in (int[])[1, 12, 96]) run.Set($"heads_{heads}", Count(new AttentionConfig { Width = 768, Heads = heads }));
        foreach (int width in (int[])[64, 128])
            run.Set($"width_{width}", Count(new AttentionConfig
            {
                Width = 512,
                Heads = 8,
                HeadWidth = width,
                Bias = false,
                OutputBias = false
            }));
    }

    private static long Count(AttentionConfig config)
    {
        ParameterSet parameters = new(ParameterSource.ShapesOnly);
        _ = new MultiHeadAttention(config, parameters.Root);
        return parameters.Values;
    }
}
