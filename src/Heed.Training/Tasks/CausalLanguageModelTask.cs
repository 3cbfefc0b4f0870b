using System.Text.Json.Nodes;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Logging;

namespace Heed.Training.Tasks;

/// <summary>Learning to predict each token from those before it (GPT). Blocks of the corpus, packed end to end; every token but the first is a target.</summary>
/// <param name="model">What is trained; the task owns it.</param>
/// <param name="tokenizer">Saved beside the model; null saves none.</param>
/// <param name="corpus">The ids.</param>
/// <param name="settings">How the corpus is read.</param>
/// <exception cref="InputException">The training part is shorter than one block.</exception>
public sealed class CausalLanguageModelTask(CausalLanguageModel model, Tokenizer? tokenizer, TokenCorpus corpus, TextTaskSettings settings)
    : TextTask(model, tokenizer, corpus, settings)
{
    /// <inheritdoc/>
    public override ModelInputs Batch(long position) => Blocks.Batch(BlocksAt(position));

    /// <summary>Mean loss, perplexity and <c>bits_per_byte</c> of the held-out text.</summary>
    /// <inheritdoc/>
    public override EvaluationReport? Evaluate(bool all, CancellationToken cancellationToken)
        => Corpus.HeldOut.Length < 2 ? null
            : new HeldOutEvaluation((CausalLanguageModel)Model, Corpus.HeldOutIds, Corpus.HeldOutBytes, Settings.BlockLength, Settings.BatchSize)
                .Run(all ? 0 : Settings.EvaluateBlocks, cancellationToken);

    /// <inheritdoc/>
    protected override JsonObject? GenerationSettings() => new()
    {
        ["bos_token_id"] = Model.Config.BeginId,
        ["do_sample"] = true,
        ["eos_token_id"] = Model.Config.EndId,
        ["max_new_tokens"] = 100,
        ["temperature"] = 0.8,
        ["top_k"] = 50,
    };
}
