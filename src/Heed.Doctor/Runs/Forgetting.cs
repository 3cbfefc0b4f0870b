using System.Globalization;
using Heed.Doctor.Models;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Doctor.Runs;

/// <summary>The rule on what a fine-tuned model has lost: the loss of its base's own objective on general text, before and after; without
/// the base's head, how far the weights have moved.</summary>
internal static class Forgetting
{
    private const double LostNats = 1, Known = 0.75, Moved = 0.5;
    private const int MaskEvery = 7;

    /// <summary>Smaller models have no language to lose, and move farther.</summary>
    private const long Least = 1_000_000;

    /// <summary>Compares a fine-tuned model with its base.</summary>
    /// <param name="baseFolder">What was trained further.</param>
    /// <param name="tuned">What came out.</param>
    /// <param name="notes">Gets the finding.</param>
    public static void Judge(string baseFolder, Model tuned, Notes notes) => notes.Judge(Rules.Forgetting, () =>
    {
        ModelDescription description = ModelFolder.ReadConfig(baseFolder);
        string? architecture = ModelFamilies.Heads(description.Family, description.Config.ModelType)
            .FirstOrDefault(a => description.Family.HeadOf(a) is HeadKind.LanguageModel or HeadKind.MaskedLanguageModel);
        (Model model, LoadReport report) = ModelFolder.Load(baseFolder, new LoadOptions
        {
            AllowMissing = true,
            ForTraining = true,
            Architecture = architecture ?? description.Architecture,
        });
        using (model)
        {
            string prefix = description.Family.BasePrefix;
            Dictionary<string, Parameter> now = Named(tuned, prefix);
            bool hasHead = architecture is not null && report.Missing.Count + report.Mismatched.Count == 0;
            if (hasHead && Tokenizer.FromFolder(baseFolder) is { } tokenizer) ByLoss(model, now, tokenizer, prefix, notes);
            else ByDistance(model, now, report, prefix, notes);
        }
    });

    /// <summary>Parameters by the names that they share across heads: a stack alone has no prefix, one below a head has.</summary>
    private static Dictionary<string, Parameter> Named(Model model, string prefix)
    {
        Dictionary<string, Parameter> named = new(StringComparer.Ordinal);
        foreach (Parameter p in model.Parameters) named[Shared(p.Name, prefix)] = p;
        return named;
    }

    private static string Shared(string name, string prefix)
        => prefix.Length > 0 && name.StartsWith($"{prefix}.", StringComparison.Ordinal) ? name[(prefix.Length + 1)..] : name;

    private static void ByLoss(Model model, Dictionary<string, Parameter> tuned, Tokenizer tokenizer, string prefix, Notes notes)
    {
        if (Loss(model, tokenizer) is not { } before || before > Known * Math.Log(model.Config.Vocabulary)) return;
        foreach (Parameter p in model.Parameters)
            if (tuned.TryGetValue(Shared(p.Name, prefix), out Parameter? now) && now.Shape == p.Shape) p.Assign(now.ToTensor());
        double after = Loss(model, tokenizer)!.Value;
        if (after - before <= LostNats) return;
        notes.Add(Rules.Forgetting, model.Architecture, string.Create(CultureInfo.InvariantCulture,
            $"the loss on general text is {after:0.##} nats per token with the trained layers, and {before:0.##} before"), Fix);
    }

    /// <summary>Mean loss on general text; null if the tokenizer has no mask where one is needed.</summary>
    private static double? Loss(Model model, Tokenizer tokenizer)
    {
        bool isMasked = model is not CausalLanguageModel;
        int? mask = tokenizer.SpecialTokens.TryGetValue("mask_token", out string? token) ? tokenizer.TokenToId(token) : null;
        if (isMasked && mask is null) return null;
        double nats = 0;
        long count = 0;
        foreach (int[] text in ModelProbe.Of(model, tokenizer) is { HasWords: true } probe ? probe.Texts : [])
        {
            using TensorScope scope = TensorScope.Begin();
            int[] read = [.. text.Select((id, t) => isMasked && IsHidden(t, text) ? mask!.Value : id)];
            int[] labels = [.. text.Select((id, t) => !isMasked || IsHidden(t, text) ? id : CausalLanguageModel.IgnoredLabel)];
            ModelOutput output = model.Run(new ModelInputs
            {
                InputIds = new TokenGrid(1, read.Length, read),
                Labels = new TokenGrid(1, read.Length, labels)
            },
                new RunOptions { Logits = false });
            if (output.Losses is not [{ Count: > 0 } part, ..]) continue;
            nats += part.Sum.Value.ToScalar();
            count += part.Count;
        }

        return count == 0 ? null : nats / count;
    }

    private static bool IsHidden(int t, int[] text) => t % MaskEvery == MaskEvery / 2 && t < text.Length - 1;

    private static void ByDistance(Model model, Dictionary<string, Parameter> tuned, LoadReport report, string prefix, Notes notes)
    {
        if (model.Parameters.Values < Least) return;
        HashSet<string> missing = [.. report.Missing];
        List<double> moved = [];
        foreach (Parameter p in model.Parameters)
        {
            if (p.Shape.Rank != 2 || missing.Contains(p.Name) || !tuned.TryGetValue(Shared(p.Name, prefix), out Parameter? now)
                || now.Shape != p.Shape) continue;
            using TensorScope scope = TensorScope.Begin();
            (double distance, double size) = (0, 0);
            ReadOnlySpan<float> before = p.ToTensor().Span, after = now.ToTensor().Span;
            for (int i = 0; i < before.Length; i++)
            {
                distance += ((double)after[i] - before[i]) * ((double)after[i] - before[i]);
                size += (double)before[i] * before[i];
            }

            if (size > 0) moved.Add(Math.Sqrt(distance / size));
        }

        if (moved.Count == 0) return;
        double median = moved.Order().ElementAt(moved.Count / 2);
        if (median <= Moved) return;
        notes.Add(Rules.Forgetting, model.Architecture, string.Create(CultureInfo.InvariantCulture,
            $"half of its matrices have moved by {median:P0} of their size or more"), Fix);
    }

    private const string Fix = "Train with a lower rate (--learning-rate 2e-5) or fewer epochs, freeze the lower layers (--freeze "
        + "\"*layer.0*\"), or train an "
        + "adapter: --lora 8.";
}
