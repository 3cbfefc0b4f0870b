using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Objectives;
using Heed.Training.Pretraining;
using Heed.Training.Runs;

namespace Heed.Training.Tasks;

/// <summary>The weights of what a student learns from; a part with weight 0 is not computed.</summary>
internal sealed record DistillationSettings
{
    /// <summary>T of the soft targets.</summary>
    public double Temperature { get; init; } = 2;

    /// <summary>Of the soft targets.</summary>
    public double Soft { get; init; } = 5;

    /// <summary>Of the masked tokens themselves.</summary>
    public double Masked { get; init; } = 2;

    /// <summary>Of the cosine of the last hidden states.</summary>
    public double Cosine { get; init; } = 1;

    /// <summary>Of the squared difference of the logits.</summary>
    public double Squared { get; init; }

    /// <summary>True for soft targets, and squared differences, at masked tokens alone; false for all tokens that are read.</summary>
    public bool OnlyMasked { get; init; }
}

/// <summary>Learning masked tokens beside a teacher that reads the same masked text: its probabilities, the tokens themselves, and the
/// direction of its last hidden states (Sanh et al. 2019, arXiv:1910.01108, §3).</summary>
internal sealed class DistillationTask : CorruptedTextTask
{
    /// <summary>Rows whose logits exist at once beside what the backward pass keeps.</summary>
    private const int Rows = 256;

    private readonly MaskedLanguageModel _teacher;
    private readonly DistillationSettings _distillation;

    /// <param name="model">The student; the task owns it.</param>
    /// <param name="teacher">The task owns its model.</param>
    /// <param name="tokenizer">Saved beside the model.</param>
    /// <param name="corpus">The ids.</param>
    /// <param name="words">For each id 1 if a word begins with it, else 0; null if whole words are not asked for.</param>
    /// <param name="settings">How the corpus is read.</param>
    /// <param name="objective">Masks.</param>
    /// <param name="distillation">Weights.</param>
    public DistillationTask(MaskedLanguageModel model, PretrainingTeacher teacher, Tokenizer tokenizer, TokenCorpus corpus,
        TokenCorpus? words,
        TextTaskSettings settings, MaskingObjective objective, DistillationSettings distillation)
        : base(model, tokenizer, corpus, words, settings, objective)
    {
        (_teacher, _distillation) = (teacher.Model, distillation);
        if (distillation.OnlyMasked || (distillation.Soft == 0 && distillation.Squared == 0)) AllowUnusedHead(model);
        Fingerprints = new Dictionary<string, string>(base.Fingerprints!) { ["teacher"] = teacher.Sum };
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Fingerprints { get; }

    private MaskedLanguageModel Student => (MaskedLanguageModel)Model;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CountTargets(ModelInputs batch)
    {
        long all = batch.AttentionMask?.Cells.LongCount(c => c != 0) ?? batch.InputIds.Cells.Length;
        long masked = batch.Labels!.Cells.LongCount(l => l != CausalLanguageModel.IgnoredLabel), soft = _distillation.OnlyMasked ? masked
            : all;
        List<long> counts = [];
        if (_distillation.Soft > 0) counts.Add(soft);
        if (_distillation.Masked > 0) counts.Add(masked);
        if (_distillation.Squared > 0) counts.Add(soft);
        if (_distillation.Cosine > 0) counts.Add(all);
        return counts;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options)
    {
        TokenBatch tokens = Student.Pack(batch), read = _teacher.Pack(batch);
        Variable hidden = Student.Encode(tokens, tokens.Context(options));                           // [N, D]
        Tensor taught = _teacher.Encode(read, read.Context()).Value;                                 // [N, D']
        int[] labels = tokens.Pick(batch.Labels!);
        int[] masked = [.. Enumerable.Range(0, labels.Length).Where(n => labels[n] != CausalLanguageModel.IgnoredLabel)];
        int[] soft = _distillation.OnlyMasked ? masked : [.. Enumerable.Range(0, labels.Length)];
        Variable softSum = Tensor.Scalar(0), squaredSum = Tensor.Scalar(0);
        for (int first = 0; first < soft.Length && _distillation.Soft + _distillation.Squared > 0; first += Rows)
        {
            int[] some = soft[first..Math.Min(first + Rows, soft.Length)];
            Variable student = Student.Logits(hidden.Gather(some));                                  // [R, V]
            Tensor teacher = _teacher.Logits(((Variable)taught).Gather(some)).Value;                 // [R, V]
            if (_distillation.Soft > 0) softSum += TeacherParts.SoftTargets(student, teacher, (float)_distillation.Temperature);
            if (_distillation.Squared > 0) squaredSum += TeacherParts.SquaredError(student, teacher);
        }

        List<LossPart> parts = [];
        if (_distillation.Soft > 0) parts.Add(new LossPart("soft", softSum, soft.Length, (float)_distillation.Soft));
        if (_distillation.Masked > 0)
        {
            Variable sum = masked.Length == 0 ? Tensor.Scalar(0)
                : Student.LossSum(hidden.Gather(masked), Array.ConvertAll(masked, n => labels[n]));
            parts.Add(new LossPart("masked", sum, masked.Length, (float)_distillation.Masked));
        }

        if (_distillation.Squared > 0) parts.Add(new LossPart("squared", squaredSum, soft.Length, (float)_distillation.Squared));
        if (_distillation.Cosine > 0)
            parts.Add(new LossPart("cosine", TeacherParts.Cosine(hidden, taught), labels.Length, (float)_distillation.Cosine));
        return parts;
    }

    /// <summary>Beside the student there is the teacher, and what the soft targets keep of each token.</summary>
    /// <inheritdoc/>
    public override Forecast? Forecast(TrainingConfig config)
    {
        Forecast forecast = base.Forecast(config)!;
        double kept = 2.0 * sizeof(float) * Settings.BatchSize * Settings.BlockLength * Model.Config.Vocabulary;
        return forecast with
        {
            ActivationBytes = Math.Min(forecast.ActivationBytes, long.MaxValue / 4) + (long)Math.Min(kept, long.MaxValue / 4),
            StateBytes = forecast.StateBytes + _teacher.Parameters.Bytes,
        };
    }

    /// <inheritdoc/>
    private protected override void Assess(ModelInputs inputs, HeldOutSums sums) => sums.Add(Loss(inputs, RunOptions.Default));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _teacher.Dispose();
        base.Dispose(disposing);
    }
}
