using System.Diagnostics;
using System.Text.Json.Nodes;
using Heed.Generation.Embeddings;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Baselines;

/// <summary>
/// Simple methods beside fine-tuning, on the same texts: whether a trained encoder pays, and from how many examples on. Nothing is chosen
/// by dev or test texts: each method takes its last step.
/// </summary>
public static class BaselineComparison
{
    private const string Words = "words", Vectors = "vectors", Lstm = "lstm", NewWeights = "new-weights", FewShot = "few-shot",
        Finetune = "finetune";

    /// <summary>Examples a class above which pairs of all of them would be too many.</summary>
    private const int MostFewShot = 100;

    /// <summary>An LSTM that reads in both directions, as wide as fits so few texts.</summary>
    private const string LstmConfig = """
        { "model_type": "lstm-classifier", "hidden_size": 128, "embedding_size": 128, "num_layers": 1, "bidirectional": true,
            "vocab_size": 4096 }
        """;

    /// <summary>
    /// The methods: <c>words</c> (bag of words and pairs of words, logistic regression), <c>lstm</c> (new weights), <c>new-weights</c>
    /// (the encoder not trained
    /// before), <c>finetune</c> (the encoder trained further), <c>vectors</c> (logistic regression over the encoder's vectors as they are)
    /// and <c>few-shot</c> (the same after a contrastive training; up to 100 examples).
    /// </summary>
    public static IReadOnlyList<string> Methods { get; } = [Words, Lstm, NewWeights, Finetune, Vectors, FewShot];

    /// <summary>Trains and judges one model after another.</summary>
    /// <param name="settings">What is compared.</param>
    /// <param name="folder">Scratch files; made if it does not exist, and emptied of them.</param>
    /// <param name="known">Results of an earlier call that need not be repeated; null for none.</param>
    /// <param name="status">Reports what is done; may be null.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Each result as soon as it is there, methods innermost.</returns>
    /// <exception cref="ConfigException">A method is unknown, needs a model, or a number of examples is larger than the data.</exception>
    /// <exception cref="InputException">The data are not single labels, or not acceptable.</exception>
    public static IEnumerable<BaselineResult> Run(BaselineSettings settings, string folder, IReadOnlyList<BaselineResult>? known = null,
        IProgress<string>? status = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(folder);
        string[] methods = [.. settings.Methods.Count > 0 ? settings.Methods : Methods.Where(m => settings.Model.Length > 0
            || m is Words or Lstm)];
        foreach (string method in methods)
        {
            if (!Methods.Contains(method))
                throw new ConfigException($"methods: \"{Printable.Shorten(method)}\" is unknown; one of {string.Join(", ", Methods)} "
                    + $"was expected.");
            if (settings.Model.Length == 0 && method is not (Words or Lstm))
                throw new ConfigException($"methods: {method} needs a trained encoder. Name its folder as the model, or leave {method} "
                    + $"out.");
        }

        return Results(settings, methods, folder, known ?? [], status, cancellationToken);
    }

    private static IEnumerable<BaselineResult> Results(BaselineSettings settings, string[] methods, string folder,
        IReadOnlyList<BaselineResult> known, IProgress<string>? status, CancellationToken cancellationToken)
    {
        DataOptions options = FinetuningData.Options(settings.Training);
        ClassificationSet train = ExampleReader.Classification(settings.Train, options, cancellationToken);
        if (train.Kind != LabelKind.Single) throw new InputException($"{settings.Train}: the labels are not one per text, which is what "
            + $"is compared here.");
        if (train.Examples.FirstOrDefault(e => e.Second is not null) is { } pair)
            throw new InputException($"{pair.Place}: has two texts; single texts are compared here.");
        JudgedTexts? dev = settings.Dev.Length == 0 ? null : JudgedTexts.Read(settings.Dev, options, train, cancellationToken);
        JudgedTexts test = JudgedTexts.Read(settings.Test, options, train, cancellationToken);
        VectorCache? vectors = null;
        foreach (int wanted in settings.Examples)
        {
            int count = wanted == 0 ? train.Examples.Count : wanted;
            if (count > train.Examples.Count)
                throw new ConfigException($"examples: is {count}, and {settings.Train} holds {train.Examples.Count}. Lower it.");
            for (ulong seed = (ulong)settings.FirstSeed; seed < (ulong)settings.FirstSeed + (ulong)settings.Seeds; seed++)
            {
                ClassificationExample[] some = Draw(train, count, seed);
                foreach (string method in methods)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (method == FewShot && count > MostFewShot) continue;
                    if (known.FirstOrDefault(r => r.Method == method && r.Examples == count && r.Seed == seed) is { } before)
                    {
                        yield return before;
                        continue;
                    }

                    status?.Report(FormattableString.Invariant($"{method}: {count} examples, seed {seed}"));
                    long started = Stopwatch.GetTimestamp();
                    (double onDev, double onTest) = method switch
                    {
                        Words => ByWords(some, train.Labels, dev, test, settings.Strength),
                        Vectors => (vectors ??= new VectorCache(settings.Model)).Judge(some, train.Labels, dev, test, settings.Strength,
                            cancellationToken),
                        _ => ByTraining(method, some, seed, settings, folder, cancellationToken),
                    };
                    yield return new BaselineResult(method, count, seed, onDev, onTest, Stopwatch.GetElapsedTime(started).TotalSeconds);
                }
            }
        }

        vectors?.Dispose();
    }

    /// <summary>Examples drawn by seed, label after label in turn, so that few of them hold all labels.</summary>
    internal static ClassificationExample[] Draw(ClassificationSet set, int count, ulong seed)
    {
        List<Queue<ClassificationExample>> labels = [];
        foreach (string label in set.Labels)
        {
            ClassificationExample[] own = [.. set.Examples.Where(e => e.Labels[0] == label)];
            BlockOrder order = new(own.Length, seed);
            labels.Add(new Queue<ClassificationExample>(own.Select((_, i) => own[order[i]])));
        }

        List<ClassificationExample> drawn = [];
        for (int i = 0; drawn.Count < count; i++)
            if (labels[i % labels.Count].TryDequeue(out ClassificationExample? next)) drawn.Add(next);
        return [.. drawn];
    }

    private static (double Dev, double Test) ByWords(ClassificationExample[] some, IReadOnlyList<string> labels, JudgedTexts? dev,
        JudgedTexts test,
        double strength)
    {
        BagOfWords words = BagOfWords.Fit([.. some.Select(e => e.Text)], JudgedTexts.Indices(some, labels), labels.Count, strength);
        return (dev?.Share(words.Predict) ?? double.NaN, test.Share(words.Predict));
    }

    private static (double Dev, double Test) ByTraining(
        string method, ClassificationExample[] some, ulong seed, BaselineSettings settings, string folder,
            CancellationToken cancellationToken)
    {
        string work = Path.Combine(folder, "scratch");
        if (Directory.Exists(work)) Directory.Delete(work, recursive: true);
        Directory.CreateDirectory(work);
        try
        {
            string data = Path.Combine(work, "train.jsonl"), lstm = Path.Combine(work, "lstm.json"), model = Path.Combine(work, "model");
            DurableFile.WriteText(data, string.Concat(some.Select(e
                => new JsonObject { ["text"] = e.Text, ["label"] = e.Labels[0] }.ToJsonString() + "\n")));
            DurableFile.WriteText(lstm, LstmConfig);
            FinetuningConfig config = settings.Training with
            {
                Task = ClassificationData.Name,
                Train = data,
                Columns = [],
                Dev = FinetuningConfig.NoDev,
                Seed = seed,
                FewShot = method == FewShot,
                Model = method switch
                {
                    Lstm => lstm,
                    NewWeights => Path.Combine(settings.Model, "config.json"),
                    _ => settings.Model,
                },
                Tokenizer = method == NewWeights ? settings.Model : "",
            };
            using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(model, config, cancellationToken: cancellationToken))
            {
                TrainingEnd end = run.Train([], cancellationToken: cancellationToken);
                if (end == TrainingEnd.Interrupted) throw new OperationCanceledException(cancellationToken);
            }

            return (settings.Dev.Length == 0 ? double.NaN : Judge(settings.Dev), Judge(settings.Test));

            double Judge(string file) => FinetuningRun.Evaluate(
                settings.Training with { Model = model, Test = file, Task = ClassificationData.Name, FewShot = method == FewShot },
                cancellationToken: cancellationToken).Report["accuracy"]!.Value;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>The vectors of texts, each computed once.</summary>
    private sealed class VectorCache(string folder) : IDisposable
    {
        private readonly TextEmbedder _embedder = TextEmbedder.Open(folder);
        private readonly Dictionary<string, float[]> _vectors = new(StringComparer.Ordinal);

        public (double Dev, double Test) Judge(ClassificationExample[] some, IReadOnlyList<string> labels, JudgedTexts? dev,
            JudgedTexts test,
            double strength, CancellationToken cancellationToken)
        {
            float[] table = [.. some.SelectMany(e => Of(e.Text, cancellationToken))];
            LogisticHead head = LogisticHead.Fit(table, _embedder.Dimensions, JudgedTexts.Indices(some, labels), labels.Count, strength);
            return (dev?.Share(Predict) ?? double.NaN, test.Share(Predict));

            int Predict(string text)
            {
                double[] probabilities = head.Probabilities(Of(text, cancellationToken));
                return Array.IndexOf(probabilities, probabilities.Max());
            }
        }

        public void Dispose() => _embedder.Dispose();

        private float[] Of(string text, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!_vectors.TryGetValue(text, out float[]? vector))
                _vectors.Add(text, vector = _embedder.Embed(text, cancellationToken: cancellationToken));
            return vector;
        }
    }
}
