using Heed.Lab.Support;

namespace Heed.Lab.Training;

/// <summary>Pieces of letters about card payments, character by character: language that every machine has.</summary>
internal static class LetterTask
{
    /// <summary>Ids of characters are below.</summary>
    public const int Vocabulary = 128;

    private static readonly Lazy<int[]> Train = new(() => Letters.Characters("train")), Dev = new(() => Letters.Characters("dev"));

    /// <summary>Pieces to learn from, drawn anywhere.</summary>
    public static SequenceTask ToLearn(int texts, int tokens) => Of(Train.Value, texts, tokens);

    /// <summary>Pieces of letters that are not learned from.</summary>
    public static SequenceTask ToJudge(int texts, int tokens) => Of(Dev.Value, texts, tokens);

    private static SequenceTask Of(int[] all, int texts, int tokens) => new(texts, (draws, text, targets) =>
    {
        int start = draws.Integer(all.Length - tokens - 1);
        for (int t = 0; t < tokens; t++)
        {
            text.Add(all[start + t]);
            targets.Add(all[start + t + 1]);
        }
    });
}
