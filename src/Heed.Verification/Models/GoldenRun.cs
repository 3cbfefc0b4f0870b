using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Verification;

/// <summary>Runs one reference folder: first with the weights packed as in inference, then plain as in training. Tolerances:
/// goldens/models/README.md.</summary>
internal sealed class GoldenRun(string folder, GoldenFolder golden, VerifyOptions options, List<TensorCheck> checks, VerifyDump? dump)
{
    /// <summary>Outputs, losses and generations.</summary>
    /// <returns>Number of generations left out.</returns>
    public int Infer()
    {
        using Model model = Load(forTraining: false);
        if (dump is not null)
        {
            dump.Record["class"] = model.Architecture;
            dump.Record["model_type"] = model.Config.ModelType;
        }

        JsonArray losses = [];
        if (dump is not null) dump.Record["loss"] = losses;
        for (int batch = 0; batch < golden.Batches; batch++) losses.Add(VerifyResult.Number(RunBatch(model, batch)));
        return Generate(model);
    }

    /// <summary>Gradients of each batch, then the training.</summary>
    public void Train()
    {
        using Model model = Load(forTraining: true);
        for (int batch = 0; batch < golden.Batches; batch++)
        {
            Differentiate(model, golden.Inputs(batch), options);
            CompareGradients(model, batch);
        }

        model.Parameters.ClearGradients();
        if (golden.Record.Nested("train") is not { } settings) return;
        TrainingSettings training = TrainingSettings.Read(settings);
        using Optimizer optimizer = options.Optimizer?.Invoke(model.Parameters)
            ?? new AdamW(model.Parameters) { Beta1 = training.Beta1, Beta2 = training.Beta2, Epsilon = training.Epsilon, WeightDecay = training.WeightDecay };
        JsonArray log = [];
        if (dump is not null) dump.Record["train"] = new JsonObject { ["log"] = log };
        double noise = 0;
        for (int step = 0; step < training.Steps; step++)
        {
            double loss = Differentiate(model, golden.Inputs(step % golden.Batches), options);
            double norm = GlobalNorm.Of(model.Parameters);
            double rate = training.Rate(step);
            optimizer.Step(rate, GlobalNorm.Factor(norm, training.Clip));
            log.Add((JsonNode)new JsonObject { ["lr"] = rate, ["loss"] = VerifyResult.Number(loss), ["grad_norm"] = VerifyResult.Number(norm) });
            if (step >= training.Losses.Count || double.IsNaN(training.Losses[step])) continue;
            string name = FormattableString.Invariant($"train.loss.{step}");
            noise = Math.Max(noise, golden.Noise(name));
            checks.Add(new TensorCheck(name, Math.Abs(loss - training.Losses[step]), Math.Max(60 * noise, 2e-6 * Math.Abs(training.Losses[step]))));
            if (step == 0 && !double.IsNaN(training.FirstNorm))
                checks.Add(new TensorCheck("train.grad_norm.0", Math.Abs(norm - training.FirstNorm), 1e-5 * training.FirstNorm));
        }

        foreach (RawTensor expected in golden.Tensors("trained."))
        {
            if (Find(model, expected.Name["trained.".Length..]) is not { } parameter
                || !ModelVerifier.SameShape(parameter.Shape, expected.Sizes))
            {
                Missing(expected.Name);
                continue;
            }

            (double distance, double size) = TensorDistance.Measure(parameter.Value.Span, expected.ToFloats(), expected.Sizes);
            checks.Add(new TensorCheck(expected.Name, distance, Math.Max(20 * golden.Noise(expected.Name), 1e-5 * size)));
        }

        if (dump is null) return;
        foreach (Parameter parameter in model.Parameters.Where(p => p.NeedsGradient))
            dump.Add($"trained.{parameter.Name}", parameter.Value.Span, Sizes(parameter.Shape));
    }

    private Model Load(bool forTraining)
    {
        Model model = ModelFolder.Load(folder, options.Loading(forTraining)).Model;
        options.Change?.Invoke(model);
        return model;
    }

    private double RunBatch(Model model, int batch)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = golden.Inputs(batch);
        ModelOutput output = model.Run(
            inputs, new RunOptions { Details = true, CancellationToken = options.CancellationToken, Hooks = options.Hooks?.Invoke() });
        RequireTargets(output, batch);
        string prefix = FormattableString.Invariant($"batch{batch}.output.");
        Dictionary<string, Tensor> named = OutputNames.Of(model, output);
        RawTensor[] references = [.. golden.Tensors(prefix)];
        bool twoStacks = references.Any(t => t.Name.StartsWith(prefix + "encoder_", StringComparison.Ordinal));
        foreach (RawTensor expected in references)
        {
            string name = expected.Name[prefix.Length..];
            float[] actual;
            if (name == "loss" && output.Loss is { } loss)
            {
                actual = [(float)loss];
            }
            else if (named.TryGetValue(name, out Tensor? tensor) && ModelVerifier.SameShape(tensor.Shape, expected.Sizes))
            {
                actual = tensor.ToArray();
            }
            else
            {
                Missing(expected.Name);
                continue;
            }

            int axis = TokenAxis(model, name, expected.Sizes.Length);
            TokenGrid? mask = axis < 0 ? null : twoStacks && !name.StartsWith("encoder_", StringComparison.Ordinal) ? inputs.DecoderAttentionMask : inputs.AttentionMask;
            if (mask is not null && (mask.Rows != expected.Shape[0] || mask.Columns != expected.Shape[axis])) mask = null;
            (double distance, double norm) = TensorDistance.Measure(actual, expected.ToFloats(), expected.Sizes, axis, mask);
            checks.Add(new TensorCheck(expected.Name, distance, Math.Max(20 * golden.Noise(expected.Name), 2e-6 * norm)));
        }

        if (dump is not null)
        {
            foreach ((string name, Tensor tensor) in named) dump.Add(prefix + name, tensor.Span, Sizes(tensor.Shape));
            if (output.Loss is { } loss) dump.Add(prefix + "loss", [(float)loss], []);
        }

        return output.Loss ?? double.NaN;
    }

    /// <summary>Refuses a batch whose labels leave nothing to predict: its loss says nothing, and must not pass.</summary>
    private void RequireTargets(ModelOutput output, int batch)
    {
        if (output.Losses.Count == 0 || output.Losses.Any(part => part.Count > 0)) return;
        throw new InvalidFileException(
            Path.Combine(folder, GoldenFolder.TensorsName),
            FormattableString.Invariant($"batch{batch}.input.labels"),
            "no target counts, so there is no loss to compare: all labels are −100, or stand where nothing is predicted. "
                + "Give a label that counts, or leave the labels out");
    }

    /// <summary>Which axis of an output counts tokens; −1 if none does. Patterns are [B, H, T, S]; the scores of a whole text are [B, L],
    /// those of answers' ends and of replaced tokens [B, T].</summary>
    private static int TokenAxis(Model model, string name, int rank)
    {
        if (name.Contains("attentions.", StringComparison.Ordinal)) return 2;
        return rank >= 3 || name is "start_logits" or "end_logits" || (model is EncoderModel && name == "logits") ? 1 : -1;
    }

    /// <summary>Forward and backward of one batch; the gradients lie in the parameters.</summary>
    internal static double Differentiate(Model model, ModelInputs inputs, VerifyOptions options)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        model.Parameters.ClearGradients();
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        ModelOutput output = model.Run(
            inputs, new RunOptions { Logits = false, CancellationToken = options.CancellationToken, Hooks = options.Hooks?.Invoke() });
        Variable? total = null;
        foreach (LossPart part in output.Losses)
        {
            if (part.Count == 0) continue;
            Variable mean = part.Sum * (part.Weight / part.Count);
            total = total is { } sum ? sum + mean : mean;
        }

        if (total is { } loss) tape.Backward(loss);
        return output.Loss ?? double.NaN;
    }

    private void CompareGradients(Model model, int batch)
    {
        string prefix = FormattableString.Invariant($"batch{batch}.grad.");
        RawTensor[] references = [.. golden.Tensors(prefix)];
        bool recorded = references.Length > 0;    // a reference without gradients says nothing of them
        double all = 0;
        foreach (RawTensor expected in references)
            foreach (float g in expected.ToFloats()) all += (double)g * g;
        all = Math.Sqrt(all);
        HashSet<Parameter> compared = [];
        foreach (RawTensor expected in references)
        {
            if (Find(model, expected.Name[prefix.Length..]) is not { } parameter
                || !ModelVerifier.SameShape(parameter.Shape, expected.Sizes))
            {
                Missing(expected.Name);
                continue;
            }

            compared.Add(parameter);
            float[] reference = expected.ToFloats();
            ReadOnlySpan<float> actual = parameter.Gradient is { } gradient ? gradient.Span : new float[reference.Length];
            (double distance, double norm) = TensorDistance.Measure(actual, reference, expected.Sizes);
            checks.Add(
                new TensorCheck(expected.Name, distance, Math.Max(20 * golden.Noise(expected.Name), Math.Max(2e-6 * norm, 1e-7 * all))));
        }

        foreach (Parameter parameter in model.Parameters)
        {
            if (parameter.Gradient is not { } gradient) continue;
            // A parameter that the reference's loss does not reach must not be moved, and so must have no gradient here either.
            if (recorded && !compared.Contains(parameter)) checks.Add(new TensorCheck(prefix + parameter.Name, double.PositiveInfinity, 0));
            dump?.Add(prefix + parameter.Name, gradient.Span, Sizes(gradient.Shape));
        }
    }

    private int Generate(Model model)
    {
        if (!golden.Record.Has("generate")) return 0;
        JsonElement list = golden.Record.Root.GetProperty("generate");
        if (list.ValueKind != JsonValueKind.Array)
            throw golden.Record.Wrong("generate", $"is {StrictJson.Describe(list)}; an array was expected");
        if (!options.Generation) return list.GetArrayLength();
        JsonArray written = [];
        if (dump is not null) dump.Record["generate"] = written;
        for (int i = 0; i < list.GetArrayLength(); i++)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            ConfigReader entry = new ConfigReader(list[i], golden.Record.File, FormattableString.Invariant($"$.generate[{i}]"))
                .WithNullAsAbsent();
            if (entry.Nested("inputs") is not { } inputs || entry.Nested("settings") is not { } settings || !inputs.Has("input_ids")
                || !entry.Has("output_ids"))
                throw entry.Wrong("inputs", "or settings, input_ids or output_ids are missing");
            ModelInputs prompts = new()
            {
                InputIds = Grid(inputs, "input_ids")!,
                AttentionMask = Grid(inputs, "attention_mask"),
                DecoderInputIds = Grid(inputs, "decoder_input_ids"),
                DecoderAttentionMask = Grid(inputs, "decoder_attention_mask"),
            };
            TokenGrid expected = Grid(entry, "output_ids")!;
            string name = FormattableString.Invariant($"generate.{i}");
            GeneratedRows rows;
            try
            {
                rows = GenerationRunner.Generate(model, folder, prompts, settings.Root);
            }
            catch (NumericalException)
            {
                // Scores that are no numbers choose no token. That is a comparison that fails, and no reason to leave out those that
                // follow.
                checks.Add(new TensorCheck($"{name}.output_ids", double.NaN, 0));
                written.Add(
                    (JsonNode)new JsonObject { ["output_ids"] = new JsonArray(), ["error"] = "the scores of a token are not numbers" });
                continue;
            }

            checks.Add(new TensorCheck($"{name}.output_ids", Different(rows.Ids, expected), 0));
            if (entry.Numbers("sequence_scores") is { } scores)
            {
                double distance = rows.Scores is { } given && given.Count == scores.Length
                    ? scores.Select((s, k) => Math.Abs(s - given[k])).DefaultIfEmpty(0).Max()
                    : double.PositiveInfinity;
                checks.Add(new TensorCheck($"{name}.sequence_scores", distance, 1e-4));
            }

            JsonObject record = new() { ["output_ids"] = new JsonArray([.. rows.Ids.Select(r => (JsonNode)new JsonArray([.. r.Select(id => (JsonNode)JsonValue.Create(id))]))]) };
            if (rows.Scores is { } computed) record["sequence_scores"] = new JsonArray([.. computed.Select(VerifyResult.Number)]);
            written.Add((JsonNode)record);
        }

        return 0;
    }

    private static TokenGrid? Grid(ConfigReader entry, string name)
        => entry.Has(name) ? GoldenFolder.Grid(entry.Root.GetProperty(name), entry.File, entry.At(name)) : null;

    /// <summary>Number of ids that differ; where the sizes differ, all.</summary>
    private static double Different(IReadOnlyList<int[]> rows, TokenGrid expected)
    {
        if (rows.Count != expected.Rows || rows.Any(r => r.Length != expected.Columns)) return Math.Max(1, expected.Cells.Length);
        int different = 0;
        for (int b = 0; b < expected.Rows; b++)
            for (int t = 0; t < expected.Columns; t++)
                if (rows[b][t] != expected[b, t]) different++;
        return different;
    }

    private static Parameter? Find(Model model, string name)
        => model.Parameters.TryGet(name, out Parameter? parameter)
            || (model.TiedNames.TryGetValue(name, out string? own) && model.Parameters.TryGet(own, out parameter))
            ? parameter
            : null;

    private static long[] Sizes(Shape shape) => Array.ConvertAll(shape.ToArray(), size => (long)size);

    private void Missing(string name) => checks.Add(new TensorCheck(name, double.PositiveInfinity, 0));
}

/// <summary>The training that a reference records.</summary>
internal sealed record TrainingSettings
{
    private const int MaximumSteps = 100_000;

    public required int Steps { get; init; }

    public required int WarmUp { get; init; }

    public required double PeakRate { get; init; }

    public required double Beta1 { get; init; }

    public required double Beta2 { get; init; }

    public required double Epsilon { get; init; }

    public required double WeightDecay { get; init; }

    public required double Clip { get; init; }

    public required IReadOnlyList<double> Losses { get; init; }

    public required double FirstNorm { get; init; }

    public static TrainingSettings Read(ConfigReader file)
    {
        _ = file.Choice("optimizer", "AdamW", ("AdamW", true));
        _ = file.Choice("schedule", "linear", ("linear", true));
        double[] betas = file.Numbers("betas") ?? [0.9, 0.999];
        if (betas.Length != 2)
            throw file.Wrong("betas", string.Create(CultureInfo.InvariantCulture, $"has {betas.Length} numbers; two were expected"));
        List<double> losses = [];
        double norm = 0;
        if (file.Has("log"))
        {
            JsonElement log = file.Root.GetProperty("log");
            if (log.ValueKind != JsonValueKind.Array) throw file.Wrong("log", $"is {StrictJson.Describe(log)}; an array was expected");
            foreach (JsonElement entry in log.EnumerateArray())
            {
                ConfigReader step = new ConfigReader(entry, file.File, FormattableString.Invariant($"{file.At("log")}[{losses.Count}]"))
                    .WithNullAsAbsent();
                if (losses.Count == 0) norm = step.Number("grad_norm", double.NaN);
                losses.Add(step.Number("loss", double.NaN));
            }
        }

        int steps = file.Size("steps", losses.Count, 0);
        if (steps > MaximumSteps)
            throw file.Wrong("steps", FormattableString.Invariant($"is {steps}; at most {MaximumSteps} were expected"));
        return new TrainingSettings
        {
            Steps = steps,
            WarmUp = file.Size("warmup", 0, 0),
            PeakRate = file.Number("peak_lr", 5e-3, 0),
            Beta1 = betas[0],
            Beta2 = betas[1],
            Epsilon = file.Number("eps", 1e-6, 0),
            WeightDecay = file.Number("weight_decay", 0.01, 0),
            Clip = file.Number("clip_norm", 1, double.Epsilon),
            Losses = losses,
            FirstNorm = norm,
        };
    }

    /// <summary>Linear from 0 to the peak over the warm-up, then linear to 0 at the end.</summary>
    public double Rate(int step) => step < WarmUp
        ? PeakRate * step / Math.Max(1, WarmUp)
        : PeakRate * Math.Max(0, Steps - step) / Math.Max(1, Steps - WarmUp);
}
