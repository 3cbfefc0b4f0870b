using System.Text.Json.Nodes;
using Heed.Testing;

namespace Heed.Verification.Tests.Finetuning;

/// <summary>One epoch over the disputes with the real MiniLM, step for step as the reference.</summary>
public class FinetuneVerificationTests
{
    private static readonly string Golden = Path.Combine(Repository.Goldens, "finetune");
    private static readonly string Data = Path.Combine(Repository.Root, "samples", "disputes");

    [SharedFact]
    public void Each_of_63_steps_of_the_real_model_is_the_reference_s()
    {
        IReadOnlyList<VerificationResult> results = FinetuneVerification.Run(Golden, Model, Data, CancellationToken.None);
        Assert.Equal(67, results.Count);
        Assert.All(results, r => Assert.True(r.Passed, $"{r.Case}: {r.Detail}"));
    }

    [SharedFact]
    public void A_step_that_departs_is_found_by_its_number_and_what_departs()
    {
        using TemporaryFolder folder = new();
        string copy = folder.File("run");
        Directory.CreateDirectory(copy);
        foreach (string file in Directory.EnumerateFiles(Golden)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        JsonObject record = JsonNode.Parse(File.ReadAllText(Path.Combine(copy, "golden.json")))!.AsObject();
        JsonArray steps = record["steps"]!.AsArray();
        while (steps.Count > 5) steps.RemoveAt(5);
        steps[1]!["grad_norm"] = steps[1]!["grad_norm"]!.GetValue<double>() * 1.001;
        File.WriteAllText(Path.Combine(copy, "golden.json"), record.ToJsonString());
        // Five steps leave another model than 63, and the schedule falls faster.
        VerificationResult[] failed = [.. FinetuneVerification.Run(copy, Model, Data, CancellationToken.None).Where(r => !r.Passed)];
        Assert.Contains(failed, r => r.Case.StartsWith("step 2: grad_norm", StringComparison.Ordinal));
        Assert.DoesNotContain(failed, r => r.Case.StartsWith("step 1", StringComparison.Ordinal));
        Assert.Contains(failed, r => r.Case == "test logits");
    }

    [Fact]
    public void Folders_of_other_kinds_are_none()
    {
        Assert.True(FinetuneVerification.IsRun(Golden));
        Assert.False(FinetuneVerification.IsRun(Path.Combine(Repository.Goldens, "models", "gpt2")));
    }

    private static string Model => Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2");
}
