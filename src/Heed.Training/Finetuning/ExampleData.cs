using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Data whose examples are learned from one by one, each as many tokens long as its texts.</summary>
/// <typeparam name="T">The kind of example.</typeparam>
internal abstract class ExampleData<T> : FinetuningData
{
    /// <summary>To learn from.</summary>
    public required IReadOnlyList<T> TrainingExamples { get; init; }

    /// <summary>To evaluate on.</summary>
    public required IReadOnlyList<T> HeldOutExamples { get; init; }

    /// <summary>Tokens of each text, pair or question to learn from, whole.</summary>
    public required int[] TokenCounts { get; init; }

    /// <inheritdoc/>
    public override int Training => TrainingExamples.Count;

    /// <inheritdoc/>
    public override int HeldOut => HeldOutExamples.Count;

    /// <inheritdoc/>
    public override LengthSummary Lengths => field ??= LengthSummary.Of(TokenCounts);

    /// <summary>How many are longer than a length.</summary>
    protected int Longer(int length) => TokenCounts.Count(n => n > length);
}
