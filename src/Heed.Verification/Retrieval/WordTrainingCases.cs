using System.Text.Json;
using Heed.Retrieval;

namespace Heed.Verification;

/// <summary>Cases of <c>word2vec</c>: steps of skip-gram, CBOW and GloVe, and what is drawn for them.</summary>
internal static class WordTrainingCases
{
    private const double Step = 1e-6, Whole = 5e-6, Gradient = 1e-5, Exact = 1e-9;

    public static string? Compare(GoldenCase c) => c.Kind switch
    {
        "skipgram" or "cbow" => Steps<ExactSigmoid>(c, "exact") ?? Steps<TableSigmoid>(c, "table") ?? Gradients(c),
        "windows" => Windows(c),
        "unigram" => Unigram(c),
        "subsampling" => Subsampling(c),
        "rate" => Rate(c),
        "initial" => Initial(),
        "glove" when c.Name.StartsWith("glove.counts", StringComparison.Ordinal) => Counts(c),
        "glove" => c.Name == "glove.loss" ? Loss(c) : Epoch(c),
        _ => throw new FormatException($"'{c.Kind}' is no case of this version"),
    };

    /// <summary>The tables after the case's step, or all steps of its sentence.</summary>
    private static string? Steps<S>(GoldenCase c, string kind) where S : struct, ISigmoid
    {
        NegativeSampling model = new(c.Floats("syn0"), c.Floats("syn1"), c.Width("syn0"));
        bool isSentence = c.Settings.TryGetProperty("sentence", out _);
        Run<S>(model, c, c.Number("rate", 0));
        double allowed = isSentence ? Whole : Step;
        return c.CompareNorm($"syn0.{kind}", [.. model.Inputs.Select(v => (double)v)], allowed)
            ?? c.CompareNorm($"syn1.{kind}", [.. model.Outputs.Select(v => (double)v)], allowed);
    }

    private static void Run<S>(NegativeSampling model, GoldenCase c, float rate, bool corrected = false) where S : struct, ISigmoid
    {
        corrected |= c.Name.EndsWith(".corrected", StringComparison.Ordinal);
        bool isCbow = c.Kind == "cbow";
        if (c.Settings.TryGetProperty("sentence", out _))
        {
            int[] words = Integers(c, "sentence");
            model.Sentence<S, StoredNegatives>(words, Integers(c, "taken off"), c.Settings.GetProperty("window").GetInt32(), 3, rate,
                isCbow,
                new StoredNegatives(c.Settings.GetProperty("negatives")), corrected);
            return;
        }

        int target = c.Settings.GetProperty("target (row of syn1)").GetInt32();
        if (isCbow) model.Cbow<S>(Integers(c, "inputs (rows of syn0)"), target, Integers(c, "negatives"), rate, corrected);
        else model.SkipGram<S>(c.Settings.GetProperty("input (row of syn0)").GetInt32(), target, Integers(c, "negatives"), rate);
    }

    /// <summary>The loss, and its gradient: what a corrected step at rate 1 takes off.</summary>
    private static string? Gradients(GoldenCase c)
    {
        if (!c.Has("grad.syn0")) return null;
        float[] inputs = c.Floats("syn0"), outputs = c.Floats("syn1");
        NegativeSampling model = new([.. inputs], [.. outputs], c.Width("syn0"));
        int[] contexts = c.Kind == "cbow" ? Integers(c, "inputs (rows of syn0)")
            : [c.Settings.GetProperty("input (row of syn0)").GetInt32()];
        double loss = model.Loss(contexts, c.Settings.GetProperty("target (row of syn1)").GetInt32(), Integers(c, "negatives"));
        double expected = c.Settings.GetProperty("loss").GetDouble();
        if (!(Math.Abs(loss - expected) <= Step * Math.Abs(expected)))
            return FormattableString.Invariant($"loss is {loss}, not {expected}");
        Run<ExactSigmoid>(model, c, 1, corrected: true);
        return c.CompareNorm("grad.syn0", [.. inputs.Zip(model.Inputs, (before, after) => (double)before - after)], Gradient)
            ?? c.CompareNorm("grad.syn1", [.. outputs.Zip(model.Outputs, (before, after) => (double)before - after)], Gradient);
    }

    private static string? Windows(GoldenCase c)
    {
        int[] sentence = Integers(c, "sentence"), takenOff = Integers(c, "taken off");
        List<int> found = [];
        for (int i = 0; i < sentence.Length; i++)
        {
            (int first, int last) = WordSampling.Window(i, sentence.Length, c.Settings.GetProperty("window").GetInt32(), takenOff[i]);
            for (int j = first; j <= last; j++)
                if (j != i) found.AddRange([sentence[i], sentence[j]]);
        }

        int[] expected = [.. c.Settings.GetProperty("pairs (word, context)").EnumerateArray()
            .SelectMany(p => p.EnumerateArray().Select(v => v.GetInt32()))];
        return found.SequenceEqual(expected) ? null : $"has {found.Count / 2} pairs, not the {expected.Length / 2} expected";
    }

    private static string? Unigram(GoldenCase c)
    {
        double[] found = WordSampling.Unigram(Array.ConvertAll(c.Numbers("counts"), v => (long)v),
            c.Settings.GetProperty("power").GetDouble());
        if (c.Compare("probabilities", found, Exact) is { } off) return off;
        WordUrn urn = new(found);
        double[] drawn = [.. Enumerable.Range(0, found.Length).Select(i
            => (urn.Ends[i] - (i == 0 ? 0.0 : urn.Ends[i - 1])) / 4294967296.0)];
        return c.Compare("probabilities", drawn, Exact);
    }

    private static string? Subsampling(GoldenCase c)
    {
        long total = c.Settings.GetProperty("total").GetInt64();
        double sample = c.Settings.GetProperty("sample").GetDouble();
        double[] counts = c.Numbers("counts");
        return c.Compare("keep", [.. counts.Select(n => WordSampling.Keep((long)n, total, sample))], Exact)
            ?? c.Compare("keep_by_the_paper", [.. counts.Select(n => WordSampling.KeepByThePaper((long)n, total, sample))], Exact);
    }

    private static string? Rate(GoldenCase c)
    {
        double start = c.Settings.GetProperty("start").GetDouble();
        int epochs = c.Settings.GetProperty("epochs").GetInt32(), words = c.Settings.GetProperty("words").GetInt32();
        int[] seen = Integers(c, "seen");
        for (int i = 0; i < seen.Length; i++)
        {
            double found = WordSampling.Rate(start, seen[i], words, epochs), expected = c.Settings.GetProperty("rates")[i].GetDouble();
            if (!(Math.Abs(found - expected) <= Exact)) return FormattableString.Invariant($"rates[{i}] is {found}, not {expected}");
        }

        return null;
    }

    /// <summary>Inputs fill ±0.5/width evenly; outputs begin at zero.</summary>
    private static string? Initial()
    {
        const int Words = 500, Width = 20;
        float[] inputs = WordVectorTrainer.InitialInputs(Words, Width, seed: 1);
        double mean = inputs.Average(v => (double)v), square = inputs.Average(v => (double)v * v), reach = 0.5 / Width;
        if (inputs.Any(v => !(Math.Abs(v) <= reach))) return $"syn0 leaves ±{reach}";
        return Math.Abs(mean) < 0.02 * reach && Math.Abs((square / (reach * reach / 3)) - 1) < 0.03 ? null
            : FormattableString.Invariant($"syn0 has mean {mean} and square {square}, so it is not uniform in ±{reach}");
    }

    private static string? Counts(GoldenCase c)
    {
        string[] vocabulary = [.. c.Settings.GetProperty("vocabulary").EnumerateArray().Select(w => w.GetString()!)];
        IEnumerable<ReadOnlyMemory<int>> sentences = c.Settings.GetProperty("lines").EnumerateArray()
            .Select(line => (ReadOnlyMemory<int>)Array.ConvertAll(line.GetString()!.Split(' '), w => Array.IndexOf(vocabulary, w)));
        double[] table = new double[vocabulary.Length * vocabulary.Length];
        foreach (WordPairCount pair in GloVe.Counts(sentences, c.Settings.GetProperty("window").GetInt32(),
            c.Name.EndsWith("symmetric", StringComparison.Ordinal)))
            table[(pair.Word * vocabulary.Length) + pair.Context] = pair.Count;
        return c.Compare("counts", table, Exact);
    }

    private static string? Loss(GoldenCase c)
    {
        (GloVe model, _, WordPairCount[] pairs) = Start(c);
        double loss = model.Loss(pairs), expected = c.Settings.GetProperty("loss").GetDouble();
        if (!(Math.Abs(loss - expected) <= Step * expected)) return FormattableString.Invariant($"loss is {loss}, not {expected}");
        double[][] gradients = model.Gradients(pairs);
        return Roles.Select((role, i) => c.CompareNorm($"grad.{role}", gradients[i], Gradient)).FirstOrDefault(d => d is not null);
    }

    private static string? Epoch(GoldenCase c)
    {
        (GloVe model, double[][] tables, WordPairCount[] pairs) = Start(c with { Name = "glove.loss" });
        double cost = model.Epoch(pairs, c.Settings.GetProperty("eta").GetDouble()), expected = c.Settings.GetProperty("cost").GetDouble();
        if (!(Math.Abs(cost - expected) <= Whole * expected)) return FormattableString.Invariant($"cost is {cost}, not {expected}");
        return Roles.Select((role, i) => c.CompareNorm(role, tables[i], Whole) ?? c.CompareNorm($"squares.{role}", model.Squares[i], Whole))
            .FirstOrDefault(d => d is not null);
    }

    private static readonly string[] Roles = ["words", "contexts", "word_bias", "context_bias"];

    private static (GloVe Model, double[][] Tables, WordPairCount[] Pairs) Start(GoldenCase c)
    {
        double[][] tables = Array.ConvertAll(Roles, c.Numbers);
        double[] counts = c.Numbers("counts");
        int n = c.Width("counts");
        WordPairCount[] pairs = [.. Enumerable.Range(0, counts.Length).Where(i => counts[i] > 0).Select(i
            => new WordPairCount(i / n, i % n, counts[i]))];
        return (new GloVe(tables[0], tables[1], tables[2], tables[3], c.Width("words")), tables, pairs);
    }

    private static int[] Integers(GoldenCase c, string name)
        => [.. c.Settings.GetProperty(name).EnumerateArray().Select(v => v.GetInt32())];

    /// <summary>The negatives of a case: a list a word for CBOW, a list a context for skip-gram.</summary>
    private readonly struct StoredNegatives(JsonElement lists) : INegatives
    {
        public void Draw(int place, int context, Span<int> negatives)
        {
            JsonElement list = lists[place][0].ValueKind == JsonValueKind.Array ? lists[place][context] : lists[place];
            for (int i = 0; i < negatives.Length; i++) negatives[i] = list[i].GetInt32();
        }
    }
}
