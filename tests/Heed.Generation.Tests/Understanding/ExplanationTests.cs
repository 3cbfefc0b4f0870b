using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Generation.Understanding;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Generation.Tests.Understanding;

public sealed class ExplanationTests
{
    private static readonly string Golden = Path.Combine(Repository.Goldens, "inspection", "bert-sequence");

    [Fact]
    public void Attributions_are_those_of_the_reference()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Golden, "golden.safetensors"));
        using JsonDocument settings = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Golden, "golden.json"))), noise = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Golden, "noise.json")));
        int[] ids = [.. Ints(file["text.input_ids"])];
        using Model model = ModelFolder.Load(Path.Combine(Repository.Goldens, "models", "bert-sequence")).Model;
        Explanation found = Explanation.Of((SequenceClassifier)model, ids, [.. Ints(file["text.token_type_ids"])], settings.RootElement.GetProperty("target").GetInt32(), TestContext.Current.CancellationToken);

        Near("metric.clean", [found.Score]);
        Near("leave_one_out.removed.target", found.LeftOut);
        Near("integrated.mean.by_token", found.Integrated);
        Near("integrated.mean.baseline_metric", [found.BaselineScore]);
        Near("integrated.mean.gap", [(float)found.Gap]);
        float[] rollout = file["rollout"].ToFloats();
        int T = ids.Length;
        Near("rollout", found.Read!, rollout.AsSpan(rollout.Length - (T * T), T).ToArray());

        void Near(string name, float[] ours, float[]? expected = null)
        {
            float[] wanted = expected ?? file[name].ToFloats();
            Assert.Equal(wanted.Length, ours.Length);
            double norm = Math.Sqrt(wanted.Sum(v => (double)v * v)), distance = Math.Sqrt(wanted.Zip(ours, (a, b) => Math.Pow((double)a - b, 2)).Sum());
            double allowed = Math.Max(20 * noise.RootElement.GetProperty(name).GetDouble(), 2e-6 * norm);
            Assert.True(distance <= allowed, $"{name}: {distance} from the reference, {allowed} allowed");
        }
    }

    private static IEnumerable<int> Ints(RawTensor tensor)
    {
        byte[] bytes = tensor.ToBytes();
        int size = bytes.Length / (int)tensor.Shape.Aggregate(1L, (a, b) => a * b);
        for (int at = 0; at < bytes.Length; at += size) yield return size == 8 ? (int)BitConverter.ToInt64(bytes, at) : BitConverter.ToInt32(bytes, at);
    }

    [Theory]
    [InlineData("bert-disputes", 2e-3)]
    [InlineData("distilbert-stars", 5e-2)]
    [InlineData("gpt2-topics", 2e-2)]
    [InlineData("roberta-flags", 2e-2)]
    [InlineData("bart-nli", 0.3)]
    public void Gradients_add_up_to_the_difference_but_for_the_gap_that_is_told(string name, double gap)
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", name));
        Tokenizers.TokenEncoding text = model.Reading.Encode("Where is my parcel?");
        Explanation found = Explanation.Of(model.Reading, text, 0, TestContext.Current.CancellationToken);
        Assert.Equal(text.Count, found.Integrated.Length);
        Assert.Equal(found.Gap, found.Integrated.Sum(v => (double)v) - (found.Score - found.BaselineScore));
        Assert.True(Math.Abs(found.Gap) < gap * Math.Max(1, Math.Abs(found.Score - found.BaselineScore)), $"{found.Gap} of {found.Score - found.BaselineScore}");
        if (found.Read is { } read) Assert.Equal(1, read.Sum(), 1e-5f);
        else Assert.Equal("bart-nli", name);

        // What is left out is what the model says of the shorter text.
        int[] shorter = [.. text.Ids.Where((_, t) => t != 2)];
        float[] logits = model.Model.Run(new ModelInputs { InputIds = TokenGrid.Of([shorter]) }).Logits!.ToArray();
        Assert.Equal(logits[0] - found.Score, found.LeftOut[2], 2e-6f);
    }

    [Fact]
    public void Explaining_leaves_no_gradient_in_the_model()
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", "bert-disputes"), new LoadOptions { ForTraining = true });
        Explanation.Of(model.Reading, model.Reading.Encode("Refund!"), 0, TestContext.Current.CancellationToken);
        Assert.All(model.Model.Parameters, p => Assert.Null(p.Gradient));
        using Tape tape = Tape.Begin();
        Assert.True(Tape.IsRecording);
    }
}
