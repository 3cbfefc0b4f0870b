using System.Diagnostics;
using System.Reflection;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Testing;

namespace Heed.Engine.Tests.Kernels;

/// <summary>No kernel touches a byte outside its operands: they lie against pages that nobody may touch, in a child process that such a
/// touch would end.</summary>
[Collection(KernelCollection.Name)]
public class GuardPageTests
{
    private const string Mark = "HEED_GUARD_PROBE", Why = "guard pages are made with Linux's mmap and mprotect";

    private static readonly int[] Sizes = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100];

    // Entry points that no operand of a caller reaches, and why.
    private static readonly Dictionary<string, string> Exempt = new()
    {
        ["TensorOperations"] = "hands a tensor's own memory to the kernels",
        ["MatMulTile128"] = "run by MatMulKernel and PackedMatrix at each width",
        ["MatMulTile256"] = "run by MatMulKernel and PackedMatrix at each width",
        ["MatMulTile512"] = "run by MatMulKernel and PackedMatrix at each width",
        ["MatMulPacking"] = "run by MatMulKernel",
        ["MatMulOperands"] = "run by MatMulKernel",
        ["Epilogue.Pin"] = "keeps addresses",
        ["PackedMatrix.Set"] = "run by PackedMatrix.Pack",
        ["PinnedEpilogue"] = "run by MatMulKernel",
        ["Float32Load"] = "reads a PackedMatrix's own memory",
        ["BFloat16Load"] = "reads a PackedMatrix's own memory",
        ["Float16Load"] = "reads a PackedMatrix's own memory",
        ["BlockBytes"] = "reads a PackedMatrix's own memory",
        ["Q8Load"] = "reads a PackedMatrix's own memory",
        ["Q6KLoad"] = "reads a PackedMatrix's own memory",
        ["Q4KLoad"] = "reads a PackedMatrix's own memory",
        ["Q4Load"] = "reads a PackedMatrix's own memory",
        ["NibbleWords"] = "reads a PackedMatrix's own memory",
        ["Lanes128"] = "run by every kernel",
        ["Lanes256"] = "run by every kernel",
        ["Lanes512"] = "run by every kernel",
        ["NormRow"] = "run by LayerNormKernel and RmsNormKernel",
        ["AttentionProblem"] = "run by AttentionKernel",
        ["AttentionPlan"] = "run by AttentionKernel",
        ["AttentionPages.Keys"] = "an address",
        ["AttentionPages.Values"] = "an address",
        ["AttentionPages.NonFiniteFlag"] = "an address",
        ["AttentionRow"] = "run by AttentionKernel over its own memory",
        ["AttentionKernel.Drop"] = "run by AttentionKernel over its own memory",
        ["MapKernel.Row"] = "run by MapKernel and BroadcastKernel",
        ["SoftmaxKernel.LogSum"] = "a definition, safe code",
        ["SoftmaxKernel.Row"] = "run by SoftmaxKernel",
        ["WeightFormat"] = "run by PackedMatrix over its own memory",
        ["BlockFormat"] = "run by PackedMatrix over its own memory",
        ["Q8Format"] = "run by PackedMatrix over its own memory",
        ["Q6KFormat"] = "run by PackedMatrix over its own memory",
        ["Q4KFormat"] = "run by PackedMatrix over its own memory",
        ["Q4Format"] = "run by PackedMatrix over its own memory",
        ["Q8Block.Widen"] = "a register of a PackedMatrix's own memory",
        ["HalfFormats.Widen"] = "a register of a PackedMatrix's own memory",
        ["HalfFormats.Widen512"] = "a register of a PackedMatrix's own memory",
        ["PermuteKernel.Shape"] = "safe code over a shape",
    };

    /// <summary>What a child does; in the test run itself, where nobody asks for it, only the bytes beside an operand are
    /// watched.</summary>
    [Fact]
    public void Probe()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip(Why);
        string[] wanted = (Environment.GetEnvironmentVariable(Mark) ?? "").Split('=', 2);
        using GuardedMemory memory = new(atEnd: wanted[0] != "before");
        switch (wanted[0])
        {
            case "all":
                RunAll(wanted[1]);
                return;
            case "behind":
                Assert.True(Touch(memory.Read<float>([1]), 1) >= 0);
                return;
            case "before":
                Assert.True(Touch(memory.Read<float>([1]), -1) >= 0);
                return;
            case "operand":
                Overwrite(memory.Read<float>([1]), 0);
                return;
            default:
                ReadOnlySpan<float> operand = memory.Write<float>([1, 2]);
                memory.Check();
                Overwrite(operand, -1);
                Assert.ThrowsAny<Exception>(memory.Check);
                return;
        }
    }

    [Fact]
    public void Every_kernel_stays_within_its_operands()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip(Why);
        (int code, string said, string last) = Child("all");
        Assert.True(code == 0, $"the process that ran the kernels ended with {code} in {last}: {said}");
        Assert.Equal("done", last);
    }

    [Theory]
    [InlineData("behind")]
    [InlineData("before")]
    [InlineData("operand")]
    public void A_forbidden_touch_ends_the_process(string touch)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip(Why);
        Assert.InRange(Child(touch).Code, 128, 255);
    }

    [Fact]
    public void Every_entry_point_of_a_kernel_is_run()
    {
        const BindingFlags Members = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        HashSet<string> run = [.. GuardedKernels.All.Select(k => k.Name)], found = [];
        foreach (Type type in typeof(AttentionKernel).Assembly.GetTypes())
        {
            if (type.Namespace != typeof(AttentionKernel).Namespace || type.IsNested || type.IsInterface) continue;
            foreach (MethodInfo method in type.GetMethods(Members))
            {
                if (method.IsPrivate || method.IsSpecialName || method.Name.StartsWith("Scalar", StringComparison.Ordinal) || !method.GetParameters().Any(p => IsMemory(p.ParameterType))) continue;
                string name = $"{type.Name}.{method.Name}";
                if (!Exempt.ContainsKey(type.Name) && !Exempt.ContainsKey(name)) found.Add(name);
            }
        }

        Assert.Empty(found.Except(run));
        Assert.Empty(run.Except(found));
    }

    private static bool IsMemory(Type type) =>
        type.IsPointer || (type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(Span<>) || type.GetGenericTypeDefinition() == typeof(ReadOnlySpan<>)) && type.GenericTypeArguments[0] != typeof(Tensor));

    private static void RunAll(string log)
    {
        LaneWidth before = Lanes.Width;
        try
        {
            foreach ((string name, Action<GuardedMemory, int> run) in GuardedKernels.All)
            {
                File.WriteAllText(log, name);
                foreach (LaneWidth width in (LaneWidth[])[LaneWidth.Lanes128, LaneWidth.Lanes256, LaneWidth.Lanes512])
                {
                    Lanes.Width = width;
                    foreach (bool atEnd in (bool[])[true, false])
                    {
                        foreach (int size in Sizes)
                        {
                            using GuardedMemory memory = new(atEnd);
                            run(memory, size);
                            memory.Check();
                        }
                    }
                }
            }

            File.WriteAllText(log, "done");
        }
        finally
        {
            Lanes.Width = before;
        }
    }

    private static (int Code, string Said, string Last) Child(string what)
    {
        using TemporaryFolder folder = new();
        string log = folder.File("last"), assembly = typeof(GuardPageTests).Assembly.GetName().Name!;
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, assembly), ["-method", $"{typeof(GuardPageTests).FullName}.{nameof(Probe)}", "-noColor", "-noLogo"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Mark] = $"{what}={log}";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string said = child.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        child.WaitForExit();
        return (child.ExitCode, said, File.Exists(log) ? File.ReadAllText(log) : "");
    }

    private static unsafe float Touch(ReadOnlySpan<float> operand, int at)
    {
        fixed (float* p = operand) return p[at];
    }

    private static unsafe void Overwrite(ReadOnlySpan<float> operand, int at)
    {
        fixed (float* p = operand) p[at] = 3;
    }
}
