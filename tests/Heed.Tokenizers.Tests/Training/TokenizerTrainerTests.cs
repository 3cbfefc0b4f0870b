using Heed.Testing;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Training;
using Heed.Verification;

namespace Heed.Tokenizers.Tests.Training;

public sealed class TokenizerTrainerTests
{
    private static readonly string Folder = Path.Combine(Repository.Goldens, "tokenizers", "trainers");

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.json").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Vocabulary_and_merges_are_the_references_with_one_thread_and_with_several(string name)
    {
        foreach (int threads in new[] { 1, 3 })
            Assert.Null(TrainerCases.Compare(Path.Combine(Folder, name + ".json"), Path.Combine(Folder, "corpus.txt"), threads));
    }

    // cases: t3, c19
    [Fact]
    public void Unigram_of_600_pieces_gives_the_references_number_of_tokens()
    {
        List<WordCount> words = WordSplitters.Count(null, new PreTokenizers.MetaspacePreTokenizer('▁', PreTokenizers.PrependScheme.Always, split: true), TrainingText.Lines([Path.Combine(Folder, "corpus.txt")], keepLineEnds: false), 1, null, CancellationToken.None);
        UnigramTrainerSettings settings = new() { VocabularySize = 600, SpecialTokens = ["<unk>"], UnknownToken = "<unk>" };
        UnigramModel model = (UnigramModel)TokenizerTrainer.TrainModel(settings, words, null, CancellationToken.None);
        Assert.Equal(600, model.VocabularySize);
        Assert.Equal(104_492, TrainerCases.Quality(model, words, 1).Tokens);
    }

    private static IEnumerable<string> Corpus => TrainingText.Lines([Path.Combine(Folder, "corpus.txt")]);

    public static TheoryData<string> Kinds => ["bpe", "wordpiece", "unigram", "wordlevel"];

    private static TrainerSettings Settings(string kind, int threads = 0) => kind switch
    {
        "bpe" => new BpeTrainerSettings { VocabularySize = 1000, SpecialTokens = ["<|endoftext|>"], Threads = threads },
        "wordpiece" => new WordPieceTrainerSettings { VocabularySize = 900, SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], Threads = threads },
        "unigram" => new UnigramTrainerSettings { VocabularySize = 900, Threads = threads },
        _ => new WordLevelTrainerSettings { VocabularySize = 900, SpecialTokens = ["<unk>"], Threads = threads },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_same_file_comes_whatever_the_number_of_threads(string kind)
    {
        byte[][] saved = [.. new[] { 1, 2, 5 }.Select(threads => TokenizerTrainer.Train(Settings(kind, threads), Corpus).ToJson())];
        Assert.Equal(saved[0], saved[1]);
        Assert.Equal(saved[0], saved[2]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_trained_tokenizer_encodes_text_in_its_own_tokens(string kind)
    {
        Tokenizer trained = TokenizerTrainer.Train(Settings(kind), Corpus);
        TokenEncoding encoding = trained.Encode("The statement is an object.");
        Assert.NotEmpty(encoding.Ids);
        Assert.All(encoding.Ids, id => Assert.InRange(id, 0, trained.VocabularySize - 1));
        Assert.DoesNotContain(trained.TokenToId(kind == "wordpiece" ? "[UNK]" : "<unk>") ?? -1, encoding.Ids);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_trained_tokenizer_is_the_same_after_saving(string kind)
    {
        using TemporaryFolder folder = new();
        Tokenizer trained = TokenizerTrainer.Train(Settings(kind), Corpus);
        trained.Save(folder.File("tokenizer.json"));
        Tokenizer loaded = Tokenizer.FromFile(folder.File("tokenizer.json"));
        const string Text = "The statement is an object; naïve 中文.";
        Assert.Equal(trained.Encode(Text).Ids, loaded.Encode(Text).Ids);
        Assert.Equal(trained.ToJson(), loaded.ToJson());
    }

    [Fact]
    public void A_template_that_spells_bytes_gets_all_bytes()
    {
        Tokenizer template = Tokenizer.FromFile(Path.Combine(Repository.Goldens, "tokenizers", "llama3-style", "tokenizer.json"));
        Tokenizer trained = TokenizerTrainer.Train(new BpeTrainerSettings { VocabularySize = 400 }, Corpus, template);
        const string Text = "never seen: ж 😀 12345";
        Assert.Equal(Text, trained.Decode(trained.Encode(Text).Ids));
    }

    [Fact]
    public void Byte_level_training_covers_every_text_and_gives_it_back()
    {
        Tokenizer trained = TokenizerTrainer.Train(new BpeTrainerSettings { VocabularySize = 300 }, ["some text", "more text\n"]);
        const string Text = "Ω never seen 😀\t\n\n end ";
        Assert.Equal(Text, trained.Decode(trained.Encode(Text).Ids));
        Assert.True(trained.VocabularySize >= 256);
    }

    [Fact]
    public void Bert_training_puts_its_marks_around_texts()
    {
        Tokenizer trained = TokenizerTrainer.Train(Settings("wordpiece"), Corpus);
        TokenEncoding encoding = trained.Encode("A statement", "an object");
        Assert.Equal("[CLS]", encoding.Tokens[0]);
        Assert.Equal(2, encoding.Tokens.Count(token => token == "[SEP]"));
        Assert.Equal(1, encoding.TypeIds[^1]);
    }

    [Fact]
    public void Training_uses_the_pipeline_of_another_tokenizer()
    {
        Tokenizer first = TokenizerTrainer.Train(Settings("wordpiece"), Corpus);
        Tokenizer second = TokenizerTrainer.Train(Settings("wordlevel"), ["The CAT sat", "the cat ran"], first);
        Assert.NotNull(second.TokenToId("cat"));
        Assert.Null(second.TokenToId("CAT"));
    }

    [Fact]
    public void A_token_made_by_two_merges_gets_one_id()
    {
        // "abc" comes as ab+c and, where b and c met first, as a+bc; "xabc" keeps both ways alive.
        List<WordCount> words = [new("abc", 5), new("ab", 9), new("bc", 9), new("xbc", 9), new("abcd", 3)];
        BpeVocabulary vocabulary = BpeTraining.Run(new BpeTrainerSettings { VocabularySize = 100 }, words, null, default);
        Assert.Equal(vocabulary.Tokens.Count, vocabulary.Tokens.Distinct().Count());
        Assert.Equal(vocabulary.Merges.Count, vocabulary.Merges.Distinct().Count());
    }

    [Fact]
    public void One_long_word_costs_what_its_merges_cost()
    {
        string run = new('a', 1 << 18);
        BpeVocabulary vocabulary = BpeTraining.Run(new BpeTrainerSettings { VocabularySize = 40 }, [new(run, 1)], null, default);
        Assert.Equal(new string('a', 1 << 17), vocabulary.Tokens.MaxBy(token => token.Length)![..(1 << 17)]);
    }

    [Fact]
    public void Progress_is_told_and_cancelling_stops()
    {
        List<TrainingPhase> phases = [];
        TokenizerTrainer.Train(Settings("bpe", threads: 1), Corpus, progress: new Listener(report => phases.Add(report.Phase)));
        Assert.Contains(TrainingPhase.CountWords, phases);
        Assert.Contains(TrainingPhase.Merge, phases);
        using CancellationTokenSource stop = new();
        stop.Cancel();
        foreach (int threads in new[] { 1, 2 })
            Assert.ThrowsAny<OperationCanceledException>(() => TokenizerTrainer.Train(Settings("bpe", threads), Enumerable.Repeat("a b c", 10_000), cancellationToken: stop.Token));
    }

    [Fact]
    public void An_error_in_the_text_reaches_the_caller_with_one_thread_and_with_several()
    {
        static IEnumerable<string> Broken()
        {
            for (int i = 0; i < 100_000; i++) yield return "words and words";
            throw new InputException("the source failed");
        }

        foreach (int threads in new[] { 1, 3 }) Assert.Throws<InputException>(() => TokenizerTrainer.Train(Settings("wordlevel", threads), Broken()));
    }

    [Fact]
    public void Settings_out_of_range_are_refused_by_name()
    {
        Assert.Contains("VocabularySize", Assert.Throws<ConfigException>(() => TokenizerTrainer.Train(new BpeTrainerSettings { VocabularySize = 0 }, [])).Message, StringComparison.Ordinal);
        Assert.Contains("ShrinkingFactor", Assert.Throws<ConfigException>(() => TokenizerTrainer.Train(new UnigramTrainerSettings { ShrinkingFactor = double.NaN }, [])).Message, StringComparison.Ordinal);
        Assert.Contains("UnknownToken", Assert.Throws<ConfigException>(() => TokenizerTrainer.Train(new WordLevelTrainerSettings(), [])).Message, StringComparison.Ordinal);
        Assert.Contains("VocabularySize", Assert.Throws<ConfigException>(() => TokenizerTrainer.Train(new UnigramTrainerSettings { VocabularySize = 2 }, ["abcdef"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_text_at_all_gives_a_tokenizer_of_special_tokens(string kind)
        => Assert.True(TokenizerTrainer.Train(Settings(kind), []).VocabularySize >= Settings(kind).SpecialTokens.Count);

    private sealed class Listener(Action<TrainingProgress> told) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => told(value);
    }
}
