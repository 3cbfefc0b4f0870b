using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Embeddings;

namespace Heed.Verification;

/// <summary>Cases of <c>pooling</c>: token embeddings to vectors, dense layers and normalization included, and their gradients.</summary>
internal static class PoolingCases
{
    private const double Output = 2e-6, Gradient = 1e-5;

    public static string? Compare(GoldenCase c)
    {
        string[] modules = c.Settings.TryGetProperty("modules", out JsonElement list)
            ? [.. list.EnumerateArray().Select(m => m.GetString()!)] : [];
        string[] words = modules.Length > 0 ? [modules[0]["Pooling ".Length..]] : Words(c.Settings.GetProperty("pooling_mode"));
        Pooling[] poolings = Array.ConvertAll(words, w => SentencePipeline.PoolingOf(w)
            ?? throw new FormatException($"the pooling '{w}' is not known"));
        int skip = c.Flag("include_prompt", true) ? 0 : c.Settings.GetProperty("prompt_length").GetInt32();
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.ShapesOnly);
        (int[] starts, int[] rows) = Attended(c);
        VectorModule[] following = [.. modules.Skip(1).Select((m, i) => Module(c, m, i + 1, parameters))];
        using Tape tape = Tape.Begin();
        Variable real = c.Input("token_embeddings").Reshape(-1, c.Width("token_embeddings")).Gather(rows);      // [N, D]
        Variable x = Variable.Concatenate(1, [.. poolings.Select(p => real.Pool(starts, p, skip))]);            // [B, D·P]
        foreach (VectorModule module in following) x = module.Forward(x);
        if (c.CompareNorm("output", Doubles(x.Value), Output) is { } off) return off;
        tape.Backward(x, c.Tensor("grad_output"));
        string? wrong = c.CompareGradient("token_embeddings", Gradient);
        foreach (Parameter p in parameters)
            wrong ??= p.Gradient is null ? $"grad.{p.Name} is not computed"
                : c.CompareNorm($"grad.{p.Name}", Doubles(p.Gradient), Gradient);
        parameters.ClearGradients();
        return wrong;
    }

    /// <summary>The first attended row of each text, and which of the B·T rows are attended.</summary>
    private static (int[] Starts, int[] Rows) Attended(GoldenCase c)
    {
        int[] mask = c.Integers("attention_mask");
        int length = c.Width("attention_mask");
        int[] rows = [.. Enumerable.Range(0, mask.Length).Where(i => mask[i] != 0)];
        int[] starts = [.. Enumerable.Range(0, (mask.Length / length) + 1).Select(b => rows.Count(r => r < b * length))];
        return (starts, rows);
    }

    /// <summary>A module as the library reads it, from a folder in memory.</summary>
    private static VectorModule Module(GoldenCase c, string described, int index, ParameterSet parameters)
    {
        if (described == "Normalize") return new NormalizeModule();
        string[] words = described.Split([' ', '→', ','], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 4 || words[0] != "Dense") throw new FormatException($"the module '{described}' is not known");
        JsonObject config = new()
        {
            ["in_features"] = int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture),
            ["out_features"] = int.Parse(words[2], System.Globalization.CultureInfo.InvariantCulture),
            ["bias"] = !described.Contains("no bias", StringComparison.Ordinal),
            ["use_residual"] = described.Contains("residual", StringComparison.Ordinal),
            ["activation_function"] = words[3].TrimEnd(':') switch
            {
                "tanh" => "torch.nn.modules.activation.Tanh",
                "gelu" => "torch.nn.modules.activation.GELU",
                "identity" => "torch.nn.modules.linear.Identity",
                string other => throw new FormatException($"the activation '{other}' is not known"),
            },
        };
        string prefix = FormattableString.Invariant($"{index}.");
        using MemoryStream weights = new();
        SafetensorsWriter.Write(weights, ((string[])["linear.weight", "linear.bias", "residual.weight"]).Where(n
            => c.Has($"weight.{prefix}{n}")).Select(n =>
        {
            Tensor value = c.Tensor($"weight.{prefix}{n}");
            long[] shape = [.. Enumerable.Range(0, value.Shape.Rank).Select(i => (long)value.Shape[i])];
            return RawTensor.FromFloats(n, shape, value.Span.ToArray());
        }));
        MemoryModelFiles files = new(
        [
            new("config.json", Encoding.UTF8.GetBytes(config.ToJsonString())), new("model.safetensors", weights.ToArray()),
        ]);
        return DenseModule.Read(files, config["in_features"]!.GetValue<int>(),
            parameters.Root / index.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    private static string[] Words(JsonElement mode) => mode.ValueKind == JsonValueKind.Array
        ? [.. mode.EnumerateArray().Select(m => m.GetString()!)] : [mode.GetString()!];

    private static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.ToArray(), v => (double)v);
}
