using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

/// <summary>What is damaged, changed or killed is found, named, and costs no more than it must.</summary>
public class RunFaultTests
{
    // cases: r1
    [Fact]
    public void A_checkpoint_that_another_run_is_writing_is_not_called_damaged()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        using (RunLock.Take(run))
        {
            Directory.CreateDirectory(Path.Combine(run, "checkpoints", "step-000000005"));
            StorageException e = Assert.Throws<StorageException>(() => RunSettings.Of(run, begun: false, PretrainingConfig.FromJson));
            Assert.Contains("another run works in this folder (process ", e.Message, StringComparison.Ordinal);
        }

        Assert.ThrowsAny<HeedException>(() => RunSettings.Of(run, begun: false, PretrainingConfig.FromJson));
    }

    [Fact]
    public void Other_texts_are_refused_before_anything_of_the_run_is_written()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        PretrainingConfig config = Small(folder);
        Train(run, config);
        Dictionary<string, string> before = Files(run);
        File.AppendAllText(config.Data[0], "the whale sings. the whale sleeps.");
        Assert.Contains("other ids", Assert.Throws<InputException>(() => PretrainingRun.Prepare(run, config)).Message, StringComparison.Ordinal);
        Assert.Equal(before, Files(run));
    }

    // cases: r2
    [Fact]
    public void Damaged_ids_are_named_and_encoded_again()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run"), ids = Path.Combine(run, "tokens.bin");
        Train(run, Small(folder));
        byte[] sound = File.ReadAllBytes(ids), damaged = [.. sound];
        damaged[33] ^= 4;   // the bytes of the held-out text
        File.WriteAllBytes(ids, damaged);
        List<string> warnings = [];
        using (PretrainingRun.Prepare(run, Small(folder), warnings: new Gather(warnings)))
            Assert.Contains("tokens.bin: is damaged", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(sound, File.ReadAllBytes(ids));
    }

    // cases: r3
    [Fact]
    public void A_changed_tokenizer_is_named_and_restored_from_the_checkpoint_once_it_is_gone()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run"), file = Path.Combine(run, "tokenizer", "tokenizer.json");
        Train(run, Small(folder));
        string sound = File.ReadAllText(file);
        File.WriteAllText(file, sound.Replace("\"id\": 0", "\"id\": 1", StringComparison.Ordinal).Replace("\"merges\"", "\"merges\" ", StringComparison.Ordinal).Replace("Ġthe\": ", "Ġthe\": 1", StringComparison.Ordinal));
        byte[] ids = File.ReadAllBytes(Path.Combine(run, "tokens.bin"));
        Assert.Contains(file, Assert.ThrowsAny<InputException>(() => PretrainingRun.Prepare(run, Small(folder))).Message, StringComparison.Ordinal);
        Assert.Equal(ids, File.ReadAllBytes(Path.Combine(run, "tokens.bin")));
        Directory.Delete(Path.Combine(run, "tokenizer"), recursive: true);
        Train(run, Small(folder));
        Assert.Equal(sound, File.ReadAllText(file));
    }

    // cases: r4
    [Fact]
    public void One_bit_of_a_finished_model_is_found()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Train(run, Small(folder));
        foreach (string name in (string[])["model.safetensors", "config.json", "tokenizer.json", "generation_config.json"])
        {
            string file = Path.Combine(run, "model", name);
            byte[] sound = File.ReadAllBytes(file), damaged = [.. sound];
            damaged[^5] ^= 2;
            File.WriteAllBytes(file, damaged);
            InvalidFileException e = Assert.Throws<InvalidFileException>(() => Train(run, Small(folder)));
            Assert.Equal(file, e.File);
            File.Delete(file);
            Train(run, Small(folder));
            Assert.Equal(sound, File.ReadAllBytes(file));
        }
    }

    // cases: r5
    [Fact]
    public void A_damaged_line_of_the_log_is_told_and_kept()
    {
        using TemporaryFolder folder = new();
        using (RunLog log = new(folder.Path, 0, TimeProvider.System))
        {
            for (int i = 1; i <= 6; i++) log.Stepped(new StepReport(i, 5, 1, 1e-3, 10, 10, 0.1, null));
            log.Evaluated(new EvaluationReport(5, 10) { Step = 6 });
        }

        string path = folder.File("log.jsonl");
        string[] sound = File.ReadAllLines(path);
        foreach ((string from, string to) in ((string, string)[])[("{\"step\":3", "{\"stap\":3"), ("{\"step\":3", "{\"step\":7"), ("\"loss\":5", "\"loss\";5"), ("{\"step\":3", "[\"step\":3")])
        {
            string[] damaged = [.. sound];
            damaged[2] = damaged[2].Replace(from, to, StringComparison.Ordinal);
            File.WriteAllLines(path, damaged);
            List<string> warnings = [];
            using (new RunLog(folder.Path, 6, TimeProvider.System, warnings.Add)) Assert.Contains("line 3 is damaged", Assert.Single(warnings), StringComparison.Ordinal);
            Assert.Equal([.. sound[..2], .. sound[3..]], File.ReadAllLines(path));
            Assert.Contains(damaged[2], File.ReadAllText(folder.File("log-damaged.txt")), StringComparison.Ordinal);
        }

        // Half a line at the end is what a killed run leaves.
        File.WriteAllText(path, string.Join('\n', sound[..3]) + "\n{\"step\":4,\"lo");
        List<string> none = [];
        new RunLog(folder.Path, 3, TimeProvider.System, none.Add).Dispose();
        Assert.Empty(none);
        Assert.Equal(sound[..3], File.ReadAllLines(path));
    }

    // cases: r6
    [Fact]
    public void A_run_that_is_stopped_while_it_resumes_leaves_its_checkpoint_alone()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        PretrainingConfig config = Small(folder) with { Keep = 1, SaveEvery = 2 };
        using (CancellationTokenSource stop = new())
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config))
            training.Train([new After(3, stop.Cancel)], 0, stop.Token);
        string checkpoint = new CheckpointStore(run, 1).Latest()!;
        Dictionary<string, DateTime> before = Directory.GetFiles(checkpoint).ToDictionary(f => f, File.GetLastWriteTimeUtc);
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config))
            Assert.Equal(TrainingEnd.Interrupted, training.Train([], 0, new CancellationToken(canceled: true)));
        Assert.Equal(before, Directory.GetFiles(checkpoint).ToDictionary(f => f, File.GetLastWriteTimeUtc));
    }

    // cases: r6. Whatever a save is stopped at, a whole checkpoint is there.
    [Fact]
    public void A_save_of_a_step_that_is_there_writes_nothing_and_a_failing_one_takes_nothing_away()
    {
        using TemporaryFolder folder = new();
        CheckpointStore store = new(folder.Path, 1);
        string first = store.Save(1, at => DurableFile.WriteText(Path.Combine(at, "a"), "one"));
        Assert.Equal(first, store.Save(1, _ => throw new InvalidOperationException("is not written again")));
        Assert.Throws<StorageException>(() => store.Save(2, _ => throw new IOException("full")));
        Assert.Equal(first, store.Latest());
        File.WriteAllText(Path.Combine(first, "a"), "damaged");
        store.Save(1, at => DurableFile.WriteText(Path.Combine(at, "a"), "one"));
        Assert.Equal("one", File.ReadAllText(Path.Combine(store.Latest()!, "a")));
        Assert.Equal([first], Directory.GetDirectories(Path.GetDirectoryName(first)!));
    }

    // cases: r7
    [Fact]
    public void Names_that_are_no_checkpoint_do_not_block_the_run()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        foreach (string name in (string[])["step-99999999.tmp", "step-abc", "step-", "step-12", "step--00000001", "step-9999999999999999999"])
            Directory.CreateDirectory(Path.Combine(run, "checkpoints", name));
        Train(run, Small(folder));
        Train(run, Small(folder));
        Assert.Equal(4, CheckpointStore.StepOf(CheckpointStore.Newest(run)!));
    }

    // cases: r8
    [Theory]
    [InlineData("step", long.MaxValue)]
    [InlineData("step", 3)]
    [InlineData("targets", long.MaxValue)]
    [InlineData("best_step", 5)]
    [InlineData("evaluations_without_progress", 99)]
    public void Counters_that_cannot_be_are_refused_by_name_even_under_a_right_sum(string field, long value)
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Train(run, Small(folder));
        string checkpoint = CheckpointStore.Newest(run)!, state = Path.Combine(checkpoint, RunCheckpoint.StateName);
        JsonObject json = (JsonObject)JsonNode.Parse(File.ReadAllText(state))!;
        json[field] = value;
        File.WriteAllText(state, json.ToJsonString());
        Sign(checkpoint, RunCheckpoint.StateName);
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => Train(run, Small(folder)));
        Assert.Equal("$." + field, e.Where);
    }

    // cases: r8
    [Fact]
    public void A_count_of_the_optimizer_that_cannot_be_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        using (CancellationTokenSource stop = new())
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(run, Small(folder)))
            training.Train([new After(2, stop.Cancel)], 0, stop.Token);
        string checkpoint = CheckpointStore.Newest(run)!, path = Path.Combine(checkpoint, RunCheckpoint.MomentsName);
        List<RawTensor> tensors = [];
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            foreach (RawTensor tensor in file.Tensors)
            {
                float[] values = tensor.ToFloats();
                if (tensor.Name.EndsWith(".step", StringComparison.Ordinal)) values[0] = 9.2e18f;
                tensors.Add(RawTensor.FromFloats(tensor.Name, tensor.Sizes, values));
            }
        }

        SafetensorsWriter.Write(path, tensors);
        Sign(checkpoint, RunCheckpoint.MomentsName);
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => Train(run, Small(folder)));
        Assert.Contains("a whole number from 0 to 2", e.Message, StringComparison.Ordinal);
    }

    // cases: r18
    [Fact]
    public void A_second_run_is_told_which_process_holds_the_folder()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<TextTask> first = PretrainingRun.Prepare(folder.File("run"), Small(folder));
        string message = Assert.Throws<StorageException>(() => PretrainingRun.Prepare(folder.File("run"), Small(folder))).Message;
        Assert.Contains($"another run works in this folder (process {Environment.ProcessId.ToString(CultureInfo.InvariantCulture)})", message, StringComparison.Ordinal);
    }

    // cases: u15
    [Fact]
    public void A_finished_run_continues_with_more_steps()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run"), whole = folder.File("whole");
        PretrainingConfig config = Small(folder) with { Schedule = "constant", WarmupSteps = 0 };
        Train(run, config);
        Train(run, config with { Steps = 7 });
        Train(whole, config with { Steps = 7 });
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "model", "model.safetensors")), File.ReadAllBytes(Path.Combine(run, "model", "model.safetensors")));
        Assert.Equal(7, PretrainingRun.SettingsOf(run)!.Steps);
    }

    private static PretrainingConfig Small(TemporaryFolder folder) => PretrainingRunTests.Config(folder) with { Steps = 4 };

    private static void Train(string folder, PretrainingConfig config)
    {
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([]);
    }

    /// <summary>Puts the sum of a changed file into the manifest.</summary>
    private static void Sign(string checkpoint, string name)
    {
        string manifest = Path.Combine(checkpoint, "manifest.json");
        JsonObject json = (JsonObject)JsonNode.Parse(File.ReadAllText(manifest))!;
        json["sha256"]![name] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(checkpoint, name))));
        File.WriteAllText(manifest, json.ToJsonString());
    }

    private static Dictionary<string, string> Files(string folder)
        => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => !Path.GetFileName(f).StartsWith("lock", StringComparison.Ordinal))
            .ToDictionary(f => f, f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))));

    private sealed class After(long step, Action act) : ITrainingObserver
    {
        public void Stepped(StepReport report)
        {
            if (report.Step == step) act();
        }
    }

    private sealed class Gather(List<string> texts) : IProgress<string>
    {
        public void Report(string value) => texts.Add(value);
    }
}
