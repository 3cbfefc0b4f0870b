using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;

namespace Heed.Cli.Commands;

/// <summary><c>heed info</c> of a folder of sentence-transformers whose modules lie in folders of their own, or that is a table of vectors
/// and has no model.</summary>
internal static class StaticEmbeddingReport
{
    private const string ModulesName = "modules.json", ConfigName = "config.json";

    /// <summary>Where the first module of a folder lies; null if the folder is a model's itself.</summary>
    /// <exception cref="InvalidFileException">modules.json is damaged.</exception>
    public static string? FirstModule(string folder)
    {
        string modules = Path.Combine(folder, ModulesName);
        if (File.Exists(Path.Combine(folder, ConfigName)) || !File.Exists(modules)) return null;
        using (TextEmbedder.Open(folder))
        {
            // Opening checks every module; what is left to read is a path.
            using JsonDocument list = StrictJson.ReadFile(modules, 1 << 20);
            return Path.Combine(folder, list.RootElement[0].TryGetProperty("path", out JsonElement path) ? path.GetString() ?? "" : "");
        }
    }

    /// <summary>True if the first module is a table of vectors.</summary>
    public static bool IsFor(string module) => !File.Exists(Path.Combine(module, ConfigName));

    /// <summary>Prints the table's sizes and what follows it.</summary>
    public static int Run(Terminal terminal, string folder, string module)
    {
        using TextEmbedder embedder = TextEmbedder.Open(folder);
        using CheckpointFolder weights = CheckpointFolder.Open(module);
        RawTensor table = weights.Tensors.MaxBy(t => t.ElementCount)!;
        string similarity = embedder.Settings.Similarity.ToString().ToLowerInvariant();
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["architecture"] = "StaticEmbedding",
                ["source"] = folder,
                ["parameters"] = table.ElementCount,
                ["vocabulary"] = table.Shape[0],
                ["dimensions"] = embedder.Dimensions,
                ["similarity"] = similarity,
                ["stored_bytes"] = new JsonObject { [table.DType.Name()] = table.ByteLength },
            });
            return ExitCode.Ok;
        }

        void Row(string what, string value) => terminal.Line($"{what,-22}{value,18}");
        terminal.Line(terminal.Bold("StaticEmbedding") + $"  {folder}");
        terminal.Line();
        Row("parameters", string.Create(CultureInfo.InvariantCulture, $"{table.ElementCount:N0}"));
        Row("table", $"[{string.Join(", ", table.Shape)}]");
        Row("weights, as stored", $"{table.DType.Name()} {Printable.Bytes(table.ByteLength)}");
        Row("dimensions", embedder.Dimensions.ToString(CultureInfo.InvariantCulture));
        Row("similarity", similarity);
        return ExitCode.Ok;
    }
}
