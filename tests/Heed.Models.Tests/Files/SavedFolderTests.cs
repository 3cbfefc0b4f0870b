using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Files;

/// <summary>A folder that is opened and saved is the folder that was opened: names, shapes, types and bytes of every tensor, and every
/// field of the configuration.</summary>
public sealed class SavedFolderTests
{
    public static TheoryData<string> Folders =>
        [.. Directory.GetDirectories(Path.Combine(Repository.Goldens, "models")).Concat(Directory.GetDirectories(Path.Combine(Repository.Goldens, "checkpoints"))).Select(f => Path.GetRelativePath(Repository.Goldens, f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Opened_and_saved_it_is_equal_key_by_key(string name)
    {
        string folder = Path.Combine(Repository.Goldens, name);
        foreach (bool training in (bool[])[false, true])
        {
            using TemporaryFolder saved = new();
            (Model model, LoadReport report) = ModelFolder.Load(folder, new LoadOptions { ForTraining = training });
            Assert.True(report.IsComplete);
            using (model)
            {
                ModelFolder.Save(model, saved.Path, shardSize: name.Contains("sharded", StringComparison.Ordinal) ? 30_000 : CheckpointFolder.DefaultShardSize);
                using CheckpointFolder before = CheckpointFolder.Open(folder), after = CheckpointFolder.Open(saved.Path);
                Dictionary<string, RawTensor> expected = [];
                (ModelFamily family, _, _) = ModelFolder.ReadConfig(folder);
                foreach (RawTensor tensor in before.Tensors)
                {
                    // What is written are today's names, a tied tensor once, and no buffers.
                    if (family.CurrentName(tensor.Name) is not { } current) continue;
                    if (!model.Parameters.TryGet(current, out _) && family.LeavesOut(current, family.HeadOf(model.Architecture))) continue;    // another head's
                    string key = current, prefix = $"{family.BasePrefix}.";
                    string bare = current.StartsWith(prefix, StringComparison.Ordinal) ? current[prefix.Length..] : "";
                    // A bare stack may be stored with the prefix of a model with a head, and a stack with a head without it.
                    if (!model.Parameters.TryGet(current, out _) && !model.TiedNames.ContainsKey(current))
                        key = model.Parameters.TryGet(bare, out _) ? bare : prefix + current;
                    if (!model.TiedNames.ContainsKey(key)) expected[key] = tensor;
                }

                Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), after.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
                foreach (RawTensor tensor in after.Tensors)
                {
                    Assert.Equal(expected[tensor.Name].Shape, tensor.Shape);
                    Assert.Equal(expected[tensor.Name].DType, tensor.DType);
                    Assert.True(expected[tensor.Name].ToBytes().AsSpan().SequenceEqual(tensor.ToBytes()), $"{tensor.Name} has other bytes");
                }
            }

            JsonObject old = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject(), now = JsonNode.Parse(File.ReadAllText(saved.File("config.json")))!.AsObject();
            foreach ((string key, JsonNode? value) in old) Assert.True(now.ContainsKey(key) && JsonNode.DeepEquals(value, now[key]), $"{key} was {value?.ToJsonString()} and is {now[key]?.ToJsonString()}");
            // A file that named neither its class nor its type says both now.
            Assert.All(now.Select(p => p.Key).Where(k => !old.ContainsKey(k)), k => Assert.True(k is "architectures" or "dtype", $"{k} is new"));
        }
    }

    [Fact]
    public void Fields_that_are_not_known_are_kept_where_others_change()
    {
        using TemporaryFolder folder = new(), saved = new();
        string golden = Path.Combine(Repository.Goldens, "models", "llama");
        File.Copy(Path.Combine(golden, "model.safetensors"), folder.File("model.safetensors"));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "config.json")))!.AsObject();
        (config["my_note"], config["nested"]) = ("kept", new JsonObject { ["a"] = new JsonArray(1, 2.5, null) });
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        (Model model, _) = ModelFolder.Load(folder.Path, new LoadOptions { Configure = c => ((Llama.LlamaConfig)c) with { AttentionDropout = 0.25f } });
        using (model) ModelFolder.Save(model, saved.Path, DType.BF16);
        JsonObject now = JsonNode.Parse(File.ReadAllText(saved.File("config.json")))!.AsObject();
        Assert.Equal("kept", now["my_note"]!.GetValue<string>());
        Assert.True(JsonNode.DeepEquals(config["nested"], now["nested"]));
        Assert.Equal(0.25, now["attention_dropout"]!.GetValue<double>());
        Assert.Equal("bfloat16", now["dtype"]!.GetValue<string>());
        foreach ((string key, JsonNode? value) in config.Where(p => p.Key is not ("attention_dropout" or "dtype"))) Assert.True(JsonNode.DeepEquals(value, now[key]), key);
    }
}
