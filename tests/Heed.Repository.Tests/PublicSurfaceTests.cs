using PublicApiGenerator;

namespace Heed.Repository.Tests;

/// <summary>The public surface of each library is a reviewed text. HEED_APPROVE=1 takes today's as approved (CONTRIBUTING.md).</summary>
public sealed class PublicSurfaceTests
{
    public static TheoryData<string> Libraries => [.. Products.Libraries];

    [Theory, MemberData(nameof(Libraries))]
    public void The_public_surface_is_the_approved_one(string name)
    {
        string surface = Products.Load(name).GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false, DenyNamespacePrefixes = [] }).ReplaceLineEndings("\n").TrimEnd() + "\n";
        string approved = Tree.At($"tests/Heed.Repository.Tests/Approved/{name}.txt"), received = Path.ChangeExtension(approved, ".received.txt");
        if (Environment.GetEnvironmentVariable("HEED_APPROVE") == "1") File.WriteAllText(approved, surface);
        string expected = File.Exists(approved) ? File.ReadAllText(approved).ReplaceLineEndings("\n") : "";
        if (surface == expected)
        {
            File.Delete(received);
            return;
        }

        File.WriteAllText(received, surface);
        string[] before = expected.Split('\n'), now = surface.Split('\n');
        Assert.Fail($"The public surface of {name} changed. Compare {received} with {approved}; run the tests with HEED_APPROVE=1 where the change is meant.\n"
            + string.Join('\n', before.Except(now).Take(10).Select(l => "- " + l.Trim()).Concat(now.Except(before).Take(10).Select(l => "+ " + l.Trim()))));
    }
}
