using System.Text.Json.Nodes;

namespace Heed.Models;

/// <summary>What every architecture's configuration says. The families derive from it; foreign JSON names live in their
/// <c>…ConfigFile</c>.</summary>
public abstract record ModelConfig
{
    /// <summary>Hugging Face's <c>model_type</c>, such as <c>gpt2</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>V, size of the vocabulary (<c>vocab_size</c>).</summary>
    public abstract int Vocabulary { get; init; }

    /// <summary>D, width of the residual stream (<c>hidden_size</c>, <c>n_embd</c>, <c>d_model</c> or <c>dim</c>).</summary>
    public abstract int Width { get; init; }

    /// <summary>Number of layers, of the decoder where there are two stacks (<c>num_hidden_layers</c>, <c>n_layer</c>, <c>num_layers</c> or
    /// <c>decoder_layers</c>).</summary>
    public abstract int Layers { get; init; }

    /// <summary>Longest input in tokens; <see cref="int.MaxValue"/> where positions have no table.</summary>
    public abstract int MaximumLength { get; }

    /// <summary>True where the output layer over the vocabulary is the token table (<c>tie_word_embeddings</c>).</summary>
    public virtual bool TiedOutput { get; init; } = true;

    /// <summary>Standard deviation of initial weights (<c>initializer_range</c>).</summary>
    public float InitialDeviation { get; init; } = 0.02f;

    /// <summary>Tokens of the context that the model was trained for: <see cref="MaximumLength"/>, unless longer inputs run too.</summary>
    public virtual int TrainedLength => MaximumLength;

    /// <summary>Equal for text lengths at which tokens have the same positions, so that keys and values computed at one are right at the
    /// other.</summary>
    internal virtual int PositionRegime(int length) => 0;

    /// <summary>Id that fills rows, or null (<c>pad_token_id</c>).</summary>
    public int? PaddingId { get; init; }

    /// <summary>Id that begins a text, or null (<c>bos_token_id</c>).</summary>
    public int? BeginId { get; init; }

    /// <summary>Id that ends a text, or null (<c>eos_token_id</c>).</summary>
    public int? EndId { get; init; }

    /// <summary>Names of the classes in id order (<c>id2label</c>); empty where the head has none.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>What the scores of a sequence classifier mean (<c>problem_type</c>); null is decided by the labels given.</summary>
    public ClassificationKind? ClassificationKind { get; init; }

    /// <summary>The file's object as it was read, so that unknown keys survive saving; null for a configuration made in code.</summary>
    public JsonObject? Original { get; init; }

    /// <summary>Checks that the sizes fit together, before anything is allocated.</summary>
    /// <exception cref="ConfigException">They do not; the message names both values.</exception>
    public abstract void Validate();

    /// <summary>The fields as today's Hugging Face form writes them, without <c>architectures</c>.</summary>
    public abstract JsonObject ToJson();
}
