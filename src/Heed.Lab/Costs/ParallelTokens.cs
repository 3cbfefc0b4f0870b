using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Costs;

/// <summary>49: which tokens are computed at once.</summary>
internal sealed class ParallelTokens : Experiment
{
    private const int Tokens = 256, Vocabulary = 256;

    public override int Number => 49;

    public override string Name => "parallel-tokens";

    public override string Claim => "A Transformer processes all tokens in parallel.";

    public override string Form
        => "A decoder of 2 layers of width 128 learns from a text of 256 tokens, reads it as a prompt, and writes it token by token with "
            + "its cache of keys and values.";

    public override string Measure
        => "Runs of the first layer one after another, and bytes of weights that they read for each token; differing scores of reading and "
            + "writing. With --times tokens a second.";

    public override string Refutation => "Writing 256 tokens in fewer than 256 runs; reading or learning in more than one.";

    public override string Source => "Vaswani et al. 2017, arXiv:1706.03762, §3.2.3 and table 1; own";

    public override string Condition
        => "the text is known before: in training and for a prompt; what is written waits for the token before it";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Exactly("training", "runs one after another, training (forward)", 1),
        Expectation.Exactly("prompt", "runs one after another, reading a prompt", 1),
        Expectation.Exactly("writing", "runs one after another, writing", Tokens, Bearing.Limits),
        Expectation.Exactly("bytes", "bytes of weights a token, writing over reading", Tokens, Bearing.Informs),
        Expectation.Exactly("differing", "scores that differ between reading and writing", 0, Bearing.Informs),
        Expectation.Time("training_rate", "tokens a second, training", "half to a third of reading"),
        Expectation.Time("prompt_rate", "tokens a second, reading a prompt", ""),
        Expectation.Time("writing_rate", "tokens a second, writing", "a tenth of reading"),
    ];

    internal override void Run(LabRun run)
    {
        using ParameterSet parameters = run.Parameters();
        CausalLanguageModel model = LabModels.Decoder(
            new CustomConfig { Vocabulary = Vocabulary, Width = 128, Layers = 2, Heads = 4 }, parameters);
        int[] ids = LabModels.Ids(run.Random("ids"), Tokens, Vocabulary);
        (int training, _, double trainingRate) = Counted(hooks => Learn(model, ids, hooks));
        (int prompt, float[] read, double promptRate) = Counted(hooks => LabModels.Logits(model, ids, hooks).ToArray());
        (int writing, float[] written, double writingRate) = Counted(hooks => Write(model, ids, hooks));
        run.Set("training", training);
        run.Set("prompt", prompt);
        run.Set("writing", writing);
        run.Set("bytes", (double)(writing * parameters.Bytes / Tokens) / (prompt * parameters.Bytes / Tokens));
        run.Set("differing", LabMath.Differing(read, written));
        if (!run.Times) return;
        run.Set("training_rate", trainingRate);
        run.Set("prompt_rate", promptRate);
        run.Set("writing_rate", writingRate);
    }

    private static (int Runs, float[] Scores, double Rate) Counted(Func<Hooks, float[]> work)
    {
        int runs = 0;
        float[] scores = [];
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < 3; repeat++)
        {
            using TensorScope scope = TensorScope.Begin();
            runs = 0;
            Hooks hooks = new Hooks().Observe("blocks.0.mlp.out", (_, _) => runs++);
            long start = Stopwatch.GetTimestamp();
            scores = work(hooks);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return (runs, scores, Tokens / best);
    }

    private static float[] Learn(CausalLanguageModel model, int[] ids, Hooks hooks)
    {
        using Tape tape = Tape.Begin();
        TokenBatch batch = TokenBatch.Of(ids);
        Variable loss = model.LossSum(model.Hidden(batch, batch.Context(new RunOptions { Hooks = hooks })), [.. ids[1..], -100]);
        tape.Backward(loss);
        model.Parameters.ClearGradients();
        return [];
    }

    private static float[] Write(CausalLanguageModel model, int[] ids, Hooks hooks)
    {
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        List<float> scores = [];
        for (int t = 0; t < ids.Length; t++)
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch one = TokenBatch.Of([ids[t]]).WithPositions([t]);
            ForwardContext context = one.Context(new RunOptions { Hooks = hooks }, cache: [sequence], length: t + 1);
            scores.AddRange(model.Logits(model.Hidden(one, context)).Value.Span);
        }

        return [.. scores];
    }
}
