using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Objectives;

namespace Heed.Verification;

/// <summary>Cases of <c>pretraining</c>: the losses of ELECTRA and of DistilBERT over given scores and hidden states.</summary>
internal static class PretrainingCases
{
    public static string? Compare(GoldenCase c) => c.Kind switch
    {
        "electra" => Replaced(c),
        "distilbert" => Distilled(c),
        _ => throw new FormatException($"'{c.Kind}' is no loss of this version"),
    };

    private static string? Replaced(GoldenCase c)
    {
        int[] original = c.Integers("original"), masked = c.Integers("masked"), mask = c.Integers("attention_mask");
        int T = c.Width("original"), V = c.Width("generator"), B = original.Length / T;
        int[] rows = [.. Enumerable.Range(0, original.Length).Where(n => masked[n] != 0)];
        int[] read = [.. Enumerable.Range(0, original.Length).Where(n => mask[n] != 0)];
        float[] uniform = c.Floats("uniform");
        int[] sampled = ReplacedTokens.Sample(Rows(c.Tensor("generator"), rows, V),
            (m, values) => uniform.AsSpan(m * V, V).CopyTo(values));
        ModelInputs corrupted = ReplacedTokens.Replaced(new ModelInputs
        {
            InputIds = new TokenGrid(B, T, original),
            AttentionMask = new TokenGrid(B, T, mask),
            Labels = new TokenGrid(B, T, [.. original.Select((id, n) => masked[n] != 0 ? id : CausalLanguageModel.IgnoredLabel)]),
        }, sampled);
        int[] replaced = [.. corrupted.Labels!.Cells.Select(l => Math.Max(l, 0))];
        return Same(c, "sampled", sampled) ?? Same(c, "corrupted", corrupted.InputIds.Cells) ?? Same(c, "replaced", replaced)
            ?? c.CompareLoss(() =>
            {
                Variable generator = c.Input("generator").Reshape(-1, V), discriminator = c.Input("discriminator").Reshape(-1);
                Variable filled = Loss.CrossEntropy(generator.Gather(rows), Array.ConvertAll(rows, n => original[n]));
                Tensor targets = Tensor.Create(Array.ConvertAll(read, n => (float)replaced[n]), read.Length);
                return filled + (Loss.BinaryCrossEntropy(discriminator.Gather(read), targets) * c.Number("weight", 50));
            });
    }

    private static string? Distilled(GoldenCase c)
    {
        int[] labels = c.Integers("labels"), mask = c.Integers("attention_mask");
        int V = c.Width("student"), D = c.Width("student_hidden");
        int[] masked = [.. Enumerable.Range(0, labels.Length).Where(n => labels[n] != CausalLanguageModel.IgnoredLabel)];
        int[] read = [.. Enumerable.Range(0, labels.Length).Where(n => mask[n] != 0)];
        int[] soft = c.Text("soft targets at", "attended positions") == "masked positions" ? masked : read;
        JsonElement weights = c.Settings.GetProperty("alpha");
        return c.CompareLoss(() =>
        {
            Variable student = c.Input("student").Reshape(-1, V), hidden = c.Input("student_hidden").Reshape(-1, D);
            Tensor teacher = Rows(c.Tensor("teacher"), soft, V), taught = Rows(c.Tensor("teacher_hidden"), read, D);
            Variable loss = Tensor.Scalar(0);
            foreach (JsonProperty weight in weights.EnumerateObject())
            {
                Variable part = weight.Name switch
                {
                    "ce" => TeacherParts.SoftTargets(student.Gather(soft), teacher, c.Number("temperature", 2)) / soft.Length,
                    "mlm" => Loss.CrossEntropy(student, labels),
                    "cos" => TeacherParts.Cosine(hidden.Gather(read), taught) / read.Length,
                    "mse" => TeacherParts.SquaredError(student.Gather(soft), teacher) / soft.Length,
                    string other => throw new FormatException($"'{other}' is no part of the loss"),
                };
                loss += part * weight.Value.GetSingle();
            }

            return loss;
        });
    }

    private static string? Same(GoldenCase c, string role, IReadOnlyList<int> found)
        => c.Compare(role, [.. found.Select(v => (double)v)], 0);

    private static Tensor Rows(Tensor all, int[] rows, int width)
    {
        Tensor some = Tensor.Uninitialized(rows.Length, width);
        for (int r = 0; r < rows.Length; r++) all.Span.Slice(rows[r] * width, width).CopyTo(some.Span[(r * width)..]);
        return some;
    }
}
