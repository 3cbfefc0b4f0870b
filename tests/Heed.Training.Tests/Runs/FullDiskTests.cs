using System.Diagnostics;
using System.Security.Cryptography;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

/// <summary>Runs on a real file system of a megabyte that is full: mounted where the tests may, else skipped (failing writers stand in
/// PretrainingRunTests).</summary>
public class FullDiskTests
{
    private const int DiskBytes = 1 << 20, Block = 4096;

    // cases: r16
    [Fact]
    public void A_read_only_file_system_is_named_and_no_other_run_is_blamed()
    {
        using TemporaryFolder folder = new();
        using SmallDisk disk = SmallDisk.Mount(folder.File("disk"));
        string run = Path.Combine(disk.Path, "run");
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 2 };
        Train(run, config, null);
        disk.ProtectFromWriting();
        foreach (string place in (string[])[run, Path.Combine(disk.Path, "other")])
        {
            StorageException e = Assert.Throws<StorageException>(() => Train(place, config, null));
            Assert.Contains(place, e.Message, StringComparison.Ordinal);
            Assert.Contains("Read-only file system", e.Message, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("another run", e.Message, StringComparison.Ordinal);
        }
    }

    // cases: r18
    [Fact]
    public void A_full_disk_says_how_much_is_needed_and_free()
    {
        using TemporaryFolder folder = new();
        using SmallDisk disk = SmallDisk.Mount(folder.File("disk"));
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 6, SaveEvery = 4 };
        StorageException e = Assert.Throws<StorageException>(() => Train(Path.Combine(disk.Path, "run"), config, new Fill(Path.Combine(disk.Path, "filler"), disk, 2 * Block)));
        Assert.Matches(@"A checkpoint takes about [\d.,]+ KiB; [\d.,]+ (bytes|KiB) are free\. Free space and resume", e.Message);
    }

    [Fact]
    public void A_disk_that_is_full_at_any_write_of_a_save_keeps_the_checkpoint_before_and_the_run_goes_on_once_there_is_space()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 6, SaveEvery = 2, EvaluateEvery = 2, Keep = 1 };
        string whole = folder.File("whole");
        long need = Train(whole, config, null);
        string expected = Sum(whole);
        using SmallDisk disk = SmallDisk.Mount(folder.File("disk"));
        int refused = 0;
        // What is left when step 3 is done grows from nothing to enough: each write of the save meets the end of the disk once.
        for (long left = 0; left <= need * 5 / 4; left += 2 * Block)
        {
            string run = Path.Combine(disk.Path, "run");
            if (Directory.Exists(run)) Directory.Delete(run, recursive: true);
            string filler = Path.Combine(disk.Path, "filler");
            File.Delete(filler);
            try
            {
                Train(run, config, new Fill(filler, disk, left));
            }
            catch (StorageException e)
            {
                refused++;
                Assert.Equal(ExitCode.InputOutput, e.ExitCode);
                Assert.Contains(disk.Path, e.Message, StringComparison.Ordinal);
                string latest = new CheckpointStore(run, 1).Latest()!;
                Assert.True(CheckpointStore.StepOf(latest) is 2 or 4 or 6, latest);
                File.Delete(filler);
                Train(run, config, null);
            }

            Assert.Equal(expected, Sum(run));
        }

        Assert.True(refused >= 8, $"only {refused} of the saves met a full disk");
    }

    /// <summary>Trains, and returns the bytes of the run's folder.</summary>
    private static long Train(string run, PretrainingConfig config, Fill? fill)
    {
        using TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config);
        training.Train(fill is null ? [] : [fill]);
        return Directory.EnumerateFiles(run, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length + Block);
    }

    private static string Sum(string run) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(run, "model", "model.safetensors"))));

    /// <summary>Fills the disk after the third step but for some bytes.</summary>
    private sealed class Fill(string file, SmallDisk disk, long left) : ITrainingObserver
    {
        public void Stepped(StepReport report)
        {
            if (report.Step != 3) return;
            long free = disk.Free - left;
            using FileStream stream = new(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            byte[] block = new byte[Block];
            for (; free >= Block; free -= Block) stream.Write(block);
        }
    }

    private sealed class SmallDisk : IDisposable
    {
        private SmallDisk(string path) => Path = path;

        public string Path { get; }

        public long Free => new DriveInfo(Path).AvailableFreeSpace;

        public static SmallDisk Mount(string path)
        {
            if (!OperatingSystem.IsLinux()) Assert.Skip("a small disk is mounted on Linux only");
            Directory.CreateDirectory(path);
            (int code, string said) = Run("mount", "-t", "tmpfs", "-o", $"size={DiskBytes}", "heed-test", path);
            if (code != 0) Assert.Skip($"no file system can be mounted here ({said.Trim()}); it needs the rights of root");
            return new SmallDisk(path);
        }

        public void ProtectFromWriting() => Assert.Equal(0, Run("mount", "-o", "remount,ro", Path).Code);

        public void Dispose() => Assert.Equal(0, Run("umount", Path).Code);

        private static (int Code, string Said) Run(string program, params string[] args)
        {
            ProcessStartInfo start = new(program, args) { RedirectStandardOutput = true, RedirectStandardError = true };
            try
            {
                using Process process = Process.Start(start)!;
                string said = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
                process.WaitForExit();
                return (process.ExitCode, said);
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                return (-1, e.Message);
            }
        }
    }
}
