using Heed.Generation.Understanding;
using Heed.Models;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>The settings with which the folder's encoder-decoder summarises or translates: those of generation_config.json, with
    /// those of
    /// <c>task_specific_params</c> over them; where both are silent, 4 beams and up to 256 new tokens.</summary>
    /// <param name="task">Name of the task (<c>summarization</c>, <c>translation_en_to_de</c>); null, or one that the folder does not know:
    /// none.</param>
    /// <exception cref="InvalidFileException">A setting of the folder has a wrong type or range.</exception>
    public GenerationConfig RewritingConfig(string? task = null) => RewritingSettings.Of(_files, Model, Generation, task).Config;

    /// <summary>Summarises or translates texts with an encoder-decoder, with the prefix and the settings that its folder has for the
    /// task.</summary>
    /// <param name="texts">The texts, without the prefix.</param>
    /// <param name="task">Name of the task (<c>summarization</c>, <c>translation_en_to_de</c>); null: none.</param>
    /// <param name="config">The settings; null: <see cref="RewritingConfig"/> of the task.</param>
    /// <param name="truncate">True: a text longer than the tokenizer's <c>model_max_length</c> is cut.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>Text by text what it became: <see cref="GenerationConfig.ReturnSequences"/> each.</returns>
    /// <exception cref="InputException">The model is no encoder-decoder, or a text or setting cannot be worked with.</exception>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)" path="/exception"/>
    public IReadOnlyList<GeneratedText> Rewrite(
        IReadOnlyList<string> texts, string? task = null, GenerationConfig? config = null, bool truncate = false,
            CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return Generate(RewritingIds(texts, task, truncate), config ?? RewritingConfig(task), cancellationToken);
    }

    /// <summary>As <see cref="Rewrite"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Rewrite"/>
    public Task<IReadOnlyList<GeneratedText>> RewriteAsync(
        IReadOnlyList<string> texts, string? task = null, GenerationConfig? config = null, bool truncate = false,
            CancellationToken cancellationToken = default)
        => Task.Run(() => Rewrite(texts, task, config, truncate, cancellationToken), cancellationToken);

    /// <summary>Texts as the encoder reads them, each after the task's prefix.</summary>
    internal int[][] RewritingIds(IReadOnlyList<string> texts, string? task, bool truncate)
    {
        if (Model is not SequenceToSequenceModel)
            throw new InputException($"{Folder}: {Model.Architecture} does not rewrite texts. Open an encoder-decoder such as T5 or BART.");
        string prefix = RewritingSettings.Of(_files, Model, Generation, task).Prefix;
        return [.. texts.Select(t => _reading.Value.Encode(prefix + t, cut: truncate).IdArray)];
    }
}
