using System.Text.Json.Nodes;
using Heed.Training.Data;
using Heed.Training.Logging;

namespace Heed.Training.Finetuning;

/// <summary>What a model predicts for labelled examples, and how good that is.</summary>
/// <param name="Report">Loss and measures.</param>
internal sealed record TaskAssessment(EvaluationReport Report)
{
    /// <summary>Each example with its prediction, in the data's order.</summary>
    public IReadOnlyList<AssessedExample> Examples { get; init; } = [];

    /// <summary>The scores that the task can calibrate, [N·L]; empty if there are none.</summary>
    public double[] Scores { get; init; } = [];

    /// <summary>Loss of a guess that knows the shares of the labels and nothing else; NaN if the task has none.</summary>
    public double GuessLoss { get; init; } = double.NaN;

    /// <summary>What the task measures beyond single figures: per class, confusion, calibration; as <c>report.json</c> has it.</summary>
    public JsonObject Details { get; init; } = [];
}

/// <summary>One example and what the model says.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Text">What the model read, for people.</param>
/// <param name="Expected">The right answer, for people.</param>
/// <param name="Predicted">The model's, for people.</param>
/// <param name="Confidence">Probability of the prediction; NaN if the task has none.</param>
/// <param name="Loss">How wrong it is: nats, or squared error.</param>
/// <param name="IsRight">True if the answer is right; of numbers never.</param>
internal sealed record AssessedExample(
    DataPlace Place, string Text, string Expected, string Predicted, double Confidence, double Loss, bool IsRight);
