using System.Diagnostics;
using System.Globalization;
using Heed.Checkpoints;
using Heed.Checkpoints.Tests.Pickle;
using Heed.Engine.Nn;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Files;

/// <summary>Opening a folder takes at most 1.15 times the bytes of its weights and 64 MiB, in every stored form: measured as the largest resident memory of a child process.</summary>
public sealed class LoadMemoryTests
{
    private const string Mark = "HEED_LOAD_PROBE";

    /// <summary>What a child does: opens a small model, so that the program itself is in memory, then the one to be measured.</summary>
    [Fact]
    public void Probe()
    {
        string wanted = Environment.GetEnvironmentVariable(Mark) ?? "";
        if (wanted.Length == 0)
        {
            Assert.True(wanted.Length == 0);
            return;
        }

        string[] parts = wanted.Split('|');
        bool training = parts[3] == "training";
        Open(parts[0], training);
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        long before = Status("VmRSS");
        long values = Open(parts[1], training);
        File.WriteAllText(parts[2], string.Create(CultureInfo.InvariantCulture, $"{Status("VmHWM") - before} {values}"));
    }

    [Theory]
    [InlineData("gpt2", "F32", "one", false)]
    [InlineData("gpt2", "F16", "shards", false)]
    [InlineData("gpt2", "F32", "one", true)]
    [InlineData("llama", "BF16", "one", false)]
    [InlineData("llama", "F32", "shards", false)]
    [InlineData("untied table", "BF16", "one", false)]
    [InlineData("gpt2", "F32", "pickle", false)]
    [InlineData("llama", "F16", "pickle", false)]
    [InlineData("gpt2", "F32", "pickle of 2019", false)]
    public void Opening_takes_little_more_than_the_file(string family, string dtype, string form, bool training)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("the largest resident memory of a process is read from /proc");
        using TemporaryFolder small = new(), large = new();
        Write(small.Path, family, layers: 1, width: 64, Enum.Parse<DType>(dtype), form);
        Write(large.Path, family, layers: 6, width: 512, Enum.Parse<DType>(dtype), form);
        long file = Directory.GetFiles(large.Path).Where(f => !f.EndsWith(".json", StringComparison.Ordinal)).Sum(f => new FileInfo(f).Length);
        Assert.True(file > 60 << 20, $"{file} bytes are too few to measure anything");
        (long growth, long values) = Child(small.Path, large.Path, large.File("result"), training);
        Assert.True(values > 30_000_000, $"only {values} values were opened");
        // Plain weights in training are float32 whatever the file's type; the cases here keep the type.
        Assert.True(growth <= (1.15 * file) + (64 << 20), $"{growth / 1048576.0:0.0} MiB for {file / 1048576.0:0.0} MiB");
    }

    private static long Open(string folder, bool training)
    {
        (Model model, _) = ModelFolder.Load(folder, new LoadOptions { ForTraining = training });
        using (model) return model.Parameters.Values;
    }

    private static long Status(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }

    private static void Write(string folder, string family, int layers, int width, DType dtype, string form)
    {
        using Model model = family == "gpt2"
            ? CausalLanguageModel.Create(new Gpt2Config { Layers = layers, Heads = 8, Width = width, Vocabulary = width > 100 ? 30000 : 100 }, new ParameterSet(ParameterSource.Random(1)))
            : family == "untied table"
            ? CausalLanguageModel.Create(new LlamaConfig { Layers = 1, Heads = 8, Width = width, InnerWidth = width, Vocabulary = width > 100 ? 140_000 : 100 }, new ParameterSet(ParameterSource.Random(1)))
            : CausalLanguageModel.Create(new LlamaConfig { Layers = layers, Heads = 8, KeyHeads = 2, Width = width, InnerWidth = 3 * width, Vocabulary = width > 100 ? 20000 : 100 }, new ParameterSet(ParameterSource.Random(1)));
        ModelFolder.Save(model, folder, dtype, form == "shards" ? 20 << 20 : long.MaxValue);
        if (form.StartsWith("pickle", StringComparison.Ordinal)) ToPickle(folder, form.EndsWith("2019", StringComparison.Ordinal));
    }

    /// <summary>Writes the folder's weights as PyTorch would have.</summary>
    private static void ToPickle(string folder, bool legacy)
    {
        string safe = Path.Combine(folder, "model.safetensors"), path = Path.Combine(folder, "pytorch_model.bin");
        List<(string Key, long Count, byte[] Data)> storages = [];
        List<(string, Action<PickleBuilder>)> entries = [];
        using (CheckpointFolder from = CheckpointFolder.Open(folder))
        {
            foreach (RawTensor tensor in from.Tensors)
            {
                byte[] data = new byte[tensor.ElementCount * (tensor.DType == DType.F32 ? 4 : 2)];
                tensor.ReadBytes(0, data);
                string key = storages.Count.ToString(CultureInfo.InvariantCulture), type = tensor.DType switch { DType.F16 => "torch.HalfStorage", DType.BF16 => "torch.BFloat16Storage", _ => "torch.FloatStorage" };
                long[] shape = tensor.Sizes, strides = new long[shape.Length];
                for (int i = shape.Length - 1, next = 1; i >= 0; next *= (int)shape[i], i--) strides[i] = next;
                storages.Add((key, tensor.ElementCount, data));
                entries.Add((tensor.Name, p => p.Tensor(type, key, tensor.ElementCount, 0, shape, strides)));
            }
        }

        byte[] pickle = PickleBuilder.Dict([.. entries]);
        if (legacy) File.WriteAllBytes(path, PickleBuilder.Legacy(pickle, [.. storages]));
        else PickleBuilder.Zip(path, pickle, storages.Select(s => (s.Key, s.Data)));
        File.Delete(safe);
    }

    private static (long Growth, long Values) Child(string small, string large, string result, bool training)
    {
        string program = Path.Combine(AppContext.BaseDirectory, typeof(LoadMemoryTests).Assembly.GetName().Name!);
        ProcessStartInfo start = new(program, ["-method", $"{typeof(LoadMemoryTests).FullName}.{nameof(Probe)}", "-noColor", "-noLogo"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Mark] = string.Join('|', small, large, result, training ? "training" : "");
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string said = child.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0 && File.Exists(result), said);
        string[] numbers = File.ReadAllText(result).Split(' ');
        return (long.Parse(numbers[0], CultureInfo.InvariantCulture), long.Parse(numbers[1], CultureInfo.InvariantCulture));
    }
}
