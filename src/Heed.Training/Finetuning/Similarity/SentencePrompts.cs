using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Models.Embeddings;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>The texts that stand before texts whose vectors are learned.</summary>
/// <param name="First">Before the first text of an example.</param>
/// <param name="Others">Before each of the others.</param>
internal sealed record SentencePrompts(string First, string Others)
{
    private const string Query = "query", Document = "document";

    /// <summary>Those of the settings, or else of the folder: of queries and documents where one text is to find another, and the one
    /// that the folder uses where none is named for all other data.</summary>
    /// <param name="config">Settings and folder.</param>
    /// <param name="kind">What the data hold.</param>
    public static SentencePrompts Of(FinetuningConfig config, SimilarityKind kind)
    {
        if (config.DocumentPrompt is not null && kind == SimilarityKind.Classes)
            throw new ConfigException($"document_prompt: {config.Train} holds single texts, which query_prompt is for. Leave it out.");
        SentenceSettings folder = Directory.Exists(config.Model) ? SentencePipeline.Read(new FolderModelFiles(config.Model)).Settings : new();
        bool isSearch = kind is SimilarityKind.Pairs or SimilarityKind.Triplets;
        string standard = folder.DefaultPromptName is { } name ? folder.Prompts[name] : "";
        return new SentencePrompts(config.QueryPrompt ?? (isSearch ? folder.Prompts[Query] : standard),
            config.DocumentPrompt ?? (isSearch ? folder.Prompts[Document] : standard));
    }

    /// <summary>What is said of them; null if there are none.</summary>
    public string? Statement => First.Length + Others.Length == 0 ? null
        : $"prompts: \"{Printable.Shorten(First)}\" before first texts, \"{Printable.Shorten(Others)}\" before the others";

    /// <summary>Writes what the settings name into a folder that sentence-transformers opens.</summary>
    public static void Save(FinetuningConfig config, string folder)
    {
        if (config.QueryPrompt is null && config.DocumentPrompt is null) return;
        string path = Path.Combine(folder, SentenceSettings.ConfigName);
        JsonObject settings = File.Exists(path) ? JsonNode.Parse(InputFile.ReadAll(path, 1 << 20))!.AsObject() : [];
        if (settings["prompts"] is not JsonObject prompts) settings["prompts"] = prompts = [];
        if (config.QueryPrompt is { } query) prompts[Query] = query;
        if (config.DocumentPrompt is { } document) prompts[Document] = document;
        DurableFile.WriteText(path, StrictJson.Format(settings));
    }
}
