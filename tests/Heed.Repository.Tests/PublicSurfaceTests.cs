using System.Reflection;
using System.Runtime.CompilerServices;
using PublicApiGenerator;

namespace Heed.Repository.Tests;

/// <summary>The public surface of each library is a reviewed text. HEED_APPROVE=1 takes today's as approved (CONTRIBUTING.md).</summary>
public sealed class PublicSurfaceTests
{
    public static TheoryData<string> Libraries => [.. Products.Libraries];

    /// <summary>Names say more than Item1 does, and a type can grow.</summary>
    [Theory, MemberData(nameof(Libraries))]
    public void No_public_signature_has_a_tuple(string name)
        => Assert.DoesNotContain("System.ValueTuple<", File.ReadAllText(Tree.At($"tests/Heed.Repository.Tests/Approved/{name}.txt")), StringComparison.Ordinal);

    /// <summary>A friend sees internals: the project that stands for users must be nobody's.</summary>
    [Theory, MemberData(nameof(Libraries))]
    public void Users_are_no_friends(string name)
        => Assert.DoesNotContain(Products.Load(name).GetCustomAttributes<InternalsVisibleToAttribute>(), f => f.AssemblyName.StartsWith("Heed.Outsider", StringComparison.Ordinal));

    /// <summary>326 at the first build, 323 after the shape was changed and families, measures and data forms were added; learning, inspection, retrieval, the doctor and the lab add what a caller must name, and no more.</summary>
    [Fact]
    public void The_public_types_are_few()
    {
        int count = Products.Libraries.Sum(name => Products.Load(name).GetExportedTypes().Count(t => !t.IsNested));
        Assert.True(count < 460, $"{count} public types; below 460 were expected. Make internal what no user needs: a family's block and stack, a record that only the command line reads.");
    }

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
