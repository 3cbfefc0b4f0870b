using Heed.Testing;
using Heed.Training.Data;

namespace Heed.Training.Tests.Data;

public class SdkDocumentationTests
{
    // cases: u5
    [Fact]
    public void The_documentation_is_found_above_the_runtime_by_DOTNET_ROOT_and_beside_the_program_of_PATH()
    {
        using TemporaryFolder folder = new();
        string packs = folder.File("sdk/packs"), bin = folder.File("bin"), elsewhere = folder.File("elsewhere");
        foreach (string made in (string[])[packs, bin, elsewhere, folder.File("sdk/shared/runtime")]) Directory.CreateDirectory(made);
        Assert.Equal(packs, SdkDocumentation.Packs(folder.File("sdk/shared/runtime"), _ => null));
        Assert.Equal(packs, SdkDocumentation.Packs(elsewhere, name => name == "DOTNET_ROOT" ? folder.File("sdk") : null));
        Assert.Null(SdkDocumentation.Packs(elsewhere, name => name == "PATH" ? bin : null));
        string program = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        File.WriteAllText(folder.File("sdk/" + program), "");
        File.CreateSymbolicLink(Path.Combine(bin, program), folder.File("sdk/" + program));
        Assert.Equal(packs, SdkDocumentation.Packs(elsewhere, name => name == "PATH" ? elsewhere + Path.PathSeparator + bin : null));
        Assert.Equal(packs, SdkDocumentation.Packs("", name => name == "PATH" ? bin : null));
    }
}
