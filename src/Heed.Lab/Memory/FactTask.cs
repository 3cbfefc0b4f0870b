using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Training.Objectives;

namespace Heed.Lab.Memory;

/// <summary>Facts made by seed: a subject of two tokens, a token that asks, and one of 128 objects. No fact follows from others.</summary>
internal sealed class FactTask
{
    /// <summary>Objects that there are: a guess is right once in 128, and a fact has 7 bits.</summary>
    public const int Objects = 128;

    private const int Parts = 64, Ask = 2 * Parts, FirstObject = Ask + 1, Vocabulary = FirstObject + Objects;

    /// <summary>Draws facts with different subjects.</summary>
    public FactTask(LabRun run, int count)
    {
        DrawSequence draws = new(run.Random("facts"));
        Facts = [.. draws.Permutation(Parts * Parts).Take(count).Select(s =>
            (new int[] { s / Parts, Parts + (s % Parts), Ask }, FirstObject + draws.Integer(Objects)))];
    }

    /// <summary>What is read, and what is asked for.</summary>
    public (int[] Ids, int Object)[] Facts { get; }

    /// <summary>A decoder for facts, its output layer apart from its tokens.</summary>
    public static CausalLanguageModel Model(ParameterSet parameters, int width, int layers)
        => Support.LabModels.Decoder(
            new CustomConfig { Vocabulary = Vocabulary, Width = width, Layers = layers, Heads = 4, TiedOutput = false }, parameters);

    /// <summary>Trains until each fact was seen so often on average.</summary>
    public void Train(LabRun run, string name, CausalLanguageModel model, int exposures, double rate)
    {
        const int Batch = 250;
        SequenceTask task = new(Batch, (draws, text, targets) =>
        {
            (int[] ids, int fact) = Facts[draws.Integer(Facts.Length)];
            text.AddRange(ids);
            targets.AddRange([SequenceTask.None, SequenceTask.None, fact]);
        });
        _ = task.Train(run, name, model, new SmallPlan(Facts.Length * exposures / Batch, rate, 50) { Decay = 0 });
    }

    /// <summary>Share of facts whose object scores highest.</summary>
    public double Recall(CausalLanguageModel model, Hooks? hooks = null)
    {
        int right = 0;
        foreach ((int[] Ids, int Object)[] some in Facts.Chunk(500))
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch batch = TokenBatch.Of([.. some.Select(f => f.Ids)]);
            Variable hidden = model.Hidden(batch, batch.Context(new RunOptions { Hooks = hooks }));
            int[] best = model.Logits(hidden).Value.ArgMax();
            for (int i = 0; i < some.Length; i++) if (best[(3 * i) + 2] == some[i].Object) right++;
        }

        return (double)right / Facts.Length;
    }
}
