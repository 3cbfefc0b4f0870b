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
        Argument<string[]> texts = new("text") { Description = "text files and folders, or sdk for the .NET SDK's documentation", Arity = ArgumentArity.OneOrMore };
        Option<string> output = new("--out") { Description = "tokenizer.json to write", Required = true };
        Option<string> model = new("--model") { Description = "bpe, wordpiece, unigram or wordlevel", DefaultValueFactory = _ => "bpe" };
        model.AcceptOnlyFromAmong("bpe", "wordpiece", "unigram", "wordlevel");
        Option<string> pipeline = new("--pipeline") { Description = "parts around the model: default, byte-level, bert, metaspace or whitespace", DefaultValueFactory = _ => "default" };
        pipeline.AcceptOnlyFromAmong("default", "byte-level", "bert", "metaspace", "whitespace");
        Option<int> size = new("--vocab-size") { Description = "largest number of ids", DefaultValueFactory = _ => 30_000 };
        Option<string[]> specials = new("--special") { Description = "special tokens, in id order; may be given several times", AllowMultipleArgumentsPerToken = true };
        Option<long> minimum = new("--min-frequency") { Description = "least count of a merge or word", DefaultValueFactory = _ => 0 };
        Option<int?> limit = new("--limit-alphabet") { Description = "most single characters kept" };
        Option<int?> longest = new("--max-token-length") { Description = "tokens are shorter than so many characters" };
        Option<string?> unknown = new("--unk") { Description = "token for what cannot be encoded" };
        Option<string?> prefix = new("--continuing-prefix") { Description = "in front of pieces inside a word (## in WordPiece)" };
        Option<string?> suffix = new("--word-suffix") { Description = "behind the last piece of a word (</w>)" };
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
        command.SetAction((parsed, stop) =>
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

            string path = parsed.GetRequiredValue(output);
            if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))) throw new StorageException($"{path}: its folder does not exist. Create it, or name another file with --out.");
            TrainerSettings settings = Settings(kind, parsed.GetValue(size), special, parsed.GetValue(minimum), parsed.GetValue(limit), parsed.GetValue(longest), parsed.GetValue(unknown), parsed.GetValue(prefix), parsed.GetValue(suffix)) with { Threads = parsed.GetValue(threads) };
            string[] characters = parsed.GetValue(alphabet) ?? [];
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
            IEnumerable<string> lines = parsed.GetRequiredValue(texts).SelectMany(t => t == SdkDocumentation.Name ? SdkDocumentation.Read(SdkDocumentation.Find()).Select(d => d.Text) : TrainingText.Lines(TextFiles.Find(t)));
            Tokenizer trained = TokenizerTrainer.Train(settings, lines, parts, new Reporter<TrainingProgress>(p => terminal.Status($"{p.Phase}: {p.Done:N0}{(p.Total is { } total ? $" of {total:N0}" : "")}")), stop);
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
            Tokenizer t = TokenizeCommand.Open(parsed.GetRequiredValue(model));
            JsonNode file = JsonNode.Parse(t.ToJson())!;
            JsonObject report = new() { ["vocabulary"] = t.VocabularySize, ["added_tokens"] = t.AddedTokens.Count };
            foreach (string part in (string[])["normalizer", "pre_tokenizer", "model", "post_processor", "decoder", "truncation", "padding"])
                report[part] = file[part] is JsonObject o ? o["type"]?.GetValue<string>() ?? "yes" : "none";
            if (terminal.IsJson) terminal.Json(report);
            else foreach ((string key, JsonNode? value) in report) terminal.Line($"{key.Replace('_', ' '),-16} {value}");
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
            Tokenizer t = TokenizeCommand.Open(parsed.GetRequiredValue(source));
            string path = parsed.GetRequiredValue(target);
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
        Option<string> text = new("--text") { Description = "text file or folder", Required = true };
        Command command = new("compare", "Compare two tokenizers on a text: tokens a word, bytes a token, vocabulary used. Example: heed tokenizer compare ./gpt2 ./mine --text book.txt") { a, b, text };
        command.SetAction(parsed =>
        {
            List<TextDocument> documents = [.. TextFiles.Read(parsed.GetRequiredValue(text))];
            JsonArray rows = [];
            foreach (string name in (string[])[parsed.GetRequiredValue(a), parsed.GetRequiredValue(b)]) rows.Add((JsonNode)Measure(name, documents));
            if (terminal.IsJson)
            {
                terminal.Json(rows);
                return ExitCode.Ok;
            }

            terminal.Line($"{"",-24} {"tokens",12} {"tokens/word",12} {"bytes/token",12} {"ids used",12}");
            foreach (JsonNode? row in rows)
                terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{Printable.Shorten(row!["tokenizer"]!.GetValue<string>(), 24),-24} {row["tokens"]!.GetValue<long>(),12:N0} {row["tokens_per_word"]!.GetValue<double>(),12:0.000} {row["bytes_per_token"]!.GetValue<double>(),12:0.000} {row["vocabulary_used"]!.GetValue<double>(),12:P1}"));
            return ExitCode.Ok;
        });
        return command;
    }

    private static JsonObject Measure(string name, List<TextDocument> documents)
    {
        Tokenizer tokenizer = TokenizeCommand.Open(name);
        HashSet<int> used = [];
        long tokens = 0, words = 0, bytes = 0;
        List<int> ids = [];
        foreach (TextDocument document in documents)
        {
            ids.Clear();
            tokenizer.EncodeToIds(document.Text, ids, addSpecialTokens: false);
            tokens += ids.Count;
            used.UnionWith(ids);
            words += document.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
            bytes += System.Text.Encoding.UTF8.GetByteCount(document.Text);
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
