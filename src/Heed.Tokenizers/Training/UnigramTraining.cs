using System.Text;

namespace Heed.Tokenizers.Training;

/// <summary>Tokens with their log probabilities in id order, and the id of the unknown token.</summary>
/// <param name="Pieces">The special tokens first, with score 0; then by score.</param>
/// <param name="UnknownId">The unknown token, or null where there is none.</param>
internal sealed record UnigramVocabulary(List<UnigramPiece> Pieces, int? UnknownId);

/// <summary>Expectation maximisation from many candidates, pruned step by step to the size wanted (Kudo 2018, §3.2), as Hugging Face and
/// SentencePiece do it.</summary>
/// <remarks>The words are cut into a fixed number of parts, whose sums are added in order: the result does not depend on the number of
/// threads.</remarks>
internal sealed class UnigramTraining
{
    private const int Parts = 16;
    private const double LeastExpected = 0.5;
    private readonly UnigramTrainerSettings _settings;
    private readonly long[] _counts;
    private readonly UnigramLattices _lattices;
    private readonly ParallelOptions _parallel;
    private List<UnigramPiece> _pieces;      // piece 0 is the unknown one

    private UnigramTraining(UnigramTrainerSettings settings, IReadOnlyList<WordCount> words, IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        _settings = settings;
        byte[][] texts = [.. words.Select(word => System.Text.Encoding.UTF8.GetBytes(word.Word))];
        _counts = [.. words.Select(word => word.Count)];
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = settings.ThreadCount, CancellationToken = cancellationToken };
        _pieces = [new UnigramPiece("", double.NaN), .. UnigramSeeds.Make(words, settings, progress, _parallel)];
        _lattices = new UnigramLattices(texts, _counts, new UnigramEstimator(_pieces), Parts, _parallel);
    }

    private int WantedBeforeTheEnd => (int)Math.Min((long)_settings.VocabularySize * 11 / 10, int.MaxValue);

    public static UnigramVocabulary Run(UnigramTrainerSettings settings, IReadOnlyList<WordCount> words, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        List<string> required = RequiredCharacters(settings, words);
        if (required.Count > settings.VocabularySize)
            throw new ConfigException($"VocabularySize is {settings.VocabularySize}, but the text has {required.Count} different characters, which all need a token; raise the size or normalise the text.");
        if (words.Count == 0) return Finish(settings, [], required);
        UnigramTraining training = new(settings, words, progress, cancellationToken);
        while (true)
        {
            for (int i = 0; i < settings.SubIterations; i++) training.Maximise();
            progress?.Report(new TrainingProgress(TrainingPhase.Prune, training._pieces.Count - 1, settings.VocabularySize));
            if (training._pieces.Count <= training.WantedBeforeTheEnd) break;
            if (!training.Prune()) break;
        }

        return Finish(settings, training._pieces, required);
    }

    private static List<string> RequiredCharacters(UnigramTrainerSettings settings, IReadOnlyList<WordCount> words)
    {
        HashSet<int> characters = [];
        foreach ((string word, _) in words)
            foreach (Rune rune in word.EnumerateRunes()) characters.Add(rune.Value);
        foreach (string entry in settings.InitialAlphabet)
            foreach (Rune first in entry.EnumerateRunes())
            {
                characters.Add(first.Value);
                break;
            }

        return [.. characters.Order().Select(char.ConvertFromUtf32)];
    }

    /// <summary>The Bayesian form, exp(ψ(c) − ψ(Σc)): a prior that makes rare pieces rarer (Liang and Klein 2007).</summary>
    private void Maximise()
    {
        double[] expected = _lattices.Expected(UnigramEstimator.ScoresOf(_pieces));
        List<UnigramPiece> kept = [_pieces[0]];
        int[] numbers = NoneKept();
        double sum = 0;
        for (int i = 1; i < _pieces.Count; i++)
        {
            if (expected[i] < LeastExpected) continue;
            numbers[i] = kept.Count;
            kept.Add(new UnigramPiece(_pieces[i].Text, expected[i]));
            sum += expected[i];
        }

        double logSum = Digamma(sum);
        for (int i = 1; i < kept.Count; i++) kept[i] = kept[i] with { Score = Digamma(kept[i].Score) - logSum };
        Keep(kept, numbers);
    }

    private static double Digamma(double x)
    {
        double result = 0;
        for (; x < 7; x++) result -= 1 / x;
        x -= 0.5;
        double square = 1 / x / x, fourth = square * square;
        return result + Math.Log(x) + (square / 24) - (7.0 / 960 * fourth) + (31.0 / 8064 * fourth * square) - (127.0 / 30720 * fourth * fourth);
    }

    /// <summary>
    /// Drops the pieces whose loss would change the likelihood least, supposing that each is replaced by its own second-best
    /// segmentation. Single characters, and pieces that the best segmentation of themselves does not use, need no such estimate.
    /// </summary>
    /// <returns>False where nothing could be dropped.</returns>
    private bool Prune()
    {
        UnigramEstimator estimator = new(_pieces);
        int[]?[] alternatives = new int[_pieces.Count][];
        bool[] whole = new bool[_pieces.Count];
        Parallel.For(0, Parts, _parallel, part =>
        {
            UnigramEstimator.Workspace space = new();
            List<int> found = [];
            for (int i = 1 + part; i < _pieces.Count; i += Parts)
            {
                byte[] text = System.Text.Encoding.UTF8.GetBytes(_pieces[i].Text);
                if (new Rune(char.ConvertToUtf32(_pieces[i].Text, 0)).Utf8SequenceLength == text.Length)
                {
                    whole[i] = true;
                    continue;
                }

                double second = estimator.Best(text, found, space, without: i);
                if (second > estimator.Scores[i]) continue;
                whole[i] = true;
                alternatives[i] = [.. found];
            }
        });

        long[] used = _lattices.Usage(estimator.Scores);
        double sum = used.Sum(), logSum = Math.Log(sum), texts = _counts.Sum();
        List<UnigramPiece> kept = [_pieces[0]];
        int[] numbers = NoneKept();
        List<(double Loss, int Piece)> candidates = [];
        for (int i = 1; i < _pieces.Count; i++)
        {
            if (used[i] == 0 && !whole[i]) continue;
            if (alternatives[i] is not { } instead)
            {
                numbers[i] = kept.Count;
                kept.Add(_pieces[i]);
                continue;
            }

            if (used[i] == 0) continue;
            // The reference divides by the number of all pieces here, not by that of the alternatives: the order of the losses is the
            // reference's only so.
            double logSumInstead = Math.Log(sum + ((double)used[i] * (_pieces.Count - 1)));
            double before = Math.Log(used[i]) - logSum, after = 0;
            foreach (int other in instead) after += Math.Log(used[other] + used[i]) - logSumInstead;
            candidates.Add((used[i] / texts * (before - after), i));
        }

        int size = Math.Max(WantedBeforeTheEnd, (int)(_pieces.Count * _settings.ShrinkingFactor)), had = _pieces.Count;
        candidates.Sort((a, b) => a.Loss != b.Loss ? b.Loss.CompareTo(a.Loss) : a.Piece.CompareTo(b.Piece));
        foreach ((_, int piece) in candidates)
        {
            if (kept.Count >= size) break;
            numbers[piece] = kept.Count;
            kept.Add(_pieces[piece]);
        }

        Keep(kept, numbers);
        return kept.Count < had;
    }

    /// <summary>Numbers by which every piece but the unknown one goes.</summary>
    private int[] NoneKept()
    {
        int[] numbers = new int[_pieces.Count];
        numbers.AsSpan(1).Fill(-1);
        return numbers;
    }

    private void Keep(List<UnigramPiece> kept, int[] numbers)
    {
        _lattices.Keep(numbers);
        _pieces = kept;
    }

    /// <summary>All required characters, then the pieces in the order that the last pruning left, up to the size wanted; sorted by score
    /// after the special tokens.</summary>
    private static UnigramVocabulary Finish(UnigramTrainerSettings settings, List<UnigramPiece> trained, List<string> required)
    {
        List<string> specials = [.. settings.SpecialTokens.Distinct(StringComparer.Ordinal)];
        int? unknown = null;
        if (settings.UnknownToken is { } token)
        {
            if (!specials.Contains(token, StringComparer.Ordinal)) specials.Insert(0, token);
            unknown = specials.IndexOf(token);
        }

        Dictionary<string, double> scores = new(StringComparer.Ordinal);
        double lowest = 0;
        foreach (UnigramPiece piece in trained.Skip(1))
        {
            scores[piece.Text] = piece.Score;
            lowest = Math.Min(lowest, piece.Score);
        }

        HashSet<string> inserted = new(specials, StringComparer.Ordinal);
        List<UnigramPiece> pieces = [];
        double penalty = 0;
        foreach (string character in required)
        {
            if (!inserted.Add(character)) continue;
            if (scores.TryGetValue(character, out double score))
            {
                pieces.Add(new UnigramPiece(character, score));
                continue;
            }

            pieces.Add(new UnigramPiece(character, lowest + penalty));
            penalty += 0.0001;
        }

        int room = settings.VocabularySize - specials.Count;
        foreach (UnigramPiece piece in trained.Skip(1))
        {
            if (pieces.Count >= room) break;
            if (inserted.Add(piece.Text)) pieces.Add(piece);
        }

        return new UnigramVocabulary([.. specials.Select(special => new UnigramPiece(special, 0)), .. pieces.OrderByDescending(piece => piece.Score)], unknown);
    }
}
