using System.Globalization;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Generation.Embeddings;
using Heed.Models;
using Heed.Training.Data;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>
/// Classification from few texts (SetFit, arXiv:2209.11055): vectors of texts of one label are brought together, those of two labels
/// apart; then a logistic regression reads the label from the vector.
/// </summary>
internal sealed class FewShotTask : PooledTask
{
    private readonly FewShotData _data;
    private readonly int[] _labels, _gold;
    private VectorHead? _head;

    /// <param name="model">An encoder without a head.</param>
    /// <param name="data">The pairs and their texts.</param>
    /// <param name="settings">All decided.</param>
    public FewShotTask(FinetuningModel model, FewShotData data, FinetuningConfig settings)
        : base(model, data, settings, [.. data.Pairs.Select(p
            => Math.Max(data.Texts.TokenCounts[p.First], data.Texts.TokenCounts[p.Second]))])
    {
        if (model.Adapter is not null) throw new ConfigException("lora: is not for few-shot learning; leave it at 0.");
        _data = data;
        List<string> labels = [.. data.Texts.Labels];
        _labels = [.. data.Texts.TrainingExamples.Select(e => labels.IndexOf(e.Labels[0]))];
        _gold = [.. data.Texts.HeldOutExamples.Select(e => labels.IndexOf(e.Labels[0]))];
        // A folder that this task has saved is judged with the head that it holds.
        VectorHead? saved = VectorHead.Read(new FolderModelFiles(model.Folder!));
        if (saved is not null && saved.Classes == labels.Count && model.Model.Config.Labels.SequenceEqual(labels)) _head = saved;
        if (_head is null && _labels.Length == 0)
            throw new InputException($"{model.Folder}: holds no {VectorHead.FileName} of the labels; open a model that was learned "
                + $"from few texts.");
    }

    /// <inheritdoc/>
    public override TaskMeasure Measure => new("macro_f1", HigherIsBetter: true);

    /// <inheritdoc/>
    protected override Variable LossOf(IReadOnlyList<Variable> columns, float[] labels)
        => PairLosses.CosineSimilarity(columns[0], columns[1], labels);

    /// <inheritdoc/>
    protected override void Changed() => _head = null;

    /// <inheritdoc/>
    protected override void SaveMore(string folder) => Head(default).Save(folder);

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        List<IReadOnlyList<string>> texts = [];
        float[] labels = new float[examples.Length];
        for (int b = 0; b < labels.Length; b++)
        {
            ContrastivePair pair = _data.Pairs[examples[b]];
            texts.Add([_data.Texts.TrainingExamples[pair.First].Text, _data.Texts.TrainingExamples[pair.Second].Text]);
            labels[b] = pair.IsPositive ? 1 : 0;
        }

        return InputsOf(texts, labels);
    }

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        if (_gold.Length == 0) return null;
        VectorHead head = Head(cancellationToken);
        VectorTable vectors = Embed([.. _data.Texts.HeldOutExamples.Select(e => e.Text)], cancellationToken);
        double[] logits = [.. Enumerable.Range(0, vectors.Count).SelectMany(i => head.Scores(vectors[i]).Select(s => (double)s))];
        return ClassificationAssessment.OfOne(logits, _gold, _data.Texts.Labels, _data.Texts.HeldOutExamples);
    }

    /// <summary>The logistic regression over the vectors as they are now.</summary>
    private VectorHead Head(CancellationToken cancellationToken)
    {
        if (_head is not null) return _head;
        VectorTable vectors = Embed([.. _data.Texts.TrainingExamples.Select(e => e.Text)], cancellationToken);
        int classes = _data.Texts.Labels.Count;
        LogisticHead fitted = LogisticHead.Fit(vectors.Rows(0, vectors.Count), Embedder.Width, _labels, classes,
            balanced: Settings.ClassWeights == ClassWeights.Balanced);
        float[] weights = Array.ConvertAll(fitted.Weights, w => (float)w), biases = Array.ConvertAll(fitted.Intercepts, b => (float)b);
        // Two classes have one row: the second's score against 0.
        return _head = classes == 2 ? new VectorHead([.. new float[Embedder.Width], .. weights], [0, .. biases])
            : new VectorHead(weights, biases);
    }
}
