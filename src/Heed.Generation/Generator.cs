using Heed.Generation.Beams;
using Heed.Generation.Decoding;
using Heed.Models;

namespace Heed.Generation;

/// <summary>Makes a model write: greedily, drawing, or searching with beams, for any number of prompts of any lengths at once.</summary>
/// <remarks>A text does not depend on what is generated beside it: the same prompt, settings and seed give the same ids alone and in any batch.</remarks>
public sealed class Generator
{
    private readonly Model _model;
    private readonly long _maximumCacheBytes;

    /// <summary>A generator over a model, which stays the caller's.</summary>
    /// <param name="model">A causal language model or an encoder-decoder.</param>
    /// <param name="maximumCacheBytes">Most memory for keys and values, in bytes.</param>
    public Generator(Model model, long maximumCacheBytes = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _maximumCacheBytes = maximumCacheBytes;
    }

    /// <summary>Continues prompts, all with the same settings.</summary>
    /// <param name="prompts">Ids of each prompt, of any lengths.</param>
    /// <param name="config">The settings.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Prompt by prompt its texts: <see cref="GenerationConfig.ReturnSequences"/> each, with beams the best first.</returns>
    /// <exception cref="InputException">A prompt or a setting cannot be worked with.</exception>
    /// <exception cref="BudgetException">Keys and values need more memory than is allowed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    public IReadOnlyList<GeneratedSequence> Generate(IReadOnlyList<int[]> prompts, GenerationConfig config, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(config);
        return Generate([.. prompts.Select(p => new GenerationRequest { Prompt = p, Config = config })], cancellationToken);
    }

    /// <summary>Generates every requested text.</summary>
    /// <inheritdoc cref="Generate(IReadOnlyList{int[]}, GenerationConfig, CancellationToken)"/>
    /// <param name="requests">Prompts with their settings.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    public IReadOnlyList<GeneratedSequence> Generate(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        foreach (GenerationRequest request in requests) request.Config.Validate();
        List<GeneratedSequence> texts = [];
        (GenerationRequest Request, int Number)[] beams = [.. requests.Select((r, i) => (r, i)).Where(r => r.r.Config.Beams > 1)];
        if (beams.Length > 0)
        {
            using Decoder decoder = Decoder.Of(_model, _maximumCacheBytes);
            texts.AddRange(BeamSearch.Run(beams, decoder, cancellationToken));
        }

        if (beams.Length < requests.Count) texts.AddRange(OneByOne(requests, cancellationToken));
        return [.. texts.OrderBy(t => t.Prompt)];
    }

    /// <summary>Greedy and sampled texts, a token a step.</summary>
    private List<GeneratedSequence> OneByOne(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        using GenerationBatch batch = new(_model, _maximumCacheBytes);
        List<int> prompts = [];
        for (int i = 0; i < requests.Count; i++)
        {
            GenerationConfig config = requests[i].Config;
            if (config.Beams > 1) continue;
            if (config.ReturnSequences > 1 && !config.Sample)
                throw new InputException($"num_return_sequences: {config.ReturnSequences} texts were asked for, and without sampling or beams all would be the same. Set do_sample, or num_beams to at least {config.ReturnSequences}.");
            for (int k = 0; k < config.ReturnSequences; k++)
            {
                batch.Add(requests[i] with { Sequence = requests[i].Sequence + k });
                prompts.Add(i);
            }
        }

        GeneratedSequence[] texts = new GeneratedSequence[prompts.Count];
        while (batch.Running > 0)
        {
            foreach (GeneratedSequence text in batch.Step(cancellationToken))
                texts[text.Prompt] = new GeneratedSequence { Prompt = prompts[text.Prompt], Ids = text.Ids, Finish = text.Finish };
        }

        return [.. texts];
    }
}
