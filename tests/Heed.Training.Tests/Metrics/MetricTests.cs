using CsCheck;
using Heed.Training.Metrics;

namespace Heed.Training.Tests.Metrics;

/// <summary>What the stored rows (MetricVerificationTests) do not reach: edges of the library's surface, and definitions by hand.</summary>
public sealed class MetricTests
{
    private static readonly Gen<double[]> Values = Gen.Int[0, 6].Select(i => (double)i).Array[2, 12];

    [Fact]
    public void Kendalls_tau_counts_pairs()
        => Gen.Select(Values, Values).Sample((first, second) =>
        {
            int n = Math.Min(first.Length, second.Length);
            double agree = 0, pairsFirst = 0, pairsSecond = 0;
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    int a = first[i].CompareTo(first[j]), b = second[i].CompareTo(second[j]);
                    agree += a * b;
                    pairsFirst += Math.Abs(a);
                    pairsSecond += Math.Abs(b);
                }
            }

            double found = Correlation.KendallTauB(first.AsSpan(0, n), second.AsSpan(0, n));
            if (pairsFirst * pairsSecond == 0) Assert.True(double.IsNaN(found));
            else Assert.Equal(agree / Math.Sqrt(pairsFirst * pairsSecond), found, 1e-12);
        }, iter: 500);

    [Fact]
    public void Roc_auc_is_the_share_of_pairs_in_order()
        => Gen.Select(Gen.Bool.Array[2, 12], Gen.Int[0, 4].Select(i => (double)i).Array[12]).Sample((gold, scores) =>
        {
            double right = 0, pairs = 0;
            for (int i = 0; i < gold.Length; i++)
            {
                for (int j = 0; j < gold.Length; j++)
                {
                    if (!gold[i] || gold[j]) continue;
                    pairs++;
                    right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
                }
            }

            double found = Ranking.RocAuc(gold, scores.AsSpan(0, gold.Length));
            if (pairs == 0) Assert.True(double.IsNaN(found));
            else Assert.Equal(right / pairs, found, 1e-12);
        }, iter: 500);

    [Fact]
    public void Some_segments_of_a_corpus_score_as_a_corpus_of_them_would()
    {
        string[] predicted = ["the cat sat on the mat", "a dog", "it is a guide to action"],
            references = ["the cat sat on a mat", "the dog ran", "it is the guide to action"];
        BleuCorpus corpus = new(predicted, [references], new BleuOptions());
        int[] some = [2, 0, 2];
        BleuScore expected = Bleu.Corpus([.. some.Select(i => predicted[i])], [some.Select(i => references[i]).ToArray()]);
        Assert.Equal(expected.Score, corpus.Score(some).Score);
        Assert.Equal(Bleu.Corpus(predicted, [references]).Score, corpus.Score().Score);
        Assert.Throws<ArgumentOutOfRangeException>(() => corpus.Score([3]));
    }

    [Fact]
    public void Resamples_repeat_by_seed_and_stay_in_range()
    {
        IReadOnlyList<IReadOnlyList<int>> draws = Significance.Resamples(7, 200, 3);
        Assert.Equal(draws, Significance.Resamples(7, 200, 3));
        Assert.NotEqual(draws, Significance.Resamples(7, 200, 4));
        Assert.All(draws, d => Assert.Equal(7, d.Count));
        Assert.Equal(Enumerable.Range(0, 7), draws.SelectMany(d => d).Distinct().Order());
    }

    [Fact]
    public void A_large_mcnemar_test_stays_finite()
    {
        // 10,200 samples that one side alone has right, shared 4,900 to 5,300: z = 3.95 with the correction for continuity.
        int[] gold = new int[10_200], first = [.. Enumerable.Range(0, 10_200).Select(i => i < 4_900 ? 0 : 1)],
            second = [.. first.Select(f => 1 - f)];
        Assert.InRange(Significance.McNemar(gold, first, second).PValue, 7e-5, 8.5e-5);
    }

    [Fact]
    public void Lower_case_is_the_full_mapping_with_final_sigma()
    {
        Assert.Equal("σας οδυσσευς σ. σ'α", ReferenceText.ToLower("ΣΑΣ ΟΔΥΣΣΕΥΣ Σ. Σ'Α"));
        Assert.Equal("i\u0307k", ReferenceText.ToLower("\u0130\u212A"));
        Assert.Equal("aς\u0301 b", ReferenceText.ToLower("AΣ\u0301 B"));
        Assert.Equal("aσ\u00ADb", ReferenceText.ToLower("AΣ\u00ADB"));
    }

    [Fact]
    public void Nothing_to_average_is_not_a_number()
    {
        ClassificationReport report = Classification.Evaluate([], [], 2);
        Assert.True(double.IsNaN(report.Accuracy));
        Assert.Equal(0, report.Macro.F1);
        Assert.True(double.IsNaN(Calibration.Evaluate([], [], 3).ExpectedError));
        Assert.True(double.IsNaN(Regression.Evaluate([], []).MeanAbsoluteError));
        Assert.True(double.IsNaN(Perplexity.Evaluate([]).MeanNats));
        Assert.Empty(Perplexity.Windows(0, 4, 2));
        Assert.True(double.IsNaN(Entities.Evaluate([["O"]], [["O"]]).Macro.F1));
    }

    [Fact]
    public void A_strict_scheme_refuses_the_prefixes_of_another()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Entities.Find(["B-PER", "E-PER"], EntityScheme.Iob2));
        Assert.Contains("'E-PER'", error.Message, StringComparison.Ordinal);
        Assert.Contains("O, I, B", error.Message, StringComparison.Ordinal);
        Assert.Equal([new TaggedEntity("PER", 0, 2)], Entities.Find(["B-PER", "E-PER"], EntityScheme.Iobes));
        Assert.Equal([new TaggedEntity("PER", 0, 2)], Entities.Find(["B-PER", "E-PER"]));
        Assert.Equal([new TaggedEntity("PER", 1, 2)], Entities.Find(["O", "I-PER"]));
        Assert.Empty(Entities.Find(["O", "I-PER"], EntityScheme.Iob2));
    }

    [Fact]
    public void Arguments_that_do_not_fit_are_named()
    {
        Assert.Contains("'predicted' has 1 entries and 'gold' has 2",
            Assert.Throws<ArgumentException>(() => Classification.Evaluate([0, 1], [0], 2)).Message, StringComparison.Ordinal);
        Assert.Contains("'gold'[1] is 2; the 2 classes are 0 to 1",
            Assert.Throws<ArgumentException>(() => Classification.Evaluate([0, 2], [0, 1], 2)).Message, StringComparison.Ordinal);
        Assert.Contains("no rows of 2", Assert.Throws<ArgumentException>(() => Calibration.Evaluate([1, 0, 1], [0], 2)).Message,
            StringComparison.Ordinal);
        Assert.Contains("Segment 0 has no reference", Assert.Throws<ArgumentException>(() => Bleu.Corpus(["a"], [[null]])).Message,
            StringComparison.Ordinal);
        Assert.Contains("is NaN", Assert.Throws<ArgumentException>(() => Ranking.RocAuc([true], [double.NaN])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Perplexity.Windows(10, 4, 5));
        Assert.Throws<ArgumentException>(() => Rouge.Best([], "a"));
        Assert.Throws<ArgumentException>(() => AnswerSelection.Select("a", []));
        Assert.Throws<ArgumentException>(() => Calibration.FitTemperature([], [], 2));
    }
}
