using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>The examples of a run, read and checked whole before anything is built: one derived class per kind of task.</summary>
internal abstract class FinetuningData
{
    /// <summary>The names of tasks.</summary>
    public static IReadOnlyList<string> Tasks { get; } =
    [
        ClassificationData.Name, EntityData.Name, QuestionData.Name, RewritingData.Translation, RewritingData.Summarization, ChatData.Name,
        SimilarityData.Name, RankingData.Name,
    ];

    /// <summary>Settings that only some tasks have.</summary>
    private static readonly (string Field, string[] Tasks)[] OwnSettings =
    [
        ("kind", [ClassificationData.Name]),
        ("label_names", [ClassificationData.Name, EntityData.Name, SimilarityData.Name]),
        ("class_weights", [ClassificationData.Name, EntityData.Name]),
        ("few_shot", [ClassificationData.Name]),
        ("loss", [SimilarityData.Name]),
        ("margin", [SimilarityData.Name]),
        ("query_prompt", [SimilarityData.Name]),
        ("document_prompt", [SimilarityData.Name]),
        ("mine_negatives", [SimilarityData.Name]),
        ("mine_margin", [SimilarityData.Name]),
        ("matryoshka", [SimilarityData.Name]),
        ("mini_batch", [SimilarityData.Name]),
        ("stride", [QuestionData.Name]),
        ("prompt", [RewritingData.Translation, RewritingData.Summarization]),
        ("evaluate_written", [RewritingData.Translation, RewritingData.Summarization]),
        ("chat_template", [ChatData.Name]),
    ];

    /// <summary>The task's name.</summary>
    public abstract string Task { get; }

    /// <summary>The model's own tokenizer.</summary>
    public required Tokenizer Tokenizer { get; init; }

    /// <summary>What the training examples hold.</summary>
    public required DataReport Report { get; init; }

    /// <summary>How the data were divided, a sentence each.</summary>
    public IReadOnlyList<string> Statements { get; set; } = [];

    /// <summary>The training texts, for a tokenizer that is trained on them; null if the task needs a trained model.</summary>
    public virtual IEnumerable<string>? TrainingTexts => null;

    /// <summary>Examples to learn from.</summary>
    public abstract int Training { get; }

    /// <summary>Examples to evaluate on.</summary>
    public abstract int HeldOut { get; }

    /// <summary>Tokens of the training examples, special ones included, before anything is cut.</summary>
    public abstract LengthSummary Lengths { get; }

    /// <summary>Training examples that a length would cut, and what is lost, as a sentence; null if none.</summary>
    public abstract string? Cut(int length);

    /// <summary>What the model is to say and never sees, at the lengths decided: answers and targets that are cut, as a sentence; null if
    /// nothing is lost.</summary>
    public virtual string? LostAnswers(FinetuningConfig decided) => null;

    /// <summary>Decides what only this task knows, once the length is decided, and adds a sentence for each decision.</summary>
    public virtual FinetuningConfig Decide(FinetuningConfig config, ICollection<string> decisions) => config;

    /// <summary>What a micro-batch is made of, at the lengths decided: the training examples, or windows of them.</summary>
    public virtual int Samples(FinetuningConfig decided) => Training;

    /// <summary>Passes over the examples; null for as many as their number suggests.</summary>
    public virtual double? UsualEpochs => null;

    /// <summary>Learning rate; null for what the size of the model suggests.</summary>
    public virtual double? UsualRate => null;

    /// <summary>Most steps that the epochs of the task are let take unless they are named; null: no limit.</summary>
    public virtual long? MostSteps => null;

    /// <summary>What the model must have on top.</summary>
    public abstract HeadKind Head { get; }

    /// <summary>The configuration with what the task decides: labels, kind.</summary>
    public virtual ModelConfig Configure(ModelConfig config) => config;

    /// <summary>A sum of all that is learned from.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The task, which owns the model.</summary>
    /// <param name="model">With <see cref="Head"/> and <see cref="Configure"/>.</param>
    /// <param name="settings">All decided.</param>
    public abstract FinetuningTask Make(FinetuningModel model, FinetuningConfig settings);

    /// <summary>Reads the data of a run.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="model">The model's family and configuration.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="ConfigException">A setting is not one of this task.</exception>
    /// <exception cref="InputException">The data have faults, or hold no example.</exception>
    public static FinetuningData Read(FinetuningConfig config, Tokenizer tokenizer, ModelDescription model,
        CancellationToken cancellationToken)
    {
        TaskOfData? found = config.Task is null ? TaskOfData.Find(config.Train, Options(config)) : null;
        string task = config.Task ?? found!.Name;
        RequireSettingsOf(task, config);
        FinetuningData data = Read(task, config, tokenizer, model, cancellationToken);
        if (found is not null) data.Statements = [found.Reason, .. data.Statements];
        return data;
    }

    private static FinetuningData Read(string task, FinetuningConfig config, Tokenizer tokenizer, ModelDescription model,
        CancellationToken cancellationToken)
        => task switch
        {
            EntityData.Name => EntityData.From(config, tokenizer, model.Config, cancellationToken),
            SimilarityData.Name => SimilarityData.From(config, tokenizer, model.Config, cancellationToken),
            RankingData.Name => RankingData.From(config, tokenizer, cancellationToken),
            _ when config.FewShot => FewShotData.Of(ClassificationData.From(config, tokenizer, model.Config, cancellationToken), config),
            QuestionData.Name => QuestionData.From(config, tokenizer, cancellationToken),
            RewritingData.Translation or RewritingData.Summarization => RewritingData.From(task, config, tokenizer, model,
                cancellationToken),
            ChatData.Name => ChatData.From(config, tokenizer, cancellationToken),
            ClassificationData.Name => ClassificationData.From(config, tokenizer, model.Config, cancellationToken),
            _ => throw new ConfigException($"task: is {task}; one of {string.Join(", ", Tasks)} was expected."),
        };

    /// <summary>Reads data that a finished model is judged on; all examples are held out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="config">How it is read; its task if it names one.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="model">Its head names the task if the settings do not; its labels are the classes.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">The data have faults or labels that the model does not know, or the model has no head for a
    /// task.</exception>
    public static FinetuningData ToEvaluate(
        string path, FinetuningConfig config, Tokenizer tokenizer, ModelDescription model, CancellationToken cancellationToken)
    {
        string task = config.Task ?? model.Family.HeadOf(model.Architecture) switch
        {
            HeadKind.SequenceClassifier => ClassificationData.Name,
            HeadKind.TokenClassifier => EntityData.Name,
            HeadKind.QuestionAnswerer => QuestionData.Name,
            _ => FinetuningReport.TaskOf(config.Model) is { } trained && Tasks.Contains(trained) ? trained
                : throw new InputException($"{config.Model}: {model.Architecture} has no head that labelled examples judge. "
                + "Name the task (--task), or open a fine-tuned model."),
        };
        return task switch
        {
            // These two read their examples, and the labels among them, from the training file.
            SimilarityData.Name => SimilarityData.ToEvaluate(path, config, tokenizer, model.Config, cancellationToken),
            RankingData.Name => Read(task, config with { Train = path, Dev = path, MineNegatives = 0 }, tokenizer, model, cancellationToken),
            ClassificationData.Name => config.FewShot ? FewShotData.ToEvaluate(Classes()) : Classes(),
            _ => Read(task, config with { Train = "", Test = path }, tokenizer, model, cancellationToken),
        };

        ClassificationData Classes() => ClassificationData.ToEvaluate(path, Options(config), tokenizer, model.Config, cancellationToken);
    }

    /// <summary>A setting that the task would not look at is an error.</summary>
    private static void RequireSettingsOf(string task, FinetuningConfig config)
    {
        JsonObject given = config.ToJson(), standard = new FinetuningConfig().ToJson();
        foreach ((string field, string[] tasks) in OwnSettings)
        {
            if (!tasks.Contains(task) && !JsonNode.DeepEquals(given[field], standard[field]))
                throw new ConfigException($"{field}: is a setting of {string.Join(", ", tasks)}, and the task is {task}. Leave it out, or "
                    + $"name another task.");
        }
    }

    /// <summary>How the files are read.</summary>
    /// <exception cref="ConfigException">An entry of <c>columns</c> is not <c>what=name</c>.</exception>
    public static DataOptions Options(FinetuningConfig config)
    {
        Dictionary<DataColumn, string> columns = [];
        foreach (string entry in config.Columns)
        {
            string[] sides = entry.Split('=', 2);
            if (sides.Length != 2 || sides[1].Length == 0 || !Enum.TryParse(sides[0].Trim(), ignoreCase: true, out DataColumn what)
                || !Enum.IsDefined(what))
            {
                throw new ConfigException($"columns: \"{Printable.Shorten(entry)}\" is not WHAT=NAME, such as text=Nachricht; WHAT is "
                    + $"one of {string.Join(", ", Enum.GetNames<DataColumn>().Select(n => n.ToLowerInvariant()))}.");
            }

            columns[what] = sides[1].Trim();
        }

        return new DataOptions
        {
            Columns = columns,
            Kind = config.Kind switch
            {
                "single" => LabelKind.Single,
                "multiple" => LabelKind.Multiple,
                "regression"
                => LabelKind.Regression,
                _ => null
            },
            LabelNames = config.LabelNames.Count > 0 ? config.LabelNames : null,
            SkipFaulty = config.SkipFaulty,
        };
    }

    /// <summary>A model that knows the same labels keeps their order: it is trained further.</summary>
    protected static IReadOnlyList<string> Ordered(IReadOnlyList<string> labels, ModelConfig model, FinetuningConfig config)
        => config.LabelNames.Count == 0 && labels.Count > 0 && model.Labels.Count == labels.Count
            && model.Labels.ToHashSet(StringComparer.Ordinal).SetEquals(labels) ? model.Labels : labels;

    /// <summary>The first few of many places, for a sentence; without folders, as a model's card holds it.</summary>
    protected static string Some(IEnumerable<DataPlace> places)
    {
        const int Shown = 3;
        DataPlace[] first = [.. places.Take(Shown + 1).Select(p => p with { File = Path.GetFileName(p.File) })];
        return string.Join(", ", first.Take(Shown)) + (first.Length > Shown ? ", …" : "");
    }

    /// <summary>A sum over texts.</summary>
    protected static string SumOf(IEnumerable<string> texts)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in texts)
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            hash.AppendData(BitConverter.GetBytes(utf8.Length));
            hash.AppendData(utf8);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Refuses an example with a label that is not known.</summary>
    /// <param name="examples">The examples.</param>
    /// <param name="place">Where one stands.</param>
    /// <param name="labelsOf">Its labels.</param>
    /// <param name="labels">Those that are known.</param>
    /// <param name="what">What a label is called: label, tag.</param>
    /// <param name="where">Who knows them: a file, the model.</param>
    /// <exception cref="InputException">A label is not known.</exception>
    protected static void RequireKnown<T>(IEnumerable<T> examples, Func<T, DataPlace> place, Func<T, IEnumerable<string>> labelsOf,
        IReadOnlyList<string> labels, string what, string where)
    {
        HashSet<string> known = labels.ToHashSet(StringComparer.Ordinal);
        foreach (T example in examples)
        {
            if (labelsOf(example).FirstOrDefault(l => !known.Contains(l)) is not { } unknown) continue;
            throw new InputException($"{place(example)}: the {what} '{Printable.Shorten(unknown)}' is none that {where} knows; these are "
                + $"{string.Join(", ", labels.Take(12).Select(l => Printable.Shorten(l, 40)))}{(labels.Count > 12 ? ", …" : "")}. "
                + "Correct it, or add examples of it to the training data.");
        }
    }

    /// <summary>Says how examples were held out.</summary>
    internal static string Divided(int training, int heldOut) => string.Create(CultureInfo.InvariantCulture,
        $"{Printable.Part(heldOut, training + heldOut, "example")} held out for evaluation, chosen by a hash of their texts; equal texts stay "
            + $"on one side");
}
