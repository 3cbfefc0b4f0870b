using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Objectives;

namespace Heed.Lab.Training;

/// <summary>Sequences and what is to be predicted under each token: −100 where nothing is.</summary>
/// <param name="Ids">[B] texts.</param>
/// <param name="Targets">Of all texts, one after another.</param>
internal sealed record SequenceBatch(int[][] Ids, int[] Targets)
{
    /// <summary>Predictions that count.</summary>
    public int Count => Targets.Count(t => t != CausalLanguageModel.IgnoredLabel);
}

/// <summary>A task made by seed: a batch for every number.</summary>
/// <param name="Texts">Texts of a batch.</param>
/// <param name="Make">One text and its targets from random numbers.</param>
internal sealed record SequenceTask(int Texts, Action<DrawSequence, List<int>, List<int>> Make)
{
    /// <summary>No prediction here.</summary>
    public const int None = CausalLanguageModel.IgnoredLabel;

    /// <summary>The batch of a number.</summary>
    public SequenceBatch Batch(LabRun run, string purpose, int number)
    {
        DrawSequence draws = new(run.Random($"{purpose}/{number}"));
        int[][] ids = new int[Texts][];
        List<int> targets = [];
        for (int b = 0; b < Texts; b++)
        {
            List<int> text = [];
            Make(draws, text, targets);
            ids[b] = [.. text];
        }

        return new SequenceBatch(ids, [.. targets]);
    }

    /// <summary>Mean loss of a batch, nats per prediction.</summary>
    public static Variable Loss(CausalLanguageModel model, SequenceBatch batch, Hooks? hooks = null)
    {
        TokenBatch tokens = TokenBatch.Of(batch.Ids);
        Variable hidden = model.Hidden(tokens, tokens.Context(new RunOptions { Hooks = hooks }));
        return model.LossSum(hidden, batch.Targets) / batch.Count;
    }

    /// <summary>Trains on the task.</summary>
    public double[] Train(
        LabRun run, string name, CausalLanguageModel model, SmallPlan plan, Action<int, double>? each = null, Hooks? hooks = null)
        => SmallTrainer.Train(run, name, model.Parameters, plan, step => Loss(model, Batch(run, "train", step), hooks), each);

    /// <summary>Loss and share of right predictions on batches that training never saw.</summary>
    public SequenceScore Score(LabRun run, CausalLanguageModel model, int batches = 4, Hooks? hooks = null, string purpose = "test")
    {
        double loss = 0;
        int right = 0, all = 0;
        for (int i = 0; i < batches; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            SequenceBatch batch = Batch(run, purpose, i);
            TokenBatch tokens = TokenBatch.Of(batch.Ids);
            Variable hidden = model.Hidden(tokens, tokens.Context(new RunOptions { Hooks = hooks }));
            loss += model.LossSum(hidden, batch.Targets).Value.ToScalar();
            int[] best = model.Logits(hidden).Value.ArgMax();
            for (int n = 0; n < best.Length; n++)
            {
                if (batch.Targets[n] == None) continue;
                all++;
                if (best[n] == batch.Targets[n]) right++;
            }
        }

        return new SequenceScore(loss / all, (double)right / all);
    }
}

/// <summary>How well a model predicts.</summary>
/// <param name="Loss">Nats per prediction.</param>
/// <param name="Accuracy">Share right.</param>
internal readonly record struct SequenceScore(double Loss, double Accuracy);
