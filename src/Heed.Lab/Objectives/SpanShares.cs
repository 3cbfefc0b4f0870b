using Heed.Lab.Support;
using Heed.Training.Objectives;

namespace Heed.Lab.Objectives;

/// <summary>28: span corruption masks 15 % in spans of 3.</summary>
internal sealed class SpanShares : Experiment
{
    private const int Tokens = 100_000, End = 1, FirstSentinel = 60_000;

    public override int Number => 28;

    public override string Name => "span-corruption";

    public override string Claim => "T5's span corruption masks 15 % of the tokens in spans of 3 on average, and the text can be restored.";

    public override string Form
        => "100,000 tokens in rows that fill an encoder of 512, corrupted by the objective of pre-training; inputs and labels "
        + "merged again.";

    public override string Measure => "Share of tokens masked, mean span, rows restored exactly, ids that the decoder writes per token.";

    public override string Refutation => "One row that is not restored, or shares outside 15.0 ± 0.3 % and 3.0 ± 0.1.";

    public override string Source => "Raffel et al. 2020, arXiv:1910.10683, §3.1.4 and §3.3.4";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Near("masked", "tokens masked, %", 15, 0.3),
        Expectation.Near("span", "mean length of a span", 3, 0.1),
        Expectation.Exactly("restored", "rows not restored exactly", 0),
        Expectation.Near("labels", "labels per token, % (15 and a sentinel per span, the end)", 20.2, 0.4),
    ];

    internal override void Run(LabRun run)
    {
        SpanCorruption.Lengths lengths = SpanCorruption.LengthsFor(512, 0.15, 3);
        int[] sentinels = [.. Enumerable.Range(0, 100).Select(i => FirstSentinel - i)], text = LabModels.Ids(run.Random("ids"), Tokens,
            32_000);
        for (int i = 0; i < text.Length; i++) text[i] += 2;
        long masked = 0, spans = 0, labels = 0, wrong = 0, read = 0;
        for (int start = 0, row = 0; start + lengths.Tokens <= text.Length; start += lengths.Tokens, row++)
        {
            int[] ids = text[start..(start + lengths.Tokens)];
            SpanCorruption.Noise noise = SpanCorruption.NoiseOf(ids.Length, 0.15, 3);
            TokenSpan[] drawn = SpanCorruption.Draw(ids.Length, noise, new DrawSequence(run.Random($"row{row}")));
            CorruptedText corrupted = SpanCorruption.Corrupt(ids, drawn, sentinels, End);
            masked += drawn.Sum(s => s.Length);
            spans += drawn.Length;
            labels += corrupted.Labels.Length;
            read += ids.Length;
            if (!Restored(corrupted).SequenceEqual(ids)) wrong++;
        }

        run.Set("masked", 100.0 * masked / read);
        run.Set("span", (double)masked / spans);
        run.Set("restored", wrong);
        run.Set("labels", 100.0 * labels / read);
    }

    /// <summary>Puts what follows a sentinel in the labels where it stands in the inputs.</summary>
    private static IEnumerable<int> Restored(CorruptedText text)
    {
        foreach (int id in text.Inputs)
        {
            if (id == End) yield break;
            if (!IsSentinel(id))
            {
                yield return id;
                continue;
            }

            for (int i = Array.IndexOf(text.Labels, id) + 1; i < text.Labels.Length && !IsSentinel(text.Labels[i])
                && text.Labels[i] != End; i++)
                yield return text.Labels[i];
        }
    }

    private static bool IsSentinel(int id) => id is > FirstSentinel - 100 and <= FirstSentinel;
}
