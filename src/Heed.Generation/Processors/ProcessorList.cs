namespace Heed.Generation.Processors;

/// <summary>The processors of a configuration, in Hugging Face's order.</summary>
public sealed class ProcessorList : ILogitsProcessor
{
    private readonly List<ILogitsProcessor> _processors = [];

    private ProcessorList()
    {
    }

    /// <summary>The processors in order.</summary>
    public IReadOnlyList<ILogitsProcessor> Processors => _processors;

    /// <summary>Builds the processors of one sequence.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="promptLength">Ids before the first new one.</param>
    /// <param name="maximumLength">Longest length, the prompt included.</param>
    public static ProcessorList Create(GenerationConfig config, int promptLength, int maximumLength)
    {
        ArgumentNullException.ThrowIfNull(config);
        ProcessorList list = new();
        List<ILogitsProcessor> p = list._processors;
        if (config.SequenceBias.Count > 0) p.Add(new SequenceBiasProcessor(config.SequenceBias));
        if (config.RepetitionPenalty != 1) p.Add(new RepetitionPenaltyProcessor(config.RepetitionPenalty));
        if (config.NoRepeatNgramSize > 0) p.Add(new NoRepeatNgramProcessor(config.NoRepeatNgramSize));
        if (config.BadWords.Count > 0) p.Add(SequenceBiasProcessor.Forbid(config.BadWords, config.EndIds));
        if (config.MinLength > 0 && config.EndIds.Count > 0) p.Add(new MinimumLengthProcessor(config.MinLength, config.EndIds));
        if (config.MinNewTokens > 0 && config.EndIds.Count > 0) p.Add(new MinimumLengthProcessor(promptLength + config.MinNewTokens, config.EndIds));
        if (config.ForcedBeginId is { } begin) p.Add(new ForcedTokenProcessor(1, [begin]));
        if (config.ForcedEndIds.Count > 0) p.Add(new ForcedTokenProcessor(maximumLength - 1, config.ForcedEndIds));
        if (config.ExponentialDecay is { } decay) p.Add(new ExponentialDecayProcessor(decay.Start + promptLength, decay.Factor, config.EndIds));
        if (config.SuppressTokens.Count > 0) p.Add(new Suppression(config.SuppressTokens));
        // A forced first token is no choice: what must not come first is then kept from coming second.
        int firstChoice = promptLength == 1 && config.ForcedBeginId is not null ? 2 : promptLength;
        if (config.BeginSuppressTokens.Count > 0) p.Add(new Suppression(config.BeginSuppressTokens, firstChoice));
        if (config.Sample)
        {
            if (config.Temperature is not 1 and > 0) p.Add(new TemperatureSampler(config.Temperature));
            if (config.TopK > 0) p.Add(new TopKSampler(config.TopK));
            if (config.TopP < 1) p.Add(new TopPSampler(config.TopP));
            if (config.MinP > 0) p.Add(new MinPSampler(config.MinP));
            if (config.TypicalP < 1) p.Add(new TypicalSampler(config.TypicalP));
            if (config.EpsilonCutoff > 0) p.Add(new CutoffSampler(config.EpsilonCutoff));
            if (config.EtaCutoff > 0) p.Add(new CutoffSampler(config.EtaCutoff, relativeToEntropy: true));
        }

        if (config.Renormalize) p.Add(new Renormalizer());
        return list;
    }

    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        foreach (ILogitsProcessor processor in _processors) processor.Process(history, scores);
    }
}
