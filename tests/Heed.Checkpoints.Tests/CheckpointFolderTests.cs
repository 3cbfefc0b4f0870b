using System.Diagnostics;
using Heed.Testing;

namespace Heed.Checkpoints.Tests;

public class CheckpointFolderTests
{
    private static string Golden(params string[] parts) => Path.Combine([Repository.Goldens, .. parts]);

    [Theory]
    [InlineData("gpt2-pickle", "gpt2")]
    [InlineData("gpt2-pickle-2019", "gpt2")]
    [InlineData("llama-sharded", "llama")]
    [InlineData("llama-sharded-pickle", "llama")]
    public void Every_form_of_one_model_holds_the_same_bits(string form, string model)
    {
        using CheckpointFolder expected = CheckpointFolder.Open(Golden("models", model)), actual = CheckpointFolder.Open(Golden("checkpoints", form));
        foreach (RawTensor tensor in expected.Tensors) AssertSame(tensor, actual[tensor.Name]);
        string[] more = [.. actual.Tensors.Select(t => t.Name).Except(expected.Tensors.Select(t => t.Name))];
        // A pickle of a state dict repeats the tied head, which safetensors leaves out.
        Assert.Equal(form.StartsWith("gpt2", StringComparison.Ordinal) ? ["lm_head.weight"] : [], more);
        if (more.Length > 0) Assert.Equal(actual["transformer.wte.weight"].ToBytes(), actual["lm_head.weight"].ToBytes());
    }

    [Fact]
    public void Every_golden_folder_with_weights_opens_and_saves_to_the_same_bytes()
    {
        using TemporaryFolder target = new();
        int folders = 0;
        foreach (string file in Directory.EnumerateFiles(Repository.Goldens, CheckpointFolder.SafetensorsName, SearchOption.AllDirectories))
        {
            using CheckpointFolder folder = CheckpointFolder.Open(Path.GetDirectoryName(file)!);
            SafetensorsWriter.Write(target.File("copy"), folder.Tensors, folder.Metadata.Count > 0 ? folder.Metadata : null);
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(target.File("copy"))), file);
            folders++;
        }

        Assert.True(folders >= 30);
    }

    [Fact]
    public void Shards_are_named_split_and_indexed_as_transformers_does_byte_for_byte()
    {
        using TemporaryFolder target = new();
        using (CheckpointFolder model = CheckpointFolder.Open(Golden("models", "llama"))) CheckpointFolder.Save(target.Path, model.Tensors.Reverse(), ByteSize.Parse("30KB"));
        string[] expected = [.. Directory.EnumerateFiles(Golden("checkpoints", "llama-sharded"), "model*").Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        Assert.Equal(expected, Directory.EnumerateFiles(target.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string name in expected) Assert.Equal(File.ReadAllBytes(Golden("checkpoints", "llama-sharded", name)), File.ReadAllBytes(target.File(name)));
    }

    [Fact]
    public void A_tensor_above_the_shard_size_has_a_file_of_its_own()
    {
        using TemporaryFolder target = new();
        IReadOnlyList<string> files = CheckpointFolder.Save(target.Path, [Tensor("a", 10), Tensor("b", 100), Tensor("c", 10), Tensor("d", 30)], shardSize: 40);
        Assert.Equal(4, files.Count);
        string[][] names = [.. files.Take(3).Select(name =>
        {
            using SafetensorsFile file = SafetensorsFile.Open(target.File(name));
            return file.Tensors.Select(t => t.Name).ToArray();
        })];
        Assert.Equal([["b"], ["a", "c"], ["d"]], names);
    }

    [Fact]
    public void Saving_again_removes_the_files_of_the_earlier_save()
    {
        using TemporaryFolder target = new();
        File.WriteAllText(target.File("model-card.txt"), "kept");
        CheckpointFolder.Save(target.Path, [Tensor("a", 30), Tensor("b", 30)], shardSize: 40);
        Assert.Equal(4, Directory.GetFiles(target.Path).Length);
        using (CheckpointFolder own = CheckpointFolder.Open(target.Path)) CheckpointFolder.Save(target.Path, own.Tensors);
        Assert.Equal(["model-card.txt", "model.safetensors"], Directory.EnumerateFiles(target.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using (CheckpointFolder own = CheckpointFolder.Open(target.Path)) CheckpointFolder.Save(target.Path, own.Tensors, shardSize: 40);
        Assert.False(File.Exists(target.File("model.safetensors")));
        using CheckpointFolder last = CheckpointFolder.Open(target.Path);
        Assert.Equal(60, last.TotalBytes);
    }

    [Theory]
    [InlineData("../other/model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a\\\\b.safetensors")]
    [InlineData("sub/a.safetensors")]
    [InlineData("C:a.safetensors")]
    [InlineData("a\\u0000.safetensors")]
    [InlineData("nul.safetensors")] // cases: r18
    public void An_index_that_leaves_its_folder_is_refused_by_key_and_path(string shard)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File(CheckpointFolder.SafetensorsIndexName), $$$"""{"weight_map":{"w.x":"{{{shard}}}"}}""");
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => CheckpointFolder.Open(folder.Path));
        Assert.Contains("w.x", e.Where, StringComparison.Ordinal);
        Assert.Contains("plain file name", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"weight_map":[]}""")]
    [InlineData("""{"weight_map":{}}""")]
    [InlineData("""{"weight_map":{"a":1}}""")]
    [InlineData("""{"weight_map":{"a":"x","\u0061":"y"}}""")]
    [InlineData("""{"weight_map":{"\ud800":"x"}}""")]
    [InlineData("{")]
    public void A_damaged_index_is_refused(string json)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File(CheckpointFolder.SafetensorsIndexName), json);
        Assert.Throws<InvalidFileException>(() => CheckpointFolder.Open(folder.Path));
    }

    [Fact]
    public void A_missing_shard_and_a_missing_tensor_are_named()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File(CheckpointFolder.SafetensorsIndexName), """{"weight_map":{"a":"x.safetensors","b":"x.safetensors"}}""");
        Assert.Contains("'x.safetensors'", Assert.Throws<StorageException>(() => CheckpointFolder.Open(folder.Path)).Message, StringComparison.Ordinal);
        SafetensorsWriter.Write(folder.File("x.safetensors"), [Tensor("a", 4)]);
        Assert.Contains("['b']", Assert.Throws<InvalidFileException>(() => CheckpointFolder.Open(folder.Path)).Where, StringComparison.Ordinal);
    }

    // cases: r18, g20
    [Fact]
    public void An_index_that_disagrees_with_its_shards_is_followed_as_the_reference_does_with_a_warning_for_each()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File("x.safetensors"), [Tensor("a", 4), Tensor("twice", 4, 1), Tensor("equal", 4, 2)]);
        SafetensorsWriter.Write(folder.File("y.safetensors"), [Tensor("b", 4, 9), Tensor("twice", 4, 3), Tensor("equal", 4, 2), Tensor("forgotten", 4)]);
        File.WriteAllText(folder.File(CheckpointFolder.SafetensorsIndexName), """
            {"metadata":{"total_size":23},"weight_map":{"a":"x.safetensors","b":"x.safetensors","twice":"y.safetensors","equal":"x.safetensors"}}
            """);
        using CheckpointFolder checkpoint = CheckpointFolder.Open(folder.Path);
        Assert.Equal(["a", "equal", "forgotten", "twice", "b"], checkpoint.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([9, 9, 9, 9], checkpoint["b"].ToBytes());
        Assert.Equal([3, 3, 3, 3], checkpoint["twice"].ToBytes());
        Assert.Collection(
            checkpoint.Warnings.Order(StringComparer.Ordinal).Select(warning => warning[(folder.Path.Length + CheckpointFolder.SafetensorsIndexName.Length + 3)..]),
            w => Assert.StartsWith("$.metadata.total_size: is 23, but the shards hold 20 bytes", w, StringComparison.Ordinal),
            w => Assert.StartsWith("$.weight_map['b']: says 'x.safetensors', but 'y.safetensors' holds the tensor", w, StringComparison.Ordinal),
            w => Assert.StartsWith("does not name forgotten, which a shard holds", w, StringComparison.Ordinal),
            w => Assert.StartsWith("tensor 'twice' lies in 'y.safetensors' and, with other values, in 'x.safetensors'", w, StringComparison.Ordinal));
    }

    // cases: r18
    [Fact]
    public void Shards_of_unusual_names_are_not_copied_beside_the_converted_weights()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("in"));
        SafetensorsWriter.Write(folder.File("in/weights-a.safetensors"), [RawTensor.FromFloats("a", [1], new[] { 1f })]);
        File.WriteAllText(folder.File("in/" + CheckpointFolder.SafetensorsIndexName), """{"weight_map":{"a":"weights-a.safetensors"}}""");
        File.WriteAllText(folder.File("in/notes.txt"), "kept");
        Assert.Equal(["notes.txt"], CheckpointConversion.Run(folder.File("in"), folder.File("out")).CopiedFiles);
        Assert.Equal(["weights-a.safetensors"], CheckpointConversion.Run(folder.File("in"), folder.File("in")).OldWeightFiles);
    }

    // cases: g8
    [Fact]
    public void Weights_of_eight_bits_are_converted_and_kept_as_they_are_if_no_type_is_asked_for()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File(CheckpointFolder.SafetensorsName), [RawTensor.FromBytes("a", DType.F8E4M3, [2], new byte[] { 0x38, 0xB8 })]);
        Assert.Equal(1, CheckpointConversion.Run(folder.Path, folder.File("wide"), DType.F32).Converted);
        using CheckpointFolder wide = CheckpointFolder.Open(folder.File("wide"));
        Assert.Equal(DType.F32, wide["a"].DType);
        Assert.Equal([1f, -1f], wide["a"].ToFloats());
        Assert.Equal(0, CheckpointConversion.Run(folder.Path, folder.File("same")).Converted);
    }

    [Fact]
    public void Every_golden_checkpoint_reads_the_same_from_memory()
    {
        foreach (string form in (string[])["gpt2-pickle", "gpt2-pickle-2019", "llama-sharded", "llama-sharded-pickle"])
        {
            using CheckpointFolder disk = CheckpointFolder.Open(Golden("checkpoints", form)), memory = CheckpointFolder.Open(ModelFilesOfFolder.InMemory(Golden("checkpoints", form)));
            Assert.Equal(disk.Tensors.Select(tensor => tensor.Name), memory.Tensors.Select(tensor => tensor.Name));
            foreach (RawTensor tensor in disk.Tensors) AssertSame(tensor, memory[tensor.Name]);
        }
    }

    [Fact]
    public void A_folder_without_weights_and_a_missing_folder_are_refused()
    {
        using TemporaryFolder folder = new();
        Assert.False(CheckpointFolder.HasWeights(folder.Path));
        Assert.Throws<InvalidFileException>(() => CheckpointFolder.Open(folder.Path));
        Assert.Throws<StorageException>(() => CheckpointFolder.Open(folder.File("missing")));
    }

    [Fact]
    public void A_folder_of_symbolic_links_as_in_the_hub_cache_loads()
    {
        using TemporaryFolder cache = new();
        string snapshot = cache.File("snapshots/abc"), blobs = cache.File("blobs");
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(blobs);
        int n = 0;
        foreach (string file in Directory.EnumerateFiles(Golden("checkpoints", "llama-sharded")))
        {
            File.Copy(file, Path.Combine(blobs, $"{n}"));
            File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), $"../../blobs/{n++}");
        }

        using CheckpointFolder model = CheckpointFolder.Open(snapshot);
        Assert.Equal(119088, model.TotalBytes);
        Assert.NotEmpty(model["model.norm.weight"].ToFloats());
    }

    [Fact]
    public void A_save_interrupted_after_its_journal_is_completed_on_opening()
    {
        using TemporaryFolder folder = new();
        CheckpointFolder.Save(folder.Path, [Tensor("a", 30, 1), Tensor("b", 30, 1)], shardSize: 40);
        using TemporaryFolder other = new();
        CheckpointFolder.Save(other.Path, [Tensor("a", 30, 2), Tensor("b", 30, 2)], shardSize: 40);
        string[] names = [.. Directory.EnumerateFiles(other.Path).Select(Path.GetFileName)!];
        foreach (string name in names) File.Copy(other.File(name), folder.File(name + ".heed-new"));
        File.WriteAllText(folder.File(".heed-save.json"), $$"""{"rename":[{{string.Join(',', names.Select(n => $"\"{n}\""))}}]}""");
        File.Move(folder.File(names[0] + ".heed-new"), folder.File(names[0]), overwrite: true);

        using CheckpointFolder model = CheckpointFolder.Open(folder.Path);
        Assert.All(model.Tensors, tensor => Assert.Equal(2, tensor.ToBytes()[0]));
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.EnumerateFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_save_killed_at_any_step_leaves_the_old_weights_or_the_new()
    {
        using TemporaryFolder old = new(), next = new(), folder = new();
        CheckpointFolder.Save(old.Path, [Tensor("a", 30, 1), Tensor("b", 30, 1), Tensor("c", 30, 1)], shardSize: 40);
        CheckpointFolder.Save(next.Path, [Tensor("a", 30, 2), Tensor("b", 30, 2)], shardSize: 40);
        string[] names = [.. Directory.EnumerateFiles(next.Path).Select(Path.GetFileName)!], stale = [.. Directory.EnumerateFiles(old.Path).Select(Path.GetFileName).Except(names)!];
        string journal = $$"""{"rename":[{{string.Join(',', names.Select(n => $"\"{n}\""))}}]}""";
        int steps = names.Length + 1 + names.Length + stale.Length + 1;
        for (int killed = 0; killed <= steps; killed++)
        {
            foreach (string file in Directory.GetFiles(folder.Path)) File.Delete(file);
            foreach (string file in Directory.GetFiles(old.Path)) File.Copy(file, folder.File(Path.GetFileName(file)));
            int step = 0;
            foreach (string name in names)
                if (step++ < killed) File.Copy(next.File(name), folder.File(name + ".heed-new"));
            bool journaled = step++ < killed;
            if (journaled) File.WriteAllText(folder.File(".heed-save.json"), journal);
            foreach (string name in names)
                if (step++ < killed) File.Move(folder.File(name + ".heed-new"), folder.File(name), overwrite: true);
            foreach (string name in stale)
                if (step++ < killed) File.Delete(folder.File(name));
            if (step++ < killed) File.Delete(folder.File(".heed-save.json"));
            Assert.Equal(steps, step);

            byte expected = journaled ? (byte)2 : (byte)1;
            using (CheckpointFolder model = CheckpointFolder.Open(folder.Path)) Assert.All(model.Tensors, tensor => Assert.Equal(expected, tensor.ToBytes()[0]));
            CheckpointFolder.Save(folder.Path, [Tensor("a", 30, 3)]);
            Assert.Equal([folder.File("model.safetensors")], Directory.GetFiles(folder.Path));
        }
    }

    [Theory]
    [InlineData(1L << 40)]
    [InlineData(150_000L)]
    public void A_disk_that_is_really_full_keeps_the_old_checkpoint(long shardSize)
    {
        using TemporaryFolder mount = new();
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", "size=512k", "none", mount.Path), "needs the right to mount a tmpfs (root)");
        try
        {
            string folder = mount.File("model");
            CheckpointFolder.Save(folder, [Tensor("a", 100_000, 1), Tensor("b", 100_000, 1)], shardSize);
            Dictionary<string, byte[]> before = Directory.EnumerateFiles(folder).ToDictionary(f => f, File.ReadAllBytes);
            StorageException e = Assert.Throws<StorageException>(() => CheckpointFolder.Save(folder, [Tensor("a", 100_000, 2), Tensor("b", 100_000, 2), Tensor("c", 200_000, 2)], shardSize));
            Assert.Contains("space", e.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(before.Keys.Order(StringComparer.Ordinal), Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal));
            foreach ((string file, byte[] bytes) in before) Assert.Equal(bytes, File.ReadAllBytes(file));
        }
        finally
        {
            Assert.True(Run("umount", mount.Path));
        }
    }

    [Fact]
    public void A_journal_may_not_name_other_files()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File(".heed-save.json"), """{"rename":["../x"]}""");
        File.WriteAllText(folder.File("config.json"), "{}");
        Assert.Throws<InvalidFileException>(() => CheckpointFolder.Open(folder.Path));
        Assert.True(File.Exists(folder.File("config.json")));
    }

    [Theory]
    [InlineData(1L << 40)]
    [InlineData(40L)]
    public void A_disk_that_fills_up_keeps_the_old_checkpoint_and_leaves_nothing(long shardSize)
    {
        using TemporaryFolder folder = new();
        CheckpointFolder.Save(folder.Path, [Tensor("a", 30, 1), Tensor("b", 30, 1), Tensor("c", 30, 1)], shardSize);
        Dictionary<string, byte[]> before = Directory.EnumerateFiles(folder.Path).ToDictionary(f => f, File.ReadAllBytes);
        Assert.ThrowsAny<StorageException>(() => CheckpointFolder.Save(folder.Path, [Tensor("a", 30, 2), Tensor("b", 30, 2), new FullDisk("c")], shardSize));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), Directory.EnumerateFiles(folder.Path).Order(StringComparer.Ordinal));
        foreach ((string file, byte[] bytes) in before) Assert.Equal(bytes, File.ReadAllBytes(file));
    }

    [Fact]
    public void Conversion_keeps_every_other_file_and_changes_the_type_in_the_config()
    {
        using TemporaryFolder target = new();
        string source = Golden("checkpoints", "llama-sharded");
        ConversionReport report = CheckpointConversion.Run(source, target.File("out"), DType.BF16);
        Assert.Equal(21, report.Tensors);
        Assert.Equal(21, report.Converted);
        Assert.Equal([CheckpointFolder.SafetensorsName], report.WeightFiles);
        Assert.Equal(File.ReadAllText(Path.Combine(source, "config.json")).Replace("\"float32\"", "\"bfloat16\"", StringComparison.Ordinal), File.ReadAllText(target.File("out/config.json")));
        Assert.True(File.Exists(target.File("out/generation_config.json")));
        // The reference's own conversion of the same weights.
        using CheckpointFolder expected = CheckpointFolder.Open(Golden("checkpoints", "llama-bfloat16")), actual = CheckpointFolder.Open(target.File("out"));
        Assert.Equal(expected.Tensors.Count, actual.Tensors.Count);
        foreach (RawTensor tensor in expected.Tensors) AssertSame(tensor, actual[tensor.Name]);
    }

    [Fact]
    public void Conversion_to_float16_equals_the_reference_and_back_without_a_type_is_exact()
    {
        using TemporaryFolder target = new();
        CheckpointConversion.Run(Golden("models", "llama"), target.File("half"), DType.F16);
        Assert.Equal(File.ReadAllBytes(Golden("checkpoints", "llama-float16", "model.safetensors")), File.ReadAllBytes(target.File("half/model.safetensors")));
        CheckpointConversion.Run(Golden("checkpoints", "llama-sharded"), target.File("one"));
        Assert.Equal(File.ReadAllBytes(Golden("models", "llama", "model.safetensors")), File.ReadAllBytes(target.File("one/model.safetensors")));
    }

    [Fact]
    public void The_old_key_of_the_type_is_kept_and_a_cancelled_conversion_leaves_no_weights()
    {
        using TemporaryFolder target = new();
        CheckpointConversion.Run(Golden("checkpoints", "llama-config-v4"), target.File("v4"), DType.F16);
        Assert.Contains("\"torch_dtype\": \"float16\"", File.ReadAllText(target.File("v4/config.json")), StringComparison.Ordinal);
        Assert.ThrowsAny<OperationCanceledException>(() => CheckpointConversion.Run(Golden("models", "llama"), target.File("stop"), cancellationToken: new CancellationToken(true)));
        Assert.False(Directory.Exists(target.File("stop")));
    }

    [Fact]
    public void Values_that_become_infinite_or_were_are_reported_and_refused_when_strict()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File(CheckpointFolder.SafetensorsName), [RawTensor.FromFloats("big", [4], new[] { 70000f, -1e38f, 65504f, 1f }), RawTensor.FromFloats("bad", [3], new[] { float.NaN, float.NegativeInfinity, 2f }), Tensor("fine", 30, 1)]);
        ConversionReport report = CheckpointConversion.Run(folder.Path, folder.File("half"), DType.F16);
        Assert.Equal([new("bad", 3, 2, 0, DType.F32, DType.F16) { NaN = 1 }, new NonFiniteValues("big", 4, 0, 2, DType.F32, DType.F16)], report.NonFinite.OrderBy(n => n.Tensor, StringComparer.Ordinal));
        Assert.Equal([new NonFiniteValues("bad", 3, 2, 0, DType.F32, DType.F32) { NaN = 1 }], CheckpointConversion.Run(folder.Path, folder.File("same")).NonFinite);
        Assert.Equal(["bad"], CheckpointConversion.Run(folder.File("half"), folder.File("brain"), DType.BF16).NonFinite.Where(n => n.Tensor != "big").Select(n => n.Tensor));
        InputException source = Assert.Throws<InputException>(() => CheckpointConversion.Run(folder.Path, folder.File("strict"), new ConversionOptions { DType = DType.BF16, Strict = true }));
        Assert.Contains("tensor 'bad': in the source 1 of 3 values is NaN and 1 is infinite", source.Message, StringComparison.Ordinal);
        SafetensorsWriter.Write(folder.File(CheckpointFolder.SafetensorsName), [RawTensor.FromFloats("big", [4], new[] { 70000f, -1e38f, 65504f, 1f })]);
        NumericalException overflow = Assert.Throws<NumericalException>(() => CheckpointConversion.Run(folder.Path, folder.File("strict"), new ConversionOptions { DType = DType.F16, Strict = true }));
        Assert.Contains("tensor 'big': 2 of 4 values are finite in F32 and infinite in F16, whose largest is 65504", overflow.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("strict")));
        Assert.Empty(CheckpointConversion.Run(folder.Path, folder.File("strict"), new ConversionOptions { DType = DType.BF16, Strict = true }).NonFinite);
    }

    [Fact]
    public void A_damaged_configuration_is_found_before_anything_is_written()
    {
        using TemporaryFolder folder = new();
        string source = folder.File("cut");
        Directory.CreateDirectory(source);
        File.Copy(Golden("models", "llama", CheckpointFolder.SafetensorsName), Path.Combine(source, CheckpointFolder.SafetensorsName));
        File.WriteAllText(Path.Combine(source, "config.json"), """{"model_type": "lla""");
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => CheckpointConversion.Run(source, folder.File("out"), DType.F16));
        Assert.Equal(Path.Combine(source, "config.json"), e.File);
        Assert.False(Directory.Exists(folder.File("out")));
    }

    [Fact]
    public void A_folder_that_holds_files_is_not_mixed_with_another_model()
    {
        using TemporaryFolder folder = new();
        CheckpointConversion.Run(Golden("models", "gpt2"), folder.File("out"));
        byte[] before = File.ReadAllBytes(folder.File("out/model.safetensors"));
        Assert.Contains("is not empty", Assert.Throws<UsageException>(() => CheckpointConversion.Run(Golden("models", "llama"), folder.File("out"))).Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(folder.File("out/model.safetensors")));
        CheckpointConversion.Run(Golden("models", "llama"), folder.File("out"), new ConversionOptions { Overwrite = true });
        Assert.Equal(File.ReadAllBytes(Golden("models", "llama", "model.safetensors")), File.ReadAllBytes(folder.File("out/model.safetensors")));
        Directory.CreateDirectory(folder.File("empty"));
        CheckpointConversion.Run(Golden("models", "llama"), folder.File("empty"));
        CheckpointConversion.Run(folder.File("empty"), folder.File("empty/"), DType.F16);
    }

    [Fact]
    public void A_pickle_that_was_converted_in_place_is_reported_or_deleted()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(Golden("checkpoints", "gpt2-pickle"))) File.Copy(file, folder.File(Path.GetFileName(file)));
        ConversionReport report = CheckpointConversion.Run(folder.Path, folder.Path);
        Assert.Equal([CheckpointFolder.PickleName], report.OldWeightFiles);
        Assert.Empty(report.DeletedFiles);
        Assert.True(File.Exists(folder.File(CheckpointFolder.PickleName)));
        report = CheckpointConversion.Run(folder.Path, folder.Path, new ConversionOptions { DeleteOld = true });
        Assert.Equal([CheckpointFolder.PickleName], report.DeletedFiles);
        Assert.Empty(report.OldWeightFiles);
        Assert.False(File.Exists(folder.File(CheckpointFolder.PickleName)));
        Assert.True(CheckpointFolder.HasWeights(folder.Path));
    }

    [Theory]
    [InlineData("2GB", 2_000_000_000)]
    [InlineData("1.5 KiB", 1536)]
    [InlineData("300kb", 300_000)]
    [InlineData("42", 42)]
    [InlineData("7B", 7)]
    public void Sizes_are_read(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1MB")]
    [InlineData("GB")]
    [InlineData("1e9")]
    [InlineData("99999999999999999999TB")]
    public void Other_sizes_are_refused(string text) => Assert.Throws<UsageException>(() => ByteSize.Parse(text));

    private static RawTensor Tensor(string name, int bytes, byte fill = 7) => RawTensor.FromBytes(name, DType.U8, [bytes], Enumerable.Repeat(fill, bytes).ToArray());

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no such program
        }
    }

    private static void AssertSame(RawTensor expected, RawTensor actual)
    {
        Assert.Equal(expected.DType, actual.DType);
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.True(expected.ToBytes().AsSpan().SequenceEqual(actual.ToBytes()), expected.Name);
    }

    private sealed class FullDisk(string name) : RawTensor(name, DType.U8, [30])
    {
        protected override void ReadCore(long start, Span<byte> destination) => throw new IOException("No space left on device");
    }
}
