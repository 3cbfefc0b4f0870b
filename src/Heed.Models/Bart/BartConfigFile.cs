using System.Text.Json.Nodes;

namespace Heed.Models.Bart;

/// <summary>BART's and Marian's configuration by the names of Hugging Face's <c>config.json</c>.</summary>
internal static class BartConfigFile
{
    public static BartConfig Read(ConfigReader file, bool marian)
    {
        file = file.WithNames(("d_model", "hidden_size"), ("encoder_attention_heads", "num_attention_heads"));
        // Words of the first releases, whose only values that a model was ever computed with are these.
        ConfigWords.Refuse(file, "normalize_before", "norms follow the parts here");
        ConfigWords.Refuse(file, "add_final_layer_norm", "there is no norm after the last layer here");
        ConfigWords.Refuse(
            file, "static_position_embeddings", marian ? "positions are fixed here" : "positions are learned here", refused: !marian);
        ConfigWords.Refuse(
            file, "normalize_embedding",
            marian ? "there is no norm on the embeddings here" : "a norm on the embeddings belongs to the architecture", refused: marian);
        int vocabulary = file.Size("vocab_size", marian ? 58101 : 50265, 1);
        int? end = file.OptionalId("eos_token_id", marian ? 0 : 2);
        int? padding = file.OptionalId("pad_token_id", marian ? 58100 : 1);
        return new BartConfig
        {
            Marian = marian,
            Vocabulary = vocabulary,
            DecoderVocabulary = marian ? file.Size("decoder_vocab_size", vocabulary, 1) : vocabulary,
            Width = file.Size("d_model", 1024, 1),
            EncoderLayers = file.Size("encoder_layers", 12, 1),
            EncoderHeads = file.Size("encoder_attention_heads", 16, 1),
            EncoderInnerWidth = file.Size("encoder_ffn_dim", 4096, 1),
            Layers = file.Size("decoder_layers", 12, 1),
            Heads = file.Size("decoder_attention_heads", 16, 1),
            InnerWidth = file.Size("decoder_ffn_dim", 4096, 1),
            ContextLength = file.Size("max_position_embeddings", 1024, 1),
            Activation = ConfigWords.Activation(file, "activation_function", "gelu"),
            ScaledEmbedding = file.Flag("scale_embedding", false),
            SharedTokens = !marian || file.Flag("share_encoder_decoder_embeddings", true),
            TiedOutput = file.Flag("tie_word_embeddings", true),
            Dropout = (float)file.Number("dropout", 0.1, 0, 0.999),
            AttentionDropout = (float)file.Number("attention_dropout", 0, 0, 0.999),
            ActivationDropout = (float)file.Number("activation_dropout", 0, 0, 0.999),
            ClassifierDropout = (float)file.Number("classifier_dropout", 0, 0, 0.999),
            ClassificationKind = ConfigWords.Kind(file),
            InitialDeviation = (float)file.Number("init_std", 0.02, 0, 10),
            PaddingId = padding,
            BeginId = file.OptionalId("bos_token_id", marian ? null : 0),
            EndId = end,
            DecoderStartId = file.OptionalId("decoder_start_token_id") ?? (marian ? padding : end),
            ForcedEndId = file.OptionalId("forced_eos_token_id"),
            Labels = ConfigWords.Labels(file),
        };
    }

    public static JsonObject Write(BartConfig c)
    {
        JsonObject json = new()
        {
            ["model_type"] = c.ModelType,
            ["activation_dropout"] = ConfigWords.Number(c.ActivationDropout),
            ["activation_function"] = ConfigWords.Name(c.Activation),
            ["attention_dropout"] = ConfigWords.Number(c.AttentionDropout),
            ["bos_token_id"] = c.BeginId,
            ["d_model"] = c.Width,
            ["decoder_attention_heads"] = c.Heads,
            ["decoder_ffn_dim"] = c.InnerWidth,
            ["decoder_layers"] = c.Layers,
            ["decoder_start_token_id"] = c.DecoderStartId,
            ["dropout"] = ConfigWords.Number(c.Dropout),
            ["encoder_attention_heads"] = c.EncoderHeads,
            ["encoder_ffn_dim"] = c.EncoderInnerWidth,
            ["encoder_layers"] = c.EncoderLayers,
            ["eos_token_id"] = c.EndId,
            ["forced_eos_token_id"] = c.ForcedEndId,
            ["init_std"] = ConfigWords.Number(c.InitialDeviation),
            ["is_encoder_decoder"] = true,
            ["max_position_embeddings"] = c.ContextLength,
            ["pad_token_id"] = c.PaddingId,
            ["scale_embedding"] = c.ScaledEmbedding,
            ["tie_word_embeddings"] = c.TiedOutput,
            ["use_cache"] = true,
            ["vocab_size"] = c.Vocabulary,
        };
        if (c.ClassifierDropout > 0) json["classifier_dropout"] = ConfigWords.Number(c.ClassifierDropout);
        if (!c.Marian) return json;
        json["decoder_vocab_size"] = c.DecoderVocabulary;
        json["share_encoder_decoder_embeddings"] = c.SharedTokens;
        return json;
    }
}
