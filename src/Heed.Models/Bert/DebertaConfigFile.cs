using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Models.Bert;

/// <summary>What DeBERTa's <c>config.json</c> says beside BERT's.</summary>
internal static class DebertaConfigFile
{
    public static DebertaConfig Read(ConfigReader file)
    {
        int width = file.Size("hidden_size", 1536, 1);
        foreach (string name in (ReadOnlySpan<string>)["embedding_size", "pooler_hidden_size"])
        {
            file.Guard(name);
            if (file.OptionalSize(name) is { } size && size != width)
                throw file.Wrong(name, $"is {size}; here it is as wide as hidden_size, {width}. Choose a model without it");
        }

        file.Guard("conv_kernel_size");
        if (file.OptionalSize("conv_kernel_size", 0) is > 0 and var kernel)
            throw file.Wrong("conv_kernel_size", $"is {kernel}; no convolution is computed here. Choose a model without it");
        int heads = file.Size("num_attention_heads", 24, 1);
        file.Guard("attention_head_size");
        if (file.OptionalSize("attention_head_size") is { } head && head * heads != width)
            throw file.Wrong("attention_head_size", $"is {head}; here it is hidden_size / num_attention_heads. Choose a model without it");
        bool[] kinds = Kinds(file);
        DebertaConfig config = new()
        {
            Width = width,
            Layers = file.Size("num_hidden_layers", 24, 1),
            Heads = heads,
            AddsPositions = file.Flag("position_biased_input", true),
            RelativeAttention = file.Flag("relative_attention", false),
            FarthestDistance = Math.Max(file.Size("max_relative_positions", -1, -1), 0),
            Buckets = Math.Max(file.Size("position_buckets", -1, -1), 0),
            ContentToPosition = kinds[0],
            PositionToContent = kinds[1],
            SharedProjections = file.Flag("share_att_key", false),
            NormedDistances = file.Choice("norm_rel_ebd", "none", ("none", false), ("layer_norm", true)),
            LegacyHead = file.Flag("legacy", true),
            PoolerActivation = ConfigWords.Activation(file, "pooler_hidden_act", "gelu"),
            PoolerDropout = (float)file.Number("pooler_dropout", 0, 0, 0.999),
        };
        return (DebertaConfig)BertConfigFile.Fill(config, file, vocabulary: 128100, padding: 0, inner: 6144) with
        {
            ClassifierDropout = file.Has("cls_dropout") ? (float)file.Number("cls_dropout", 0, 0, 0.999) : null,
        };
    }

    public static void Write(DebertaConfig c, JsonObject json)
    {
        json.Remove("classifier_dropout");
        if (c.ClassifierDropout is { } dropout) json["cls_dropout"] = ConfigWords.Number(dropout);
        json["legacy"] = c.LegacyHead;
        json["max_relative_positions"] = c.FarthestDistance;
        json["norm_rel_ebd"] = c.NormedDistances ? "layer_norm" : "none";
        json["pooler_dropout"] = ConfigWords.Number(c.PoolerDropout);
        json["pooler_hidden_act"] = ConfigWords.Name(c.PoolerActivation);
        json["pooler_hidden_size"] = c.Width;
        JsonArray kinds = [];
        if (c.PositionToContent) kinds.Add((JsonNode)"p2c");
        if (c.ContentToPosition) kinds.Add((JsonNode)"c2p");
        json["pos_att_type"] = kinds;
        json["position_biased_input"] = c.AddsPositions;
        json["position_buckets"] = c.Buckets > 0 ? c.Buckets : -1;
        json["relative_attention"] = c.RelativeAttention;
        json["share_att_key"] = c.SharedProjections;
        json["type_vocab_size"] = c.Segments;
    }

    /// <summary>Whether c2p and p2c stand in <c>pos_att_type</c>, a list of words or one string with | between them.</summary>
    private static bool[] Kinds(ConfigReader file)
    {
        if (!file.Has("pos_att_type")) return [false, false];
        JsonElement given = file.Root.GetProperty("pos_att_type");
        string path = file.At("pos_att_type");
        string[] words = given.ValueKind switch
        {
            JsonValueKind.String => given.GetString()!.Split('|', StringSplitOptions.TrimEntries),
            JsonValueKind.Array => [.. given.EnumerateArray().Select((word, i) => StrictJson.Text(word, file.File, $"{path}[{i}]"))],
            _ => throw file.Wrong("pos_att_type", $"is {StrictJson.Describe(given)}; a list of c2p and p2c was expected. Correct it"),
        };
        foreach (string word in words)
            if (word is not ("c2p" or "p2c"))
                throw file.Wrong("pos_att_type", $"has \"{Printable.Shorten(word)}\"; c2p and p2c are computed here. Choose these");
        return [words.Contains("c2p"), words.Contains("p2c")];
    }
}
