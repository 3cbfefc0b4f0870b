namespace Heed.Doctor;

/// <summary>A mistake that the doctor knows.</summary>
/// <param name="Name">Its name, such as <c>leak-of-the-future</c>.</param>
/// <param name="Symptom">What one sees.</param>
/// <param name="Harm">Why it hurts, a sentence.</param>
public sealed record DoctorRule(string Name, string Symptom, string Harm)
{
    /// <summary>All rules, by the order in which reports list them.</summary>
    public static IReadOnlyList<DoctorRule> All { get; } =
    [
        new(Rules.PaddingAttended, "a text has other scores in a batch than alone",
            "Padding is read as if it were text: results depend on what else is in the batch."),
        new(Rules.LabelsNotShifted, "the loss falls to zero and the texts are nonsense",
            "The model learns to repeat the token that it reads, not to predict the next one."),
        new(Rules.LabelsShiftedTwice, "the loss stays high and every other word is missing",
            "The model learns the token after the next one."),
        new(Rules.PaddingInLoss, "the loss is low at once, and lower the shorter the texts are",
            "Most targets are padding, which is easy to predict: the figure flatters, and the model learns to write padding."),
        new(Rules.TokenizerMismatch, "every prediction is wrong, or ids are refused",
            "Ids of one vocabulary mean other words in another: the model reads noise."),
        new(Rules.SpecialTokens, "scores are worse than published ones",
            "The model was trained on texts with these tokens once each; without them, or with two, it reads what it never saw."),
        new(Rules.WrongPooling, "all texts are similar to each other",
            "Vectors come from rows that the model was not trained to put the meaning into."),
        new(Training.Symptoms.RisingLoss.RateRule, "the loss rises above where it began",
            "Steps this long leap over what they should find; a trained model forgets what it knew."),
        new(Training.Symptoms.RisingLoss.WarmupRule, "the loss jumps in the first steps",
            "Adam's first steps are as long as the rate whatever the gradient: at full rate they throw the weights away."),
        new(Training.Symptoms.ExplodingNorm.Rule, "the gradient norm grows twentyfold and stays there",
            "Clipping keeps the length of a step and not its direction: what was learned is lost within a few steps."),
        new(Rules.DeadHeads, "heads can be removed without any change",
            "These heads add nothing: their parameters and time are wasted, often after a rate that was too high."),
        new(Rules.SaturatedAttention, "training does not move the attention",
            "The softmax is flat where one weight is 1: no gradient passes through the pattern."),
        new(Training.Symptoms.OneClass.Rule, "every text gets the same class",
            "The model has learned the most frequent class and nothing else; accuracy looks like its share."),
        new(Rules.Leakage, "dev figures are far above those in use",
            "The model is judged on texts that it has learned by heart."),
        new(Rules.TruncatedAnswers, "long texts have no answers, or texts that never end",
            "What the model is to say lies beyond the cut: it learns that there is nothing, or never sees an end."),
        new(Rules.UnscaledAttention, "attention is on one token from the first step on",
            "Products of K components have a deviation of √K: without 1/√K the softmax starts saturated."),
        new(Rules.PositionsBeyondTable, "long texts are refused, or read outside the table",
            "The tokenizer lets through more tokens than the model has positions for."),
        new(Rules.EvaluationInTrainingMode, "two evaluations of one model differ, or are too low",
            "Dropout is on while the model is judged: figures are random and too low."),
        new(Rules.Untied, "loading is refused, or the output is not that of the trained model",
            "config.json says that two tables are one, and they hold other values: one of them is not the trained one."),
        new(Rules.HalfPrecisionOverflow, "NaN in the loss or in the scores",
            "16-bit floats end at 65,504: what is larger becomes infinite, and NaN a layer later."),
        new(Training.Symptoms.UnreachedLayers.Rule, "some layers keep their first values",
            "These weights stay what they were: the way of the loss to them is cut, or they take no part in it."),
        new(Rules.LeakOfTheFuture, "a loss near zero and useless texts",
            "The model sees the token that it is to predict: it copies it in training and cannot in use."),
        new(Rules.Forgetting, "the model has lost what it knew before",
            "Training moved the weights so far that the language they had learned is gone."),
        new(Rules.UntrainedWeights, "every run of the same folder gives another answer",
            "These weights are not in the folder and begin with random values: what they compute means nothing before training."),
        new(Rules.Contradictions, "the loss stops well above zero",
            "The same text has several labels: no model can be right on all of them."),
        new(Rules.Duplicates, "the loss falls while dev figures do not rise",
            "Texts that stand there again and again count again and again; rare ones are drowned."),
    ];

    /// <summary>A rule by its name.</summary>
    internal static DoctorRule Of(string name) => All.First(r => r.Name == name);
}

/// <summary>The names of the rules that need more than a run's figures.</summary>
internal static class Rules
{
    public const string PaddingAttended = "padding-attended", LabelsNotShifted = "labels-not-shifted",
        LabelsShiftedTwice = "labels-shifted-twice",
        PaddingInLoss = "padding-in-loss", TokenizerMismatch = "tokenizer-mismatch", SpecialTokens = "special-tokens",
        WrongPooling = "wrong-pooling", DeadHeads = "dead-heads", SaturatedAttention = "saturated-attention", Leakage = "leakage",
        TruncatedAnswers = "truncated-answers", UnscaledAttention = "unscaled-attention", PositionsBeyondTable = "positions-beyond-table",
        EvaluationInTrainingMode = "evaluation-in-training-mode", Untied = "untied", HalfPrecisionOverflow = "half-precision-overflow",
        LeakOfTheFuture = "leak-of-the-future", Forgetting = "forgetting", UntrainedWeights = "untrained-weights",
        Contradictions = "contradicting-labels", Duplicates = "duplicates";
}
