using Heed.Checkpoints;
using Heed.Testing;

namespace Heed.Verification.Tests;

/// <summary>Folders of inspection: a value that is off is found and named, and nothing else is.</summary>
public sealed class InspectionVerificationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("heed-inspection").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void One_changed_value_of_each_quantity_is_found()
    {
        string golden = Path.Combine(Repository.Goldens, "inspection", "gpt2"), models = Path.Combine(Repository.Goldens, "models");
        foreach (string name in (string[])["golden.json", "noise.json"]) File.Copy(Path.Combine(golden, name), Path.Combine(_folder, name));
        List<RawTensor> changed = [];
        HashSet<string> expected = new(StringComparer.Ordinal), seen = new(StringComparer.Ordinal);
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(golden, "golden.safetensors")))
        {
            foreach (RawTensor tensor in file.Tensors)
            {
                // One tensor of each kind of quantity is wrong by 1 % of its largest value.
                if (tensor.DType != DType.F32 || InspectionCase.IsInput(tensor.Name) || !seen.Add(tensor.Name.Split('.')[0]))
                {
                    changed.Add(RawTensor.FromBytes(tensor.Name, tensor.DType, [.. tensor.Shape], tensor.ToBytes()));
                    continue;
                }

                float[] values = tensor.ToFloats();
                values[^1] += 0.01f * values.Where(float.IsFinite).Max(Math.Abs);
                expected.Add(tensor.Name);
                changed.Add(RawTensor.FromFloats(tensor.Name, [.. tensor.Shape], values));
            }

            SafetensorsWriter.Write(Path.Combine(_folder, "golden.safetensors"), changed);
        }

        Assert.True(InspectionVerification.IsCases(_folder));
        IReadOnlyList<VerificationResult> results = InspectionVerification.Run(_folder, models);
        Assert.Equal(expected.Order(), results.Where(r => !r.Passed).Select(r => r.Case).Order());
        Assert.True(expected.Count >= 15, string.Join(", ", expected));
        Assert.Contains("--model",
            Assert.Throws<StorageException>(() => InspectionVerification.Run(_folder, Path.Combine(_folder, "none"))).Message,
                StringComparison.Ordinal);
    }
}
