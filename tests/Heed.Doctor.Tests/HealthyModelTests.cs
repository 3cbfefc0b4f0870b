using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Models.Files;
using Heed.Models.Recurrent;
using Heed.Models.Transformer2017;
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

    /// <summary>Types of the families that no folder of the goldens has: they are made here.</summary>
    private static readonly Dictionary<string, (HeadKind Head, ModelConfig Sizes)> Made = new()
    {
        ["transformer-2017"] = (HeadKind.SequenceToSequence, Transformer2017Config.Tiny),
        ["lstm-lm"] = (HeadKind.LanguageModel, Recurrent),
        ["lstm-classifier"] = (HeadKind.SequenceClassifier, Recurrent with { Task = LstmTask.Classifier, Labels = ["no", "yes"] }),
        ["lstm-seq2seq"] = (HeadKind.SequenceToSequence, Recurrent with { Task = LstmTask.SequenceToSequence }),
        ["custom-decoder"] = (HeadKind.LanguageModel, Own),
        ["custom-encoder"] = (HeadKind.MaskedLanguageModel, Own with { Encoder = true }),
    };

    private static LstmConfig Recurrent => new() { Vocabulary = 300, Width = 32, PaddingId = 0, BeginId = 1, EndId = 2 };

    private static CustomConfig Own => new() { Vocabulary = 300, Width = 32, Layers = 2, Heads = 4, PaddingId = 0 };

    public static TheoryData<string> MadeTypes => [.. Made.Keys];

    [Theory, MemberData(nameof(MadeTypes))]
    public void A_new_model_of_a_type_without_a_golden_folder_is_healthy(string type)
    {
        (HeadKind head, ModelConfig sizes) = Made[type];
        Assert.Equal(type, sizes.ModelType);
        using TemporaryFolder folder = new();
        string path = folder.File("model");
        using (Model model = ModelFamilies.Build(head, sizes, new ParameterSet(ParameterSource.Random(11)))) ModelFolder.Save(model, path);
        ExaminationReport report = Workshop.Healthy(Examination.OfFolder(path), Rules.TokenizerMismatch, Rules.SpecialTokens);
        Assert.Contains(Rules.PaddingAttended, report.Judged);
    }

    [Fact]
    public void No_family_is_left_out()
    {
        HashSet<string> types = [.. Made.Keys];
        foreach (TheoryDataRow<string> row in Models)
            types.Add(ModelFolder.ReadConfig(Path.Combine(Repository.Goldens, row.Data)).Config.ModelType);
        Assert.Empty(ModelFamilies.All.Where(f => !f.ModelTypes.Any(types.Contains)).SelectMany(f => f.ModelTypes));
    }

    [SharedFact]
    public void The_real_MiniLM_is_healthy()
        => Workshop.Healthy(Examination.OfFolder(Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2")));
}
