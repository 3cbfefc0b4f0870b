using System.Globalization;
using Heed.Models;

namespace Heed.Generation;

public sealed partial record GenerationConfig
{
    /// <summary>The least <see cref="RepetitionPenalty"/>: scores are divided by it.</summary>
    private const float LeastPenalty = 1e-9f;

    /// <summary>The least <see cref="TypicalP"/>: none of the mass would be kept.</summary>
    private const float LeastMass = 1e-9f;

    /// <summary>Checks every setting against its range, which is the one of <c>generation_config.json</c>. <see cref="InferenceEngine"/>
    /// calls it before it begins.</summary>
    /// <exception cref="InputException">A setting is outside its range, or not a number; the message names it, its value and the
    /// range.</exception>
    public void Validate()
    {
        Check("max_new_tokens", MaxNewTokens ?? 1, 1);
        Check("max_length", MaxLength ?? 1, 1);
        Check("min_new_tokens", MinNewTokens ?? 0, 0);
        Check("min_length", MinLength, 0);
        Check("temperature", Temperature, 0, float.MaxValue);
        Check("top_k", TopK, 0);
        Check("top_p", TopP, 0, 1);
        Check("min_p", MinP, 0, 1);
        Check("typical_p", TypicalP, LeastMass, 1);
        Check("epsilon_cutoff", EpsilonCutoff, 0, 1);
        Check("eta_cutoff", EtaCutoff, 0, 1);
        Check("repetition_penalty", RepetitionPenalty, LeastPenalty, float.MaxValue);
        Check("no_repeat_ngram_size", NoRepeatNgramSize, 0);
        Check("num_beams", Beams, 1);
        Check(nameof(TopTokens), TopTokens ?? 0, 0);
        Check("num_return_sequences", ReturnSequences, 1);
        Check("length_penalty", LengthPenalty, float.MinValue, float.MaxValue);
        Check("bad_words_ids", BadWords);
        Check("sequence_bias", SequenceBias);
        Check("suppress_tokens", SuppressTokens);
        Check("begin_suppress_tokens", BeginSuppressTokens);
        Check("forced_eos_token_id", ForcedEndIds);
        Check("eos_token_id", EndIds);
        Check("stop_strings", StopStrings);
        if (BadWords.Any(w => w is not { Count: > 0 }))
            throw new InputException("bad_words_ids: a sequence is empty; at least one id was expected.");
        if (SequenceBias.Any(b => b is not { Ids.Count: > 0 }))
            throw new InputException("sequence_bias: a sequence is empty; at least one id was expected.");
        foreach (string stop in StopStrings)
            if (string.IsNullOrEmpty(stop)) throw new InputException("stop_strings: a text is empty; at least one character was expected.");
    }

    private static void Check(string name, int value, int minimum)
    {
        if (value < minimum || value > ConfigReader.MaximumSize)
            throw new InputException(
                string.Create(CultureInfo.InvariantCulture, $"{name}: is {value}; a whole number from {minimum} to {ConfigReader.MaximumSize} was expected."));
    }

    private static void Check<T>(string name, IReadOnlyList<T>? list)
    {
        if (list is null) throw new InputException($"{name}: is null; a list was expected, empty for none.");
    }

    private static void Check(string name, float value, float minimum, float maximum)
    {
        // NaN is in no range.
        if (!(value >= minimum && value <= maximum))
            throw new InputException(
                string.Create(CultureInfo.InvariantCulture, $"{name}: is {value}; a number from {minimum} to {maximum} was expected."));
    }
}
