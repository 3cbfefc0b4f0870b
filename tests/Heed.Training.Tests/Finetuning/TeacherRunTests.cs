using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Training.Finetuning;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

/// <summary>Learning a classification from a finished classifier beside the labels.</summary>
public sealed class TeacherRunTests
{
    [Fact]
    public void The_loss_is_that_of_the_labels_and_the_divergence_from_the_teacher()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder) with { Teacher = Teacher(folder), Temperature = 3, SoftWeight = 0.25, Shuffle = false };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("student"), config);
        using TensorScope scope = TensorScope.Begin();
        ModelInputs batch = run.Task.Batch(0);
        IReadOnlyList<LossPart> parts = run.Task.Loss(batch, new RunOptions());
        Assert.Equal([("labels", 0.75f), ("teacher", 0.25f)], parts.Select(p => (p.Name, p.Weight)));
        Assert.Equal(run.Task.CountTargets(batch), parts.Select(p => p.Count));
        float[] student = run.Task.Model.Run(batch).Logits!.ToArray();
        using Model teacher = ModelFolder.Load(config.Teacher).Model;
        float[] taught = teacher.Run(batch with { Labels = null, SoftLabels = null }).Logits!.ToArray();
        double expected = 0;
        for (int b = 0; b < batch.InputIds.Rows; b++)
        {
            double[] p = Softmax(taught, b, 3), q = Softmax(student, b, 3);
            for (int c = 0; c < 2; c++) expected += 9 * p[c] * Math.Log(p[c] / q[c]);
        }

        Assert.Equal(expected, parts[1].Sum.Value.ToScalar(), 1e-5 * Math.Abs(expected));
    }

    [Fact]
    public void A_student_of_a_teacher_alone_comes_to_its_probabilities_and_resumes_to_the_same_bits()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder) with { Teacher = Teacher(folder), SoftWeight = 1, Temperature = 1, Steps = 40, Seed = 5 };
        Assert.NotNull(Finetuned.Train(folder.File("student"), config));
        using Model teacher = ModelFolder.Load(config.Teacher).Model, student = ModelFolder.Load(folder.File("student")).Model;
        Tokenizer tokenizer = Tokenizer.FromFolder(config.Teacher);
        double apart = 0;
        string[] texts = ["the dog is here", "the rain is green", "a house of water"];
        foreach (string text in texts)
        {
            int[] ids = [.. tokenizer.Encode(text).Ids];
            ModelInputs inputs = new() { InputIds = new TokenGrid(1, ids.Length, ids) };
            apart += Math.Abs(Softmax(teacher.Run(inputs).Logits!.ToArray(), 0, 1)[0] - Softmax(student.Run(inputs).Logits!.ToArray(), 0, 1)[0]);
        }

        Assert.True(apart / texts.Length < 0.2, $"{apart / texts.Length}");
        Finetuned.AssertResumes(folder, config with { Steps = 8 });
    }

    [Fact]
    public void A_teacher_that_cannot_teach_is_refused()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder);
        string teacher = Teacher(folder);
        Refuses("teacher: ", config with { Teacher = Finetuned.Encoder });
        Refuses("soft_weight: is a setting of a teacher", config with { SoftWeight = 0.5 });
        Refuses("teacher: is for classification", config with { Teacher = teacher, FewShot = true });
        File.WriteAllLines(folder.File("other.csv"), ["text,label", .. Enumerable.Range(0, 24).Select(i => $"text {i},{(i % 2 == 0 ? "up" : "down")}")]);
        Refuses($"teacher: {teacher} is BertForSequenceClassification with the labels", config with { Train = folder.File("other.csv"), Teacher = teacher });

        void Refuses(string expected, FinetuningConfig refused)
            => Assert.StartsWith(expected, Assert.ThrowsAny<ConfigException>(() => FinetuningRun.Prepare(folder.File("no"), refused)).Message,
                StringComparison.Ordinal);
    }

    private static string Teacher(TemporaryFolder folder)
    {
        string teacher = folder.File("teacher");
        if (!Directory.Exists(teacher)) Finetuned.Train(teacher, Config(folder) with { Steps = 30, Seed = 2 });
        return teacher;
    }

    private static FinetuningConfig Config(TemporaryFolder folder)
    {
        string data = folder.File("data.csv");
        string[] near = ["dog", "cat", "house"], far = ["rain", "water", "green"];
        if (!File.Exists(data))
            File.WriteAllLines(data, ["text,label", .. Enumerable.Range(0, 36).Select(i
                => $"the {(i % 2 == 0 ? near : far)[i / 2 % 3]} number {i} is here,{(i % 2 == 0 ? "near" : "far")}")]);
        return new FinetuningConfig
        {
            Model = Finetuned.Encoder,
            Train = data,
            BatchSize = 8,
            LearningRate = 5e-3,
            Steps = 10,
            EvaluateEvery = 5,
            Patience = 0,
            Dropout = 0,
        };
    }

    private static double[] Softmax(float[] logits, int row, double temperature)
    {
        double[] e = [Math.Exp(logits[2 * row] / temperature), Math.Exp(logits[(2 * row) + 1] / temperature)];
        return [e[0] / (e[0] + e[1]), e[1] / (e[0] + e[1])];
    }
}
