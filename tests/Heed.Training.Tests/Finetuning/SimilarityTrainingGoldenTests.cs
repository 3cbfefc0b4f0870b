using System.Buffers.Binary;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Finetuning;

namespace Heed.Training.Tests.Finetuning;

/// <summary>Twelve steps of a folder of sentence-transformers, step for step as the reference.</summary>
public class SimilarityTrainingGoldenTests
{
    private static readonly string Golden = Path.Combine(Repository.Goldens, "similarity", "training");

    [Theory]
    [InlineData("mnrl")]
    [InlineData("cosent")]
    [InlineData("softmax")]
    public void Each_step_and_each_trained_parameter_is_the_reference_s(string name)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden, "training.json")));
        using JsonDocument noises = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden, "noise.json")));
        using SafetensorsFile batches = SafetensorsFile.Open(Path.Combine(Golden, "batches.safetensors"));
        JsonElement run = json.RootElement.GetProperty("runs").GetProperty(name), log = run.GetProperty("log");
        string[] columns = [.. run.GetProperty("columns").EnumerateArray().Select(c => c.GetString()!)];
        string folder = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");
        using Model model = ModelFolder.Load(folder, new LoadOptions { ForTraining = true, AllowMissing = true, Architecture = "BertModel" }).Model;
        SentenceEmbedder embedder = SentenceEmbedder.ForTraining(new FolderModelFiles(folder), model);
        PairHead? head = name == "softmax" ? new PairHead(model, embedder.Width, 3, saved: null) : null;
        foreach (string part in head is null ? (string[])[] : ["weight", "bias"])
            model.Parameters["pair_head." + part].Assign(Tensor.Create(batches["classifier." + part].ToFloats(),
                model.Parameters["pair_head." + part].Shape));
        using AdamW optimizer = new(model.Parameters) { Epsilon = 1e-6 };
        double noise = 0;
        for (int step = 0; step < log.GetArrayLength(); step++)
        {
            using TensorScope scope = TensorScope.Begin();
            double loss = Differentiate(name, embedder, head, batches, step % 4, columns), norm = GlobalNorm.Of(model.Parameters);
            double expected = log[step].GetProperty("loss").GetDouble();
            noise = Math.Max(noise, noises.RootElement.TryGetProperty($"{name}.loss.{step}", out JsonElement n) ? n.GetDouble() : 0);
            Assert.True(Math.Abs(loss - expected) <= Math.Max(60 * noise, 2e-6 * expected),
                $"loss of step {step}: {loss}, expected {expected}");
            if (step == 0)
            {
                double wanted = log[0].GetProperty("grad_norm").GetDouble();
                Assert.True(Math.Abs(norm - wanted) <= 1e-5 * wanted, $"norm: {norm}, expected {wanted}");
            }

            optimizer.Step(log[step].GetProperty("lr").GetDouble(), GlobalNorm.Factor(norm, 1));
            model.Parameters.ClearGradients();
        }

        using SafetensorsFile trained = SafetensorsFile.Open(Path.Combine(Golden, name + ".safetensors"));
        foreach (RawTensor tensor in trained.Tensors.Where(t => t.Name.StartsWith("trained.", StringComparison.Ordinal)))
        {
            float[] expected = tensor.ToFloats(), found = model.Parameters[tensor.Name["trained.".Length..]
                .Replace("classifier.", "pair_head.", StringComparison.Ordinal)].Value.ToArray();
            double distance = Math.Sqrt(expected.Zip(found, (a, b) => Math.Pow(a - (double)b, 2)).Sum());
            double allowed = Math.Max(20 * noises.RootElement.GetProperty($"{name}.{tensor.Name}").GetDouble(),
                1e-5 * Math.Sqrt(expected.Sum(e => (double)e * e)));
            Assert.True(distance <= allowed, $"{tensor.Name}: {distance:G3} away, {allowed:G3} allowed");
        }
    }

    private static double Differentiate(string name, SentenceEmbedder embedder, PairHead? head, SafetensorsFile batches, int batch,
        string[] columns)
    {
        using Tape tape = Tape.Begin();
        Variable[] vectors = [.. columns.Select(c => embedder.Forward(Texts(batches, $"batch{batch}.{c}"), 0, new RunOptions()))];
        Variable loss = name == "mnrl" ? new InBatchNegatives().Of(vectors)
            : head is not null ? head.Loss(vectors, Array.ConvertAll(Integers(batches[$"batch{batch}.labels"]), l => (float)l))
            : PairLosses.Cosent(Vectors.Similarity(vectors[0], vectors[1], cosine: true), batches[$"batch{batch}.scores"].ToFloats(), 20);
        tape.Backward(loss);
        return loss.Value.ToScalar();
    }

    private static int[][] Texts(SafetensorsFile file, string name)
    {
        int[] ids = Integers(file[name + ".input_ids"]), mask = Integers(file[name + ".attention_mask"]);
        int width = (int)file[name + ".input_ids"].Shape[1];
        return [.. Enumerable.Range(0, ids.Length / width)
            .Select(b => Enumerable.Range(b * width, width).Where(i => mask[i] != 0).Select(i => ids[i]).ToArray())];
    }

    private static int[] Integers(RawTensor tensor)
    {
        byte[] bytes = tensor.ToBytes();
        return [.. Enumerable.Range(0, bytes.Length / 8).Select(i => (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * 8)))];
    }
}
