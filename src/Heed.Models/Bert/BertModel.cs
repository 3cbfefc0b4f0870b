using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Bert;

/// <summary>BERT or RoBERTa without a head: rows and the pooled first token, for embeddings.</summary>
public sealed class BertModel : EncoderModel
{
    private readonly BertConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertModel(BertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        Bert = new BertEncoder(config, parameters.Root, pooler: true);
        // Nothing but the pooled row reads the pooler; training on the rows leaves it as it is.
        Bert.Pooler!.Weight.MayBeUnused = true;
        Bert.Pooler.Bias!.MayBeUnused = true;
    }

    /// <inheritdoc/>
    public override string Architecture => _config.ClassPrefix + "Model";

    /// <summary>The stack of layers.</summary>
    public BertEncoder Bert { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => BertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override TokenBatch Pack(ModelInputs inputs, bool keepPadding = false) => BertEncoder.Pack(_config, inputs, keepPadding);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch, maximumLength: _config.PositionRows);
        return Bert.Forward(batch, context, details);
    }

    /// <summary>Gives <c>last_hidden_state</c> [B, T, D] and <c>pooler_output</c> [B, D].</summary>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        (TokenBatch batch, _, Variable hidden, RunDetails? details) = Encode(inputs, options ?? RunOptions.Default);
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        tensors["last_hidden_state"] = batch.ToGrid(hidden.Value);
        tensors["pooler_output"] = Bert.Pool(hidden, batch.FirstRows()).Value;
        options?.Hooks?.CheckUsed();
        return new ModelOutput { Tensors = tensors };
    }
}
