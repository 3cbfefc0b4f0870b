using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Finetuning;

namespace Heed.Cli.Commands;

/// <summary><c>heed eval MODEL --data FILE</c>: a task's measures on labelled examples.</summary>
internal sealed class ExampleEvaluation
{
    private readonly Option<string?> _task = new("--task") { Description = "what is judged; if omitted what the model's head is for" };

    private readonly Option<string?> _columns = new("--columns")
    {
        Description = "names of columns that cannot be found by themselves, such as text=Nachricht,label=Art",
    };

    private readonly Option<string?> _predictions = new("--predictions")
    {
        Description = "file for every example with its prediction, as "
        + "JSON lines"
    };

    private readonly Option<int?> _beams = NumberOption.Optional("--beams", "beams of tasks that write; if omitted as the folder says",
        new NumberRange<int>(1, 64));

    private readonly Option<double?> _lengthPenalty = NumberOption.Optional("--length-penalty", "exponent of the length that a beam's "
        + "log-probability is divided by; if omitted as the folder says", new NumberRange<double>(-10, 10));

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_task, _columns, _predictions, _beams, _lengthPenalty]) command.Add(option);
    }

    /// <summary>True if labelled examples are to be judged rather than a text.</summary>
    public bool AreMeant(ParseResult parsed, string folder)
        => ((Option[])[_task, _columns, _predictions, _beams, _lengthPenalty]).Any(o => parsed.GetResult(o) is { Implicit: false })
            || (Directory.Exists(folder) && ModelFolder.ReadConfig(folder) is { } model
                && (model.Family.HeadOf(model.Architecture) is HeadKind.SequenceClassifier or HeadKind.TokenClassifier
                    or HeadKind.QuestionAnswerer or HeadKind.SequenceToSequence
                    || (model.Family.HeadOf(model.Architecture) == HeadKind.None && FinetuningReport.TaskOf(folder) is not null)));

    /// <summary>Evaluates and prints.</summary>
    public int Run(Terminal terminal, string folder, string data, ParseResult parsed, CancellationToken cancellationToken)
    {
        string? task = parsed.GetValue(_task);
        if (task is not null && !FinetuningTask.Names.Contains(task))
            throw new UsageException($"--task: is \"{Printable.Shorten(task)}\"; one of {string.Join(", ", FinetuningTask.Names)} was "
                + $"expected.");
        FinetuningConfig config = new()
        {
            Model = folder,
            Test = data,
            Task = task,
            FewShot = File.Exists(Path.Combine(folder, Generation.Embeddings.VectorHead.FileName)),
            Columns = parsed.GetValue(_columns)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
        };
        double? lengthPenalty = parsed.GetValue(_lengthPenalty);
        WritingOptions? writing = parsed.GetValue(_beams) is { } beams ? new WritingOptions(beams, lengthPenalty) : null;
        if (writing is null && lengthPenalty is not null) throw new UsageException("--length-penalty: is of beams; name --beams too.");
        TaskAssessment assessment = FinetuningRun.Evaluate(config, writing, cancellationToken);
        if (parsed.GetValue(_predictions) is { Length: > 0 } file) Write(file, assessment);
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["examples"] = assessment.Examples.Count,
                ["loss"] = Finite(assessment.Report.Loss),
                ["measures"] = new JsonObject(assessment.Report.Measures.OrderBy(m => m.Key, StringComparer.Ordinal)
                    .Select(m => KeyValuePair.Create(m.Key, Finite(m.Value)))),
                ["details"] = assessment.Details.DeepClone(),
            });
            return ExitCode.Ok;
        }

        terminal.Line($"{Printable.Counted(assessment.Examples.Count, "example")}: "
            + $"{TrainingDisplay.Figures(assessment.Report)}");
        Parts(terminal, assessment.Details["classes"], "label");
        Parts(terminal, assessment.Details["types"], "type");
        foreach (JsonNode? row in assessment.Details["by_source_length"] as JsonArray ?? [])
        {
            (string name, JsonNode? value) = row!.AsObject().Last();
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"  sources of {row["characters_from"]} to {row["characters_to"]} characters: {Printable.Counted(row["examples"]!.GetValue<int>(), "example")}, exact match "
                    + $"{row["exact_match"]!.GetValue<double>():0.0}, {(name == "bleu" ? "BLEU" : "ROUGE-L")} "
                        + $"{value!.GetValue<double>():0.0}"));
        }

        foreach (string finding in assessment.Report.Findings) terminal.Warn(finding + ".");
        return ExitCode.Ok;
    }

    /// <summary>A line for each label, or each type of entity.</summary>
    private static void Parts(Terminal terminal, JsonNode? parts, string name)
    {
        foreach (JsonNode? part in parts as JsonArray ?? [])
        {
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"  {Printable.Escape(part![name]!.GetValue<string>()),-24} F1 {part["f1"]!.GetValue<double>():0.000}, precision "
                    + $"{part["precision"]!.GetValue<double>():0.000}, recall {part["recall"]!.GetValue<double>():0.000} of "
                        + $"{part["support"]}"));
        }
    }

    private static void Write(string file, TaskAssessment assessment)
    {
        StringBuilder lines = new();
        foreach (AssessedExample e in assessment.Examples)
        {
            lines.Append(new JsonObject
            {
                ["place"] = e.Place.ToString(),
                ["text"] = e.Text,
                ["expected"] = e.Expected,
                ["predicted"] = e.Predicted,
                ["confidence"] = Finite(e.Confidence),
                ["loss"] = Finite(e.Loss),
            }.ToJsonString()).Append('\n');
        }

        DurableFile.WriteText(file, lines.ToString());
    }

    private static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;
}
