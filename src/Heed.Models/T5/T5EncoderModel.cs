using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.T5;

/// <summary>T5's encoder alone: a text to rows.</summary>
public sealed class T5EncoderModel : Model
{
    /// <summary>Builds the model; values come from the set's source.</summary>
    public T5EncoderModel(T5Config config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        Tokens = new Embedding(config.Vocabulary, config.Width, parameters.Root / "shared", Initializer.Normal(config.InitialFactor));
        Encoder = new T5Stack(config, decoder: false, parameters.Root / "encoder");
    }

    /// <inheritdoc/>
    public override string Architecture => "T5EncoderModel";

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>The stack.</summary>
    public T5Stack Encoder { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames { get; } = new Dictionary<string, string> { ["encoder.embed_tokens.weight"] = "shared.weight" };

    /// <summary>Gives <c>last_hidden_state</c> [B, T, D], and with details <c>hidden_states.n</c> and <c>attentions.n</c>.</summary>
    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= RunOptions.Default;
        TokenBatch batch = inputs.Pack();
        CheckIds(batch);
        RunDetails? details = options.Details ? new RunDetails() : null;
        if (details is not null) options = options with { Hooks = details.Patterns(options.Hooks, "encoder.blocks.", ".attn.pattern", "attentions", batch) };
        Variable rows = Encoder.Forward(Tokens.Forward(batch.Ids), default, batch, batch.Context(options), details, "hidden_states");     // [N, D]
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        tensors["last_hidden_state"] = batch.ToGrid(rows.Value);
        options.Hooks?.CheckUsed();
        return new ModelOutput { Tensors = tensors };
    }

    /// <summary>The encoder alone predicts nothing: there are no parts.</summary>
    public override long[] CountTargets(ModelInputs inputs) => [];
}
