using Heed.Checkpoints;
using Heed.Models;
using Heed.Testing;

namespace Heed.Inspection.Tests;

/// <summary>Traces as files: opened without the model, verified against it, and compared.</summary>
public sealed class TraceFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("heed-trace").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(ProofTests.Models), MemberType = typeof(ProofTests))]
    public void A_trace_comes_back_from_its_file_bit_for_bit(string name)
    {
        string path = Path.Combine(_folder, "a.trace");
        using Model model = ProofTests.Load(name);
        Inspector inspector = new(model);
        Trace trace = inspector.Trace(ProofTests.TextFor(model) with { Tokens = ["a", "\u0000", "ü", "<b>", "\"", "e", "f", "g"] });
        trace.Save(path);
        Trace opened = Trace.Open(path);
        Assert.Equal(trace.Names, opened.Names);
        Assert.Equal(trace.Text.Ids, opened.Text.Ids);
        Assert.Equal(trace.Text.Tokens, opened.Text.Tokens);
        Assert.Equal(trace.Text.DecoderIds, opened.Text.DecoderIds);
        Assert.Equal(inspector.WeightsHash, opened.WeightsHash);
        Assert.Equal(model.Architecture, opened.Architecture);
        TraceDifference same = trace.Diff(opened), again = opened.Verify(inspector);
        Assert.True(same.IsEqual && again.IsEqual && again.SameWeights && again.SameText);
        Assert.Equal(trace.Names.Count, again.Compared);
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void The_first_value_that_differs_and_the_largest_difference_are_named()
    {
        using Model model = ProofTests.Load("gpt2"), other = ProofTests.Load("gpt2-untied-relu");
        Inspector inspector = new(model);
        InspectedText text = ProofTests.TextFor(model);
        Trace plain = inspector.Trace(text), changed = inspector.Trace(text, null, [Intervention.Zero("blocks.1.attn.z", head: 2)]);
        TraceDifference difference = plain.Diff(changed);
        Assert.Equal("decoder.blocks.1.attn.z", difference.First!.Name);
        Assert.Equal(difference.Values.Max(v => v.Largest), difference.Largest!.Largest);
        Assert.Equal(plain[difference.Largest.Name].Span[difference.Largest.Index], difference.Largest.First);
        Assert.Equal(["zero decoder.blocks.1.attn.z head 2"], changed.Interventions
            .Select(i => i.Replace("blocks", "decoder.blocks", StringComparison.Ordinal)));
        Assert.Contains("changes", Assert.Throws<InputException>(() => changed.Verify(inspector)).Message, StringComparison.Ordinal);
        Assert.False(plain.Verify(new Inspector(other)).SameWeights);
        TraceDifference shorter = plain.Diff(inspector.Trace(text with { Ids = [1, 2, 3] }));
        Assert.False(shorter.SameText);
        Assert.Equal(plain.Names, shorter.Others);
    }

    [Fact]
    public void What_is_no_trace_or_damaged_is_refused()
    {
        using Model model = ProofTests.Load("gpt2");
        string path = Path.Combine(_folder, "a.trace");
        new Inspector(model).Trace(ProofTests.TextFor(model), n => n == "logits").Save(path);
        Assert.Contains("is not that of a trace",
            Assert.Throws<InvalidFileException>(()
                => Trace.Open(Path.Combine(Repository.Goldens, "models", "gpt2", "model.safetensors"))).Message, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => Trace.Open(Path.Combine(_folder, "none")));
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length - 5)]);
        Assert.ThrowsAny<HeedException>(() => Trace.Open(path));
        string text = System.Text.Encoding.Latin1.GetString(bytes);
        foreach ((string from, string to) in new[] { ("\\\"ids\\\"", "\\\"idz\\\""),
            ("\\\"version\\\":\\\"1\\\"", "\\\"version\\\":\\\"9\\\""), ("[\\\"logits\\\"]", "[\\\"logitz\\\"]") })
        {
            Assert.Contains(from, text, StringComparison.Ordinal);
            File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
            Assert.Throws<InvalidFileException>(() => Trace.Open(path));
        }
    }
}
