using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Verification.Benchmarks;

/// <summary>What a text of some length costs an encoder-decoder.</summary>
/// <param name="Model">The file or folder.</param>
/// <param name="Length">Tokens read, and as many written.</param>
/// <param name="LearnMilliseconds">Forward and backward pass of a batch.</param>
/// <param name="WriteMilliseconds">One written token of a batch, on average.</param>
internal sealed record LengthResult(string Model, int Length, double LearnMilliseconds, double WriteMilliseconds);

/// <summary>The time of a step by the length of the text: attention computes all tokens of a text at once, recurrence one after
/// another. Weights are drawn; they change no time.</summary>
internal static class LengthBenchmark
{
    /// <summary>Texts of a batch.</summary>
    public const int Batch = 8;

    /// <summary>Tokens of texts.</summary>
    public static IReadOnlyList<int> Lengths { get; } = [8, 16, 32, 64, 128, 256];

    /// <summary>Measures models one after another, each length in turn; what a model cannot read is left out.</summary>
    /// <param name="models">Files or folders with a configuration.</param>
    /// <param name="seconds">How long each is repeated.</param>
    /// <param name="cancellationToken">Looked at between lengths.</param>
    /// <exception cref="InputException">One is no encoder-decoder.</exception>
    public static IEnumerable<LengthResult> Run(IReadOnlyList<string> models, double seconds, CancellationToken cancellationToken)
    {
        foreach (string name in models)
        {
            ModelDescription description = Directory.Exists(name) ? ModelFolder.ReadConfig(name) : ModelFolder.ReadConfigFile(name);
            if (description.Family.HeadOf(description.Architecture) != HeadKind.SequenceToSequence)
                throw new InputException($"{name}: is {description.Architecture}, and encoder-decoders are measured by length. Name "
                    + $"another model.");
            using SequenceToSequenceModel model = (SequenceToSequenceModel)description.Family.Build(
                description.Architecture, description.Config, new ParameterSet(ParameterSource.Random(1)));
            foreach (int length in Lengths.Where(l => l <= description.Config.MaximumLength))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return new LengthResult(name, length, Best(seconds, () => Learn(model, length)), Best(seconds, ()
                    => Write(model, length)) / length);
            }
        }
    }

    private static void Learn(SequenceToSequenceModel model, int length)
    {
        using (TensorScope scope = TensorScope.Begin())
        using (Tape tape = Tape.Begin())
        {
            int[][] rows = Rows(model, length);
            int[][] ones = [.. rows.Select(r => Array.ConvertAll(r, _ => 1))];
            ModelInputs inputs = new()
            {
                InputIds = TokenGrid.Of(rows),
                AttentionMask = TokenGrid.Of(ones),
                Labels = TokenGrid.Of(rows),
                DecoderInputIds = TokenGrid.Of(rows),
                DecoderAttentionMask = TokenGrid.Of(ones),
            };
            tape.Backward(model.Run(inputs, new RunOptions { Logits = false }).Losses[0].Sum);
        }

        model.Parameters.ClearGradients();
    }

    private static void Write(SequenceToSequenceModel model, int length)
    {
        using InferenceEngine engine = new(model);
        GenerationConfig config = new() { MaxNewTokens = length, MinNewTokens = length };
        engine.Generate([.. Rows(model, length).Select(r => new GenerationRequest { Prompt = r, Config = config })],
            CancellationToken.None);
    }

    /// <summary>Ids above those of special tokens.</summary>
    private static int[][] Rows(SequenceToSequenceModel model, int length)
    {
        const int Special = 4;
        int kinds = model.Config.Vocabulary - Special;
        return [.. Enumerable.Range(0, Batch).Select(b => Enumerable.Range(0, length).Select(i => Special
            + (((b * 31) + (i * 7)) % kinds)).ToArray())];
    }

    /// <summary>The fastest of several repetitions, in milliseconds.</summary>
    private static double Best(double seconds, Action work)
    {
        work();
        double best = double.PositiveInfinity;
        long started = Stopwatch.GetTimestamp();
        do
        {
            long begun = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < seconds);
        return best;
    }
}
