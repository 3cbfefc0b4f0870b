using Heed.Testing;

namespace Heed.Doctor.Tests;

/// <summary>No false alarm: each folder of the goldens is healthy.</summary>
public class HealthyModelTests
{
    public static TheoryData<string> Models
        => [.. new[] { "models", Path.Combine("pipelines", "models"), Path.Combine("similarity", "folders") }
        .SelectMany(f => Directory.EnumerateDirectories(Path.Combine(Repository.Goldens, f))).Where(d => Path.GetFileName(d) != "static")
        .Select(d => Path.GetRelativePath(Repository.Goldens, d)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Models))]
    public void A_folder_of_every_family_is_healthy(string folder)
    {
        string path = Path.Combine(Repository.Goldens, folder);
        bool hasTokenizer = File.Exists(Path.Combine(path, "tokenizer.json"));
        ExaminationReport report = Workshop.Healthy(Examination.OfFolder(path),
            hasTokenizer ? [] : [Rules.TokenizerMismatch, Rules.SpecialTokens]);
        foreach (string rule in (string[])[Rules.PaddingAttended, Rules.EvaluationInTrainingMode, Rules.HalfPrecisionOverflow,
            Rules.PositionsBeyondTable])
            Assert.Contains(rule, report.Judged);
        Assert.Equal(hasTokenizer, report.Judged.Contains(Rules.SpecialTokens));
    }

    [SharedFact]
    public void The_real_MiniLM_is_healthy()
        => Workshop.Healthy(Examination.OfFolder(Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2")));
}
