using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Objectives;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Pretraining;

/// <summary>The objective of a run, with its settings resolved.</summary>
/// <param name="Name">One of <see cref="ObjectiveKind.Names"/>.</param>
/// <param name="Config">The run's settings.</param>
internal sealed record PretrainingObjective(string Name, PretrainingConfig Config)
{
    private const double UsualRate = 0.15, DenoisingRate = 0.3, UsualSpan = 3;

    /// <summary>Name of the file that keeps where words begin.</summary>
    private const string WordsName = "words.bin";

    /// <summary>Characters that end a sentence.</summary>
    private const string SentenceEnds = ".!?…。！？؟।";

    private double Rate => Config.CorruptionRate ?? (Name == ObjectiveKind.Denoise ? DenoisingRate : UsualRate);

    private double MeanSpan => Config.MeanSpanLength ?? UsualSpan;

    /// <summary>Weight of the discriminator's loss.</summary>
    public double ReplacedWeight => Config.ReplacedWeight ?? 50;

    /// <summary>Heads and widths of a generator as a part of the discriminator's.</summary>
    public double GeneratorSize => Config.GeneratorSize ?? 0.25;

    /// <summary>Sentinels that a row needs: one more than spans.</summary>
    public int Sentinels => Name != ObjectiveKind.Span ? 0 : SpanCorruption.NoiseOf(SpanTokens, Rate, MeanSpan).Spans + 1;

    private int SpanTokens => SpanCorruption.LengthsFor(Config.BlockLength, Rate, MeanSpan).Tokens;

    /// <summary>Refuses settings that this objective does not have, and blocks that are too short for it.</summary>
    /// <exception cref="ConfigException">The message names the setting.</exception>
    public void Check()
    {
        Refuse("corruption_rate", Config.CorruptionRate is not null, Name == ObjectiveKind.Causal,
            "masked, replaced, distill, span or denoise");
        Refuse("mean_span_length", Config.MeanSpanLength is not null,
            Name is not (ObjectiveKind.Span or ObjectiveKind.Denoise), "span or denoise");
        Refuse("whole_words", Config.WholeWords, !ObjectiveKind.Masks(Name), "masked, replaced or distill");
        Refuse("longest_ngram", Config.LongestNgram > 1, !ObjectiveKind.Masks(Name), "masked, replaced or distill");
        Refuse("next_sentence", Config.NextSentence, Name != ObjectiveKind.Masked, ObjectiveKind.Masked);
        foreach ((string key, bool isSet) in ((string, bool)[])
            [("generator_size", Config.GeneratorSize is not null), ("replaced_weight", Config.ReplacedWeight is not null)])
            Refuse(key, isSet, Name != ObjectiveKind.Replaced, ObjectiveKind.Replaced);
        foreach ((string key, bool isSet) in ((string, bool)[])
            [("teacher", Config.Teacher.Length > 0), ("temperature", Config.Temperature is not null),
                ("soft_weight", Config.SoftWeight is not null), ("masked_weight", Config.MaskedWeight is not null),
                ("cosine_weight", Config.CosineWeight is not null), ("squared_weight", Config.SquaredWeight is not null),
                ("soft_targets_masked", Config.SoftTargetsMasked)])
            Refuse(key, isSet, Name != ObjectiveKind.Distill, ObjectiveKind.Distill);
        if (Name == ObjectiveKind.Distill)
        {
            if (Config.Teacher.Length == 0)
                throw new ConfigException("teacher: is empty, and objective distill learns from one; name the folder of a masked "
                    + "language model.");
            if (Config is { SoftWeight: 0, MaskedWeight: 0, SquaredWeight: null or 0 })
                throw new ConfigException("soft_weight, masked_weight and squared_weight: are 0, and then nothing teaches the head of "
                    + "masked tokens. Raise one of them.");
        }

        if (Name != ObjectiveKind.Span) return;
        if (Config.BlockLength < 4) throw TooShort(4);
        SpanCorruption.Noise noise = SpanCorruption.NoiseOf(SpanTokens, Rate, MeanSpan);
        int reads = SpanTokens - noise.Tokens + noise.Spans + 1, writes = noise.Tokens + noise.Spans + 1;
        if (reads > Config.BlockLength) throw TooShort(reads);
        if (writes > Config.BlockLength)
        {
            throw new ConfigException(FormattableString.Invariant(
                $"corruption_rate: at {Rate} the decoder would write {writes} ids, more than block_length {Config.BlockLength}. ")
                + "Lower corruption_rate, or raise mean_span_length.");
        }

        ConfigException TooShort(int least) => new(FormattableString.Invariant(
            $"block_length: is {Config.BlockLength}, too short for a span at corruption_rate {Rate}; ")
            + FormattableString.Invariant($"at least {least} is needed. Raise block_length."));
    }

    /// <summary>The ids that a model made for this run has for its special tokens.</summary>
    /// <param name="sizes">The model's sizes.</param>
    /// <param name="tokens">The tokenizer's special tokens.</param>
    /// <param name="vocabulary">V that it will have.</param>
    public ModelIds IdsFor(ModelConfig sizes, ObjectiveTokens tokens, int vocabulary)
    {
        int? padding = tokens.PaddingId ?? (sizes.PaddingId < vocabulary ? sizes.PaddingId : null);
        return Name switch
        {
            ObjectiveKind.Causal => new ModelIds(tokens.EndId, tokens.EndId, sizes.PaddingId < vocabulary ? sizes.PaddingId : null, null),
            ObjectiveKind.Masked or ObjectiveKind.Replaced or ObjectiveKind.Distill
                => new ModelIds(tokens.First.Count > 0 ? tokens.First[0] : null, tokens.EndId, padding, null),
            _ => new ModelIds(tokens.First.Count > 0 ? tokens.First[0] : null, tokens.EndId, padding ?? tokens.EndId,
                sizes.ModelType == "bart" ? tokens.EndId : padding ?? tokens.EndId),
        };
    }

    /// <summary>Makes the task of a corrupting objective.</summary>
    /// <param name="tokens">The tokenizer's special tokens.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <exception cref="ConfigException">A block has no room for text.</exception>
    public TextObjective Make(ObjectiveTokens tokens, Tokenizer tokenizer)
    {
        TextObjective objective = Name switch
        {
            ObjectiveKind.Masked or ObjectiveKind.Replaced or ObjectiveKind.Distill => new MaskingObjective(Config.BlockLength, tokens,
                tokenizer.VocabularySize, new MaskingSettings
                {
                    MaskId = tokens.MaskId,
                    // A generator fills masks; nothing else stands in their places.
                    MaskPart = Name == ObjectiveKind.Replaced ? 1 : new MaskingSettings { MaskId = 0 }.MaskPart,
                    Rate = Rate,
                    WholeWords = Config.WholeWords,
                    LongestRun = Config.LongestNgram,
                }),
            ObjectiveKind.Span => new SpanObjective(Config.BlockLength, tokens, Rate, MeanSpan),
            _ => new DenoisingObjective(Config.BlockLength, tokens, SentenceEndings(tokenizer, tokens.EndId), Rate, MeanSpan),
        };
        if (objective.RowTokens >= 2) return objective;
        throw new ConfigException($"block_length: is {Config.BlockLength}, and the tokenizer's special tokens leave room for "
            + $"{Math.Max(0, objective.RowTokens)} tokens of text. Raise it to at least 4.");
    }

    /// <summary>The pairs of sentences that are rows with <c>next_sentence</c>; else null.</summary>
    /// <exception cref="InputException">The texts hold no pair.</exception>
    public CorpusPairs? Pairs(TokenCorpus corpus, ObjectiveTokens tokens, Tokenizer tokenizer, MaskingObjective? masking)
    {
        if (!Config.NextSentence) return null;
        if (masking!.PairTokens < 2)
            throw new ConfigException($"block_length: is {Config.BlockLength}, too short for two parts of a text; at least 5 is "
                + $"needed. Raise it.");
        bool[] ends = SentenceEndings(tokenizer, tokens.EndId);
        CorpusPairs pairs = new(new SentencePairs(corpus.TrainingIds, tokens.EndId, ends, masking.PairTokens),
            new SentencePairs(corpus.HeldOutIds, tokens.EndId, ends, masking.PairTokens));
        return pairs.Training.Count > 0 ? pairs : throw new InputException("data: no document has two tokens, of which a pair is made.");
    }

    /// <summary>What a student learns from; a cosine is only taken of states of one width.</summary>
    /// <exception cref="ConfigException">The cosine is asked for, and the widths differ.</exception>
    public DistillationSettings Distillation(int width, int teacherWidth)
    {
        if (Config.CosineWeight > 0 && width != teacherWidth)
            throw new ConfigException($"cosine_weight: is {Config.CosineWeight}, and the student is {width} wide and the teacher "
                + $"{teacherWidth}. Leave it out, or give the student the teacher's width.");
        DistillationSettings standard = new();
        return new DistillationSettings
        {
            Temperature = Config.Temperature ?? standard.Temperature,
            Soft = Config.SoftWeight ?? standard.Soft,
            Masked = Config.MaskedWeight ?? standard.Masked,
            Cosine = Config.CosineWeight ?? (width == teacherWidth ? standard.Cosine : 0),
            Squared = Config.SquaredWeight ?? 0,
            OnlyMasked = Config.SoftTargetsMasked,
        };
    }

    /// <summary>Where words begin in the corpus, from the run's folder or found; null if the objective does not ask for words.</summary>
    public TokenCorpus? Words(PretrainingTexts texts, TokenCorpus corpus, Tokenizer tokenizer, TaskPreparation preparation)
    {
        if (!Config.WholeWords) return null;
        string path = Path.Combine(preparation.Folder, WordsName), key = corpus.Fingerprint;
        if (TokenCorpus.Read(path, key, out bool damaged) is { } kept) return kept;
        if (damaged) preparation.Warn($"{path}: is damaged; words are looked for again.");
        preparation.Report("finding where words begin");
        preparation.RemoveIfRefused(WordsName);
        Tokenizer plain = tokenizer.WithTruncation(null).WithPadding(null);
        TokenCorpus words = TokenCorpus.Encode(texts.Documents,
            text => [.. WordGroups.Begins(plain.Encode(text, addSpecialTokens: false), text).Select(b => b ? 1 : 0)],
            endId: 1, texts.HeldOut, null, preparation.CancellationToken);
        if (words.Training.Length != corpus.Training.Length || words.HeldOut.Length != corpus.HeldOut.Length)
            throw new InputException("whole_words: the tokenizer gives other tokens with offsets than without; "
                + "take another tokenizer, or leave whole_words out.");
        words.Write(path, key);
        return words;
    }

    private static bool[] SentenceEndings(Tokenizer tokenizer, int endId)
    {
        bool[] ends = new bool[tokenizer.VocabularySize];
        for (int id = 0; id < ends.Length; id++)
        {
            string text = tokenizer.Decode([id]).TrimEnd();
            ends[id] = id == endId || (text.Length > 0 && SentenceEnds.Contains(text[^1], StringComparison.Ordinal));
        }

        return ends;
    }

    private void Refuse(string key, bool isSet, bool isForeign, string allowed)
    {
        if (!isSet || !isForeign) return;
        throw new ConfigException($"{key}: belongs to objective {allowed}, and the run's objective is {Name}. "
            + $"Leave {key} out, or set objective to {allowed}.");
    }
}

/// <summary>Ids of special tokens, as a configuration holds them.</summary>
/// <param name="Begin"><c>bos_token_id</c>.</param>
/// <param name="End"><c>eos_token_id</c>.</param>
/// <param name="Padding"><c>pad_token_id</c>.</param>
/// <param name="DecoderStart"><c>decoder_start_token_id</c>; null of models without a decoder of its own.</param>
internal readonly record struct ModelIds(int? Begin, int? End, int? Padding, int? DecoderStart);
