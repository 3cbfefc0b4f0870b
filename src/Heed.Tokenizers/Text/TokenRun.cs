namespace Heed.Tokenizers.Text;

/// <summary>A run of tokens that are alike in all but id, place and word: what masks, type ids and token texts are spread out
/// from.</summary>
/// <param name="Count">Number of tokens.</param>
/// <param name="TypeId">Segment of the tokens.</param>
/// <param name="Special">1 for tokens that no text has.</param>
/// <param name="Attention">0 for padding.</param>
/// <param name="Sequence">Which text they are of; −1 for none.</param>
/// <param name="Text">Text of each token where it is not the vocabulary's; else null.</param>
internal readonly record struct TokenRun(int Count, int TypeId, int Special, int Attention, int Sequence, string? Text)
{
    /// <summary>Whether tokens like <paramref name="other"/>'s may join this run.</summary>
    public bool IsLike(in TokenRun other)
        => TypeId == other.TypeId && Special == other.Special && Attention == other.Attention && Sequence == other.Sequence && ReferenceEquals(Text, other.Text);

    /// <summary>One number a token.</summary>
    public static int[] Spread(ReadOnlySpan<TokenRun> runs, int count, Func<TokenRun, int> value)
    {
        int[] all = new int[count];
        int at = 0;
        foreach (TokenRun run in runs)
        {
            if (value(run) is not 0 and int number) all.AsSpan(at, run.Count).Fill(number);
            at += run.Count;
        }

        return all;
    }

    /// <summary>The text of each token.</summary>
    public static string[] Texts(ReadOnlySpan<TokenRun> runs, ReadOnlySpan<int> ids, ITokenModel? model)
    {
        string[] texts = new string[ids.Length];
        int at = 0;
        foreach (TokenRun run in runs)
        {
            for (int end = at + run.Count; at < end; at++) texts[at] = run.Text ?? model?.TokenOf(ids[at]) ?? "";
        }

        return texts;
    }
}
