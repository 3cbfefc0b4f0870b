using System.Globalization;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Metrics;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning vectors of texts that are near each other where the texts belong together.</summary>
internal sealed class SimilarityTask : PooledTask
{
    private const int Nearest = 10;

    private readonly SimilarityData _data;
    private readonly IReadOnlyList<SimilarityExample> _training;
    private readonly SimilarityLoss _loss;
    private readonly float[] _targets;
    private readonly PairHead? _head;

    /// <param name="model">An encoder without a head.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    public SimilarityTask(FinetuningModel model, SimilarityData data, FinetuningConfig settings)
        : base(model, data, settings, LengthsOf(data, data.TrainingExamples))
    {
        _data = data;
        _loss = SimilarityLoss.Of(settings, data.Kind);
        foreach (string d in settings.Matryoshka)
        {
            if (int.Parse(d, CultureInfo.InvariantCulture) > Embedder.Width)
                throw new ConfigException($"matryoshka: {d} is more than the {Embedder.Width} numbers of the model's vectors. Lower it.");
        }

        _training = settings.MineNegatives == 0 ? data.TrainingExamples : data.Mined ??= Mine(settings);
        _targets = data.Targets(_training);
        if (data.Kind == SimilarityKind.Classes) Restrict(LengthsOf(data, _training), Array.ConvertAll(_targets, t => (int)t));
        else if (_training.Count < data.TrainingExamples.Count) Restrict(LengthsOf(data, _training));
        if (data.Kind != SimilarityKind.PairClasses) return;
        if (model.Adapter is not null) throw new ConfigException("lora: is not for the loss softmax, whose classifier is trained whole. "
            + "Leave it at 0.");
        bool isKnown = PairHead.IsIn(model.Folder!) && model.Start.Model.Config.Labels.SequenceEqual(data.Classes);
        _head = new PairHead(Model, Embedder.Width, data.Classes.Count, isKnown ? model.Folder : null);
        if (!isKnown) AddNew(_head.Names);
    }

    /// <inheritdoc/>
    public override TaskMeasure Measure => new(_data.Kind switch
    {
        SimilarityKind.Scores => "spearman",
        SimilarityKind.Labels => "average_precision",
        SimilarityKind.Triplets => "triplet_accuracy",
        SimilarityKind.PairClasses => "macro_f1",
        SimilarityKind.Classes => "map",
        _ => "mrr@10",
    }, HigherIsBetter: true);

    /// <inheritdoc/>
    protected override Variable LossOf(IReadOnlyList<Variable> columns, float[] labels)
        => _head is { } head ? head.Loss(columns, labels) : _loss.Mean(columns, labels);

    /// <inheritdoc/>
    protected override string PromptOf(int column) => column == 0 ? _data.Prompts.First : _data.Prompts.Others;

    /// <inheritdoc/>
    protected override void SaveMore(string folder)
    {
        _head?.Save(folder);
        SentencePrompts.Save(Settings, folder);
    }

    /// <inheritdoc/>
    protected override void LoadMore(string folder) => _head?.Load(folder);

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        List<IReadOnlyList<string>> texts = [];
        float[] labels = new float[examples.Length];
        for (int b = 0; b < labels.Length; b++)
        {
            texts.Add([.. SimilarityData.Texts(_training[examples[b]])]);
            labels[b] = _targets[examples[b]];
        }

        return InputsOf(texts, labels);
    }

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        IReadOnlyList<SimilarityExample> examples = _data.HeldOutExamples;
        if (examples.Count == 0) return null;
        VectorTable first = Embed([.. examples.Select(e => e.First)], cancellationToken);
        float[] targets = _data.Targets(examples);
        if (_data.Kind == SimilarityKind.Classes) return OfClasses(examples, first, targets);
        VectorTable second = Embed([.. examples.Select(e => e.Second)], cancellationToken, column: 1);
        if (_head is { } head) return OfPairClasses(head, examples, first, second, targets);
        VectorTable[] far = [.. Enumerable.Range(0, examples[0].Negatives.Count)
            .Select(k => Embed([.. examples.Select(e => e.Negatives[k])], cancellationToken, column: k + 2))];
        double[] near = [.. examples.Select((_, i) => first.Similarity(i, second, i, cosine: true))];
        double loss = HeldOutLoss([first, second, .. far], targets);
        double[] gold = [.. examples.Select(e => e.Score)];
        Dictionary<string, double> measures = _data.Kind switch
        {
            SimilarityKind.Scores => new()
            {
                ["spearman"] = Correlation.Spearman(gold, near),
                ["pearson"] = Correlation.Pearson(gold, near),
            },
            SimilarityKind.Labels => new()
            {
                ["average_precision"] = Ranking.AveragePrecision([.. gold.Select(g => g >= 0.5)], near),
                ["roc_auc"] = Ranking.RocAuc([.. gold.Select(g => g >= 0.5)], near),
            },
            SimilarityKind.Triplets => new()
            {
                ["triplet_accuracy"] = examples.Select((_, i) => far.All(f => near[i] > first.Similarity(i, f, i, cosine: true)) ? 1.0 : 0)
                    .Average(),
            },
            _ => Retrieval(examples, first, second),
        };
        return new TaskAssessment(new EvaluationReport(loss, examples.Count) { Measures = measures })
        {
            Examples = [.. examples.Select((e, i) => new AssessedExample(e.Place, $"{e.First} ⏐ {e.Second}",
                double.IsNaN(e.Score) ? "near" : Number(e.Score), Number(near[i]), double.NaN,
                double.IsNaN(e.Score) ? 1 - near[i] : (e.Score - near[i]) * (e.Score - near[i]), IsRight: false))],
        };
    }

    /// <summary>Each first text looks for its own among all second ones.</summary>
    private static Dictionary<string, double> Retrieval(IReadOnlyList<SimilarityExample> examples, VectorTable first, VectorTable second)
    {
        // A text that stands in several rows is one query, or one document.
        int[] queries = [.. Enumerable.Range(0, examples.Count).DistinctBy(i => examples[i].First)];
        int[] documents = [.. Enumerable.Range(0, examples.Count).DistinctBy(i => examples[i].Second)];
        double reciprocal = 0;
        int found = 0;
        foreach (int q in queries)
        {
            HashSet<string> own = [.. examples.Where(e => e.First == examples[q].First).Select(e => e.Second)];
            double best = documents.Where(d => own.Contains(examples[d].Second)).Max(d => first.Similarity(q, second, d, cosine: true));
            // Of equal ones the wrong one comes first: vectors that are all alike are no success.
            int rank = 1 + documents.Count(d => !own.Contains(examples[d].Second) && first.Similarity(q, second, d, cosine: true) >= best);
            if (rank <= Nearest) reciprocal += 1.0 / rank;
            if (rank == 1) found++;
        }

        return new() { ["mrr@10"] = reciprocal / queries.Length, ["accuracy@1"] = (double)found / queries.Length };
    }

    /// <summary>What the classifier of pairs says.</summary>
    private TaskAssessment OfPairClasses(PairHead head, IReadOnlyList<SimilarityExample> examples, VectorTable first, VectorTable second,
        float[] targets)
    {
        List<double> scores = [];
        for (int start = 0; start < targets.Length; start += Settings.BatchSize)
        {
            using TensorScope scope = TensorScope.Begin();
            int n = Math.Min(Settings.BatchSize, targets.Length - start), d = Embedder.Width;
            Tensor some = head.Scores(Tensor.Create(first.Rows(start, n), n, d), Tensor.Create(second.Rows(start, n), n, d));
            scores.AddRange(some.ToArray().Select(s => (double)s));
        }

        return ClassificationAssessment.OfOne([.. scores], Array.ConvertAll(targets, t => (int)t), _data.Classes,
            [.. examples.Select(e => new ClassificationExample(e.Place, e.First, e.Second, [e.Class!], double.NaN))]);
    }

    /// <summary>How well each held-out text finds the others of its class among all others; one that is alone in its class finds
    /// nothing and is found by nobody.</summary>
    private TaskAssessment OfClasses(IReadOnlyList<SimilarityExample> examples, VectorTable vectors, float[] targets)
    {
        // The loss looks at batches, so these are made as in training: not in the order of the file, which may be class by class.
        ExampleOrder order = new(new int[targets.Length], targets.Length, Settings.Seed, shuffle: true, groupByLength: false,
            Array.ConvertAll(targets, t => (int)t));
        int[] places = order[0].ToArray();
        VectorTable mixed = VectorTable.Of([.. places.Select(p => vectors[p].ToArray())]);
        double loss = HeldOutLoss([mixed], [.. places.Select(p => targets[p])]), precision = 0, nearest = 0;
        int queries = 0;
        AssessedExample[] assessed = new AssessedExample[targets.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            int[] others = [.. Enumerable.Range(0, targets.Length).Where(j => j != i)];
            bool[] own = Array.ConvertAll(others, j => targets[j] == targets[i]);
            double[] near = Array.ConvertAll(others, j => vectors.Similarity(i, vectors, j, cosine: true));
            int best = others.Length == 0 ? i : others[Array.IndexOf(near, near.Max())];
            bool isRight = best != i && targets[best] == targets[i];
            assessed[i] = new AssessedExample(examples[i].Place, examples[i].First, examples[i].Class!, examples[best].Class!, double.NaN,
                isRight ? 0 : 1, isRight);
            if (!own.Contains(true)) continue;
            queries++;
            precision += Ranking.AveragePrecision(own, near);
            nearest += isRight ? 1 : 0;
        }

        return new TaskAssessment(new EvaluationReport(loss, targets.Length)
        {
            Measures = new Dictionary<string, double> { ["map"] = precision / queries, ["accuracy@1"] = nearest / queries },
        })
        {
            Examples = assessed,
        };
    }

    /// <summary>Finds hard negatives among all second texts, by the vectors of the model before the first step.</summary>
    private List<SimilarityExample> Mine(FinetuningConfig settings)
    {
        if (_data.Kind != SimilarityKind.Pairs)
            throw new ConfigException("mine_negatives: is for pairs that belong together, without scores, labels or negatives of their "
                + "own; leave it at 0.");
        string[] queries = [.. _data.TrainingExamples.Select(e => e.First).Distinct(StringComparer.Ordinal)];
        string[] documents = [.. _data.TrainingExamples.Select(e => e.Second).Distinct(StringComparer.Ordinal)];
        Dictionary<string, int> places = documents.Select((d, i) => KeyValuePair.Create(d, i)).ToDictionary(StringComparer.Ordinal);
        ILookup<string, int> positives = _data.TrainingExamples.ToLookup(e => e.First, e => places[e.Second], StringComparer.Ordinal);
        HardNegatives rule = new() { Count = settings.MineNegatives, RelativeMargin = settings.MineMargin };
        var found = rule.Of(Embed(queries, default), Embed(documents, default, column: 1),
            [.. queries.Select(q => (IReadOnlyList<int>)[.. positives[q].Distinct()])]);
        Dictionary<string, string[]> negatives = [];
        for (int q = 0; q < queries.Length; q++)
            if (found[q].Length == rule.Count) negatives[queries[q]] = [.. found[q].Select(n => documents[n.Document])];
        List<SimilarityExample> mined = [.. _data.TrainingExamples.Where(e => negatives.ContainsKey(e.First))
            .Select(e => e with { Negatives = negatives[e.First] })];
        if (mined.Count == 0)
        {
            throw new InputException($"{settings.Train}: no text has {rule.Count} hard negatives below {1 - settings.MineMargin:P0} of its "
                + $"positive's similarity. Lower mine_margin or mine_negatives.");
        }

        _data.Notes.Add(string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Counted(rule.Count, "hard negative")} for each of {mined.Count:N0} of "
                + $"{Printable.Counted(_data.TrainingExamples.Count, "pair")}; the others have fewer and are left out"));
        return mined;
    }

    /// <summary>Tokens of each example's longest text.</summary>
    private static int[] LengthsOf(SimilarityData data, IReadOnlyList<SimilarityExample> examples)
    {
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        int at = 0;
        foreach (string text in data.TrainingExamples.SelectMany(SimilarityData.Texts))
        {
            // A text in two columns has the prompt of either.
            counts[text] = Math.Max(counts.GetValueOrDefault(text), data.TokenCounts[at]);
            at++;
        }

        return [.. examples.Select(e => SimilarityData.Texts(e).Max(t => counts[t]))];
    }

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
