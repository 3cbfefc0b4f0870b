using Heed.Generation.Sampling;

namespace Heed.Generation.Processors;

/// <summary>The processors of a configuration, in Hugging Face's order.</summary>
internal sealed class ProcessorList : ILogitsProcessor
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
        // min_new_tokens wins over min_length, also where it is the smaller.
        int minimum = config.MinNewTokens is { } tokens ? promptLength + tokens : config.MinLength;
        if (minimum > 0 && config.EndIds.Count > 0) p.Add(new MinimumLengthProcessor(minimum, config.EndIds));
        if (config.ForcedBeginId is { } begin) p.Add(new ForcedTokenProcessor(1, [begin]));
        if (config.ForcedEndIds.Count > 0) p.Add(new ForcedTokenProcessor(maximumLength - 1, config.ForcedEndIds));
        if (config.ExponentialDecay is { } decay)
            p.Add(new ExponentialDecayProcessor(decay.Start + promptLength, decay.Factor, config.EndIds));
        if (config.SuppressTokens.Count > 0) p.Add(new Suppression(config.SuppressTokens));
        // A forced first token is no choice: what must not come first is then kept from coming second.
        int firstChoice = promptLength == 1 && config.ForcedBeginId is not null ? 2 : promptLength;
        if (config.BeginSuppressTokens.Count > 0) p.Add(new Suppression(config.BeginSuppressTokens, firstChoice));
        if (config.Sample)
        {
            if (config.Temperature is not 1 and > 0) p.Add(new TemperatureWarper(config.Temperature));
            if (config.TopK > 0) p.Add(new TopKWarper(config.TopK));
            if (config.TopP < 1) p.Add(new TopPWarper(config.TopP));
            if (config.MinP > 0) p.Add(new MinPWarper(config.MinP));
            if (config.TypicalP < 1) p.Add(new TypicalWarper(config.TypicalP));
            if (config.EpsilonCutoff > 0) p.Add(new CutoffWarper(config.EpsilonCutoff));
            if (config.EtaCutoff > 0) p.Add(new CutoffWarper(config.EtaCutoff, relativeToEntropy: true));
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
