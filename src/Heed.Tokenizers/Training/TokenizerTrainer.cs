using Heed.Tokenizers.Models;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Training;

/// <summary>The parts around a trained model: how text is prepared, cut into words and put together again.</summary>
public enum TrainingPipeline
{
    /// <summary>What fits the model: ByteLevel for BPE, Bert for WordPiece, Metaspace for Unigram, Whitespace for WordLevel.</summary>
    Default,

    /// <summary>GPT-2's: words with the space before them, spelled in bytes; every text can be encoded and comes back unchanged.</summary>
    ByteLevel,

    /// <summary>BERT's: lower case, without accents, punctuation apart; <c>[CLS]</c> and <c>[SEP]</c> around the text where they are
    /// special tokens.</summary>
    Bert,

    /// <summary>SentencePiece's: words with U+2581 for the space before them.</summary>
    Metaspace,

    /// <summary>Runs of word characters and runs of other characters; white space is lost.</summary>
    Whitespace,
}

/// <summary>Trains a tokenizer on text.</summary>
/// <remarks>
/// Texts are read once, as they come; memory grows with the distinct words. The result is the same whatever the number of
/// threads: vocabulary and merges of BPE, WordPiece and WordLevel are those of Hugging Face tokenizers 0.23, with the symbols
/// that carry a prefix or suffix in code point order, which the reference leaves to chance.
/// </remarks>
public static class TokenizerTrainer
{
    /// <summary>Trains a tokenizer with one of the usual pipelines.</summary>
    /// <param name="settings">The kind of model and its settings.</param>
    /// <param name="texts">The text, in lines, sentences or documents; words do not reach from one to the next.</param>
    /// <param name="pipeline">The parts around the model.</param>
    /// <param name="progress">Reports progress now and then.</param>
    /// <param name="cancellationToken">Stops the training.</param>
    /// <exception cref="ConfigException">A setting is out of its range or the settings do not fit together.</exception>
    /// <exception cref="OperationCanceledException">The training was stopped.</exception>
    public static Tokenizer Train(
        TrainerSettings settings, IEnumerable<string> texts, TrainingPipeline pipeline = TrainingPipeline.Default,
        IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(texts);
        TrainingParts parts = TrainingParts.Of(pipeline == TrainingPipeline.Default ? DefaultFor(settings) : pipeline, settings);
        return Train(settings, texts, parts, progress, cancellationToken);
    }

    /// <summary>Trains a new model for the pipeline of another tokenizer: its normalizer, pre-tokenizer and decoder stay, its
    /// post-processor and added tokens do not.</summary>
    /// <param name="settings">The kind of model and its settings.</param>
    /// <param name="texts">The text, in lines, sentences or documents.</param>
    /// <param name="template">The tokenizer whose pipeline is used.</param>
    /// <param name="progress">Reports progress now and then.</param>
    /// <param name="cancellationToken">Stops the training.</param>
    /// <exception cref="ConfigException">A setting is out of its range or the settings do not fit together.</exception>
    /// <exception cref="OperationCanceledException">The training was stopped.</exception>
    public static Tokenizer Train(
        TrainerSettings settings, IEnumerable<string> texts, Tokenizer template, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(template);
        TokenizerParts parts = template.Parts.Saved?.Value ?? template.Parts;
        return Train(settings, texts, new TrainingParts(parts.Normalizer, parts.PreTokenizer, parts.Decoder), progress, cancellationToken);
    }

    private static Tokenizer Train(TrainerSettings settings, IEnumerable<string> texts, TrainingParts parts, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        settings.Validate();
        RequireUnknownToken(settings);
        // Over bytes every byte gets a token, so that no text is ever lost; who sets an alphabet or a limit decides otherwise.
        if (SpellsBytes(parts.PreTokenizer) && settings is BpeTrainerSettings { InitialAlphabet.Count: 0, LimitAlphabet: null } bpe)
            settings = bpe with { InitialAlphabet = [.. ByteLevelAlphabet.Characters.ToArray().Select(c => c.ToString())] };
        List<WordCount> words = WordSplitters.Count(parts.Normalizer, parts.PreTokenizer, texts, settings.ThreadCount, progress, cancellationToken);
        ITokenModel model = TrainModel(settings, words, progress, cancellationToken);
        List<string> specials = [.. settings.SpecialTokens];
        if (settings is UnigramTrainerSettings { UnknownToken: { } unknown } && !specials.Contains(unknown)) specials.Insert(0, unknown);
        return new Tokenizer(new TokenizerParts
        {
            Model = model,
            Normalizer = parts.Normalizer,
            PreTokenizer = parts.PreTokenizer,
            PostProcessor = parts.PostProcessor?.Invoke(model),
            Decoder = parts.Decoder,
            AddedTokens = [.. specials.Distinct(StringComparer.Ordinal).Select(token => new AddedToken(token) { Special = true })],
        });
    }

    private static bool SpellsBytes(IPreTokenizer? preTokenizer) =>
        preTokenizer is ByteLevelPreTokenizer || (preTokenizer is SequencePreTokenizer sequence && sequence.Parts.Any(part => part is ByteLevelPreTokenizer));

    /// <summary>Trains the model alone, on words that are already counted.</summary>
    internal static ITokenModel TrainModel(TrainerSettings settings, IReadOnlyList<WordCount> words, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        switch (settings)
        {
            case WordPieceTrainerSettings piece:
                return new WordPieceModel(
                    Numbered(BpeTraining.Run(piece, words, progress, cancellationToken).Tokens), piece.UnknownToken ?? "[UNK]", piece.ContinuingSubwordPrefix ?? "", piece.MaximumWordLength);
            case BpeTrainerSettings bpe:
                BpeVocabulary vocabulary = BpeTraining.Run(bpe, words, progress, cancellationToken);
                return new BpeModel(
                    Numbered(vocabulary.Tokens),
                    vocabulary.Merges.ConvertAll(merge => (vocabulary.Tokens[merge.Left], vocabulary.Tokens[merge.Right])),
                    new BpeOptions { ContinuingSubwordPrefix = bpe.ContinuingSubwordPrefix, EndOfWordSuffix = bpe.EndOfWordSuffix, UnknownToken = bpe.UnknownToken });
            case WordLevelTrainerSettings level:
                return new WordLevelModel(Numbered(WordLevel(level, words)), level.UnknownToken);
            case UnigramTrainerSettings unigram:
                UnigramVocabulary pieces = UnigramTraining.Run(unigram, words, progress, cancellationToken);
                return new UnigramModel(pieces.Pieces.ConvertAll(piece => (piece.Text, piece.Score)), pieces.UnknownId, byteFallback: false);
            default:
                throw new ArgumentException($"There is no trainer for {settings.GetType().Name}.", nameof(settings));
        }
    }

    /// <summary>Special tokens, then words by count and, of equal counts, by code point.</summary>
    private static List<string> WordLevel(WordLevelTrainerSettings settings, IReadOnlyList<WordCount> words) =>
    [
        .. settings.SpecialTokens
            .Concat(words.Where(word => word.Count >= settings.MinimumFrequency)
                .OrderByDescending(word => word.Count)
                .ThenBy(word => word.Word, CodePointComparer.Instance)
                .Select(word => word.Word))
            .Distinct(StringComparer.Ordinal)
            .Take(settings.VocabularySize),
    ];

    private static List<KeyValuePair<string, int>> Numbered(IReadOnlyList<string> tokens) => [.. tokens.Select((token, id) => new KeyValuePair<string, int>(token, id))];

    private static TrainingPipeline DefaultFor(TrainerSettings settings) => settings switch
    {
        WordPieceTrainerSettings => TrainingPipeline.Bert,
        UnigramTrainerSettings => TrainingPipeline.Metaspace,
        WordLevelTrainerSettings => TrainingPipeline.Whitespace,
        _ => TrainingPipeline.ByteLevel,
    };

    /// <summary>These models cannot encode an unknown word without the token for it.</summary>
    private static void RequireUnknownToken(TrainerSettings settings)
    {
        string? needed = settings switch
        {
            WordLevelTrainerSettings level => level.UnknownToken,
            BpeTrainerSettings bpe => bpe.UnknownToken,
            _ => null,
        };
        if (needed is not null && !settings.SpecialTokens.Contains(needed, StringComparer.Ordinal))
            throw new ConfigException($"UnknownToken is \"{needed}\", which is not among the special tokens; add it to SpecialTokens, so that it gets an id.");
    }
}
