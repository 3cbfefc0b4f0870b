using Heed.Models;

namespace Heed.Training.Objectives;

/// <summary>What is masked, and what stands in its place.</summary>
internal sealed record MaskingSettings
{
    /// <summary>Part of the tokens that is predicted.</summary>
    public double Rate { get; init; } = 0.15;

    /// <summary>Part of the predicted tokens that becomes the mask token.</summary>
    public double MaskPart { get; init; } = 0.8;

    /// <summary>Part of the predicted tokens that becomes a random token; the rest stays as it is.</summary>
    public double RandomPart { get; init; } = 0.1;

    /// <summary>True to choose words with all their tokens, each of which becomes the mask token.</summary>
    public bool WholeWords { get; init; }

    /// <summary>
    /// Longest run of tokens (of words with <see cref="WholeWords"/>) that is chosen at once; a run of n has probability ∝ 1/n.
    /// </summary>
    public int LongestRun { get; init; } = 1;

    /// <summary>Id of the mask token.</summary>
    public required int MaskId { get; init; }
}

/// <summary>
/// Masked tokens (Devlin et al. 2019, §3.1), drawn anew each time a text is read (Liu et al. 2019, §4.1), by words, and in runs (Lan et al.
/// 2020, §4.1).
/// </summary>
internal static class TokenMasking
{
    /// <summary>Which tokens are predicted.</summary>
    /// <param name="words">[T]: the word of each token; −1 for one that is never chosen. Tokens of a word stand next to each other.</param>
    /// <param name="settings">Rate and longest run.</param>
    /// <param name="choose">[T]: uniform in [0, 1); a word is decided by that of its first token.</param>
    /// <param name="lengths">[T]: uniform in [0, 1); may be empty if no run is longer than 1.</param>
    /// <returns>[T].</returns>
    public static bool[] Choose(
        ReadOnlySpan<int> words, MaskingSettings settings, ReadOnlySpan<double> choose, ReadOnlySpan<double> lengths)
    {
        double start = StartRate(settings.Rate, settings.LongestRun);
        bool[] chosen = new bool[words.Length];
        int left = 0;
        for (int t = 0; t < words.Length; t++)
        {
            if (words[t] < 0)
            {
                left = 0;
            }
            else if (t > 0 && words[t - 1] == words[t])
            {
                chosen[t] = chosen[t - 1];
            }
            else if (left > 0)
            {
                chosen[t] = true;
                left--;
            }
            else if (choose[t] < start)
            {
                chosen[t] = true;
                left = settings.LongestRun == 1 ? 0 : RunLength(lengths[t], settings.LongestRun) - 1;
            }
        }

        return chosen;
    }

    /// <summary>Replaces the chosen tokens.</summary>
    /// <param name="ids">[T].</param>
    /// <param name="chosen">[T], from <see cref="Choose"/>.</param>
    /// <param name="settings">Parts and mask token.</param>
    /// <param name="mask">[T]: uniform in [0, 1); below <see cref="MaskingSettings.MaskPart"/> a token is masked.</param>
    /// <param name="random">[T]: uniform in [0, 1); decides of the others which become random.</param>
    /// <param name="randomIds">[T]: the random tokens.</param>
    public static CorruptedText Replace(ReadOnlySpan<int> ids, ReadOnlySpan<bool> chosen, MaskingSettings settings,
        ReadOnlySpan<double> mask, ReadOnlySpan<double> random, ReadOnlySpan<int> randomIds)
    {
        int[] inputs = ids.ToArray(), labels = new int[ids.Length];
        for (int t = 0; t < inputs.Length; t++)
        {
            labels[t] = chosen[t] ? ids[t] : CausalLanguageModel.IgnoredLabel;
            if (!chosen[t]) continue;
            if (settings.WholeWords || mask[t] < settings.MaskPart) inputs[t] = settings.MaskId;
            else if (random[t] < settings.RandomPart / (1 - settings.MaskPart)) inputs[t] = randomIds[t];
        }

        return new CorruptedText(inputs, labels);
    }

    /// <summary>
    /// Probability that a run begins at a word that is not in one. A run of mean length E and a single word that is left alternate, so a
    /// part p·E ÷ (p·E + 1 − p) is covered; solved for p.
    /// </summary>
    private static double StartRate(double rate, int longest)
    {
        double harmonic = 0;
        for (int n = 1; n <= longest; n++) harmonic += 1.0 / n;
        return rate / ((longest / harmonic * (1 - rate)) + rate);
    }

    private static int RunLength(double draw, int longest)
    {
        double harmonic = 0;
        for (int n = 1; n <= longest; n++) harmonic += 1.0 / n;
        double left = draw * harmonic;
        for (int n = 1; n < longest; n++)
        {
            left -= 1.0 / n;
            if (left < 0) return n;
        }

        return longest;
    }
}
