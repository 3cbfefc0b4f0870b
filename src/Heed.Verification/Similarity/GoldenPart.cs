using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Verification;

/// <summary>One part of a folder in the form of <c>goldens/similarity</c> or <c>goldens/retrieval</c>: settings by case, and tensors
/// <c>case/role</c>.</summary>
internal sealed class GoldenPart : IDisposable
{
    private readonly JsonDocument _json;
    private readonly SafetensorsFile _tensors;

    private GoldenPart(string folder, string name, JsonDocument json, SafetensorsFile tensors)
        => (Folder, Name, _json, _tensors) = (folder, name, json, tensors);

    /// <summary>Where the files lie.</summary>
    public string Folder { get; }

    /// <summary>The files' name without an ending.</summary>
    public string Name { get; }

    /// <summary>The cases, in the file's order.</summary>
    public IEnumerable<GoldenCase> Cases => _json.RootElement.EnumerateObject().Select(p => new GoldenCase(this, p.Name, p.Value));

    public static bool IsIn(string folder, string name)
        => File.Exists(Path.Combine(folder, name + ".json")) && File.Exists(Path.Combine(folder, name + ".safetensors"));

    /// <summary>Computes every case of the parts that a folder holds, and compares it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="parts">Files and what compares their cases.</param>
    /// <param name="none">What the error says of a folder without a case.</param>
    /// <param name="cancellationToken">Looked at before each case.</param>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is damaged, or there is no case.</exception>
    public static IReadOnlyList<VerificationResult> Check(
        string folder, (string Part, Func<GoldenCase, string?> Compare)[] parts, string none, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(folder);
        List<VerificationResult> results = [];
        foreach ((string name, Func<GoldenCase, string?> compare) in parts)
        {
            if (!IsIn(folder, name)) continue;
            using GoldenPart part = Open(folder, name);
            foreach (GoldenCase one in part.Cases)
            {
                cancellationToken.ThrowIfCancellationRequested();
                results.Add(TokenizerVerification.Check(folder, $"{name} {one.Name}", () => compare(one)));
            }
        }

        return results.Count > 0 ? results : throw new InvalidFileException(folder, "", none);
    }

    public static GoldenPart Open(string folder, string name)
    {
        string path = Path.Combine(folder, name + ".json");
        JsonDocument json = StrictJson.ReadFile(path);
        try
        {
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidFileException(path, "$", $"is {StrictJson.Describe(json.RootElement)}; an object with one entry a case "
                    + $"was expected");
            return new GoldenPart(folder, name, json, SafetensorsFile.Open(Path.Combine(folder, name + ".safetensors")));
        }
        catch
        {
            json.Dispose();
            throw;
        }
    }

    public RawTensor this[string name] => _tensors[name];

    public bool Has(string name) => _tensors.TryGet(name, out _);

    public IEnumerable<string> Names => _tensors.Tensors.Select(t => t.Name);

    public void Dispose()
    {
        _json.Dispose();
        _tensors.Dispose();
    }
}

/// <summary>One case.</summary>
/// <param name="Part">Where it stands.</param>
/// <param name="Name">Its name.</param>
/// <param name="Settings">Its settings.</param>
internal sealed record GoldenCase(GoldenPart Part, string Name, JsonElement Settings)
{
    private readonly Dictionary<string, Leaf> _leaves = new(StringComparer.Ordinal);

    /// <summary>The name up to the first dot.</summary>
    public string Kind => Name.Split('.')[0];

    public bool Has(string role) => Part.Has($"{Name}/{role}");

    /// <summary>A float tensor.</summary>
    public Tensor Tensor(string role)
    {
        RawTensor raw = Part[$"{Name}/{role}"];
        return Engine.Tensors.Tensor.Create(raw.ToFloats(), [.. raw.Shape.Select(s => (int)s)]);
    }

    /// <summary>A float tensor whose gradient is asked for under <c>grad.role</c>.</summary>
    public Variable Input(string role)
    {
        Leaf leaf = new();
        _leaves[role.StartsWith("weight.", StringComparison.Ordinal) ? role["weight.".Length..] : role] = leaf;
        return leaf.Of(Tensor(role));
    }

    /// <summary>Numbers of any stored type, as doubles.</summary>
    public double[] Numbers(string role) => Numbers(Part[$"{Name}/{role}"]);

    public int[] Integers(string role) => Array.ConvertAll(Numbers(role), v => (int)v);

    public float[] Floats(string role) => Array.ConvertAll(Numbers(role), v => (float)v);

    public int Width(string role) => (int)Part[$"{Name}/{role}"].Shape[^1];

    public string Text(string name, string otherwise) => Settings.TryGetProperty(name, out JsonElement e)
        && e.ValueKind == JsonValueKind.String ? e.GetString()! : otherwise;

    public float Number(string name, double otherwise)
        => (float)(Settings.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.Number ? e.GetDouble() : otherwise);

    public double? Optional(string name) => Settings.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.Number
        ? e.GetDouble() : null;

    public bool Flag(string name, bool otherwise) => Settings.TryGetProperty(name, out JsonElement e) ? e.GetBoolean() : otherwise;

    /// <summary>Runs a loss backwards and compares value and gradients.</summary>
    public string? CompareLoss(Func<Variable> loss)
    {
        try
        {
            return Compare(loss);
        }
        finally
        {
            foreach (Leaf leaf in _leaves.Values) leaf.Clear();
        }
    }

    private string? Compare(Func<Variable> loss)
    {
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        Variable value = loss();
        double found = value.Value.ToScalar(), expected = Numbers("output")[0];
        double noise = Noise("value"), allowed = expected == 0 ? 1e-6 : Math.Max(1e-6, 10 * noise) * Math.Abs(expected);
        if (!(Math.Abs(found - expected) <= allowed)) return Say("output", found, expected, allowed);
        tape.Backward(value);
        string prefix = $"{Name}/grad.";
        string[] roles = [.. Part.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..])];
        double all = Math.Sqrt(roles.Sum(r => Numbers($"grad.{r}").Sum(g => g * g)));
        foreach (string role in roles)
        {
            double[] wanted = Numbers($"grad.{role}");
            if (!_leaves.TryGetValue(role, out Leaf? leaf)) return $"grad.{role} is not computed";
            float[] gradient = leaf.Gradient?.ToArray() ?? new float[wanted.Length];
            double distance = 0, norm = 0;
            for (int i = 0; i < wanted.Length; i++)
            {
                distance += (gradient[i] - wanted[i]) * (gradient[i] - wanted[i]);
                norm += wanted[i] * wanted[i];
            }

            double limit = Math.Max(Math.Max(1e-5, 10 * Noise("gradient")) * Math.Sqrt(norm), 1e-6 * all);
            if (!(Math.Sqrt(distance) <= (all == 0 ? 1e-6 : limit)))
                return string.Create(CultureInfo.InvariantCulture,
                    $"grad.{role} is {Math.Sqrt(distance):0.0e+0} away, {limit:0.0e+0} is allowed");
        }

        return null;
    }

    /// <summary>Compares numbers one by one.</summary>
    /// <param name="role">What they are.</param>
    /// <param name="found">Computed.</param>
    /// <param name="tolerance">Absolute.</param>
    public string? Compare(string role, IReadOnlyList<double> found, double tolerance)
    {
        double[] expected = Numbers(role);
        if (expected.Length != found.Count) return $"{role} has {found.Count} numbers, {expected.Length} were expected";
        for (int i = 0; i < expected.Length; i++)
            if (found[i] != expected[i] && !(Math.Abs(found[i] - expected[i]) <= tolerance))
                return Say($"{role}[{i}]", found[i], expected[i], tolerance);
        return null;
    }

    /// <summary>Compares numbers as one vector.</summary>
    /// <param name="role">What they are.</param>
    /// <param name="found">Computed.</param>
    /// <param name="tolerance">Relative to the vector's length.</param>
    public string? CompareNorm(string role, IReadOnlyList<double> found, double tolerance)
    {
        double[] expected = Numbers(role);
        if (expected.Length != found.Count) return $"{role} has {found.Count} numbers, {expected.Length} were expected";
        double distance = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            distance += (found[i] - expected[i]) * (found[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        double limit = tolerance * Math.Sqrt(norm);
        return Math.Sqrt(distance) <= limit ? null
            : FormattableString.Invariant($"{role} is {Math.Sqrt(distance):0.0e+0} away, {limit:0.0e+0} is allowed");
    }

    /// <summary>Compares the gradient of an <see cref="Input"/> after a backward pass, and forgets it.</summary>
    /// <param name="role">The input's role.</param>
    /// <param name="tolerance">Relative to the gradient's length.</param>
    public string? CompareGradient(string role, double tolerance)
    {
        Leaf leaf = _leaves[role];
        string? off = leaf.Gradient is { } gradient ? CompareNorm($"grad.{role}", Array.ConvertAll(gradient.ToArray(), v => (double)v),
            tolerance)
            : $"grad.{role} is not computed";
        leaf.Clear();
        return off;
    }

    private double Noise(string name) => Settings.TryGetProperty("noise", out JsonElement noise)
        && noise.TryGetProperty(name, out JsonElement e) ? e.GetDouble() : 0;

    private static string Say(string what, double found, double expected, double allowed)
        => string.Create(CultureInfo.InvariantCulture, $"{what} is {found:G9}, not {expected:G9} ({allowed:0.0e+0} is allowed)");

    private static double[] Numbers(RawTensor tensor)
    {
        byte[] bytes = tensor.ToBytes();
        double[] values = new double[tensor.ElementCount];
        for (int i = 0; i < values.Length; i++)
        {
            ReadOnlySpan<byte> at = bytes.AsSpan((int)(i * (bytes.LongLength / Math.Max(1, values.Length))));
            values[i] = tensor.DType switch
            {
                DType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(at),
                DType.F32 => BinaryPrimitives.ReadSingleLittleEndian(at),
                DType.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(at),
                DType.I64 => BinaryPrimitives.ReadInt64LittleEndian(at),
                DType.I32 => BinaryPrimitives.ReadInt32LittleEndian(at),
                DType.I8 => (sbyte)at[0],
                DType.U8 or DType.Bool => at[0],
                _ => throw new FormatException($"{tensor.Name} is {tensor.DType}; numbers of another type were expected"),
            };
        }

        return values;
    }
}
