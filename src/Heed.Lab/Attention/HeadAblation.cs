using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;

namespace Heed.Lab.Attention;

/// <summary>15: what a model loses with each of its heads.</summary>
internal sealed class HeadAblation : Experiment
{
    private const int Texts = 16, Tokens = 96;

    private static readonly LabPlot Costs = new("Loss without one head, least first", "heads", "% more loss");

    public override int Number => 15;

    public override string Name => "head-ablation";

    public override string Claim => "Every head of a trained model is needed.";

    public override string Form
        => "The decoder of --model (here: the small one of samples/stories) writes 16 texts of 96 tokens at temperature 1; then it reads "
            + "them, whole and with each head silenced in turn (z = 0).";

    public override string Measure => "Rise of the loss per token with a head silenced, in per cent of the loss of the whole model.";

    public override string Refutation => "A head whose loss is nearly free: below 1 %.";

    public override string Source => "Michel et al. 2019, arXiv:1905.10650, §3; Voita et al. 2019, arXiv:1905.09418";

    public override bool IsQuick => true;

    public override bool UsesModel => true;

    public override string Remark
        => "Some heads are free, a few are dear; that most are free, as in large models, is not so in one of 16 heads.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("least", "least rise that a head causes, %", 1, Bearing.Refutes),
        Expectation.AtLeast("free", "share of heads that cost less than 1 %", 0.5, Bearing.Informs),
        Expectation.AtLeast("dear", "heads that cost more than 5 %", 1, Bearing.Informs),
        Expectation.AtLeast("ratio", "largest rise over the median", 10, Bearing.Informs),
        Expectation.Note("largest", "largest rise that a head causes, %"),
        Expectation.Note("loss", "loss of the whole model, nats per token"),
        Expectation.Note("heads", "heads"),
    ];

    internal override void Run(LabRun run)
    {
        if (run.Model?.Model is not CausalLanguageModel model) throw LabRun.Skipped("needs a decoder: --model FOLDER");
        int[][] texts = Written(run, model);
        Dictionary<int, int> heads = [];
        double whole = Loss(model, texts, new Hooks().ObserveWhere(
            name => name.EndsWith(".attn.z", StringComparison.Ordinal), (name, z) => heads[int.Parse(
                name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture)] = z.Shape[1]));
        if (heads.Count == 0) throw LabRun.Skipped("the model has no attention");
        List<double> rises = [];
        foreach ((int layer, int count) in heads)
        {
            for (int head = 0; head < count; head++)
            {
                run.Report($"layer {layer + 1}, head {head + 1}");
                rises.Add(100 * ((Loss(model, texts, LabModels.Silence(new Hooks(), layer, head)) / whole) - 1));
            }
        }

        rises.Sort();
        for (int i = 0; i < rises.Count; i++) run.Plot(Costs, "rise", i + 1, rises[i]);
        run.Set("least", rises[0]);
        run.Set("free", rises.Count(r => r < 1) / (double)rises.Count);
        run.Set("dear", rises.Count(r => r > 5));
        run.Set("ratio", rises[^1] / LabMath.Median(rises));
        run.Set("largest", rises[^1]);
        run.Set("loss", whole);
        run.Set("heads", rises.Count);
    }

    /// <summary>Texts that the model writes by itself, from its first token on.</summary>
    private static int[][] Written(LabRun run, CausalLanguageModel model)
    {
        run.Report("the model writes");
        int begin = model.Config.BeginId ?? model.Config.EndId ?? 0, length = Math.Min(Tokens, model.Config.MaximumLength);
        int[][] texts = [.. Enumerable.Range(0, Texts).Select(_ => new int[length])];
        foreach (int[] text in texts) text[0] = begin;
        using KeyValueCache cache = new(model.CacheLayers);
        KeyValueSequence[] sequences = [.. texts.Select(_ => cache.NewSequence())];
        CounterRandom random = run.Random("written");
        for (int t = 0; t + 1 < length; t++)
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch last = TokenBatch.Of([.. texts.Select(text => new[] { text[t] })]).WithPositions(
                [.. Enumerable.Repeat(t, Texts)]);
            Tensor shares = model.Logits(model.Hidden(last, last.Context(cache: sequences))).Softmax().Value;
            for (int b = 0; b < Texts; b++)
                texts[b][t + 1] = Drawn(shares.Rows(b, 1).Span, random.Uniform((ulong)((t * Texts) + b)));
        }

        foreach (KeyValueSequence sequence in sequences) sequence.Dispose();
        return texts;
    }

    private static int Drawn(ReadOnlySpan<float> shares, double at)
    {
        double sum = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            sum += shares[i];
            if (at < sum) return i;
        }

        return shares.Length - 1;
    }

    private static double Loss(CausalLanguageModel model, int[][] texts, Hooks hooks)
    {
        using TensorScope scope = TensorScope.Begin();
        TokenBatch batch = TokenBatch.Of(texts);
        int[] targets = [.. texts.SelectMany(text => text[1..].Append(CausalLanguageModel.IgnoredLabel))];
        Variable hidden = model.Hidden(batch, batch.Context(new RunOptions { Hooks = hooks }));
        return model.LossSum(hidden, targets).Value.ToScalar() / targets.Count(t => t != CausalLanguageModel.IgnoredLabel);
    }
}
