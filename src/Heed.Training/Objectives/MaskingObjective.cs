using Heed.Models;

namespace Heed.Training.Objectives;

/// <summary>Masked tokens between the tokenizer's special tokens, for encoders (BERT, RoBERTa, ELECTRA's generator).</summary>
/// <param name="blockLength">T, tokens that the model reads.</param>
/// <param name="tokens">Special tokens.</param>
/// <param name="vocabulary">V of the tokenizer: random tokens are drawn from it.</param>
/// <param name="settings">What is masked.</param>
internal sealed class MaskingObjective(int blockLength, ObjectiveTokens tokens, int vocabulary, MaskingSettings settings) : TextObjective
{
    public override int RowTokens => blockLength - tokens.First.Count - tokens.Last.Count;

    /// <summary>Tokens of both parts of a pair.</summary>
    public int PairTokens => RowTokens - tokens.Last.Count;

    public override CorruptedText Corrupt(ReadOnlySpan<int> ids, ReadOnlySpan<int> begins, DrawSequence draws)
    {
        Row row = new(tokens, settings.WholeWords);
        row.AddSpecial(tokens.First);
        row.Add(ids, begins);
        row.AddSpecial(tokens.Last);
        return Mask(row, draws);
    }

    /// <summary>A pair as BERT reads it: [CLS] A [SEP] B [SEP], the second part's segment 1.</summary>
    /// <param name="ids">Of the corpus.</param>
    /// <param name="begins">For each id whether a word begins with it; empty if the corpus keeps no words.</param>
    /// <param name="pair">Where its parts lie.</param>
    /// <param name="draws">Random numbers of this row.</param>
    public CorruptedText Corrupt(ReadOnlySpan<int> ids, ReadOnlySpan<int> begins, SentencePair pair, DrawSequence draws)
    {
        Row row = new(tokens, settings.WholeWords);
        row.AddSpecial(tokens.First);
        Add(pair.First, ids, begins);
        row.AddSpecial(tokens.Last);
        int first = row.Ids.Count;
        Add(pair.Second, ids, begins);
        row.AddSpecial(tokens.Last);
        int[] types = new int[row.Ids.Count];
        types.AsSpan(first).Fill(1);
        // As Hugging Face counts: 0 follows, 1 is random.
        return Mask(row, draws) with { TypeIds = types, NextSentence = pair.Follows ? 0 : 1 };

        void Add(TokenSpan part, ReadOnlySpan<int> all, ReadOnlySpan<int> starts)
            => row.Add(all.Slice(part.Start, part.Length), starts.IsEmpty ? [] : starts.Slice(part.Start, part.Length));
    }

    private CorruptedText Mask(Row row, DrawSequence draws)
    {
        int T = row.Ids.Count;
        double[] choose = new double[T], lengths = new double[T], mask = new double[T], random = new double[T];
        int[] randomIds = new int[T];
        for (int t = 0; t < T; t++)
        {
            (choose[t], lengths[t], mask[t], random[t]) = (draws.Uniform(), draws.Uniform(), draws.Uniform(), draws.Uniform());
            randomIds[t] = draws.Integer(vocabulary);
        }

        bool[] chosen = TokenMasking.Choose([.. row.Words], settings, choose, lengths);
        return TokenMasking.Replace([.. row.Ids], chosen, settings, mask, random, randomIds);
    }

    /// <summary>Ids with the word of each; −1 for those that are never masked.</summary>
    private sealed class Row(ObjectiveTokens tokens, bool wholeWords)
    {
        private int _word;

        public List<int> Ids { get; } = [];

        public List<int> Words { get; } = [];

        public void AddSpecial(IReadOnlyList<int> ids)
        {
            Ids.AddRange(ids);
            foreach (int _ in ids) Words.Add(-1);
        }

        public void Add(ReadOnlySpan<int> ids, ReadOnlySpan<int> begins)
        {
            for (int t = 0; t < ids.Length; t++)
            {
                bool continues = wholeWords && t > 0 && begins.Length > 0 && begins[t] == 0;
                Ids.Add(ids[t]);
                Words.Add(tokens.IsSpecial(ids[t]) ? -1 : continues ? _word : ++_word);
            }
        }
    }
}
