using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Tensors;
using Heed.Testing;

namespace Heed.Engine.Tests;

/// <summary>One part of the reference values in <c>goldens/modules</c>: cases with settings and tensors by role.</summary>
internal sealed class GoldenPart
{
    private static readonly Dictionary<string, GoldenPart> Parts = new(StringComparer.Ordinal);
    private static readonly Lock Gate = new();
    private readonly Dictionary<string, (float[] Values, int[] Shape)> _tensors = new(StringComparer.Ordinal);
    private readonly JsonDocument _settings;

    private GoldenPart(string name)
    {
        string folder = Path.Combine(Repository.Goldens, "modules");
        _settings = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name + ".json")));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, name + ".safetensors"));
        foreach (RawTensor t in file.Tensors) _tensors[t.Name] = (Read(t), [.. t.Shape.Select(s => (int)s)]);
    }

    public static GoldenPart Load(string name)
    {
        lock (Gate)
        {
            if (!Parts.TryGetValue(name, out GoldenPart? part)) Parts[name] = part = new GoldenPart(name);
            return part;
        }
    }

    /// <summary>Names of the cases that begin with a word; at least one.</summary>
    public IReadOnlyList<string> Cases(string prefix = "")
    {
        string[] cases = [.. _settings.RootElement.EnumerateObject().Select(p => p.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal))];
        Assert.NotEmpty(cases);
        return cases;
    }

    public JsonElement Settings(string name) => _settings.RootElement.GetProperty(name);

    public bool Has(string name, string role) => _tensors.ContainsKey($"{name}/{role}");

    public float[] Values(string name, string role) => _tensors[$"{name}/{role}"].Values;

    public int[] Shape(string name, string role) => _tensors[$"{name}/{role}"].Shape;

    public int[] Integers(string name, string role) => [.. Values(name, role).Select(v => (int)v)];

    public Tensor Tensor(string name, string role) => Heed.Engine.Tensors.Tensor.Create(Values(name, role), new Shape(Shape(name, role)));

    /// <summary>Roles of a case that begin with a prefix, without it.</summary>
    public IEnumerable<string> Roles(string name, string prefix) => _tensors.Keys.Where(k => k.StartsWith($"{name}/{prefix}", StringComparison.Ordinal)).Select(k => k[(name.Length + 1 + prefix.Length)..]);

    private static float[] Read(RawTensor t)
    {
        if (t.DType is DType.F32) return t.ToFloats();
        byte[] bytes = t.ToBytes();
        return t.DType switch
        {
            DType.I64 => [.. Enumerable.Range(0, bytes.Length / 8).Select(i => (float)BitConverter.ToInt64(bytes, 8 * i))],
            DType.Bool => [.. bytes.Select(b => (float)b)],
            _ => throw new InvalidOperationException($"{t} is of a type that goldens do not have."),
        };
    }
}
