using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Logging;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning to write: translations, summaries, answers of an assistant. Evaluated by the loss of each token.</summary>
internal abstract class WritingTask : FinetuningTask
{
    private readonly LearnedText[] _training;
    private readonly CrossEntropySettings? _loss;

    /// <summary>For derived tasks.</summary>
    private protected WritingTask(FinetuningModel model, FinetuningData data, FinetuningConfig settings, LearnedText[] training,
        LearnedText[] heldOut)
        : base(model, data, settings, [.. training.Select(t => t.Ids.Length)])
    {
        (_training, Texts) = (training, heldOut);
        _loss = LossOf(settings, null);
    }

    /// <summary>The held-out texts.</summary>
    private protected LearnedText[] Texts { get; }

    /// <summary>The loss of each token: lower is better.</summary>
    public override TaskMeasure Measure => TaskMeasure.Loss;

    /// <inheritdoc/>
    internal override string Unit => "tokens";

    /// <inheritdoc/>
    private protected override double TokensPerTarget => 1;

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options)
        => base.Loss(batch, options with { Loss = _loss, Logits = false });

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        if (Texts.Length == 0) return null;
        double nats = 0;
        long targets = 0;
        foreach (LearnedText[] some in Texts.OrderBy(t => t.Ids.Length).Chunk(Settings.BatchSize))
        {
            (double sum, long count) = NatsOf(some, cancellationToken);
            nats += sum;
            targets += count;
        }

        double loss = targets == 0 ? double.NaN : nats / targets;
        return new TaskAssessment(new EvaluationReport(loss, targets)
        {
            Measures = new Dictionary<string, double> { ["perplexity"] = Math.Exp(loss) },
        });
    }

    /// <summary>The loss of each held-out text: nats per token.</summary>
    private protected double[] Losses(CancellationToken cancellationToken)
    {
        double[] losses = new double[Texts.Length];
        for (int i = 0; i < losses.Length; i++)
        {
            (double sum, long count) = NatsOf([Texts[i]], cancellationToken);
            losses[i] = count == 0 ? 0 : sum / count;
        }

        return losses;
    }

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        LearnedText[] texts = new LearnedText[examples.Length];
        for (int b = 0; b < texts.Length; b++) texts[b] = _training[examples[b]];
        return LearnedText.Grid(texts, Model);
    }

    private (double Nats, long Targets) NatsOf(LearnedText[] texts, CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        LossPart part = Model.Run(LearnedText.Grid(texts, Model), new RunOptions { Logits = false, CancellationToken = cancellationToken })
            .Losses[0];
        return (part.Sum.Value.ToScalar(), part.Count);
    }
}
