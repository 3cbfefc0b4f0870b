using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>An encoder-decoder as one stack: the encoder reads a text, and the decoder reads it again, one place later and with the
/// encoder's rows before it. The rows are the decoder's.</summary>
/// <remarks>Lewis et al. 2019, arXiv:1910.13461 §3.1.</remarks>
/// <param name="stacks">The two stacks.</param>
/// <param name="at">The model's place.</param>
internal sealed class RereadingStack(EncoderDecoder stacks, ParameterScope at) : TokenStack(stacks.Config, at)
{
    /// <inheritdoc/>
    public override Embedding Tokens => stacks.OutputTokens;

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        RunOptions options = new()
        {
            Hooks = context.Hooks,
            Dropout = context.Dropout,
            Checkpoint = context.Checkpoint,
            CancellationToken = context.CancellationToken,
        };
        TokenBatch again = batch.ShiftedRight(stacks.StartId);
        return stacks.Decode(again, stacks.Encode(batch, context), again.Context(options, context));
    }

    /// <summary>As <see cref="TokenStack.Run"/>, with the rows of both stacks for whoever gathers them.</summary>
    /// <param name="batch">The texts.</param>
    /// <param name="run">Makes the stacks' contexts.</param>
    /// <param name="memory">[N, D]: the encoder's rows.</param>
    /// <param name="context">The decoder's context.</param>
    public Variable Run(TokenBatch batch, ModelRun run, out Variable memory, out ForwardContext context)
    {
        batch.Check(Config, Config.Vocabulary, Config.MaximumLength);
        TokenBatch again = batch.ShiftedRight(stacks.StartId);
        ForwardContext reading = run.EncoderContext(batch);
        memory = stacks.Encode(batch, reading);                                                      // [N, D]
        context = run.DecoderContext(again, reading, batch);
        return stacks.Decode(again, memory, context);                                                // [N, D]
    }
}
