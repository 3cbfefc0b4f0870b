using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

/// <summary>Which settings a run accepts, and which it keeps.</summary>
public class RunSettingsTests
{
    [Fact]
    public void Without_run_json_the_checkpoint_tells_the_settings()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run"), settings = Path.Combine(run, RunSettings.FileName);
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 3 };
        Train(run, config);
        string before = File.ReadAllText(settings);
        File.Delete(settings);
        ConfigException e = Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(run, config with { LearningRate = 2e-2, Seed = 9 }));
        Assert.Contains("learning_rate (was 0.01, is 0.02), seed (was 1, is 9)", e.Message, StringComparison.Ordinal);
        Assert.Contains("trainer.json", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(settings));
        Assert.Equal(before, StrictJson.Format(PretrainingRun.SettingsOf(run)!.ToJson()));
        Train(run, config);
        Assert.Equal(before, File.ReadAllText(settings));
    }

    [Fact]
    public void A_run_json_that_was_edited_after_a_checkpoint_is_refused()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run"), settings = Path.Combine(run, RunSettings.FileName);
        Train(run, PretrainingRunTests.Config(folder) with { Steps = 3 });
        File.WriteAllText(settings, File.ReadAllText(settings).Replace("\"steps\": 3", "\"steps\": 2", StringComparison.Ordinal));
        Assert.Contains("steps (was 3, is 2)", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(run, PretrainingRun.SettingsOf(run)!)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_may_move_and_other_texts_are_refused()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 3 };
        Train(run, config);
        string moved = folder.File("moved");
        Directory.CreateDirectory(moved);
        foreach (string file in config.Data) File.Move(file, Path.Combine(moved, Path.GetFileName(file)));
        string[] data = [.. config.Data.Select(f => Path.Combine(moved, Path.GetFileName(f)))];
        Train(run, config with { Data = data });
        InputException e = Assert.Throws<InputException>(() => PretrainingRun.Prepare(run, config with { Data = [data[0]] }));
        Assert.Contains("other ids", e.Message, StringComparison.Ordinal);
        Assert.Equal(data, PretrainingRun.SettingsOf(run)!.Data);
    }

    [Fact]
    public void Paths_are_kept_from_the_root()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder);
        string here = Path.GetRelativePath(Environment.CurrentDirectory, config.Data[0]);
        PretrainingRun.Prepare(folder.File("run"), config with { Data = [here, config.Data[1]] }).Dispose();
        Assert.Equal(config.Data, PretrainingRun.SettingsOf(folder.File("run"))!.Data);
        Assert.Equal(["sdk"], ((PretrainingConfig)new PretrainingConfig { Data = ["sdk"] }.WithFullPaths()).Data);
        Assert.Throws<ConfigException>(() => new PretrainingConfig { Data = [""] }.WithFullPaths());
        Assert.Throws<ConfigException>(() => new PretrainingConfig { Tokenizer = "a\0b" }.WithFullPaths());
    }

    [Theory]
    [InlineData(1000, 50)]
    [InlineData(100_000, 50)]
    [InlineData(40, 4)]
    [InlineData(5, 0)]
    public void The_warm_up_follows_the_steps_where_it_is_not_given(long steps, long expected)
    {
        Assert.Equal(expected, new PretrainingConfig { Steps = steps }.WarmupSteps);
        Assert.Equal(7, (new PretrainingConfig { WarmupSteps = 7 } with { Steps = steps }).WarmupSteps);
    }

    [Fact]
    public void A_missing_text_is_told_before_settings_that_do_not_fit()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 1, WarmupSteps = 50 };
        Assert.Contains("missing.txt: does not exist", Assert.Throws<StorageException>(() => PretrainingRun.Prepare(folder.File("run"), config with { Data = [folder.File("missing.txt")] })).Message, StringComparison.Ordinal);
        Assert.Contains("warmup_steps: is 50", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("run"), config)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_is_refused_leaves_nothing_behind()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder);
        string run = folder.File("a/b/run");
        Assert.Throws<StorageException>(() => PretrainingRun.Prepare(run, config with { Data = [folder.File("missing.txt")] }));
        Assert.Throws<StorageException>(() => PretrainingRun.Prepare(run, config with { Tokenizer = folder.File("missing") }));
        Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(run, config with { WarmupSteps = 11 }));
        // The text is too short for blocks of this length, which shows once tokenizer and ids are made.
        Assert.ThrowsAny<InputException>(() => PretrainingRun.Prepare(run + "/", config with { BlockLength = 100_000 }));
        Assert.False(Directory.Exists(folder.File("a")));
        // A folder that was there stays, and so does what was in it.
        Directory.CreateDirectory(run);
        File.WriteAllText(Path.Combine(run, "notes.txt"), "mine");
        Assert.ThrowsAny<InputException>(() => PretrainingRun.Prepare(run, config with { BlockLength = 100_000 }));
        Assert.True(File.Exists(Path.Combine(run, "notes.txt")));
        Assert.False(File.Exists(Path.Combine(run, "lock")));
    }

    [Fact]
    public void A_preparation_that_is_stopped_keeps_what_it_made()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Assert.Throws<OperationCanceledException>(() => PretrainingRun.Prepare(run, PretrainingRunTests.Config(folder), plan: _ => throw new OperationCanceledException()));
        Assert.True(File.Exists(Path.Combine(run, "tokens.bin")));
        Assert.False(File.Exists(Path.Combine(run, "lock")));
    }

    [Theory]
    [InlineData("width", 1_000_000_000)]
    [InlineData("block_length", int.MaxValue)]
    [InlineData("vocabulary_size", int.MaxValue)]
    [InlineData("layers", int.MaxValue)]
    [InlineData("batch_size", int.MaxValue)]
    [InlineData("accumulation", int.MaxValue)]
    public void Absurd_sizes_are_over_the_budget(string field, int value)
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Heads = 1 };
        config = PretrainingFields.Find(field)!.Parse(config, value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        BudgetException e = Assert.Throws<BudgetException>(() => PretrainingRun.Prepare(folder.File("run"), config));
        Assert.Matches("[0-9.]+ [GTP]iB", e.Message);
        // With all the memory that can be named, what no tensor can hold is still told so.
        if (field is "width" or "layers" or "vocabulary_size") Assert.Throws<BudgetException>(() => PretrainingRun.Prepare(folder.File("run"), config with { MemoryLimit = 1e6 }));
        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Fact]
    public void Heads_that_do_not_divide_the_width_are_told_by_the_keys_of_run_json()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder);
        Assert.StartsWith("width: is 10, which is not a multiple of the 3 heads. Set width to 9 or 12", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("run"), config with { Width = 10, Heads = 3 })).Message, StringComparison.Ordinal);
        Assert.StartsWith("heads: is 3, and the preset's width 128", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("run"), config with { Width = 0, Heads = 3 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_file_of_a_run_is_told_with_what_to_do()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 3 };
        Train(run, config);
        foreach ((string file, string remedy) in ((string, string)[])
        [
            ("tokenizer/tokenizer.json", "Delete the folder"),
            ("checkpoints/step-000000003/manifest.json", "delete the checkpoint's folder"),
            ("checkpoints/step-000000003/trainer.json", "delete the checkpoint's folder"),
        ])
        {
            string path = Path.Combine(run, file);
            byte[] sound = File.ReadAllBytes(path);
            File.WriteAllBytes(path, sound[..(sound.Length / 2)]);
            InputException e = Assert.ThrowsAny<InputException>(() => PretrainingRun.Prepare(run, config));
            Assert.Contains(Path.GetFileName(file), e.Message, StringComparison.Ordinal);
            Assert.Contains(remedy, e.Message, StringComparison.Ordinal);
            File.WriteAllBytes(path, sound);
        }

        string settings = Path.Combine(run, RunSettings.FileName);
        File.WriteAllText(settings, "{\"steps\": 3,");
        Assert.Contains("delete it", Assert.ThrowsAny<InputException>(() => PretrainingRun.SettingsOf(run)).Message, StringComparison.Ordinal);
        Train(run, config);
    }

    private static void Train(string folder, PretrainingConfig config)
    {
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([]);
    }
}
