using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using Xunit;

namespace Heed.Testing;

/// <summary>Tests of an assembly once more, in child processes whose instruction sets are switched off. Compiled into the test projects
/// that do so.</summary>
internal static class CpuSwitches
{
    private const string Mark = "HEED_CPU_OFF";

    /// <summary>The switch that this process was started with; empty where nobody asked.</summary>
    public static string Current => Environment.GetEnvironmentVariable(Mark) ?? "";

    /// <summary>One row a switch.</summary>
    public static TheoryData<string> All => ["DOTNET_EnableAVX512", "DOTNET_EnableAVX2", "DOTNET_EnableHWIntrinsic"];

    /// <summary>True where a switch is in force.</summary>
    public static bool IsOff(string name) => name switch
    {
        "DOTNET_EnableAVX512" => !Vector512.IsHardwareAccelerated && !Avx512F.IsSupported,
        "DOTNET_EnableAVX2" => !Avx2.IsSupported && !Vector256.IsHardwareAccelerated,
        "DOTNET_EnableHWIntrinsic" => !Avx2.IsSupported && !Fma.IsSupported && !Vector128.IsHardwareAccelerated,
        _ => true,
    };

    /// <summary>Runs tests of this assembly with a switch off; all must pass.</summary>
    /// <param name="name">The switch.</param>
    /// <param name="least">The least number of tests that the patterns must find.</param>
    /// <param name="methods">Full names of methods; <c>*</c> at either end stands for anything.</param>
    public static void Pass(string name, int least, params string[] methods)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) Assert.Skip("the switches name instruction sets of x64");
        string assembly = Assembly.GetExecutingAssembly().GetName().Name!, program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? assembly + ".exe" : assembly);
        string[] patterns = [$"{typeof(CpuSwitchTests).FullName}.{nameof(CpuSwitchTests.A_switch_has_its_effect)}", .. methods];
        ProcessStartInfo start = new(program, [.. patterns.SelectMany(m => (string[])["-method", m]), "-noColor", "-noLogo"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Mark] = name;
        start.Environment[name] = "0";
        start.Environment.Remove("HEED_LONG");   // what is long without the switch is longer with it
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string said = child.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        child.WaitForExit();
        Match total = Regex.Match(said, @"Total: (\d+)", RegexOptions.CultureInvariant);
        Assert.True(child.ExitCode == 0 && total.Success, $"with {name}=0: {said}");
        int found = int.Parse(total.Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.True(found > least, $"with {name}=0 only {found} tests ran; at least {least} were expected besides the check of the switch: {said}");
    }
}

/// <summary>What every child runs first of all.</summary>
public class CpuSwitchTests
{
    [Fact]
    public void A_switch_has_its_effect() => Assert.True(CpuSwitches.IsOff(CpuSwitches.Current), $"{CpuSwitches.Current}=0 has no effect here");
}
