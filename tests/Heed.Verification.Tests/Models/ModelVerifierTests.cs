using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Models;
using Heed.Models.Tests;
using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Verification.Tests;

public class ModelVerifierTests
{
    private static string Case(string name) => Path.Combine(Repository.Goldens, "models", name);

    [Theory]
    [InlineData("gpt2")]
    [InlineData("gpt2-untied-relu")]
    [InlineData("gpt2-sequence")]
    public void Reproduces_outputs_gradients_and_training(string name) => Verified.Model(name);

    [Theory]
    [InlineData("gpt2-first-release")]
    [InlineData("gpt2-pickle")]
    [InlineData("gpt2-pickle-2019")]
    public void Reproduces_every_form_on_disk(string name) => Verified.Checkpoint(name);

    [Fact]
    public void A_dump_has_the_names_and_values_of_the_reference()
    {
        using TemporaryFolder folder = new();
        Verified.Model("gpt2-sequence", new VerifyOptions { Dump = folder.File("dump") });
        using SafetensorsFile dump = SafetensorsFile.Open(folder.File("dump/gpt2-sequence.safetensors"));
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(Case("gpt2-sequence"), "golden.safetensors"));
        foreach (RawTensor expected in golden.Tensors.Where(t => !t.Name.Contains(".input.", StringComparison.Ordinal)))
            Assert.Equal(expected.Shape, dump[expected.Name].Shape);
        JsonNode record = JsonNode.Parse(File.ReadAllText(folder.File("dump/gpt2-sequence.json")))!, reference = JsonNode.Parse(File.ReadAllText(Path.Combine(Case("gpt2-sequence"), "golden.json")))!;
        Assert.Equal((string?)reference["class"], (string?)record["class"]);
        Assert.Equal((double)reference["loss"]![1]!, (double)record["loss"]![1]!, 1e-5);
        for (int step = 0; step < 10; step++)
        {
            Assert.Equal((double)reference["train"]!["log"]![step]!["lr"]!, (double)record["train"]!["log"]![step]!["lr"]!, 1e-12);
            Assert.Equal((double)reference["train"]!["log"]![step]!["loss"]!, (double)record["train"]!["log"]![step]!["loss"]!, 1e-3);
        }
    }

    [Fact]
    public void Generations_are_compared_id_by_id_and_may_be_left_out()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(Case("gpt2"))) File.Copy(file, folder.File(Path.GetFileName(file)));
        JsonNode reference = JsonNode.Parse(File.ReadAllText(folder.File("golden.json")))!;
        JsonArray entries = reference["generate"]!.AsArray();
        VerifyOptions outputs = new() { Training = false };
        Assert.Equal(entries.Count, ModelVerifier.Run(folder.Path, outputs with { Generation = false }).GenerationsNotRun);
        Assert.True(ModelVerifier.Run(folder.Path, outputs) is { Passed: true, GenerationsNotRun: 0 });
        JsonArray ids = entries[2]!["output_ids"]![0]!.AsArray();
        ids[^1] = (int)ids[^1]! + 1;
        File.WriteAllText(folder.File("golden.json"), reference.ToJsonString());
        VerifyResult wrong = ModelVerifier.Run(folder.Path, outputs);
        TensorCheck check = Assert.Single(wrong.Checks, c => !c.Passed);
        Assert.Equal(("generate.2.output_ids", 1.0), (check.Name, check.Distance));
    }

    [Fact]
    public void A_result_is_a_line_and_an_object()
    {
        VerifyResult good = new() { Folder = "a", Checks = [new TensorCheck("x", 1e-7, 1e-6), new TensorCheck("y", 0, 0)] };
        VerifyResult bad = good with { Checks = [.. good.Checks, new TensorCheck("z", double.NaN, 1)] };
        Assert.Equal("pass  a  2 comparisons, worst x 1.0e-07 (≤ 1.0e-06)", good.ToString());
        Assert.StartsWith("FAIL  a  1 of 3 comparisons fail, worst z", bad.ToString(), StringComparison.Ordinal);
        Assert.Equal("""{"folder":"a","passed":false,"comparisons":3,"worst":{"name":"z","distance":"NaN","tolerance":1},"failed":[{"name":"z","distance":"NaN","tolerance":1}],"generations_not_run":0,"error":null}""", bad.ToJson().ToJsonString());
    }

    [Fact]
    public void A_folder_that_cannot_be_run_is_a_failed_result_with_a_sentence()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("holds neither golden.safetensors nor expected.safetensors", ModelVerifier.Run(folder.Path).ToString(), StringComparison.Ordinal);
        foreach (string file in Directory.GetFiles(Case("gpt2"))) File.Copy(file, folder.File(Path.GetFileName(file)));
        Assert.True(ModelVerifier.Run(folder.Path, new VerifyOptions { Training = false }).Passed);
        foreach ((string name, string text) in new[] { ("golden.json", "[]"), ("golden.json", "{"), ("noise.json", """{"a":"b"}"""), ("golden.json", """{"generate":3}"""), ("config.json", "{}"), ("golden.json", """{"train":{"optimizer":"SGD"}}""") })
        {
            string kept = File.ReadAllText(folder.File(name));
            File.WriteAllText(folder.File(name), text);
            VerifyResult result = ModelVerifier.Run(folder.Path);
            Assert.False(result.Passed);
            Assert.Contains(name, result.Error!.Message, StringComparison.Ordinal);
            File.WriteAllText(folder.File(name), kept);
        }
    }

    [Fact]
    public void Parts_of_a_reference_may_be_missing_but_not_all()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(Case("gpt2"))) File.Copy(file, folder.File(Path.GetFileName(file)));
        File.Delete(folder.File("noise.json"));
        File.WriteAllText(folder.File("golden.json"), """{"train": {"steps": 2, "peak_lr": 0.001, "log": [{"loss": null}]}}""");
        Keep(name => name.Contains(".input.", StringComparison.Ordinal) || name.EndsWith("output.logits", StringComparison.Ordinal));
        VerifyResult outputs = ModelVerifier.Run(folder.Path);
        Assert.True(outputs.Error is null && outputs.Checks.Count > 0, outputs.ToString());
        Assert.All(outputs.Checks, c => Assert.EndsWith("output.logits", c.Name, StringComparison.Ordinal));
        Keep(name => name.Contains(".input.", StringComparison.Ordinal));
        Assert.Contains("nothing to compare", ModelVerifier.Run(folder.Path).ToString(), StringComparison.Ordinal);

        void Keep(Func<string, bool> kept)
        {
            string path = folder.File("golden.safetensors"), next = folder.File("next.safetensors");
            using (SafetensorsFile all = SafetensorsFile.Open(path)) SafetensorsWriter.Write(next, all.Tensors.Where(t => kept(t.Name)));
            File.Move(next, path, overwrite: true);
        }
    }

    [Fact]
    public void Only_real_tokens_are_compared()
    {
        TokenGrid mask = TokenGrid.Of([[1, 0], [1, 1]]);
        float[] expected = [1, 2, 3, 4, 5, 6, 7, 8], actual = [1, 2, 99, 99, 5, 6, 7, 9];
        (double distance, double norm) = TensorDistance.Measure(actual, expected, [2, 2, 2], 1, mask);
        Assert.Equal((1, Math.Sqrt(1 + 4 + 25 + 36 + 49 + 64)), (distance, norm));
        (distance, _) = TensorDistance.Measure([1, float.NegativeInfinity], [1, float.NegativeInfinity], [2]);
        Assert.Equal(0, distance);
        (distance, _) = TensorDistance.Measure([1, 2], [1, float.NegativeInfinity], [2]);
        Assert.Equal(double.PositiveInfinity, distance);
        Assert.False(new TensorCheck("x", double.NaN, 1).Passed);
    }
}
