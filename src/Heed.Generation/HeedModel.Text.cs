using Heed.Models;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>New tokens if neither the folder nor the caller sets a length.</summary>
    private const int StandardNewTokens = 128;

    private int _warnedOfContext;

    /// <summary>Continues a text; with an encoder-decoder: answers, translates or summarises it.</summary>
    /// <param name="prompt">The text.</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>The new text, without the prompt.</returns>
    /// <exception cref="InputException">The prompt or a setting cannot be worked with, or the model does not generate.</exception>
    /// <exception cref="BudgetException">The text alone needs more memory than is allowed.</exception>
    /// <exception cref="NumericalException">The model's scores are NaN.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public string Generate(string prompt, GenerationConfig? config = null, CancellationToken cancellationToken = default)
        => Generate([prompt], config, cancellationToken)[0].Text;

    /// <summary>Continues several texts at once.</summary>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)"/>
    /// <param name="prompts">The texts.</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>Prompt by prompt its texts: <see cref="GenerationConfig.ReturnSequences"/> each.</returns>
    public IReadOnlyList<GeneratedText> Generate(
        IReadOnlyList<string> prompts, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        using IDisposable use = _uses.Enter();
        GenerationRequest[] requests = [.. prompts.Select(p => Request(p, config))];
        return _engine.Value.Generate(requests, cancellationToken);
    }

    /// <summary>As <see cref="Generate(string, GenerationConfig?, CancellationToken)"/>, without holding the calling thread.</summary>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)"/>
    public async Task<string> GenerateAsync(string prompt, GenerationConfig? config = null, CancellationToken cancellationToken = default)
        => (await GenerateAsync([prompt], config, cancellationToken).ConfigureAwait(false))[0].Text;

    /// <summary>As <see cref="Generate(IReadOnlyList{string}, GenerationConfig?, CancellationToken)"/>, without holding the calling
    /// thread.</summary>
    /// <inheritdoc cref="Generate(IReadOnlyList{string}, GenerationConfig?, CancellationToken)"/>
    public async Task<IReadOnlyList<GeneratedText>> GenerateAsync(
        IReadOnlyList<string> prompts, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        using IDisposable use = _uses.Enter();
        GenerationRequest[] requests = [.. prompts.Select(p => Request(p, config))];
        return await _engine.Value.GenerateAsync(requests, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Continues a text token by token.</summary>
    /// <param name="prompt">The text.</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>. Beams cannot be streamed.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>One update per token; their texts together are the text of
    /// <see cref="Generate(string, GenerationConfig?, CancellationToken)"/>.</returns>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)" path="/exception"/>
    public IEnumerable<GenerationUpdate> Stream(
        string prompt, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Updates(() => Request(prompt, config), cancellationToken);
    }

    /// <summary>As <see cref="Stream"/>, with each token computed on a thread of the pool.</summary>
    /// <inheritdoc cref="Stream"/>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(
        string prompt, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return UpdatesAsync(() => Request(prompt, config), cancellationToken);
    }

    /// <summary>Continues prompts of ids.</summary>
    internal IReadOnlyList<GeneratedText> Generate(IReadOnlyList<int[]> prompts, GenerationConfig? config,
        CancellationToken cancellationToken)
    {
        using IDisposable use = _uses.Enter();
        config = Checked(config);
        return _engine.Value.Generate([.. prompts.Select(p => Request(p, config))], cancellationToken);
    }

    /// <summary>The updates of a request; the model is in use from the first read on.</summary>
    private IEnumerable<GenerationUpdate> Updates(Func<GenerationRequest> request, CancellationToken cancellationToken)
    {
        IDisposable use = _uses.Enter();
        foreach (GenerationUpdate update in Begin(request, use, r => _engine.Value.Stream(r, use, cancellationToken))) yield return update;
    }

    private async IAsyncEnumerable<GenerationUpdate> UpdatesAsync(
        Func<GenerationRequest> request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IDisposable use = _uses.Enter();
        await foreach (GenerationUpdate update in Begin(request, use, r => _engine.Value.StreamAsync(r, use, cancellationToken))
            .ConfigureAwait(false)) yield return update;
    }

    /// <summary>Begins a stream that ends the use with itself; a request that cannot be made ends it at once.</summary>
    private static T Begin<T>(Func<GenerationRequest> request, IDisposable use, Func<GenerationRequest, T> stream)
    {
        try
        {
            return stream(request());
        }
        catch
        {
            use.Dispose();
            throw;
        }
    }

    private GenerationRequest Request(string prompt, GenerationConfig? config)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        config = Checked(config);
        return Request(Tokenizer.Encode(prompt).IdArray, config);
    }

    private GenerationRequest Request(int[] ids, GenerationConfig config) => new()
    {
        Prompt = ids,
        Config = WithLength(config, ids.Length),
        Tokenizer = Tokenizer,
        DecoderPrompt = Model is SequenceToSequenceModel && config.DecoderStartId is { } start ? [start] : null,
    };

    /// <summary>The settings of a call.</summary>
    /// <exception cref="InputException">The model does not generate, or a setting is outside its range.</exception>
    private GenerationConfig Checked(GenerationConfig? config)
    {
        if (Model is not (CausalLanguageModel or SequenceToSequenceModel))
            throw new InputException($"{Folder}: {Model.Architecture} does not generate text. Use a causal language model or an "
                + "encoder-decoder.");
        config ??= Generation;
        config.Validate();
        return config;
    }

    /// <summary>The standard length, within the context that the model was trained for; whoever asks for more gets it, with a
    /// warning.</summary>
    private GenerationConfig WithLength(GenerationConfig config, int promptLength)
    {
        int context = Model.Config.TrainedLength, first = Model is SequenceToSequenceModel ? 1 : promptLength;
        if (config.MaxNewTokens is null && config.MaxLength is null)
        {
            if (first >= context)
                throw new InputException($"input_ids: the prompt has {first} tokens and the model was trained for {context}, which leaves "
                    + "none for new ones. Shorten the prompt, or set max_new_tokens to pass the context.");
            return config with { MaxNewTokens = Math.Min(StandardNewTokens, context - first) };
        }

        long asked = config.MaxNewTokens is { } tokens ? (long)first + tokens : config.MaxLength!.Value;
        if (asked > context && Model.Config.MaximumLength > context && Interlocked.Exchange(ref _warnedOfContext, 1) == 0)
            _warnings?.Report($"{Folder}: {asked} tokens with the prompt were asked for, and the model was trained for {context}; what "
                + "follows after them may be worse. Set max_new_tokens lower.");
        return config;
    }
}
