using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Bart;

/// <summary>BART's classifier of texts: the decoder's row of the last end token → dense → tanh → classes.</summary>
/// <remarks>Lewis et al. 2019, arXiv:1910.13461 §3.1.</remarks>
internal sealed class BartClassifierHead(BartConfig config, ParameterScope at) : SequenceHead(
    new Linear(config.Width, config.Labels.Count, (at / "out_proj").As("output"), initializer: Initializer.Normal(config.InitialDeviation)),
    config.ClassifierDropout,
    new Linear(config.Width, config.Width, (at / "dense").As("dense"), initializer: Initializer.Normal(config.InitialDeviation)),
    config.ClassifierDropout)
{
    /// <inheritdoc/>
    /// <exception cref="InputException">Texts have no end token, or not as many as the others.</exception>
    protected override Variable Select(Variable hidden, TokenBatch batch, ForwardContext context, int? padding)
    {
        int end = config.EndId
            ?? throw new ConfigException($"{config.ModelType}: eos_token_id is null, and a text is classified at its last end token. Set it.");
        int[] rows = new int[batch.GridRows], counts = new int[batch.GridRows];
        for (int b = 0; b < rows.Length; b++)
        {
            for (int n = batch.Starts[b]; n < batch.Starts[b + 1]; n++)
            {
                if (batch.Ids[n] != end) continue;
                rows[b] = n;
                counts[b]++;
            }

            if (counts[b] == 0 || counts[b] != counts[0])
            {
                throw new InputException(
                    $"input_ids: row {b} has {counts[b]} end tokens (id {end}) and row 0 has {counts[0]}; BART classifies at the last one, and all "
                    + "texts of a batch have the same number, at least one. Encode with special tokens, and texts and pairs apart.");
            }
        }

        return hidden.Gather(rows);                                                                  // [B, D]
    }
}
