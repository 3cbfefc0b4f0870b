using System.Text.Json.Nodes;
using Heed.Engine.Tensors;
using Heed.Models.Adapters;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Models.Tests.Adapters;

/// <summary>Adapters of the goldens, their base models, and copies with one thing changed.</summary>
internal static class AdapterFolders
{
    public static string Golden(string name) => Path.Combine(Repository.Goldens, "lora", name);

    public static string BaseOf(string adapter) => Path.Combine(Golden(adapter), (string)JsonNode.Parse(File.ReadAllText(Path.Combine(Golden(adapter), "adapter_config.json")))!["base_model_name_or_path"]!);

    /// <summary>A base model to be trained.</summary>
    public static Model Base(string adapter) => ModelFolder.Load(BaseOf(adapter), new LoadOptions { ForTraining = true }).Model;

    /// <summary>A copy of a golden adapter whose configuration is changed and whose base is found.</summary>
    public static string Copy(string adapter, TemporaryFolder folder, Action<JsonObject>? change = null)
    {
        string to = folder.File(adapter);
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(Golden(adapter))) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(to, "adapter_config.json")))!.AsObject();
        config["base_model_name_or_path"] = Path.GetFullPath(BaseOf(adapter));
        change?.Invoke(config);
        File.WriteAllText(Path.Combine(to, "adapter_config.json"), StrictJson.Format(config));
        return to;
    }

    public static ModelInputs Inputs { get; } = new() { InputIds = TokenGrid.Of([[5, 9, 3, 17, 40, 8], [7, 2, 60, 11, 0, 0]]), AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]), Labels = TokenGrid.Of([[5, 9, 3, 17, 40, 8], [7, 2, 60, 11, -100, -100]]) };

    public static float[] Logits(Model model, ModelInputs? inputs = null)
    {
        using TensorScope scope = TensorScope.Begin();
        return model.Run((inputs ?? Inputs) with { Labels = null }).Logits!.ToArray();
    }

    public static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => ((double)x - y) * ((double)x - y)).Sum()) / Math.Sqrt(b.Sum(x => (double)x * x));
}
