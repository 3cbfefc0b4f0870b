using System.Globalization;
using System.Text.Json;
using Heed.Tokenizers;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Serialization;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Training;

namespace Heed.Verification;

/// <summary>A folder with <c>corpus.txt</c> and what the reference's trainers made of it.</summary>
internal static class TrainerCases
{
    /// <summary>How far a score, or the likelihood per character, may differ: the reference's own differ from run to run in the last
    /// digits.</summary>
    private const double ScoreTolerance = 1e-5;

    /// <summary>Characters that no piece of the last step has get the lowest score and this much more each, in an order that the reference
    /// leaves to chance.</summary>
    private const double MissingCharacterStep = 0.0001;

    public static IEnumerable<VerificationResult> Run(string folder)
    {
        string corpus = Path.Combine(folder, "corpus.txt");
        foreach (string path in Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal))
            yield return TokenizerVerification.Check(
                folder, $"train {Path.GetFileNameWithoutExtension(path)}", () => Compare(path, corpus, threads: 0));
    }

    /// <summary>The first difference, or null.</summary>
    internal static string? Compare(string path, string corpus, int threads)
    {
        using JsonDocument document = StrictJson.ReadFile(path);
        JsonScope file = new(document.RootElement, path, "$");
        INormalizer? normalizer = NormalizerReader.ReadOptional(file.Optional("normalizer"));
        IPreTokenizer? preTokenizer = PreTokenizerReader.ReadOptional(file.Optional("pre_tokenizer"));
        TrainerSettings settings = ReadSettings(file["kind"].Text(), file["settings"], threads);
        List<WordCount> words = WordSplitters.Count(
            normalizer, preTokenizer, TrainingText.Lines([corpus], keepLineEnds: false), settings.ThreadCount, null,
            CancellationToken.None);
        ITokenModel model = TokenizerTrainer.TrainModel(settings, words, null, CancellationToken.None);
        return model is UnigramModel unigram
            ? CompareUnigram(document.RootElement, unigram, words)
            : CompareVocabulary(document.RootElement, model);
    }

    private static TrainerSettings ReadSettings(string kind, JsonScope json, int threads)
    {
        int Number(string name, int otherwise) => json.Optional(name) is { IsNull: false } value ? value.Element.GetInt32() : otherwise;
        int? Optional(string name) => json.Optional(name) is { IsNull: false } value ? value.Element.GetInt32() : null;
        string[] Texts(string name) => json.Optional(name) is { IsNull: false } value ? [.. value.Element.EnumerateArray().Select(item => item.GetString()!)] : [];
        string? Text(string name) => json.Optional(name) is { IsNull: false } value ? value.Text() : null;
        string[] alphabet = json.Optional("byte_alphabet") is { IsNull: false } bytes && bytes.Element.GetBoolean()
            ? [.. ByteLevelAlphabet.Characters.ToArray().Select(c => c.ToString())]
            : Texts("initial_alphabet");
        switch (kind)
        {
            case "BPE" or "WordPiece":
                BpeTrainerSettings start = kind == "BPE" ? new BpeTrainerSettings() : new WordPieceTrainerSettings();
                return start with
                {
                    VocabularySize = Number("vocab_size", start.VocabularySize),
                    MinimumFrequency = Number("min_frequency", 0),
                    SpecialTokens = Texts("special_tokens"),
                    InitialAlphabet = alphabet,
                    LimitAlphabet = Optional("limit_alphabet"),
                    MaximumTokenLength = Optional("max_token_length"),
                    ContinuingSubwordPrefix = Text("continuing_subword_prefix") ?? start.ContinuingSubwordPrefix,
                    EndOfWordSuffix = Text("end_of_word_suffix"),
                    Threads = threads,
                };
            case "WordLevel":
                return new WordLevelTrainerSettings
                {
                    VocabularySize = Number("vocab_size", 30_000),
                    MinimumFrequency = Number("min_frequency", 0),
                    SpecialTokens = Texts("special_tokens"),
                    Threads = threads,
                };
            case "Unigram":
                UnigramTrainerSettings unigram = new();
                return unigram with
                {
                    VocabularySize = Number("vocab_size", unigram.VocabularySize),
                    SpecialTokens = Texts("special_tokens"),
                    InitialAlphabet = alphabet,
                    UnknownToken = Text("unk_token"),
                    ShrinkingFactor = json.Optional("shrinking_factor") is { IsNull: false } factor
                        ? factor.Element.GetDouble()
                        : unigram.ShrinkingFactor,
                    MaximumPieceLength = Number("max_piece_length", unigram.MaximumPieceLength),
                    SubIterations = Number("n_sub_iterations", unigram.SubIterations),
                    Threads = threads,
                };
            default:
                throw json.Wrong($"are settings of \"{kind}\", which no trainer has; BPE, WordPiece, Unigram or WordLevel was expected");
        }
    }

    private static string? CompareVocabulary(JsonElement json, ITokenModel model)
    {
        string[] expected = [.. json.GetProperty("vocab").EnumerateArray().Select(token => token.GetString()!)];
        string? difference = FirstDifference("vocab", expected, [.. model.Vocabulary.Select(entry => entry.Key)]);
        if (difference is not null || model is not BpeModel bpe) return difference;
        string[] merges = [.. json.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String ? merge.GetString()! : $"{merge[0].GetString()} {merge[1].GetString()}")];
        return FirstDifference("merges", merges, [.. bpe.Merges.Select(merge => $"{merge.Left} {merge.Right}")]);
    }

    private static string? FirstDifference(string name, string[] expected, string[] actual)
    {
        if (expected.AsSpan().SequenceEqual(actual)) return null;
        int at = 0;
        while (at < expected.Length && at < actual.Length && expected[at] == actual[at]) at++;
        string wanted = at < expected.Length ? $"\"{expected[at]}\"" : $"the end ({at})", found = at < actual.Length ? $"\"{actual[at]}\"" : $"the end ({at})";
        return $"{name}[{at}]: expected {wanted}, got {found}";
    }

    /// <summary>The same pieces with the same scores, and so the same tokens.</summary>
    private static string? CompareUnigram(JsonElement json, UnigramModel model, List<WordCount> words)
    {
        Dictionary<string, double> expected = new(StringComparer.Ordinal);
        foreach (JsonElement piece in json.GetProperty("vocab").EnumerateArray()) expected[piece[0].GetString()!] = piece[1].GetDouble();
        if (model.VocabularySize != expected.Count) return $"vocab: expected {expected.Count} tokens, got {model.VocabularySize}";
        double chance = expected.Values.Min() + (MissingCharacterStep * expected.Count);
        foreach ((string piece, double score) in model.Pieces)
        {
            if (!expected.TryGetValue(piece, out double wanted))
                return $"vocab: has the piece \"{Printable.Shorten(piece)}\", which the reference has not";
            double allowed = wanted < chance && piece.EnumerateRunes().Count() == 1 ? chance - expected.Values.Min() : ScoreTolerance;
            if (Math.Abs(score - wanted) > allowed)
                return string.Create(CultureInfo.InvariantCulture, $"vocab: the score of \"{Printable.Shorten(piece)}\" is {score}; expected {wanted}");
        }

        (double tokens, double likelihood) = Quality(model, words, json.GetProperty("characters").GetInt64());
        foreach (JsonElement quality in json.GetProperty("quality").EnumerateArray())
        {
            double wantedTokens = quality.GetProperty("tokens")
                .GetDouble(), wantedLikelihood = quality.GetProperty("log_likelihood_per_character").GetDouble();
            if (tokens != wantedTokens || Math.Abs(likelihood - wantedLikelihood) > ScoreTolerance)
            {
                return string.Create(CultureInfo.InvariantCulture,
                    $"quality: the reference has {wantedTokens} tokens and {wantedLikelihood:F6} per character, got {tokens} and {likelihood:F6}");
            }
        }

        return null;
    }

    /// <summary>Tokens over the corpus and log likelihood per character.</summary>
    internal static (double Tokens, double LogLikelihood) Quality(UnigramModel model, List<WordCount> words, long characters)
    {
        TokenList tokens = new();
        double count = 0, sum = 0;
        foreach ((string word, long times) in words)
        {
            tokens.Clear();
            model.Tokenize(word, tokens);
            count += (double)tokens.Count * times;
            for (int i = 0; i < tokens.Count; i++) sum += model.Pieces[tokens.Ids[i]].Score * times;
        }

        return (count, sum / characters);
    }
}
