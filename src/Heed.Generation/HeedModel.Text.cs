using System.Runtime.CompilerServices;
using Heed.Generation.Text;
using Heed.Models;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>Continues a text; behind an encoder: answers, translates or summarises it.</summary>
    /// <param name="prompt">The text.</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>The new text, without the prompt.</returns>
    /// <exception cref="InputException">The prompt or a setting cannot be worked with, or the model does not generate.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    public string Generate(string prompt, GenerationConfig? config = null, CancellationToken cancellationToken = default) => Generate([prompt], config, cancellationToken)[0].Text;

    /// <summary>Continues several texts at once.</summary>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)"/>
    /// <param name="prompts">The texts.</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Prompt by prompt its texts: <see cref="GenerationConfig.ReturnSequences"/> each.</returns>
    public IReadOnlyList<GeneratedText> Generate(IReadOnlyList<string> prompts, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        using ModelUse use = Model.Enter();
        config = Checked(config);
        int[][] ids = [.. prompts.Select(Encode)];
        if (config.ReturnSequences > 1 && config.Beams == 1 && !config.Sample)
            throw new InputException($"num_return_sequences: {config.ReturnSequences} texts were asked for, and without sampling or beams all would be the same. Set do_sample, or num_beams to at least {config.ReturnSequences}.");

        // Each text watches for stop strings on its own, so each is a request of its own; beams come from one request.
        int each = config.Beams > 1 ? 1 : config.ReturnSequences;
        GenerationConfig single = config.Beams > 1 ? config : config with { ReturnSequences = 1 };
        List<(GenerationRequest Request, TextStream? Watch, int Prompt)> requests = [];
        for (int i = 0; i < ids.Length; i++)
        {
            for (int k = 0; k < each; k++)
            {
                TextStream? watch = config.StopStrings.Count > 0 && config.Beams == 1 ? NewStream(ids[i], config) : null;
                requests.Add((Request(ids[i], single) with { Sequence = k, OnToken = watch is null ? null : token => watch.Add(token.Id) }, watch, i));
            }
        }

        List<GeneratedText> texts = [];
        foreach (GeneratedSequence sequence in new Generator(Model).Generate([.. requests.Select(r => r.Request)], cancellationToken))
        {
            (_, TextStream? watch, int prompt) = requests[sequence.Prompt];
            FinishReason finish = sequence.Finish;
            if (watch is null)
            {
                watch = NewStream(ids[prompt], config);
                if (!sequence.Ids.All(watch.Add)) finish = FinishReason.Stop;
            }

            watch.Finish();
            texts.Add(new GeneratedText { Prompt = prompt, Text = watch.Take(), Ids = sequence.Ids, PromptTokens = ids[prompt].Length, Finish = watch.Stop is null ? finish : FinishReason.Stop, Score = sequence.Score });
        }

        return texts;
    }

    /// <summary>Continues a text piece by piece: a piece as soon as its characters are certain.</summary>
    /// <param name="prompt">The text.</param>
    /// <param name="config">The settings; null: <see cref="Generation"/>. Beams cannot be streamed.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Pieces that together are the text of <see cref="Generate(string, GenerationConfig?, CancellationToken)"/>.</returns>
    /// <inheritdoc cref="Generate(string, GenerationConfig?, CancellationToken)" path="/exception"/>
    public IEnumerable<string> Stream(string prompt, GenerationConfig? config = null, CancellationToken cancellationToken = default)
    {
        config = Checked(config);
        int[] ids = Encode(prompt);
        TextStream text = NewStream(ids, config);
        using GenerationBatch batch = new(Model);
        batch.Add(Request(ids, config) with { OnToken = token => text.Add(token.Id) });
        while (batch.Running > 0)
        {
            using (Model.Enter()) batch.Step(cancellationToken);
            if (batch.Running == 0) text.Finish();
            if (text.Take() is { Length: > 0 } piece) yield return piece;
        }
    }

    /// <summary>As <see cref="Stream"/>, with each token computed on a thread of the pool.</summary>
    /// <inheritdoc cref="Stream" path="/param"/>
    /// <inheritdoc cref="Stream" path="/returns"/>
    /// <inheritdoc cref="Stream" path="/exception"/>
    public async IAsyncEnumerable<string> StreamAsync(string prompt, GenerationConfig? config = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using IEnumerator<string> pieces = Stream(prompt, config, cancellationToken).GetEnumerator();
        while (await Task.Run(pieces.MoveNext, cancellationToken).ConfigureAwait(false)) yield return pieces.Current;
    }

    /// <summary>The settings of a call.</summary>
    /// <exception cref="InputException">The model does not generate, or a setting is outside its range.</exception>
    private GenerationConfig Checked(GenerationConfig? config)
    {
        if (Model is not (CausalLanguageModel or SequenceToSequenceModel)) throw new InputException($"{Folder}: {Model.Architecture} does not generate text. Use a causal language model or an encoder-decoder.");
        config ??= Generation;
        config.Validate();
        return config;
    }

    private int[] Encode(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Tokenizer.Encode(prompt).Ids;
    }

    private GenerationRequest Request(int[] ids, GenerationConfig config) => new()
    {
        Prompt = ids,
        Config = config,
        DecoderPrompt = Model is SequenceToSequenceModel && config.DecoderStartId is { } start ? [start] : null,
    };

    /// <summary>A causal model's text stands behind its prompt, a decoder's alone.</summary>
    private TextStream NewStream(int[] prompt, GenerationConfig config) => new(Tokenizer, Model is SequenceToSequenceModel ? [] : prompt, config.StopStrings);
}
