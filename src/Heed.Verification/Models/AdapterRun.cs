using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Adapters;
using Heed.Models.Files;

namespace Heed.Verification;

/// <summary>Runs an adapter's folder of <c>goldens/lora</c>' form: logits without, with and after merging it, gradients, and the training
/// that the reference records. Tolerances: goldens/lora/README.md.</summary>
internal sealed class AdapterRun(string folder, GoldenFolder golden, VerifyOptions options, List<TensorCheck> checks, VerifyDump? dump)
{
    /// <summary>True for a folder with an adapter.</summary>
    public static bool IsFor(string folder) => AdapterConfigFile.IsFor(new FolderModelFiles(folder));

    /// <summary>All comparisons.</summary>
    public void Run()
    {
        using (Model opened = ModelFolder.Load(folder, options.Loading()).Model)
        {
            options.Change?.Invoke(opened);
            // Opened as any folder, the adapter is in the weights, which change no logit.
            Logits(opened, "logits", "opened.logits");
        }

        using (Model model = Base())
        {
            Logits(model, "base_logits");
            Adapter adapter = Adapter.Load(model, folder);
            Scales(adapter);
            Logits(model, "logits");
            adapter.Merge();
            Logits(model, "merged_logits");
            foreach (RawTensor expected in golden.Tensors("merged."))
                Compare(expected, model.Parameters.TryGet(expected.Name["merged.".Length..], out Parameter? p) ? p.Value : null, 2e-6);
        }

        if (options.Training) Train();
    }

    private void Train()
    {
        using Model model = Base();
        Adapter adapter = Adapter.Load(model, folder);
        Dictionary<string, Parameter> trained = adapter.Keys.ToDictionary(k => k.Key, k => k.Value, StringComparer.Ordinal);
        GoldenRun.Differentiate(model, golden.Inputs(0), options);
        Dictionary<string, Parameter> left = model.Parameters.Where(p => p.Gradient is not null).ToDictionary(
            p => p.Name, StringComparer.Ordinal);
        foreach (RawTensor expected in golden.Tensors("grad."))
        {
            Parameter? p = Find(trained, expected.Name["grad.".Length..]);
            if (p is not null) left.Remove(p.Name);
            Compare(expected, p?.Gradient, 2e-6);
        }

        // What the reference does not train must have no gradient here either.
        foreach (Parameter p in left.Values) Missing($"grad.{p.Name}");
        model.Parameters.ClearGradients();
        if (golden.Record.Nested("train") is not { } settings) return;
        _ = settings.Choice("optimizer", "AdamW", ("AdamW", true));
        double[] betas = settings.Numbers("betas") ?? [0.9, 0.999], losses = settings.Numbers("loss") ?? [];
        if (betas.Length != 2) throw settings.Wrong("betas", FormattableString.Invariant($"has {betas.Length} numbers; two were expected"));
        using Optimizer optimizer = options.Optimizer?.Invoke(model.Parameters) ?? new AdamW(model.Parameters)
        {
            Beta1 = betas[0],
            Beta2 = betas[1],
            Epsilon = settings.Number("eps", 1e-6, 0),
            WeightDecay = settings.Number("weight_decay", 0, 0),
        };
        JsonArray log = [];
        if (dump is not null) dump.Record["train"] = new JsonObject { ["loss"] = log };
        for (int step = 0; step < settings.Size("steps", losses.Length, 0); step++)
        {
            double loss = GoldenRun.Differentiate(model, golden.Inputs(0), options);
            optimizer.Step(settings.Number("lr", 5e-3, 0));
            log.Add(VerifyResult.Number(loss));
            if (step < losses.Length)
                checks.Add(new TensorCheck(FormattableString.Invariant($"train.loss.{step}"), Math.Abs(loss - losses[step]),
                    1e-4 * Math.Abs(losses[step])));
        }

        foreach (RawTensor expected in golden.Tensors("trained."))
            Compare(expected, Find(trained, expected.Name["trained.".Length..])?.Value, 2e-4);
    }

    /// <summary>The base model, as the adapter's training opens it.</summary>
    private Model Base()
    {
        AdapterFiles files = (AdapterFiles)AdapterFiles.Resolve(new FolderModelFiles(folder), options.Loading());
        LoadOptions loading = options.Loading(forTraining: true);
        Model model = ModelFolder.Load(files.Base, files.HeadOf(ModelFolder.ReadConfig(files.Base, loading), loading)).Model;
        options.Change?.Invoke(model);
        return model;
    }

    /// <summary>Which modules are adapted, by what factor, and how much is trained.</summary>
    private void Scales(Adapter adapter)
    {
        if (golden.Record.Nested("scaling") is { } scaling)
        {
            Dictionary<string, double> actual = adapter.Modules.ToDictionary(m => m.Path,
                m => (double)m.Change.Config.Scale, StringComparer.Ordinal);
            foreach (JsonProperty module in scaling.Root.EnumerateObject())
            {
                double expected = StrictJson.Number(module.Value, scaling.File, scaling.At(module.Name));
                checks.Add(new TensorCheck($"scaling.{module.Name}", actual.Remove(module.Name, out double scale)
                    ? Math.Abs(scale - expected) : double.PositiveInfinity, 1e-6 * Math.Abs(expected)));
            }

            foreach (string name in actual.Keys) Missing($"scaling.{name}");
        }

        if (golden.Record.OptionalSize("trainable_parameters") is { } count)
            checks.Add(new TensorCheck("trainable_parameters", Math.Abs(adapter.Parameters.Sum(p => (long)p.Shape.Count) - count), 0));
    }

    private void Logits(Model model, string name, string? shown = null)
    {
        if (golden.Tensor(name) is not { } expected) return;
        options.CancellationToken.ThrowIfCancellationRequested();
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = golden.Inputs(0);
        ModelOutput output = model.Run(inputs,
            new RunOptions { CancellationToken = options.CancellationToken, Hooks = options.Hooks?.Invoke() });
        TokenGrid? mask = expected.Sizes.Length < 3 ? null : model is SequenceToSequenceModel ? inputs.DecoderAttentionMask
            : inputs.AttentionMask;
        Compare(expected, output.Logits, 2e-6, mask, shown);
    }

    private void Compare(RawTensor expected, Tensor? actual, double relative, TokenGrid? mask = null, string? shown = null)
    {
        string name = shown ?? expected.Name;
        if (actual is null || !ModelVerifier.SameShape(actual.Shape, expected.Sizes))
        {
            Missing(name);
            return;
        }

        (double distance, double norm) = TensorDistance.Measure(actual.Span, expected.ToFloats(), expected.Sizes, 1, mask);
        checks.Add(new TensorCheck(name, distance, Math.Max(20 * golden.Noise(expected.Name), relative * norm)));
        dump?.Add(name, actual.Span, expected.Sizes);
    }

    /// <summary>A trained parameter by its key; of a module that is saved whole PEFT's record may name a copy.</summary>
    private static Parameter? Find(Dictionary<string, Parameter> trained, string key)
        => trained.GetValueOrDefault(key) ?? trained.GetValueOrDefault(key.Replace(".modules_to_save.", ".", StringComparison.Ordinal));

    private void Missing(string name) => checks.Add(new TensorCheck(name, double.PositiveInfinity, 0));
}
