using Heed.Testing;

namespace Heed.Verification.Tests.Gguf;

public class GgufVerificationTests
{
    private static string Golden => Path.Combine(Repository.Goldens, "gguf");

    [Fact]
    public void Every_row_of_the_reference_is_met()
    {
        IReadOnlyList<VerificationResult> results = GgufVerification.Run(Golden);
        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}"));
        Assert.Equal((26, 10, 13, 64, 78), (Count("dequantize "), Count("quantize "), Count("models/"), Count("tokenized.jsonl:"), Count("bad/")));

        int Count(string prefix) => results.Count(r => r.Case.StartsWith(prefix, StringComparison.Ordinal));
    }

    [Fact]
    public void A_row_that_departs_is_named()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("models"));
        Directory.CreateDirectory(folder.File("bad"));
        foreach (string name in (string[])["blocks.json", "blocks.safetensors", "models/llama-f32.gguf", "bad/version-0.gguf"])
            File.Copy(Path.Combine(Golden, name), folder.File(name));
        byte[] blocks = File.ReadAllBytes(folder.File("blocks.safetensors"));
        blocks[^1] ^= 64;   // the exponent of the last number
        File.WriteAllBytes(folder.File("blocks.safetensors"), blocks);
        File.WriteAllText(folder.File("tokenized.jsonl"), """{"file": "models/llama-f32.gguf", "text": "a", "ids": [262]}""");
        File.WriteAllText(folder.File("bad/expected.jsonl"), """{"file": "version-0.gguf", "verdict": "accept", "what": "version 0"}""");
        Dictionary<string, string?> off = GgufVerification.Run(folder.Path).Where(r => !r.Passed).ToDictionary(r => r.Case, r => r.Detail);
        Assert.Equal(3, off.Count);
        Assert.Contains("ids are 261, not 262", off["tokenized.jsonl:1"], StringComparison.Ordinal);
        Assert.Contains("must be accepted", off["bad/version-0.gguf"], StringComparison.Ordinal);
    }
}
