using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Testing;

namespace Heed.Engine.Tests;

/// <summary>A small model trains in child processes whose instruction sets are switched off one by one.</summary>
public class CpuFeatureTests
{
    private const string Mark = "HEED_CPU_PROBE", Separator = " | ";
    private const int Vocabulary = 29, Width = 40, Heads = 4, Layers = 2, Length = 24, Steps = 20;

    /// <summary>What a child does; in the test run itself, where nobody asks for it, it only trains.</summary>
    [Fact]
    public void Probe()
    {
        string wanted = Environment.GetEnvironmentVariable(Mark) ?? "";
        string[] parts = wanted.Split('=', 3);
        Assert.True(CpuSwitches.IsOff(parts[0]), $"{wanted} has no effect here");
        (double[] losses, string sum) = Train();
        Assert.True(losses[^1] < 0.7 * losses[0], $"the loss went from {losses[0]} to {losses[^1]}");
        if (wanted.Length == 0) return;
        File.WriteAllText(parts[2], string.Join(Separator, sum, string.Join(' ', losses.Select(l => l.ToString("R", CultureInfo.InvariantCulture)))));
    }

    [Fact]
    public void Without_AVX512_every_bit_is_the_same_and_with_less_the_losses_agree()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) Assert.Skip("the switches name instruction sets of x64");
        string[] switches = ["none", "DOTNET_EnableAVX512", "DOTNET_EnableAVX2", "DOTNET_EnableHWIntrinsic"];
        (double[] Losses, string Sum)[] results = new (double[], string)[switches.Length];
        Parallel.For(0, switches.Length, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i => results[i] = Child(switches[i]));
        Assert.Equal(results[0].Sum, results[1].Sum);
        Assert.Equal(results[0].Losses, results[1].Losses);
        foreach ((double[] losses, _) in results[2..])
            for (int step = 0; step < Steps; step++) Assert.Equal(results[0].Losses[step], losses[step], 1e-4 * results[0].Losses[step]);
    }

    private static (double[] Losses, string Sum) Child(string name)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("result"), assembly = typeof(CpuFeatureTests).Assembly.GetName().Name!;
        string program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? assembly + ".exe" : assembly);
        ProcessStartInfo start = new(program, ["-method", $"{typeof(CpuFeatureTests).FullName}.{nameof(Probe)}", "-noColor", "-noLogo"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Mark] = $"{name}=0={file}";
        if (name != "none") start.Environment[name] = "0";
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string said = child.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0 && File.Exists(file), $"{name}: {said}");
        string[] parts = File.ReadAllText(file).Split(Separator);
        return ([.. parts[1].Split(' ').Select(l => double.Parse(l, CultureInfo.InvariantCulture))], parts[0]);
    }

    /// <summary>Trains a decoder to repeat a text.</summary>
    /// <returns>The losses of all steps, and the SHA-256 of all logits, gradients and last weights.</returns>
    private static (double[] Losses, string Sum) Train()
    {
        using ParameterSet set = new(ParameterSource.Random(3));
        Initializer normal = Initializer.Normal(0.2f);
        ParameterScope at = set.Root;
        Embedding tokens = new(Vocabulary, Width, at / "wte", normal), positions = new(Length, Width, at / "wpe", normal);
        (LayerNorm First, MultiHeadAttention Attention, LayerNorm Second, FeedForward Inner)[] blocks = [.. Enumerable.Range(0, Layers).Select(i => (
            new LayerNorm(Width, 1e-5f, at / "h" / i / "ln_1"),
            new MultiHeadAttention(new AttentionConfig { Width = Width, Heads = Heads, Causal = true, Layer = i, Initializer = normal }, at / "h" / i / "attn"),
            new LayerNorm(Width, 1e-5f, at / "h" / i / "ln_2"),
            new FeedForward(new FeedForwardConfig { Width = Width, InnerWidth = 4 * Width, Activation = Activation.GeluTanh, UpName = "up", DownName = "down", Initializer = normal }, at / "h" / i / "mlp")))];
        LayerNorm last = new(Width, 1e-5f, at / "ln_f");
        Linear head = new(tokens.Weight, bias: null);
        int[] ids = [.. Enumerable.Range(0, 2 * Length).Select(i => ((i * 7) + (i * i)) % Vocabulary)], targets = [.. ids.Select((_, i) => (i + 1) % Length == 0 ? -100 : ids[i + 1])];
        int[] places = [.. Enumerable.Range(0, 2 * Length).Select(i => i % Length)];
        using AdamW optimizer = new(set);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        double[] losses = new double[Steps];
        for (int step = 0; step < Steps; step++)
        {
            set.ClearGradients();
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            ForwardContext context = ForwardContext.Of(Length, Length);
            Variable x = tokens.Forward(ids) + positions.Forward(places);
            foreach ((LayerNorm first, MultiHeadAttention attention, LayerNorm second, FeedForward inner) in blocks)
            {
                x += attention.Forward(first.Forward(x), context);
                x += inner.Forward(second.Forward(x), context);
            }

            Variable logits = head.Forward(last.Forward(x));
            Variable loss = Loss.CrossEntropy(logits, targets, new CrossEntropySettings { IgnoreIndex = -100 });
            tape.Backward(loss);
            losses[step] = loss.Value.ToScalar();
            hash.AppendData(MemoryMarshal.AsBytes(logits.Value.Span));
            foreach (Parameter parameter in set) hash.AppendData(MemoryMarshal.AsBytes(parameter.Gradient!.Span));
            optimizer.Step(3e-3);
        }

        foreach (Parameter parameter in set) hash.AppendData(MemoryMarshal.AsBytes(parameter.Value.Span));
        return (losses, Convert.ToHexString(hash.GetHashAndReset()));
    }
}
