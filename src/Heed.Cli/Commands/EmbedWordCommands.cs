using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Retrieval;
using Heed.Training.Data;

namespace Heed.Cli.Commands;

/// <summary><c>heed embed train|near|analogy</c>: static word vectors, learned from text or read from a file.</summary>
internal static class EmbedWordCommands
{
    public static Command Train(Terminal terminal)
    {
        WordVectorConfig standard = new();
        Option<string[]> data = new("--data")
        {
            Description = $"text files and folders, {SdkDocumentation.Name} for the .NET SDK's documentation, or - for standard input; "
                + "each line is a sentence",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string> output = new("--out") { Description = "file of word vectors to write", Required = true };
        Option<string?> form = new("--format")
        {
            Description = "word2vec, word2vec-binary, glove or fasttext; binary if omitted and "
            + "the file ends in .bin"
        };
        form.AcceptOnlyFromAmong("word2vec", "word2vec-binary", "glove", "fasttext");
        Option<string> method = new("--method")
        {
            Description = "skipgram, cbow (both with negative sampling) or glove",
            DefaultValueFactory = _ => "skipgram",
        };
        method.AcceptOnlyFromAmong("skipgram", "cbow", "glove");
        Option<int> width = NumberOption.Of("--dimensions", "numbers of a vector", standard.Width, new NumberRange<int>(1, 10_000));
        Option<int> window = NumberOption.Of("--window", "greatest distance of two words that learn from each other", standard.Window,
            new NumberRange<int>(1, 100));
        Option<int> negatives = NumberOption.Of("--negatives", "words drawn as wrong answers", standard.Negatives,
            new NumberRange<int>(1, 100));
        Option<double> sample = NumberOption.Of("--sample", "share of the text from which a word is left out now and then; 0: none",
            standard.Sample, new NumberRange<double>(0, 0.999));
        Option<int> minimum = NumberOption.Of("--min-count", "how often a word must come", standard.MinimumCount,
            new NumberRange<int>(1, int.MaxValue));
        Option<int> epochs = NumberOption.Of("--epochs", "passes over the text", standard.Epochs, new NumberRange<int>(1, int.MaxValue));
        Option<double?> rate = NumberOption.Optional("--learning-rate", "rate at first; 0.025 for skipgram, 0.05 for the others if omitted",
            new NumberRange<double>(0, 10, Above: true));
        Option<ulong> seed = NumberOption.Of("--seed", "seed of what is drawn", standard.Seed, new NumberRange<ulong>(0, ulong.MaxValue));
        Option<bool> tokenized = new("--tokenized")
        {
            Description = "the text is tokenized: blanks alone separate words, which stay "
            + "as they are"
        };
        Command command = new("train", "Learn word vectors from text. Example: heed embed train --data ./texts --out words.bin")
        {
            data, output, form, method, width, window, negatives, sample, minimum, epochs, rate, seed, tokenized,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            WordVectorConfig config = new()
            {
                Method = parsed.GetValue(method) switch
                {
                    "cbow" => WordVectorMethod.Cbow,
                    "glove" => WordVectorMethod.GloVe,
                    _
                    => WordVectorMethod.SkipGram
                },
                Width = parsed.GetValue(width),
                Window = parsed.GetValue(window),
                Negatives = parsed.GetValue(negatives),
                Sample = parsed.GetValue(sample),
                MinimumCount = parsed.GetValue(minimum),
                Epochs = parsed.GetValue(epochs),
                Rate = parsed.GetValue(rate),
                Seed = parsed.GetValue(seed),
                SplitsAtBlanks = parsed.GetValue(tokenized),
            };
            if (config.Method == WordVectorMethod.GloVe)
                foreach (Option option in (Option[])[negatives, sample])
                    if (parsed.GetResult(option) is { Implicit: false })
                        throw new UsageException($"{option.Name}: glove counts all pairs of "
                        + "words and draws none. Leave it out, or choose another --method.");
            string path = Required.WritableFile("--out", parsed.GetRequiredValue(output));
            WordVectorFormat format = parsed.GetValue(form) switch
            {
                "word2vec" => WordVectorFormat.Word2VecText,
                "word2vec-binary" => WordVectorFormat.Word2VecBinary,
                "glove" => WordVectorFormat.GloVe,
                "fasttext" => WordVectorFormat.FastText,
                _ => path.EndsWith(".bin", StringComparison.OrdinalIgnoreCase) ? WordVectorFormat.Word2VecBinary
                    : WordVectorFormat.Word2VecText,
            };
            string[] sources = parsed.GetRequiredValue(data);
            foreach (string source in sources)
                if (source != SdkDocumentation.Name && !StandardInput.IsMeant(source)) TextFiles.Find(Required.NotEmpty("--data", source,
                    "text files or folders"));
            Stopwatch clock = Stopwatch.StartNew();
            Progress progress = new(terminal);
            WordVectors vectors = WordVectorTrainer.Train(sources.SelectMany(s => Texts(terminal, s)), config, progress, cancellationToken);
            vectors.Write(path, format);
            double seconds = clock.Elapsed.TotalSeconds;
            if (terminal.IsJson)
            {
                terminal.Json(new JsonObject
                {
                    ["file"] = path,
                    ["words"] = vectors.Words.Count,
                    ["dimensions"] = vectors.Width,
                    ["loss"] = progress.Loss is { } loss && double.IsFinite(loss) ? Math.Round(loss, 6) : null,
                    ["seconds"] = Math.Round(seconds, 3),
                });
            }
            else
            {
                terminal.Line(string.Create(CultureInfo.InvariantCulture,
                    $"{path}: {vectors.Words.Count:N0} words of {vectors.Width} numbers, "
                    + $"learned in {seconds:0.0} s{(progress.Loss is { } last ? $", last loss {last:0.0000}" : "")}"));
            }

            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    public static Command Near(Terminal terminal)
    {
        Argument<string> file = FileArgument();
        Argument<string[]> words = new("word") { Description = "the words; several are added", Arity = ArgumentArity.OneOrMore };
        Option<string[]> minus = new("--minus") { Description = "words that are taken off", AllowMultipleArgumentsPerToken = true };
        Option<bool> odd = new("--odd") { Description = "which of the words goes least with the others, instead" };
        Option<int> top = TopOption();
        Command command = new("near", "The words nearest to a word by a file of word vectors. Example: heed embed near words.bin king "
            + "queen --top-k 5")
        {
            file, words, minus, odd, top,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            string[] off = parsed.GetValue(minus) ?? [], given = parsed.GetRequiredValue(words);
            bool isOdd = parsed.GetValue(odd);
            if (isOdd && off.Length > 0) throw new UsageException("--minus: with --odd words are compared, not added. Leave one of "
                + "them out.");
            WordVectors vectors = Read(terminal, parsed.GetRequiredValue(file), cancellationToken);
            IReadOnlyList<WordScore> found = isOdd ? vectors.DoesntMatch(given) : vectors.MostSimilar(given, off, parsed.GetValue(top));
            return Task.FromResult(Show(terminal, found, new JsonObject
            {
                ["words"] = new JsonArray([.. given.Select(w => (JsonNode)w)]),
                ["minus"] = new JsonArray([.. off.Select(w => (JsonNode)w)]),
            }));
        });
        return command;
    }

    public static Command Analogy(Terminal terminal)
    {
        Argument<string> file = FileArgument();
        Argument<string> a = new("a") { Description = "a word, such as man" },
            b = new("b") { Description = "what belongs to it, such as king" },
            c = new("c") { Description = "a word like the first, such as woman" };
        Option<bool> product = new("--product") { Description = "by products of similarities (3CosMul) instead of sums (3CosAdd)" };
        Option<bool> include = new("--include-given") { Description = "the three words may be answers too" };
        Option<int> top = TopOption();
        Command command = new("analogy", "\"a is to b as c is to …\" by a file of word vectors. Example: heed embed analogy words.bin "
            + "man king woman")
        {
            file, a, b, c, product, include, top,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            (string first, string second, string third) = (parsed.GetRequiredValue(a), parsed.GetRequiredValue(b),
                parsed.GetRequiredValue(c));
            bool isProduct = parsed.GetValue(product);
            if (isProduct && parsed.GetValue(include)) throw new UsageException("--include-given: with --product the three words are "
                + "left out always. Leave one of the two out.");
            WordVectors vectors = Read(terminal, parsed.GetRequiredValue(file), cancellationToken);
            IReadOnlyList<WordScore> found = isProduct ? vectors.AnalogyByProduct(first, second, third, parsed.GetValue(top))
                : vectors.MostSimilar([second, third], [first], parsed.GetValue(top), parsed.GetValue(include));
            return Task.FromResult(Show(terminal, found, new JsonObject { ["a"] = first, ["b"] = second, ["c"] = third }));
        });
        return command;
    }

    /// <summary>A file of word vectors, with its progress.</summary>
    public static WordVectors Read(Terminal terminal, string file, CancellationToken cancellationToken)
    {
        WordVectors vectors = WordVectors.Read(Required.NotEmpty("file", file, "a file of word vectors"),
            new Reporter<double>(part => terminal.Status(string.Create(CultureInfo.InvariantCulture, $"reading {file}: {part:P0}"))),
                cancellationToken);
        terminal.ClearStatus();
        return vectors;
    }

    private static Argument<string> FileArgument() => new("file")
    {
        Description = "word vectors of word2vec, GloVe or fastText "
        + "(.vec), text or binary"
    };

    private static Option<int> TopOption() => NumberOption.Of("--top-k", "how many words", 10, new NumberRange<int>(1, int.MaxValue));

    private static int Show(Terminal terminal, IReadOnlyList<WordScore> found, JsonObject result)
    {
        if (terminal.IsJson)
        {
            result["results"] = new JsonArray([.. found.Select(f => (JsonNode)new JsonObject { ["word"] = f.Word, ["score"] = f.Score })]);
            terminal.Json(result);
            return ExitCode.Ok;
        }

        int width = Math.Min(40, found.Select(f => f.Word.Length).DefaultIfEmpty().Max());
        foreach (WordScore score in found)
            terminal.Line($"{terminal.Written(score.Word).PadRight(width)}  "
                + $"{score.Score.ToString("0.0000", CultureInfo.InvariantCulture)}");
        return ExitCode.Ok;
    }

    private static IEnumerable<string> Texts(Terminal terminal, string source)
    {
        if (StandardInput.IsMeant(source)) return StandardInput.Pieces(terminal).Select(piece => piece.TrimEnd('\n'));
        if (source != SdkDocumentation.Name) return TextFiles.Read(source, new Reporter<string>(terminal.Warn)).Select(d => d.Text);
        IReadOnlyList<string> files = SdkDocumentation.Find();
        return files.Count > 0 ? SdkDocumentation.Read(files).Select(d => d.Text)
            : throw new InputException("--data: this .NET installation carries "
            + "no documentation (packs/*.Ref/**/*.xml), as a runtime without SDK. Name text of your own.");
    }

    /// <summary>A line that is overwritten on a terminal, and twenty lines otherwise.</summary>
    private sealed class Progress(Terminal terminal) : IProgress<WordTrainingProgress>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private int _shown;

        /// <summary>The newest loss; null before the first.</summary>
        public double? Loss { get; private set; }

        public void Report(WordTrainingProgress value)
        {
            if (double.IsFinite(value.Loss)) Loss = value.Loss;
            double part = (double)value.Words / Math.Max(1, value.TotalWords), seconds = _clock.Elapsed.TotalSeconds;
            TimeSpan left = TimeSpan.FromSeconds(Math.Min(seconds * ((1 / part) - 1), 8e7));
            string line = string.Create(CultureInfo.InvariantCulture,
                $"{value.Words:N0}/{value.TotalWords:N0}  epoch {value.Epoch}  loss {Loss ?? 0:0.0000}  "
                + $"{value.Words / seconds:N0}/s  rate {value.Rate:0.0e+0}  {(long)left.TotalHours:00}:{left:mm\\:ss} left");
            if (terminal.IsErrorTerminal)
            {
                terminal.Status(line);
            }
            else if ((int)(part * 20) > _shown)
            {
                _shown = (int)(part * 20);
                terminal.Note(line);
            }
        }
    }
}
