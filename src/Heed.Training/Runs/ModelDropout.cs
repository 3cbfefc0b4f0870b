using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Training.Runs;

/// <summary>The dropout of a run, put into a model's configuration under the keys of its family.</summary>
internal static class ModelDropout
{
    private static readonly string[] Keys =
    [
        "embd_pdrop", "attn_pdrop", "resid_pdrop", "dropout", "attention_dropout", "hidden_dropout", "hidden_dropout_prob",
        "attention_probs_dropout_prob", "dropout_rate",
    ];

    /// <summary>Sets it wherever the object has a key for it; null keeps what is there.</summary>
    public static void Set(JsonObject json, double? dropout)
    {
        if (dropout is not { } probability) return;
        foreach (string key in Keys)
            if (json.ContainsKey(key)) json[key] = probability;
    }

    /// <summary>A configuration with another dropout.</summary>
    /// <param name="family">Reads it.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <param name="dropout">Probability.</param>
    public static ModelConfig Of(ModelFamily family, ModelConfig config, string source, double dropout)
    {
        JsonObject json = config.ToJson();
        Set(json, dropout);
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return family.ReadConfig(new ConfigReader(document.RootElement, source)) with
        {
            Original = config.Original,
            Labels = config.Labels,
            ClassificationKind = config.ClassificationKind,
        };
    }
}
