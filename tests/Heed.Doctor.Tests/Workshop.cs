using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Finetuning;
using Heed.Training.Runs;
using Heed.Training.Symptoms;

namespace Heed.Doctor.Tests;

/// <summary>Folders in which mistakes are planted.</summary>
internal static class Workshop
{
    /// <summary>Texts that a small tokenizer and a small model learn.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        .. Enumerable.Range(0, 120).Select(i => $"The {(i % 2 == 0 ? "cat" : "dog")} number {i} sat on the {(i % 3 == 0 ? "mat" : "chair")}"
            + $"{(i % 5 == 0 ? " and slept until the evening came" : "")}."),
    ];

    /// <summary>A model of the pipelines' goldens.</summary>
    public static string Pipeline(string name) => Path.Combine(Repository.Goldens, "pipelines", "models", name);

    /// <summary>A folder of sentence-transformers.</summary>
    public static string Sentences(string name) => Path.Combine(Repository.Goldens, "similarity", "folders", name);

    /// <summary>A copy of a folder.</summary>
    public static string Copy(string source, string target)
    {
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string to = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        return target;
    }

    /// <summary>Changes a JSON file of a folder.</summary>
    public static void Edit(string folder, string file, Action<JsonObject> change)
    {
        string path = Path.Combine(folder, file);
        JsonObject json = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : [];
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    /// <summary>Changes a folder's weights, by the words of hooks.</summary>
    public static void EditWeights(string folder, Action<string, Parameter> change, DType? dtype = null)
    {
        using Model model = ModelFolder.Load(folder, new LoadOptions { ForTraining = true }).Model;
        foreach (Parameter p in model.Parameters) change(model.Parameters.SiteOf(p), p);
        ModelFolder.Save(model, folder, dtype);
    }

    /// <summary>The findings of a path, which must be of these rules alone.</summary>
    public static IReadOnlyList<Finding> Only(ExaminationReport report, params string[] rules)
    {
        Assert.True(report.Findings.Select(f => f.Rule).Distinct().Order().SequenceEqual(rules.Order()), report.ToString());
        foreach (Finding finding in report.Findings)
        {
            Assert.NotEmpty(finding.Place);
            Assert.NotEmpty(finding.Evidence);
            Assert.EndsWith(".", finding.Harm, StringComparison.Ordinal);
            Assert.NotEmpty(finding.Fix);
        }

        return report.Findings;
    }

    /// <summary>Nothing was found, and nothing that was looked at was passed over.</summary>
    public static ExaminationReport Healthy(ExaminationReport report, params string[] unjudged)
    {
        Assert.True(report.IsHealthy, report.ToString());
        Assert.True(report.Unjudged.All(u => unjudged.Contains(u.Rule)), report.ToString());
        Assert.NotEmpty(report.Judged);
        return report;
    }

    /// <summary>A byte-level tokenizer with an end and a padding token.</summary>
    public static Tokenizer Tokenizer(IEnumerable<string>? texts = null, int size = 320)
        => TokenizerTrainer.Train(new BpeTrainerSettings { VocabularySize = size, SpecialTokens = ["<|end|>", "<|pad|>"] }, texts ?? Texts,
            TrainingPipeline.ByteLevel);

    /// <summary>Sizes of a GPT-2 that learns in seconds.</summary>
    public static Gpt2Config Sizes(int vocabulary, int width = 32) => new()
    {
        Vocabulary = vocabulary,
        Width = width,
        Layers = 2,
        Heads = 4,
        ContextLength = 128,
        EmbeddingDropout = 0.1f,
        AttentionDropout = 0.1f,
        ResidualDropout = 0.1f,
        InitialDeviation = 0.1f,
        BeginId = null,
        EndId = 0,
        PaddingId = 1,
    };

    /// <summary>Saves a small GPT-2 with its tokenizer.</summary>
    public static string Save(string folder, CausalLanguageModel model, Tokenizer tokenizer)
    {
        ModelFolder.Save(model, folder);
        tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
        return folder;
    }

    /// <summary>Fine-tunes to the end; a run that fails leaves its folder. Returns the warnings.</summary>
    public static List<string> Finetune(string folder, FinetuningConfig config)
    {
        Warnings warnings = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder, config, warnings: warnings);
        try
        {
            run.Train([warnings]);
            FinetuningRun.Finish(run);
        }
        catch (NumericalException)
        {
            // The run has failed, as a run with such settings does.
        }

        return warnings.All;
    }

    /// <summary>A table of two columns.</summary>
    public static string Table(TemporaryFolder folder, string name, string header, int rows, Func<int, string> row)
    {
        string path = folder.File(name);
        File.WriteAllLines(path, [header, .. Enumerable.Range(0, rows).Select(row)]);
        return path;
    }
}
