using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Models.Bert;

/// <summary>BERT's and RoBERTa's configurations by the names of Hugging Face's <c>config.json</c>.</summary>
internal static class BertConfigFile
{
    public static BertConfig Read(ConfigReader file)
    {
        BertConfig config = new()
        {
            Width = file.Size("hidden_size", 768, 1),
            Layers = file.Size("num_hidden_layers", 12, 1),
            Heads = file.Size("num_attention_heads", 12, 1),
        };
        return Fill(config, file, vocabulary: 30522, padding: 0);
    }

    public static RobertaConfig ReadRoberta(ConfigReader file)
    {
        RobertaKind kind = file.Choice(
            "model_type", "roberta", ("roberta", RobertaKind.Roberta), ("xlm-roberta", RobertaKind.XlmRoberta), ("camembert", RobertaKind.Camembert),
            ("mpnet", RobertaKind.Mpnet));
        if (kind == RobertaKind.Mpnet && file.Size("relative_attention_num_buckets", 32, 1) is not 32 and var buckets)
            throw file.Wrong("relative_attention_num_buckets", $"is {buckets}; MPNet counts distances in 32 buckets. Correct it, "
                + "or choose a model with 32");
        RobertaConfig config = new()
        {
            Kind = kind,
            Width = file.Size("hidden_size", 768, 1),
            Layers = file.Size("num_hidden_layers", 12, 1),
            Heads = file.Size("num_attention_heads", 12, 1),
        };
        return (RobertaConfig)Fill(config, file, vocabulary: kind switch { RobertaKind.Roberta => 50265, RobertaKind.Mpnet => 30527, _ => 30522 }, padding: 1);
    }

    public static ElectraConfig ReadElectra(ConfigReader file)
    {
        ElectraConfig config = new()
        {
            Width = file.Size("hidden_size", 256, 1),
            EmbeddingWidth = file.Size("embedding_size", 128, 1),
            Layers = file.Size("num_hidden_layers", 12, 1),
            Heads = file.Size("num_attention_heads", 4, 1),
        };
        return (ElectraConfig)Fill(config, file, vocabulary: 30522, padding: 0, inner: 1024);
    }

    public static BertConfig Fill(BertConfig config, ConfigReader file, int vocabulary, int padding, int inner = 3072)
    {
        _ = file.Choice("position_embedding_type", "absolute", ("absolute", true));
        ConfigWords.Refuse(file, "is_decoder", "only encoders are known here");
        ConfigWords.Refuse(file, "add_cross_attention", "only encoders are known here");
        if (config is RobertaConfig && file.Says("pad_token_id") && !file.Has("pad_token_id"))
            throw file.Wrong("pad_token_id", "is null; RoBERTa counts positions from the padding id on. Give the id, "
                + "1 in the released models, or take the key out");
        return config with
        {
            Vocabulary = file.Size("vocab_size", vocabulary, 1),
            InnerWidth = file.Size("intermediate_size", inner, 1),
            PositionRows = file.Size("max_position_embeddings", 512, 1),
            Segments = config switch
            {
                RobertaConfig { Kind: RobertaKind.Mpnet } => 0,
                DebertaConfig => file.Size("type_vocab_size", 0, 0),
                _ => file.Size("type_vocab_size", 2, 1),
            },
            NormEpsilon = (float)file.Number("layer_norm_eps", config is DebertaConfig ? 1e-7 : 1e-12, 1e-30, 1),
            Activation = ConfigWords.Activation(file, "hidden_act", "gelu"),
            Dropout = (float)file.Number("hidden_dropout_prob", 0.1, 0, 0.999),
            AttentionDropout = (float)file.Number("attention_probs_dropout_prob", 0.1, 0, 0.999),
            ClassifierDropout = file.Has("classifier_dropout") ? (float)file.Number("classifier_dropout", 0, 0, 0.999) : null,
            InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
            TiedOutput = file.Flag("tie_word_embeddings", true),
            // A field that is null says that there is no padding; a field that is missing says nothing.
            PaddingId = file.OptionalId("pad_token_id", padding),
            BeginId = file.OptionalId("bos_token_id", config is RobertaConfig ? 0 : null),
            EndId = file.OptionalId("eos_token_id", config is RobertaConfig ? 2 : null),
            Labels = ConfigWords.Labels(file),
            ClassificationKind = ConfigWords.Kind(file),
        };
    }

    public static JsonObject Write(BertConfig c)
    {
        JsonObject json = new()
        {
            ["model_type"] = c.ModelType,
            ["attention_probs_dropout_prob"] = ConfigWords.Number(c.AttentionDropout),
            ["bos_token_id"] = c.BeginId,
            ["classifier_dropout"] = c.ClassifierDropout is { } dropout ? ConfigWords.Number(dropout) : null,
            ["eos_token_id"] = c.EndId,
            ["hidden_act"] = ConfigWords.Name(c.Activation),
            ["hidden_dropout_prob"] = ConfigWords.Number(c.Dropout),
            ["hidden_size"] = c.Width,
            ["initializer_range"] = ConfigWords.Number(c.InitialDeviation),
            ["intermediate_size"] = c.InnerWidth,
            ["layer_norm_eps"] = ConfigWords.Number(c.NormEpsilon),
            ["max_position_embeddings"] = c.PositionRows,
            ["num_attention_heads"] = c.Heads,
            ["num_hidden_layers"] = c.Layers,
            ["pad_token_id"] = c.PaddingId,
            ["tie_word_embeddings"] = c.TiedOutput,
            ["type_vocab_size"] = c.Segments,
            ["use_cache"] = true,
            ["vocab_size"] = c.Vocabulary,
        };
        if (c is ElectraConfig electra) json["embedding_size"] = electra.EmbeddingWidth;
        if (c.Segments == 0) json.Remove("type_vocab_size");
        if (c is DebertaConfig deberta) DebertaConfigFile.Write(deberta, json);
        if (c.DistanceBuckets > 0) json["relative_attention_num_buckets"] = c.DistanceBuckets;
        return json;
    }
}
