using System.Text;

namespace Heed.Lab.Reports;

/// <summary>Sentences of courses that a careful lab must correct, each with the experiment that decides.</summary>
internal static class CorrectionPage
{
    private static readonly (string Sentence, string Truth, int Number)[] Corrections =
    [
        ("“Self-attention is permutation invariant.”",
            "It is equivariant: rows follow their words. Invariant only after pooling, and a causal mask breaks even that.", 4),
        ("“Without scaling the softmax saturates and gradients vanish.”",
            "At d_k 64 one row in five saturates, and the mean gradient is no smaller; it is true from about 256 on.", 2),
        ("“Divide by √d”, d the width of the model.", "By √d_k = √(d/h), the width of a head: with 12 heads a factor of 3.5.", 1),
        ("“α_ij = 0 for j > i.”", "−∞ before the softmax; zeros after it leave rows that sum to less than 1.", 24),
        ("“LN(h) = (h − μ)/σ.”", "With a gain, a bias and ε; and where it stands matters more than what it is.", 20),
        ("“The same parameters as one large head.”", "If heads times their width is the model's width; T5 has models where it is not.", 16),
        ("“The causal mask is the only architectural difference.”", "There are nine others between BERT and GPT-2.", 26),
        ("“No information degrades.”", "The path has length 1, but softmax dilutes: a fixed gap of scores fades as the text grows.", 13),
        ("“Every token sees what it needs in a single layer.”", "Continuing a repeated text by what followed before needs two layers.", 29),
        ("“High attention means more influence.”", "What a token writes counts too: the norm of its value, and tokens that only collect "
            + "attention.", 35),
        ("“Never train from scratch.”", "On small closed tasks with new wording a bag of words and pooled vectors beat full fine-tuning.",
            45),
    ];

    public static string Of(IReadOnlyList<ExperimentResult> results)
    {
        StringBuilder page = new("# Sentences of courses that a careful lab must correct\n\n| sentence | what is true | experiment | "
            + "verdict on its claim |\n|---|---|---|---|\n");
        foreach ((string sentence, string truth, int number) in Corrections)
        {
            ExperimentResult? result = results.FirstOrDefault(r => r.Experiment.Number == number);
            if (result is null) continue;
            page.Append($"| {sentence} | {truth} | [{number}]({result.Experiment.FileName}.md) | {result.VerdictText} |\n");
        }

        return page.Append("\n[All experiments](README.md).\n").ToString();
    }
}
