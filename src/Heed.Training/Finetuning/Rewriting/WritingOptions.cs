namespace Heed.Training.Finetuning;

/// <summary>How a finished model writes when it is judged.</summary>
/// <param name="Beams">Beams; 1 takes the likeliest token at each step.</param>
/// <param name="LengthPenalty">Exponent of the length that a beam's log-probability is divided by; null: as the folder says.</param>
internal sealed record WritingOptions(int Beams, double? LengthPenalty);
