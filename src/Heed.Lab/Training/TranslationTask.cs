using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Objectives;

namespace Heed.Lab.Training;

/// <summary>
/// A made-up language with 16 words: each has one translation, and neighbouring words change places. All texts of a batch have one length.
/// </summary>
/// <param name="Texts">Texts of a batch.</param>
internal sealed record TranslationTask(int Texts)
{
    public const int Padding = 0, Begin = 1, End = 2, Vocabulary = First + Words;

    private const int First = 3, Words = 16;

    /// <summary>Part of the words whose translation is drawn instead: nobody can know them.</summary>
    public double Noise { get; init; }

    /// <summary>Texts that there are to learn from; 0 for ever new ones.</summary>
    public int Known { get; init; }

    /// <summary>The batch of a number.</summary>
    public ModelInputs Batch(LabRun run, string purpose, int number, int length)
    {
        List<int[]> sources = [], targets = [];
        DrawSequence which = new(run.Random($"{purpose}/{number}"));
        for (int b = 0; b < Texts; b++)
        {
            DrawSequence draws = Known == 0 ? which : new(run.Random($"{purpose}/{length}/{which.Integer(Known)}"));
            int[] source = new int[length], target = new int[length + 1];
            for (int t = 0; t < length; t++) source[t] = First + draws.Integer(Words);
            for (int t = 0; t < length; t++)
            {
                int from = (t ^ 1) < length ? t ^ 1 : t;
                bool isDrawn = Noise > 0 && draws.Uniform() < Noise;
                target[t] = First + (isDrawn ? draws.Integer(Words) : (source[from] - First + 5) % Words);
            }

            target[length] = End;
            sources.Add(source);
            targets.Add(target);
        }

        return new ModelInputs { InputIds = TokenGrid.Of(sources), Labels = TokenGrid.Of(targets) };
    }

    /// <summary>Mean loss, nats per token.</summary>
    public static Variable Loss(Model model, ModelInputs batch, CrossEntropySettings? settings = null)
    {
        LossPart part = model.Run(batch, new RunOptions { Logits = false, Loss = settings }).Losses[0];
        return part.Sum / part.Count;
    }

    /// <summary>Share of texts whose every token is the likeliest after the right ones before it, which are those that greedy decoding
    /// writes exactly.</summary>
    public static double Exact(Model model, ModelInputs batch)
    {
        using TensorScope scope = TensorScope.Begin();
        int[] best = model.Run(batch).Logits!.ArgMax(), right = batch.Labels!.Cells;
        int length = batch.Labels.Columns;
        return Enumerable.Range(0, batch.Labels.Rows)
            .Count(b => best.AsSpan(b * length, length).SequenceEqual(right.AsSpan(b * length, length))) / (double)batch.Labels.Rows;
    }
}
