using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Models;

namespace Heed.Verification;

/// <summary>The reference values of one model folder: <c>golden.safetensors</c>, <c>golden.json</c>, <c>noise.json</c>.</summary>
internal sealed class GoldenFolder : IDisposable
{
    public const string TensorsName = "golden.safetensors";
    private const string RecordName = "golden.json";
    private const string NoiseName = "noise.json";
    private const long MaximumJson = 1L << 28;

    private readonly SafetensorsFile _tensors;
    private readonly JsonDocument _record;
    private readonly Dictionary<string, double> _noise = new(StringComparer.Ordinal);
    private bool _isNumbered = true;

    private GoldenFolder(SafetensorsFile tensors, JsonDocument record, string recordPath)
    {
        _tensors = tensors;
        _record = record;
        Record = new ConfigReader(record.RootElement, recordPath).WithNullAsAbsent();
    }

    /// <summary><c>golden.json</c>.</summary>
    public ConfigReader Record { get; }

    /// <summary>Number of batches.</summary>
    public int Batches { get; private set; }

    public static GoldenFolder Open(string folder)
    {
        string recordPath = Path.Combine(folder, RecordName), noisePath = Path.Combine(folder, NoiseName);
        // Without it the tolerances are those relative to the reference's size.
        using JsonDocument noise = File.Exists(noisePath) ? StrictJson.ReadFile(noisePath, MaximumJson) : JsonDocument.Parse("{}");
        if (noise.RootElement.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(noisePath, "$", $"is {StrictJson.Describe(noise.RootElement)}; an object was expected");
        JsonDocument record = File.Exists(recordPath) ? StrictJson.ReadFile(recordPath, MaximumJson) : JsonDocument.Parse("{}");
        SafetensorsFile? tensors = null;
        try
        {
            if (record.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidFileException(recordPath, "$", $"is {StrictJson.Describe(record.RootElement)}; an object was expected");
            tensors = SafetensorsFile.Open(Path.Combine(folder, TensorsName));
            GoldenFolder golden = new(tensors, record, recordPath);
            foreach (JsonProperty entry in noise.RootElement.EnumerateObject())
                golden._noise[entry.Name] = StrictJson.Number(entry.Value, noisePath, $"$.{entry.Name}");
            // An adapter's reference has one batch, without a number.
            golden._isNumbered = !tensors.TryGet("input.input_ids", out _);
            if (!golden._isNumbered) golden.Batches = 1;
            while (golden._isNumbered
                && tensors.TryGet(FormattableString.Invariant($"batch{golden.Batches}.input.input_ids"), out _)) golden.Batches++;
            if (golden.Batches == 0)
                throw new InvalidFileException(tensors.Path, "batch0.input.input_ids", "is missing; a reference has at least one batch");
            return golden;
        }
        catch
        {
            tensors?.Dispose();
            record.Dispose();
            throw;
        }
    }

    /// <summary>What float32 itself cannot decide, as L2 distance; 0 where the file does not say.</summary>
    public double Noise(string name) => _noise.GetValueOrDefault(name);

    /// <summary>A tensor by its name, or null.</summary>
    public RawTensor? Tensor(string name) => _tensors.TryGet(name, out RawTensor? tensor) ? tensor : null;

    /// <summary>The tensors whose names begin with <paramref name="prefix"/>.</summary>
    public IEnumerable<RawTensor> Tensors(string prefix)
        => _tensors.Tensors.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The inputs of a batch.</summary>
    public ModelInputs Inputs(int batch)
    {
        string prefix = _isNumbered ? FormattableString.Invariant($"batch{batch}.input.") : "input.";
        return ReadInputs(Tensors(prefix).ToDictionary(t => t.Name[prefix.Length..], StringComparer.Ordinal), _tensors.Path);
    }

    /// <summary>Inputs by Hugging Face's names.</summary>
    /// <exception cref="InvalidFileException">A name is unknown, or a tensor has another type or shape.</exception>
    public static ModelInputs ReadInputs(Dictionary<string, RawTensor> tensors, string file)
    {
        if (!tensors.TryGetValue("input_ids", out RawTensor? ids)) throw new InvalidFileException(file, "input_ids", "is missing");
        foreach ((string name, RawTensor tensor) in tensors)
        {
            if (tensor.Sizes.Length != 2 && name is not ("labels" or "next_sentence_label" or "start_positions" or "end_positions"))
            {
                throw new InvalidFileException(
                    file,
                    tensor.Name,
                    $"is [{string.Join(", ", tensor.Sizes)}]; two axes, texts and ids, were expected: "
                        + $"write one text as [1, {tensor.ElementCount}]");
            }
        }

        ModelInputs inputs = new() { InputIds = Grid(ids, file) };
        foreach ((string name, RawTensor tensor) in tensors)
        {
            inputs = name switch
            {
                "input_ids" => inputs,
                "attention_mask" => inputs with { AttentionMask = Grid(tensor, file) },
                "token_type_ids" => inputs with { TokenTypeIds = Grid(tensor, file) },
                "position_ids" => inputs with { PositionIds = Grid(tensor, file) },
                "labels" when tensor.DType.IsFloat() => inputs with { NumberLabels = tensor.ToFloats() },
                "labels" => inputs with { Labels = Grid(tensor, file) },
                "next_sentence_label" => inputs with { NextSentenceLabel = Integers(tensor, file) },
                "start_positions" => inputs with { StartPositions = Integers(tensor, file) },
                "end_positions" => inputs with { EndPositions = Integers(tensor, file) },
                "decoder_input_ids" => inputs with { DecoderInputIds = Grid(tensor, file) },
                "decoder_attention_mask" => inputs with { DecoderAttentionMask = Grid(tensor, file) },
                _ => throw new InvalidFileException(file, tensor.Name, "is an input that no model here takes"),
            };
        }

        return inputs;
    }

    /// <summary>A grid written in JSON as an array of rows.</summary>
    public static TokenGrid Grid(JsonElement rows, string file, string path)
    {
        if (rows.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(file, path, $"is {StrictJson.Describe(rows)}; an array of rows was expected");
        List<int[]> grid = [];
        foreach (JsonElement row in rows.EnumerateArray())
        {
            string at = $"{path}[{grid.Count}]";
            if (row.ValueKind != JsonValueKind.Array)
                throw new InvalidFileException(file, at, $"is {StrictJson.Describe(row)}; an array of integers was expected");
            int[] cells = new int[row.GetArrayLength()];
            for (int i = 0; i < cells.Length; i++) cells[i] = StrictJson.Integer(row[i], file, $"{at}[{i}]");
            if (grid.Count > 0 && cells.Length != grid[0].Length)
                throw new InvalidFileException(file, at, $"has {cells.Length} columns; the row before has {grid[0].Length}");
            grid.Add(cells);
        }

        return TokenGrid.Of(grid);
    }

    public void Dispose()
    {
        _tensors.Dispose();
        _record.Dispose();
    }

    private static TokenGrid Grid(RawTensor tensor, string file)
    {
        if (tensor.Sizes.Length is not (1 or 2))
            throw new InvalidFileException(file, tensor.Name, $"has {tensor.Sizes.Length} axes; 1 or 2 were expected");
        int[] cells = Integers(tensor, file);
        return tensor.Sizes.Length == 2
            ? new TokenGrid((int)tensor.Shape[0], (int)tensor.Shape[1], cells)
            : new TokenGrid(cells.Length, 1, cells);
    }

    private static int[] Integers(RawTensor tensor, string file)
    {
        if (tensor.DType != DType.I64)
            throw new InvalidFileException(file, tensor.Name, $"is stored as {tensor.DType.Name()}; I64 was expected");
        byte[] bytes = tensor.ToBytes();
        int[] values = new int[bytes.Length / sizeof(long)];
        for (int i = 0; i < values.Length; i++)
        {
            long value = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * sizeof(long)));
            if (value is < int.MinValue or > int.MaxValue)
                throw new InvalidFileException(
                    file, tensor.Name, string.Create(CultureInfo.InvariantCulture, $"holds {value}; ids and labels are 32-bit integers"));
            values[i] = (int)value;
        }

        return values;
    }
}
