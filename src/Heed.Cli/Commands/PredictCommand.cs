using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Cli.Predictions;
using Heed.Generation;
using Heed.Generation.Understanding;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Data;

namespace Heed.Cli.Commands;

/// <summary><c>heed predict MODEL [TEXT…]</c>: what a model made for a task says of texts; the task is taken from its head.</summary>
internal static class PredictCommand
{
    /// <summary>Texts that are predicted for before their lines are written.</summary>
    private const int AtOnce = 32;

    private static readonly JsonSerializerOptions OneLine = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = "folder of a model with a head for a task, or the name of a pulled one" };
        Argument<string[]> texts = new("text")
        {
            Description = "the texts; - or nothing reads standard input, a text per "
            + "line",
            Arity = ArgumentArity.ZeroOrMore
        };
        Options options = new();
        Option<bool> strict = new("--strict") { Description = "refuse weights that are NaN or infinite instead of warning of them" };
        Option<string?> dtype = WeightFormatOption.Create();
        Option<int?> threads = NumberOption.Threads();
        Command command = new("predict", "Classes, entities, answers, fillings or rewritten texts by a model made for that. "
            + "Example: heed predict ./model \"Where is my parcel?\"") { model, texts };
        options.AddTo(command);
        command.Add(dtype);
        command.Add(strict);
        command.Add(threads);
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            string[] given = parsed.GetValue(texts) ?? [];
            options.RefuseContradictions(parsed, given);
            using HeedModel opened = HeedModel.Open(parsed.GetRequiredValue(model), new LoadOptions
            {
                Format = WeightFormatOption.ValueOf(parsed, dtype),
                Strict = parsed.GetValue(strict),
                Warnings = new Reporter<string>(terminal.Warn),
            });
            options.RefuseOthers(parsed, opened);
            foreach (string label in options.Settings(parsed).Labels ?? [])
            {
                if (opened.Model is not MaskedLanguageModel || MaskFilling.FirstPiece(opened.Reading, label) is not { } stands) continue;
                terminal.Warn($"--labels: '{Printable.Shorten(label, 40)}' is no token of the vocabulary; its first piece "
                    + $"'{Printable.Shorten(stands, 40)}' stands for it.");
            }

            Predictor predictor = new(opened, options.Settings(parsed));
            bool isJson = terminal.IsJson || !terminal.IsTerminal;
            int blank = 0;
            foreach (PredictInput[] some in options.Inputs(parsed, opened, given, terminal, cancellationToken).Chunk(AtOnce))
            {
                foreach ((PredictInput input, PredictedRow row) in InOrder(predictor, some, cancellationToken))
                {
                    if (input.IsBlank) blank++;
                    if (isJson) terminal.Output.WriteLine(row.Json.ToJsonString(OneLine));
                    else Show(terminal, input, row);
                }
            }

            if (predictor.Cut > 0)
                terminal.Warn($"{Printable.Counted(predictor.Cut, "text was", "texts were")} longer than the "
                    + $"{opened.Reading.Limit} tokens that the model reads, and cut.");
            if (blank > 0)
                terminal.Warn($"{Printable.Counted(blank, "line was", "lines were")} blank, and got a line without a prediction.");
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    /// <summary>A row for each text, in order; that of a blank line says so.</summary>
    private static IEnumerable<(PredictInput Input, PredictedRow Row)> InOrder(Predictor predictor, PredictInput[] some,
        CancellationToken cancellationToken)
    {
        PredictInput[] real = [.. some.Where(i => !i.IsBlank)];
        using IEnumerator<(PredictInput Input, PredictedRow Row)> rows
            = (real.Length == 0 ? [] : Predict(predictor, real, cancellationToken)).GetEnumerator();
        foreach (PredictInput input in some)
        {
            if (!input.IsBlank && rows.MoveNext()) yield return rows.Current;
            else yield return (input, new PredictedRow(new JsonObject { ["line"] = input.Line, ["text"] = input.Text, ["blank"] = true }, []));
        }
    }

    /// <summary>Predicts for some texts; where one of them is refused, those before it are predicted for, and the error names its
    /// line.</summary>
    private static IEnumerable<(PredictInput Input, PredictedRow Row)> Predict(Predictor predictor, PredictInput[] some,
        CancellationToken cancellationToken)
    {
        IReadOnlyList<PredictedRow>? rows = null;
        try
        {
            rows = predictor.Predict(some, cancellationToken);
        }
        catch (InputException) when (some.Length > 1)
        {
            // One by one below.
        }
        catch (InputException e) when (some[0].Line is { } line)
        {
            throw new InputException($"line {line}: {e.Message}", e);
        }

        return rows is not null ? some.Zip(rows) : some.SelectMany(input => Predict(predictor, [input], cancellationToken));
    }

    private static void Show(Terminal terminal, PredictInput input, PredictedRow row)
    {
        if (input.IsBlank)
        {
            terminal.Line(terminal.Dim(string.Create(CultureInfo.InvariantCulture, $"(line {input.Line} is blank)")));
            terminal.Line();
            return;
        }

        terminal.Line(terminal.Dim(terminal.Written(input.Text)));
        int width = Math.Min(40, row.Lines.Select(l => l.What.Length).DefaultIfEmpty().Max());
        foreach (PredictedLine line in row.Lines)
        {
            string score = double.IsNaN(line.Score) ? "" : line.Score.ToString("0.0000", CultureInfo.InvariantCulture);
            terminal.Line($"  {terminal.Written(line.What).PadRight(width)}  "
                + $"{score}{(score.Length > 0 && line.Detail.Length > 0 ? "  " : "")}{terminal.Written(line.Detail)}".TrimEnd());
        }

        if (row.Lines.Count == 0) terminal.Line("  nothing found");
        terminal.Line();
    }

    /// <summary>The options, and which of them belong to which task.</summary>
    private sealed class Options
    {
        private readonly Option<string?> _file = new("--file")
        {
            Description = "file of texts: .txt (one per line), .csv, .tsv, "
            + ".jsonl, .json or .parquet, whose columns are found by their names"
        };
        private readonly Option<string?> _textColumn = new("--text-column")
        {
            Description = "name of the column of texts, or of "
            + "questions"
        };
        private readonly Option<string?> _pairColumn = new("--pair-column")
        {
            Description = "name of the column of second texts, or "
            + "of contexts"
        };
        private readonly Option<bool> _skipFaulty = new("--skip-faulty")
        {
            Description = "leave out lines of the file with faults, "
            + "with a warning for each"
        };
        private readonly Option<string?> _pair = new("--pair") { Description = "a second text, for models that judge pairs" };
        private readonly Option<string?> _question = new("--question") { Description = "the question, for models that answer questions" };
        private readonly Option<string?> _context = new("--context") { Description = "the text that holds the answer" };
        private readonly Option<string?> _labels = new("--labels")
        {
            Description = "labels that the model was not trained for, "
            + "separated by commas; with a masked model the only fillings"
        };
        private readonly Option<string?> _template = new("--template")
        {
            Description = "with --labels: the sentence, with {} for "
            + "the label; with a language model the prompt, with {text} for the text"
        };
        private readonly Option<bool> _several = new("--multi-label")
        {
            Description = "with --labels: each label is right or not by "
            + "itself"
        };
        private readonly Option<int?> _top = NumberOption.Optional("--top-k", "how many classes, answers, fillings or rewritten "
            + "texts", new NumberRange<int>(1, ConfigReader.MaximumSize));
        private readonly Option<double?> _threshold = NumberOption.Optional("--threshold", "leave out what has a lower "
            + "score", new NumberRange<double>(double.MinValue, double.MaxValue));
        private readonly Option<string?> _aggregation = new("--aggregation")
        {
            Description = "how tokens become entities: none, "
            + "simple, first, average or max; first if omitted"
        };
        private readonly Option<int?> _stride = NumberOption.Optional("--stride", "tokens that two windows of a long text "
            + "share", new NumberRange<int>(0, ConfigReader.MaximumSize));
        private readonly Option<bool> _truncate = new("--truncate")
        {
            Description = "leave out the end of a text that is too long "
            + "instead of reading it in windows"
        };
        private readonly Option<bool> _noAnswer = new("--no-answer") { Description = "the context may hold no answer" };
        private readonly Option<int?> _longest = NumberOption.Optional("--longest-answer", "tokens of the longest answer; 15 if "
            + "omitted", new NumberRange<int>(1, ConfigReader.MaximumSize));
        private readonly Option<string?> _task = new("--task")
        {
            Description = "task of an encoder-decoder that its folder has a "
            + "prefix and settings for, such as summarization"
        };
        private readonly Option<int?> _tokens = NumberOption.Optional("--max-new-tokens", "most tokens of a rewritten "
            + "text", new NumberRange<int>(1, ConfigReader.MaximumSize));
        private readonly Option<bool> _explain = new("--explain")
        {
            Description = "what each token did for the likeliest class: "
            + "leave-one-out, integrated gradients with their gap, and where the model read"
        };
        private readonly Option<string> _offsets = new("--offsets")
        {
            Description = "units of offsets: utf16 or "
            + "code-points",
            DefaultValueFactory = _ => "utf16"
        };

        public void AddTo(Command command)
        {
            _aggregation.AcceptOnlyFromAmong("none", "simple", "first", "average", "max");
            _offsets.AcceptOnlyFromAmong("utf16", "code-points");
            foreach (Option option in (Option[])
                [_file, _textColumn, _pairColumn, _skipFaulty, _pair, _question, _context, _labels, _template, _several, _top, _threshold,
                _aggregation, _stride, _truncate, _noAnswer, _longest, _task, _tokens, _explain, _offsets]) command.Add(option);
        }

        public PredictSettings Settings(ParseResult parsed) => new()
        {
            Top = parsed.GetValue(_top),
            Threshold = parsed.GetValue(_threshold),
            Aggregation = parsed.GetValue(_aggregation) is { } name ? Enum.Parse<EntityAggregation>(name, ignoreCase: true) : null,
            Stride = parsed.GetValue(_stride),
            Truncate = parsed.GetValue(_truncate),
            Labels = parsed.GetValue(_labels)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            Template = parsed.GetValue(_template),
            Several = parsed.GetValue(_several),
            MayBeMissing = parsed.GetValue(_noAnswer),
            LongestAnswer = parsed.GetValue(_longest),
            Task = parsed.GetValue(_task),
            MaxNewTokens = parsed.GetValue(_tokens),
            Explain = parsed.GetValue(_explain),
            CodePoints = parsed.GetValue(_offsets) == "code-points",
        };

        /// <summary>Refuses options that contradict each other, before anything is opened.</summary>
        public void RefuseContradictions(ParseResult parsed, string[] texts)
        {
            if (Given(parsed, _file) && texts.Length > 0)
                throw new UsageException($"--file: names the texts, but the text \"{Printable.Shorten(texts[0])}\" was given too. "
                    + "Leave one of them out.");
            foreach (Option option in (Option[])[_textColumn, _pairColumn, _skipFaulty])
                if (Given(parsed, option) && !Given(parsed, _file)) throw new UsageException($"{option.Name}: belongs to --file, "
                    + "which was not given. Name the file, or leave it out.");
            foreach (Option option in (Option[])[_pair, _question, _context])
                if (Given(parsed, option) && Given(parsed, _file)) throw new UsageException($"{option.Name}: was given with --file, "
                    + "whose columns hold that. Leave one of them out.");
            if (Given(parsed, _question) != Given(parsed, _context))
                throw new UsageException($"{(Given(parsed, _question) ? "--context" : "--question")}: is missing; a question and "
                    + "the text that holds its answer were expected.");
            if (Given(parsed, _question) && texts.Length > 0)
                throw new UsageException($"--question: asks about --context, but the text \"{Printable.Shorten(texts[0])}\" was "
                    + "given too. Leave one of them out.");
            foreach (Option option in (Option[])[_template, _several])
                if (Given(parsed, option) && !Given(parsed, _labels)) throw new UsageException($"{option.Name}: belongs to "
                    + "--labels, which was not given. Give the labels, or leave it out.");
            if (Given(parsed, _labels) && Settings(parsed).Labels is not { Count: > 0 }) throw new UsageException("--labels: is "
                + "empty; labels separated by commas were expected.");
            if (Given(parsed, _explain) && Given(parsed, _labels)) throw new UsageException("--explain: explains a trained class, "
                + "and --labels asks for others. Leave one of the two out.");
            if (Given(parsed, _truncate) && Given(parsed, _stride)) throw new UsageException("--truncate: leaves the end of a long "
                + "text out, and --stride reads it. Leave one of the two out.");
        }

        /// <summary>Refuses options of other tasks than the model's, and a model without a task.</summary>
        public void RefuseOthers(ParseResult parsed, HeedModel model)
        {
            (string does, Option[] own) = model.Model switch
            {
                SequenceClassifier => ("classifies texts", (Option[])[_pair, _pairColumn, _labels, _template, _several, _top, _threshold,
                    _explain]),
                TokenClassifier => ("finds entities", [_threshold, _aggregation, _stride, _truncate]),
                QuestionAnswerer => ("answers questions", [_question, _context, _pairColumn, _top, _threshold, _stride, _noAnswer,
                    _longest]),
                MaskedLanguageModel => ("fills masks", [_labels, _top, _threshold]),
                SequenceToSequenceModel => ("rewrites texts", [_top, _task, _tokens]),
                CausalLanguageModel when Given(parsed, _labels) => ("is a language model", [_labels, _template, _top, _threshold]),
                CausalLanguageModel => throw new UsageException($"{model.Folder}: {model.Model.Architecture} continues texts: use "
                    + "'heed generate', or give --labels to let it choose one."),
                _ when model.HasVectorHead => ("classifies texts by their vectors", [_top, _threshold]),
                _ => throw new InputException($"{model.Folder}: {model.Model.Architecture} has no head that predicts. Open a model "
                    + "with a head for classes, tokens, questions or masks, or an encoder-decoder."),
            };
            foreach (Option option in (Option[])[_pair, _question, _context, _pairColumn, _labels, _template, _several, _top, _threshold,
                _aggregation, _stride, _truncate, _noAnswer, _longest, _task, _tokens, _explain])
                if (Given(parsed, option) && !own.Contains(option)) throw new UsageException($"{option.Name}: is for other tasks; "
                    + $"the model in {model.Folder} {does}. Leave it out.");
            if (model.Model is SequenceClassifier && Given(parsed, _labels)
                && Array.Find((Option[])[_pair, _pairColumn], o => Given(parsed, o)) is { } second)
                throw new UsageException($"{second.Name}: with --labels the second text is the sentence with the label. Leave one "
                    + "of the two out.");
            if (model.Model is SequenceClassifier && Given(parsed, _labels) && ZeroShot.Entailment(model.Model.Config.Labels) < 0)
                throw new InputException($"--labels: asks for other labels than the model's own, which only a model of natural language "
                    + $"inference knows, with a class 'entailment'. The labels of the model in {model.Folder} are "
                    + $"{string.Join(", ", model.Model.Config.Labels.Select(l => Printable.Shorten(l, 40)))}. Leave --labels out to get them, "
                    + "or open another model.");
            if (parsed.GetValue(_task) is { } task && RewritingSettings.Tasks(model.Model) is var tasks && !tasks.Contains(task))
                throw new UsageException($"--task: is '{Printable.Shorten(task)}'; config.json of {model.Folder} has "
                    + $"{(tasks.Count == 0 ? "none" : string.Join(", ", tasks))}. "
                    + (tasks.Count == 0 ? "Leave it out." : "Name one of these."));
        }

        public IEnumerable<PredictInput> Inputs(ParseResult parsed, HeedModel model, string[] texts, Terminal terminal,
            CancellationToken cancellationToken)
        {
            bool asks = model.Model is QuestionAnswerer;
            if (parsed.GetValue(_file) is { } file)
            {
                InputKind kind = asks ? InputKind.Questions : model.Model is SequenceToSequenceModel ? InputKind.Sources : InputKind.Texts;
                return PredictInputs.OfFile(Required.NotEmpty("--file", file, "a file of "
                    + "texts"), kind, parsed.GetValue(_textColumn), parsed.GetValue(_pairColumn),
                    parsed.GetValue(_skipFaulty), terminal, cancellationToken);
            }

            if (!asks) return PredictInputs.OfArguments(texts, parsed.GetValue(_pair), terminal);
            return parsed.GetValue(_question) is { } question ? [new PredictInput(question, parsed.GetValue(_context), null)]
                : throw new UsageException($"--question: is missing; the model in {model.Folder} answers questions. Give --question "
                    + "and --context, or --file.");
        }

        private static bool Given(ParseResult parsed, Option option) => parsed.GetResult(option) is OptionResult { Implicit: false };
    }
}
