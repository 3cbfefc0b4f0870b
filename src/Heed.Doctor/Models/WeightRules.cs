using System.Globalization;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Doctor.Models;

/// <summary>Rules on what a folder's weights are: tables that came untied, numbers beyond 16 bits, weights that are not there.</summary>
internal static class WeightRules
{
    private const float LargestHalf = 65_504;
    private const int RowsAtOnce = 4096;

    /// <summary>Judges the weights of an opened model.</summary>
    public static void Judge(ModelProbe probe, Notes notes) => notes.Judge(Rules.HalfPrecisionOverflow, () =>
    {
        // What damaged weights compute says nothing more.
        if (AreFinite(probe.Model, notes)) Activations(probe, notes);
    });

    /// <summary>Judges what the files hold against what the model needs.</summary>
    public static void Judge(OpenedFolder folder, Notes notes)
    {
        notes.Judged(Rules.UntrainedWeights);
        string[] missing = [.. folder.Report.Missing.Concat(folder.Report.Mismatched).Where(n
            => !n.Contains("pooler.", StringComparison.Ordinal))];
        if (missing.Length > 0)
        {
            notes.Add(Rules.UntrainedWeights, folder.Source.Location, string.Create(CultureInfo.InvariantCulture,
                $"{missing.Length} of {folder.Model.Parameters.Count} parameters are not in the weights, or have another shape: "
                    + $"{string.Join(", ", missing.Take(3))}{(missing.Length > 3 ? ", …" : "")}"),
                $"Train the head first: heed finetune --model {folder.Source.Location} --train DATA --out FOLDER; or open the folder "
                    + $"that was fine-tuned.");
        }

        // An adapter's folder holds its own matrices; the base was checked when it was opened.
        if (!CheckpointFolder.HasWeights(folder.Source)) return;
        notes.Judged(Rules.Untied);
        using CheckpointFolder stored = CheckpointFolder.Open(folder.Source);
        ModelDescription description = ModelFolder.ReadConfig(folder.Source);
        foreach ((string second, string owner) in folder.Model.TiedNames)
        {
            if (Find(stored, description.Family, second) is not { } copy
                || Find(stored, description.Family, owner) is not { } table) continue;
            if (copy.Name == table.Name || copy.HasEqualData(table)) continue;
            notes.Add(Rules.Untied, $"{stored.Path}: {copy.Name}", Difference(copy, table),
                "Set \"tie_word_embeddings\": false in config.json if each has its own values; else remove the tensor that was not "
                    + "trained.");
        }
    }

    /// <summary>A stored tensor under its name of today, with or without the family's prefix.</summary>
    private static RawTensor? Find(CheckpointFolder stored, ModelFamily family, string name)
    {
        string prefix = family.BasePrefix + ".",
            other = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : prefix + name;
        RawTensor? found = null;
        foreach (RawTensor tensor in stored.Tensors)
        {
            string? now = family.CurrentName(tensor.Name);
            if (now == name) return tensor;
            if (now == other) found = tensor;
        }

        return found;
    }

    private static string Difference(RawTensor copy, RawTensor table)
    {
        string says = $"config.json says that it is '{table.Name}', and";
        if (!copy.Shape.SequenceEqual(table.Shape))
            return $"{says} its shape is [{string.Join(", ", copy.Shape)}] instead of [{string.Join(", ", table.Shape)}]";
        long differing = 0;
        double most = 0;
        float[] a = copy.ToFloats(), b = table.ToFloats();
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i].Equals(b[i])) continue;
            differing++;
            most = Math.Max(most, Math.Abs((double)a[i] - b[i]));
        }

        return string.Create(CultureInfo.InvariantCulture,
            $"{says} {differing:N0} of {a.Length:N0} values differ, by {most:0.###} at most");
    }

    /// <summary>Looks for weights that are NaN or infinite.</summary>
    private static bool AreFinite(Model model, Notes notes)
    {
        bool areFinite = true;
        foreach (Parameter p in model.Parameters)
        {
            if (!p.HasValue) continue;
            long bad = 0;
            int width = p.Shape.Rank == 0 ? 1 : p.Shape.Count / Math.Max(1, p.Shape[0]), rows = p.Shape.Rank == 0 ? 1 : p.Shape[0];
            float[] some = new float[Math.Min(rows, Math.Max(1, RowsAtOnce / Math.Max(1, width) * 64)) * width];
            for (int first = 0; first < rows; first += some.Length / Math.Max(1, width))
            {
                Span<float> part = some.AsSpan(0, Math.Min(some.Length, (rows - first) * width));
                if (part.Length == 0) break;
                p.CopyTo(first, part);
                foreach (float v in part)
                    if (!float.IsFinite(v)) bad++;
            }

            if (bad == 0) continue;
            areFinite = false;
            notes.Add(Rules.HalfPrecisionOverflow, p.Name, string.Create(CultureInfo.InvariantCulture,
                $"{bad:N0} of {p.Shape.Count:N0} values, stored as {model.StoredTypes.GetValueOrDefault(p.Name, DType.F32).Name()}, are "
                    + $"NaN or infinite"),
                "Save the weights again in bfloat16 or float32 from a checkpoint before the overflow; train with --clip-norm 1 and a "
                    + "lower rate.");
        }

        return areFinite;
    }

    /// <summary>Numbers in the stream that 16-bit floats cannot hold.</summary>
    private static void Activations(ModelProbe probe, Notes notes)
    {
        string? place = null, broken = null;
        float most = 0;
        Hooks hooks = new Hooks().ObserveWhere(IsStream, (name, x) =>
        {
            foreach (float v in x.Value.Span)
            {
                if (!float.IsFinite(v)) broken ??= name;
                else if (Math.Abs(v) > most) (most, place) = (Math.Abs(v), name);
            }
        });
        foreach (int[] text in probe.Texts)
        {
            using TensorScope scope = TensorScope.Begin();
            probe.Run([text], hooks);
        }

        bool isHalf = probe.Model.StoredTypes.Values.Contains(DType.F16);
        if (broken is not null)
        {
            notes.Add(Rules.HalfPrecisionOverflow, broken, string.Create(CultureInfo.InvariantCulture,
                $"values are NaN or infinite on ordinary text; the largest before is {most:0.0e+0}"),
                "Look for the first layer whose weights are damaged: heed eval MODEL --strict names them; restore them from an earlier "
                    + "checkpoint.");
        }
        else if (isHalf && most > LargestHalf)
        {
            notes.Add(Rules.HalfPrecisionOverflow, place!, string.Create(CultureInfo.InvariantCulture,
                $"a value is {most:0.0e+0} on ordinary text, and the weights are stored in float16, which ends at {LargestHalf:N0}"),
                "Save and run the model in bfloat16 or float32 (--dtype bf16); other programs that compute in float16 give NaN here.");
        }
    }

    private static bool IsStream(string name) => name.EndsWith(".resid_post", StringComparison.Ordinal)
        || name.EndsWith(".mlp_out", StringComparison.Ordinal) || name.EndsWith(".attn_out", StringComparison.Ordinal);
}
