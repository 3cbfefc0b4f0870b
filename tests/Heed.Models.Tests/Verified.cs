using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Runs reference folders and asserts that they pass.</summary>
internal static class Verified
{
    public static VerifyResult Model(string name, VerifyOptions? options = null) => Folder(Path.Combine(Repository.Goldens, "models", name), options);

    public static VerifyResult Adapter(string name, VerifyOptions? options = null) => Folder(Path.Combine(Repository.Goldens, "lora", name), options);

    public static VerifyResult Checkpoint(string name) => Folder(Path.Combine(Repository.Goldens, "checkpoints", name), null);

    private static VerifyResult Folder(string folder, VerifyOptions? options)
    {
        VerifyResult result = ModelVerifier.Run(folder, (options ?? VerifyOptions.Default) with { Generation = false });   // GoldenGenerationTests
        Assert.True(result.Passed, $"{result}\n{string.Join("\n", result.Checks.Where(c => !c.Passed).Take(40))}");
        Assert.NotEmpty(result.Checks);
        return result;
    }
}
