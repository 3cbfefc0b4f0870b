using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Data;

namespace Heed.Cli.Commands;

/// <summary><c>heed tokenizer train|info|convert|compare</c>.</summary>
internal static class TokenizerCommand
{
    public static Command Create(Terminal terminal)
    {
        Command command = new("tokenizer", "Train, describe, convert and compare tokenizers. Example: heed tokenizer train ./texts --vocab-size 8000 --out tokenizer.json");
        command.Add(Train(terminal));
        command.Add(Info(terminal));
        command.Add(ConvertFile(terminal));
        command.Add(Compare(terminal));
        return command;
    }

    private static Command Train(Terminal terminal)
    {
        Argument<string[]> texts = new("text") { Description = "text files and folders, sdk for the .NET SDK's documentation, or - for standard input", Arity = ArgumentArity.OneOrMore };
        Option<string> output = new("--out") { Description = "tokenizer.json to write", Required = true };
        Option<string> model = new("--model") { Description = "bpe, wordpiece, unigram or wordlevel", DefaultValueFactory = _ => "bpe" };
        model.AcceptOnlyFromAmong("bpe", "wordpiece", "unigram", "wordlevel");
        Option<string> pipeline = new("--pipeline") { Description = "parts around the model: default, byte-level, bert, metaspace or whitespace", DefaultValueFactory = _ => "default" };
        pipeline.AcceptOnlyFromAmong("default", "byte-level", "bert", "metaspace", "whitespace");
        Option<int> size = new("--vocab-size") { Description = "largest number of ids", DefaultValueFactory = _ => 30_000 };
        Option<string[]> specials = new("--special") { Description = "special tokens, in id order; may be given several times", AllowMultipleArgumentsPerToken = true };
        Option<long> minimum = new("--min-frequency") { Description = "least count of a merge or word", DefaultValueFactory = _ => 0 };
        Option<int?> limit = new("--limit-alphabet") { Description = "most single characters kept" };
        Option<int?> longest = new("--max-token-length") { Description = "tokens are shorter than this many characters" };
        Option<string?> unknown = new("--unk") { Description = "token for what cannot be encoded" };
        Option<string?> prefix = new("--continuing-prefix") { Description = "prefix of pieces inside a word (## in WordPiece)" };
        Option<string?> suffix = new("--word-suffix") { Description = "appended to the last piece of a word (</w>)" };
        Option<string[]> alphabet = new("--initial-alphabet") { Description = "characters that are in the vocabulary even where the text has none of them", AllowMultipleArgumentsPerToken = true };
        Option<int?> piece = new("--max-piece-length") { Description = "longest piece in characters (unigram)" };
        Option<double?> shrink = new("--shrinking-factor") { Description = "part of the pieces that each pruning keeps (unigram)" };
        Option<int?> rounds = new("--sub-iterations") { Description = "rounds of estimation before each pruning (unigram)" };
        Option<int?> seeds = new("--seed-size") { Description = "most candidates to start from (unigram)" };
        Option<int> threads = new("--threads") { Description = "threads; 0 takes all", DefaultValueFactory = _ => 0 };
        Command command = new("train", "Train a tokenizer. Example: heed tokenizer train ./texts --model bpe --vocab-size 32000 --special \"<|endoftext|>\" --out tokenizer.json")
        {
            texts, output, model, pipeline, size, specials, minimum, limit, longest, unknown, prefix, suffix, alphabet, piece, shrink, rounds, seeds, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            string kind = parsed.GetRequiredValue(model);
            string[] special = parsed.GetValue(specials) ?? [];
            foreach ((Option option, string[] models) in ((Option, string[])[])
                [
                    (minimum, ["bpe", "wordpiece", "wordlevel"]), (limit, ["bpe", "wordpiece"]), (longest, ["bpe", "wordpiece"]), (prefix, ["bpe", "wordpiece"]), (suffix, ["bpe", "wordpiece"]),
                    (alphabet, ["bpe", "wordpiece", "unigram"]), (piece, ["unigram"]), (shrink, ["unigram"]), (rounds, ["unigram"]), (seeds, ["unigram"]),
                ])
            {
                if (!models.Contains(kind) && parsed.GetResult(option) is { Implicit: false })
                    throw new UsageException($"{option.Name}: {kind} has no such setting; it is one of {string.Join(", ", models)}. Leave it out.");
            }

            if (special.GroupBy(token => token, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice) throw new UsageException($"--special: \"{Printable.Shorten(twice.Key)}\" is given {twice.Count()} times; a token has one id: give it once.");
            if (parsed.GetValue(limit) is < 1) throw new UsageException($"--limit-alphabet is {parsed.GetValue(limit)}; without single characters there is nothing to merge: give 1 or more.");
            foreach (string token in special) Required.NotEmpty("--special", token, "tokens of one character at least");
            foreach (string source in parsed.GetRequiredValue(texts)) Required.NotEmpty("text", source, "text files or folders");
            string path = Required.WritableFile("--out", parsed.GetRequiredValue(output));
            TrainerSettings settings = Settings(kind, parsed.GetValue(size), special, parsed.GetValue(minimum), parsed.GetValue(limit), parsed.GetValue(longest), parsed.GetValue(unknown), parsed.GetValue(prefix), parsed.GetValue(suffix)) with { Threads = parsed.GetValue(threads) };
            string[] characters = parsed.GetValue(alphabet) ?? [];
            if (Array.Find(characters, c => c.EnumerateRunes().Count() != 1) is { } odd) throw new UsageException($"--initial-alphabet: \"{Printable.Shorten(odd)}\" is not one character; give the characters one by one.");
            settings = settings switch
            {
                BpeTrainerSettings bpe => bpe with { InitialAlphabet = characters },
                UnigramTrainerSettings unigram => unigram with
                {
                    InitialAlphabet = characters,
                    MaximumPieceLength = parsed.GetValue(piece) ?? unigram.MaximumPieceLength,
                    ShrinkingFactor = parsed.GetValue(shrink) ?? unigram.ShrinkingFactor,
                    SubIterations = parsed.GetValue(rounds) ?? unigram.SubIterations,
                    SeedSize = parsed.GetValue(seeds) ?? unigram.SeedSize,
                },
                _ => settings,
            };
            TrainingPipeline parts = parsed.GetValue(pipeline) switch
            {
                "byte-level" => TrainingPipeline.ByteLevel,
                "bert" => TrainingPipeline.Bert,
                "metaspace" => TrainingPipeline.Metaspace,
                "whitespace" => TrainingPipeline.Whitespace,
                _ => TrainingPipeline.Default,
            };
            long started = Stopwatch.GetTimestamp();
            Tokenizer trained = Trained(terminal, settings, parsed.GetRequiredValue(texts), parts, cancellationToken);
            trained.Save(path);
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            using Process self = Process.GetCurrentProcess();
            long peak = self.PeakWorkingSet64;
            if (terminal.IsJson) terminal.Json(new JsonObject { ["file"] = path, ["vocabulary"] = trained.VocabularySize, ["seconds"] = Math.Round(seconds, 3), ["peak_bytes"] = peak });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{path}: {kind}, {trained.VocabularySize:N0} ids, trained in {seconds:0.0} s, peak memory {Printable.Bytes(peak)}"));
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    /// <summary>Trains on what the arguments name; settings that do not fit are reported by the names of their options.</summary>
    private static Tokenizer Trained(Terminal terminal, TrainerSettings settings, string[] sources, TrainingPipeline parts, CancellationToken cancellationToken)
    {
        bool anyText = false;
        IEnumerable<string> Read()
        {
            foreach (string line in sources.SelectMany(source => Lines(terminal, source)))
            {
                anyText = anyText || !string.IsNullOrWhiteSpace(line);
                yield return line;
            }
        }

        Tokenizer trained;
        try
        {
            settings.Validate();
            trained = TokenizerTrainer.Train(settings, Read(), parts, new Reporter<TrainingProgress>(p => terminal.Status($"{p.Phase}: {p.Done:N0}{(p.Total is { } total ? $" of {total:N0}" : "")}")), cancellationToken);
        }
        catch (ConfigException e) when (Options.FirstOrDefault(option => e.Message.StartsWith(option.Setting + " ", StringComparison.Ordinal)) is { Setting: not null } option)
        {
            throw new UsageException(option.Name + e.Message[option.Setting.Length..]);
        }

        if (!anyText) throw new InputException($"{string.Join(", ", sources)}: there is no text but white space to train on. Give text files that hold text.");
        if (trained.VocabularySize > settings.VocabularySize)
        {
            string needed = settings is WordLevelTrainerSettings ? "the special tokens alone" : "special tokens and single characters alone";
            throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--vocab-size is {settings.VocabularySize}, but {needed} need {Math.Max(trained.VocabularySize, settings.SpecialTokens.Count)}; give at least that many."));
        }

        return trained;
    }

    /// <summary>Settings and the options that give them.</summary>
    private static readonly (string Setting, string Name)[] Options =
    [
        (nameof(TrainerSettings.VocabularySize), "--vocab-size"), (nameof(TrainerSettings.Threads), "--threads"), (nameof(TrainerSettings.SpecialTokens), "--special"),
        (nameof(BpeTrainerSettings.MinimumFrequency), "--min-frequency"), (nameof(BpeTrainerSettings.LimitAlphabet), "--limit-alphabet"), (nameof(BpeTrainerSettings.MaximumTokenLength), "--max-token-length"),
        (nameof(UnigramTrainerSettings.ShrinkingFactor), "--shrinking-factor"), (nameof(UnigramTrainerSettings.SubIterations), "--sub-iterations"),
        (nameof(UnigramTrainerSettings.MaximumPieceLength), "--max-piece-length"), (nameof(UnigramTrainerSettings.SeedSize), "--seed-size"),
    ];

    private static IEnumerable<string> Lines(Terminal terminal, string source)
        => source == SdkDocumentation.Name ? SdkDocumentation.Read(SdkDocumentation.Find()).Select(d => d.Text)
         : StandardInput.IsMeant(source) ? StandardInput.Pieces(terminal)
         : TrainingText.Lines(TextFiles.Find(source));

    private static TrainerSettings Settings(string kind, int size, string[] special, long minimum, int? limit, int? longest, string? unknown, string? prefix, string? suffix)
    {
        // The unknown token must be one of the special ones where the model needs it.
        string[] With(string token) => special.Contains(token) ? special : [token, .. special];
        return kind switch
        {
            "wordpiece" => new WordPieceTrainerSettings
            {
                VocabularySize = size,
                UnknownToken = unknown ?? "[UNK]",
                SpecialTokens = special.Length == 0 && unknown is null ? ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] : With(unknown ?? "[UNK]"),
                MinimumFrequency = minimum,
                LimitAlphabet = limit,
                MaximumTokenLength = longest,
                ContinuingSubwordPrefix = prefix ?? "##",
                EndOfWordSuffix = suffix,
            },
            "unigram" => new UnigramTrainerSettings { VocabularySize = size, UnknownToken = unknown ?? "<unk>", SpecialTokens = special },
            "wordlevel" => new WordLevelTrainerSettings { VocabularySize = size, UnknownToken = unknown ?? "<unk>", SpecialTokens = With(unknown ?? "<unk>"), MinimumFrequency = minimum },
            _ => new BpeTrainerSettings
            {
                VocabularySize = size,
                SpecialTokens = unknown is null ? special : With(unknown),
                UnknownToken = unknown,
                MinimumFrequency = minimum,
                LimitAlphabet = limit,
                MaximumTokenLength = longest,
                ContinuingSubwordPrefix = prefix,
                EndOfWordSuffix = suffix,
            },
        };
    }

    private static Command Info(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = TokenizeCommand.Models };
        Command command = new("info", "What a tokenizer consists of. Example: heed tokenizer info ./model") { model };
        command.SetAction(parsed =>
        {
            TokenizerReport report = new(TokenizeCommand.Open(parsed.GetRequiredValue(model)));
            if (terminal.IsJson) terminal.Json(report.ToJson());
            else report.Show(terminal);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command ConvertFile(Terminal terminal)
    {
        Argument<string> source = new("in") { Description = TokenizeCommand.Models };
        Argument<string> target = new("out") { Description = "tokenizer.json to write" };
        Command command = new("convert", "Write any tokenizer as tokenizer.json, which Hugging Face opens. Example: heed tokenizer convert spiece.model tokenizer.json") { source, target };
        command.SetAction(parsed =>
        {
            string path = Required.WritableFile("out", parsed.GetRequiredValue(target));
            Tokenizer t = TokenizeCommand.Open(parsed.GetRequiredValue(source), "in");
            t.Save(path);
            if (terminal.IsJson) terminal.Json(new JsonObject { ["file"] = path, ["vocabulary"] = t.VocabularySize });
            else terminal.Line($"{path}: {t.VocabularySize:N0} ids");
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Compare(Terminal terminal)
    {
        Argument<string> a = new("a") { Description = "one tokenizer" };
        Argument<string> b = new("b") { Description = "another tokenizer" };
        Option<string> text = new("--data", "--text") { Description = "text file or folder, or - for standard input", Required = true };
        Command command = new("compare", "Compare two tokenizers on a text: tokens per word, bytes per token, vocabulary used. Example: heed tokenizer compare ./gpt2 ./mine --data book.txt") { a, b, text };
        command.SetAction(parsed =>
        {
            string source = Required.NotEmpty("--data", parsed.GetRequiredValue(text), "a text file or folder");
            (string Name, Tokenizer Tokenizer)[] compared = [.. ((Argument<string>[])[a, b]).Select(argument => (parsed.GetRequiredValue(argument), TokenizeCommand.Open(parsed.GetRequiredValue(argument), argument.Name)))];
            List<string> texts = StandardInput.IsMeant(source) ? [string.Concat(StandardInput.Pieces(terminal))] : [.. TextFiles.Read(source).Select(document => document.Text)];
            if (texts.TrueForAll(string.IsNullOrWhiteSpace)) throw new InputException($"{(StandardInput.IsMeant(source) ? StandardInput.Name : source)}: there is no text but white space to compare on. Give a text with words.");
            JsonArray rows = [];
            foreach ((string name, Tokenizer tokenizer) in compared) rows.Add((JsonNode)Measure(name, tokenizer, texts));
            if (terminal.IsJson)
            {
                terminal.Json(rows);
                return ExitCode.Ok;
            }

            terminal.Line($"{"",-24} {"tokens",12} {"tokens/word",12} {"bytes/token",12} {"ids used",12}");
            foreach (JsonNode? row in rows)
                terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{Tail(row!["tokenizer"]!.GetValue<string>()),-24} {row["tokens"]!.GetValue<long>(),12:N0} {row["tokens_per_word"]!.GetValue<double>(),12:0.000} {row["bytes_per_token"]!.GetValue<double>(),12:0.000} {row["vocabulary_used"]!.GetValue<double>(),12:P1}"));
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>The end of a long path, which is where paths differ.</summary>
    private static string Tail(string path)
    {
        const int Longest = 24;
        if (path.Length <= Longest) return path;
        int cut = path.Length - Longest + 1;
        return "…" + path[(char.IsLowSurrogate(path[cut]) ? cut + 1 : cut)..];
    }

    /// <summary>What a tokenizer makes of whole texts: special tokens, truncation and padding say nothing about it.</summary>
    private static JsonObject Measure(string name, Tokenizer tokenizer, List<string> texts)
    {
        HashSet<int> used = [];
        long tokens = 0, words = 0, bytes = 0;
        List<int> ids = [];
        foreach (string text in texts)
        {
            ids.Clear();
            tokenizer.EncodeToIds(text, ids, addSpecialTokens: false);
            tokens += ids.Count;
            used.UnionWith(ids);
            words += text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
            bytes += System.Text.Encoding.UTF8.GetByteCount(text);
        }

        return new JsonObject
        {
            ["tokenizer"] = name,
            ["tokens"] = tokens,
            ["tokens_per_word"] = words == 0 ? 0 : (double)tokens / words,
            ["bytes_per_token"] = tokens == 0 ? 0 : (double)bytes / tokens,
            ["vocabulary"] = tokenizer.VocabularySize,
            ["vocabulary_used"] = (double)used.Count / tokenizer.VocabularySize,
        };
    }
}
