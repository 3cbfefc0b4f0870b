using System.Text.Json;
using Heed.Models;
using Heed.Models.Files;
using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Generation.Tests;

/// <summary>Greedy and beam search against the reference runs of every model that has them.</summary>
public sealed class GoldenGenerationTests
{
    public static TheoryData<string> Cases()
    {
        TheoryData<string> cases = [];
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Goldens, "models"), "golden.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
            if (document.RootElement.TryGetProperty("generate", out JsonElement list) && list.GetArrayLength() > 0 && IsKnown(Path.GetDirectoryName(file)!))
                cases.Add(Path.GetFileName(Path.GetDirectoryName(file))!);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ids_and_scores_are_those_of_the_reference(string name)
    {
        VerifyResult result = ModelVerifier.Run(Path.Combine(Repository.Goldens, "models", name), new VerifyOptions { Training = false });
        TensorCheck[] checks = [.. result.Checks.Where(c => c.Name.StartsWith("generate.", StringComparison.Ordinal))];
        Assert.NotEmpty(checks);
        Assert.Equal(0, result.GenerationsNotRun);
        Assert.True(checks.All(c => c.Passed), string.Join("\n", checks.Where(c => !c.Passed)));
    }

    private static bool IsKnown(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        string type = document.RootElement.GetProperty("model_type").GetString()!;
        return ModelFamilies.All.Any(f => f.ModelTypes.Contains(type));
    }
}
