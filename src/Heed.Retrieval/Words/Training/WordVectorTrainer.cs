namespace Heed.Retrieval;

/// <summary>Learns word vectors from text.</summary>
/// <remarks>
/// Words are updated one after another on the calling thread, in the text's order, so the same text, settings and seed give the same bits
/// whatever the number of threads. σ is read from word2vec.c's table.
/// </remarks>
/// <example><code>
/// WordVectors vectors = WordVectorTrainer.Train(File.ReadLines("text.txt"), new WordVectorConfig { Width = 50 });
/// vectors.Write("words.bin", WordVectorFormat.Word2VecBinary);
/// </code></example>
public static class WordVectorTrainer
{
    private const int ReportEvery = 100_000, LossEvery = 100;

    /// <summary>Streams of draws, one a use.</summary>
    private const ulong InitialStream = 0x776F7264, EpochStream = 0x77010000, ShuffleStream = 0x77020000;

    /// <summary>Learns vectors for the words of texts.</summary>
    /// <param name="texts">The texts, read once; each of their lines is a sentence. Four bytes are kept of each word.</param>
    /// <param name="config">Settings; null: skip-gram with 100 numbers.</param>
    /// <param name="progress">Receives reports now and then; may be null.</param>
    /// <param name="cancellationToken">Looked at before each sentence.</param>
    /// <returns>The words by frequency, the most frequent first.</returns>
    /// <exception cref="ConfigException">A setting is out of range.</exception>
    /// <exception cref="InputException">No word comes often enough.</exception>
    /// <exception cref="BudgetException">The text or the vectors do not fit into an array.</exception>
    public static WordVectors Train(
        IEnumerable<string> texts, WordVectorConfig? config = null, IProgress<WordTrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        config ??= new WordVectorConfig();
        config.Validate();
        WordCorpus corpus = WordCorpus.Read(texts, config, cancellationToken);
        if ((long)corpus.Words.Length * config.Width > Array.MaxLength)
            throw new BudgetException($"{corpus.Words.Length:N0} words of {config.Width} numbers are more than {Array.MaxLength:N0} "
                + "numbers, which is the most that is held. Raise the least count of a word, or take fewer numbers.");
        return WordVectors.Create(corpus.Words, config.Method == WordVectorMethod.GloVe
            ? Counted(corpus, config, progress, cancellationToken) : Predicted(corpus, config, progress, cancellationToken));
    }

    private static float[] Predicted(
        WordCorpus corpus, WordVectorConfig config, IProgress<WordTrainingProgress>? progress, CancellationToken cancellationToken)
    {
        float[] inputs = InitialInputs(corpus.Words.Length, config.Width, config.Seed);
        NegativeSampling model = new(inputs, new float[inputs.Length], config.Width);
        UrnDraws draws = new(model, new WordUrn(WordSampling.Unigram(corpus.Counts, 0.75)));
        uint[] keep = [.. corpus.Counts.Select(c => (uint)Math.Min(uint.MaxValue,
            WordSampling.Keep(c, corpus.Total, config.Sample) * 4294967296.0))];
        bool isCbow = config.Method == WordVectorMethod.Cbow;
        double start = config.Rate ?? (isCbow ? 0.05 : 0.025);
        int[] words = new int[WordCorpus.LongestSentence], takenOff = new int[WordCorpus.LongestSentence];
        long seen = 0, reported = 0;
        for (int epoch = 1; epoch <= config.Epochs; epoch++)
        {
            draws.Numbers = new WordDraws(config.Seed, EpochStream + (ulong)epoch);
            foreach (ReadOnlyMemory<int> sentence in corpus.Sentences())
            {
                cancellationToken.ThrowIfCancellationRequested();
                double rate = WordSampling.Rate(start, seen, corpus.Total, config.Epochs);
                int count = 0;
                foreach (int word in sentence.Span)
                    if (keep[word] == uint.MaxValue || draws.Numbers.Next() < keep[word]) words[count++] = word;
                for (int i = 0; i < count; i++) takenOff[i] = draws.Numbers.Below(config.Window);
                draws.Take(words.AsMemory(0, count), takenOff, config.Window, isCbow);
                model.Sentence<TableSigmoid, UrnDraws>(words.AsSpan(0, count), takenOff, config.Window, config.Negatives, (float)rate,
                    isCbow, draws);
                seen += sentence.Length;
                if (progress is null || (seen - reported < ReportEvery && seen < corpus.Total * config.Epochs)) continue;
                reported = seen;
                progress.Report(new WordTrainingProgress(seen, corpus.Total * config.Epochs, epoch, rate, draws.MeanLoss()));
            }
        }

        return inputs;
    }

    private static float[] Counted(
        WordCorpus corpus, WordVectorConfig config, IProgress<WordTrainingProgress>? progress, CancellationToken cancellationToken)
    {
        int rows = corpus.Words.Length, size = rows * config.Width;
        WordPairCount[] pairs = GloVe.Counts(corpus.Sentences(), config.Window, symmetric: true);
        double[] all = [.. Initial((2 * size) + (2 * rows), config.Width, config.Seed)];
        double[] words = all[..size], contexts = all[size..(2 * size)];
        GloVe model = new(words, contexts, all[(2 * size)..((2 * size) + rows)], all[((2 * size) + rows)..], config.Width);
        double rate = config.Rate ?? 0.05;
        for (int epoch = 1; epoch <= config.Epochs; epoch++)
        {
            WordDraws draws = new(config.Seed, ShuffleStream + (ulong)epoch);
            for (int i = pairs.Length - 1; i > 0; i--)
            {
                int other = draws.Below(i + 1);
                (pairs[i], pairs[other]) = (pairs[other], pairs[i]);
            }

            double cost = model.Epoch(Looked(pairs, cancellationToken), rate);
            progress?.Report(new WordTrainingProgress((long)epoch * pairs.Length, (long)config.Epochs * pairs.Length, epoch, rate,
                cost / Math.Max(1, pairs.Length)));
        }

        // The paper's vectors: both roles of a word added.
        return [.. words.Zip(contexts, (w, c) => (float)(w + c))];
    }

    private static IEnumerable<WordPairCount> Looked(WordPairCount[] pairs, CancellationToken cancellationToken)
    {
        for (int i = 0; i < pairs.Length; i++)
        {
            if ((i & 0xFFFF) == 0) cancellationToken.ThrowIfCancellationRequested();
            yield return pairs[i];
        }
    }

    /// <summary>The inputs at first.  [V, D].</summary>
    internal static float[] InitialInputs(int words, int width, ulong seed)
        => [.. Initial(words * width, width, seed).Select(v => (float)v)];

    /// <summary>Uniform in ±0.5/width.</summary>
    private static IEnumerable<double> Initial(int count, int width, ulong seed)
    {
        WordDraws draws = new(seed, InitialStream);
        for (int i = 0; i < count; i++) yield return ((draws.Next() / 4294967296.0) - 0.5) / width;
    }

    /// <summary>Draws negatives, and looks at the loss of one prediction in a hundred before it is learned from.</summary>
    private sealed class UrnDraws(NegativeSampling model, WordUrn urn) : INegatives
    {
        private ReadOnlyMemory<int> _sentence;
        private int[] _takenOff = [];
        private int _window, _losses;
        private bool _isCbow;
        private long _predictions;
        private double _loss;

        /// <summary>What is drawn from; a field, for it counts what was drawn.</summary>
        public WordDraws Numbers;

        public void Take(ReadOnlyMemory<int> sentence, int[] takenOff, int window, bool isCbow)
            => (_sentence, _takenOff, _window, _isCbow) = (sentence, takenOff, window, isCbow);

        public void Draw(int place, int context, Span<int> negatives)
        {
            for (int n = 0; n < negatives.Length; n++) negatives[n] = urn.Word(Numbers.Next());
            if (_predictions++ % LossEvery != 0) return;
            ReadOnlySpan<int> words = _sentence.Span;
            (int first, int last) = WordSampling.Window(place, words.Length, _window, _takenOff[place]);
            int[] contexts = [.. words[first..place], .. words[(place + 1)..(last + 1)]];
            _loss += model.Loss(_isCbow ? contexts : contexts.AsSpan(context, 1), words[place], negatives);
            _losses++;
        }

        /// <summary>The mean since the last call; NaN of none.</summary>
        public double MeanLoss()
        {
            double mean = _losses == 0 ? double.NaN : _loss / _losses;
            (_loss, _losses) = (0, 0);
            return mean;
        }
    }
}
