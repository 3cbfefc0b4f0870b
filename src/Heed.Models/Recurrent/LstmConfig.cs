using System.Text.Json.Nodes;

namespace Heed.Models.Recurrent;

/// <summary>What a recurrent model does.</summary>
public enum LstmTask
{
    /// <summary>Predicts the next token.</summary>
    LanguageModel,

    /// <summary>Gives a text classes.</summary>
    Classifier,

    /// <summary>Reads a text, writes another.</summary>
    SequenceToSequence,
}

/// <summary>Sizes and settings of the models from before Transformers, made of LSTM layers (Hochreiter and Schmidhuber 1997).</summary>
public sealed record LstmConfig : ModelConfig
{
    /// <summary>First rows of a token table that is not the output layer too: N(0, 1), as torch's <c>nn.Embedding</c>. Gates that read
    /// rows of
    /// 0.02 see hardly a difference between tokens, and learn ten times as slowly.</summary>
    internal static readonly Heed.Engine.Nn.Initializer FirstRows = Heed.Engine.Nn.Initializer.Normal(1);

    private static readonly string[] Types = ["lstm-lm", "lstm-classifier", "lstm-seq2seq"];

    /// <inheritdoc/>
    public override string ModelType => Types[(int)Task];

    /// <summary>What the model does (<c>model_type</c>).</summary>
    public LstmTask Task { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override required int Vocabulary { get; init; }

    /// <summary>H, width of hidden and cell states (<c>hidden_size</c>).</summary>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>num_layers</c>.</remarks>
    public override int Layers { get; init; } = 1;

    /// <summary>Layers of the encoder, where there is one; 0 means as many as the decoder has (<c>encoder_layers</c>).</summary>
    public int EncoderLayers { get => field == 0 ? Layers : field; init; }

    /// <summary>E, width of the rows of the token table; 0 means H (<c>embedding_size</c>).</summary>
    public int EmbeddingWidth { get => field == 0 ? Width : field; init; }

    /// <summary>
    /// True: the decoder looks at the encoder's rows anew for each token (Bahdanau et al. 2015). False: it is given one vector for the
    /// whole source, the encoder's states at both ends, at every token (Cho et al. 2014, arXiv:1406.1078) (<c>attention</c>).
    /// </summary>
    public bool Attends { get; init; } = true;

    /// <summary>Width of the hidden layer of attention's scores; 0 means H (<c>attention_size</c>).</summary>
    public int AttentionWidth { get => field == 0 ? Width : field; init; }

    /// <summary>True where a classifier reads in both directions (<c>bidirectional</c>).</summary>
    public bool BothDirections { get; init; } = true;

    /// <summary>States have no table: any length runs.</summary>
    public override int MaximumLength => int.MaxValue;

    /// <summary>Probability of dropout before the first and after the last layer (Zaremba et al., arXiv:1409.2329)
    /// (<c>dropout</c>).</summary>
    public float Dropout { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>tie_word_embeddings</c>.</remarks>
    public override bool TiedOutput { get; init; }

    /// <summary>Id before every text that a decoder generates; null means the begin id (<c>decoder_start_token_id</c>).</summary>
    public int? DecoderStartId { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width > ConfigReader.MaximumSize / 8)
            throw new ConfigException($"{ModelType}: the width is {Width} (hidden_size); "
                + $"at most {ConfigReader.MaximumSize / 8} are accepted.");
        if (EncoderLayers > 10_000)
            throw new ConfigException($"{ModelType}: the encoder has {EncoderLayers} layers (encoder_layers); "
                + "at most 10,000 are accepted.");
        if (TiedOutput && EmbeddingWidth != Width)
            throw new ConfigException($"{ModelType}: embedding_size is {EmbeddingWidth} and hidden_size {Width}; "
                + "tied embeddings (tie_word_embeddings) need equal widths.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        JsonObject json = new()
        {
            ["model_type"] = ModelType,
            ["bos_token_id"] = BeginId,
            ["dropout"] = ConfigWords.Number(Dropout),
            ["embedding_size"] = EmbeddingWidth,
            ["eos_token_id"] = EndId,
            ["hidden_size"] = Width,
            ["num_layers"] = Layers,
            ["pad_token_id"] = PaddingId,
            ["vocab_size"] = Vocabulary,
        };
        switch (Task)
        {
            case LstmTask.LanguageModel:
                json["tie_word_embeddings"] = TiedOutput;
                break;
            case LstmTask.Classifier:
                json["bidirectional"] = BothDirections;
                JsonObject labels = [];
                for (int i = 0; i < Labels.Count; i++) labels[FormattableString.Invariant($"{i}")] = Labels[i];
                json["id2label"] = labels;
                break;
            case LstmTask.SequenceToSequence:
                if (Attends) json["attention_size"] = AttentionWidth;
                else json["attention"] = false;
                json["decoder_start_token_id"] = DecoderStartId;
                json["encoder_layers"] = EncoderLayers;
                json["is_encoder_decoder"] = true;
                break;
        }

        return json;
    }

    internal static LstmConfig Read(ConfigReader file) => new()
    {
        Task = file.Choice("model_type", Types[0], (Types[0], LstmTask.LanguageModel), (Types[1], LstmTask.Classifier), (Types[2], LstmTask.SequenceToSequence)),
        Vocabulary = file.Size("vocab_size"),
        Width = file.Size("hidden_size"),
        Layers = file.Size("num_layers", 1, 1),
        EncoderLayers = file.OptionalSize("encoder_layers") ?? 0,
        EmbeddingWidth = file.OptionalSize("embedding_size") ?? 0,
        Attends = file.Flag("attention", true),
        AttentionWidth = file.OptionalSize("attention_size") ?? 0,
        BothDirections = file.Flag("bidirectional", true),
        Dropout = (float)file.Number("dropout", 0, 0, 0.999),
        TiedOutput = file.Flag("tie_word_embeddings", false),
        PaddingId = file.OptionalId("pad_token_id"),
        BeginId = file.OptionalId("bos_token_id"),
        EndId = file.OptionalId("eos_token_id"),
        DecoderStartId = file.OptionalId("decoder_start_token_id"),
        Labels = ConfigWords.Labels(file),
        ClassificationKind = ConfigWords.Kind(file),
    };
}
