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

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_task, _columns, _predictions]) command.Add(option);
    }

    /// <summary>True if labelled examples are to be judged rather than a text.</summary>
    public bool AreMeant(ParseResult parsed, string folder)
        => ((Option[])[_task, _columns, _predictions]).Any(o => parsed.GetResult(o) is { Implicit: false })
            || (Directory.Exists(folder) && ModelFolder.ReadConfig(folder) is { } model
                && model.Family.HeadOf(model.Architecture) is (HeadKind.SequenceClassifier or HeadKind.TokenClassifier or HeadKind.QuestionAnswerer));

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
            Columns = parsed.GetValue(_columns)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
        };
        TaskAssessment assessment = FinetuningRun.Evaluate(config, cancellationToken);
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

        terminal.Line($"{assessment.Examples.Count.ToString("N0", CultureInfo.InvariantCulture)} examples: "
            + $"{TrainingDisplay.Figures(assessment.Report)}");
        if (assessment.Details["classes"] is JsonArray classes)
        {
            foreach (JsonNode? c in classes)
            {
                terminal.Line(string.Create(CultureInfo.InvariantCulture,
                    $"  {Printable.Escape(c!["label"]!.GetValue<string>()),-24} F1 {c["f1"]!.GetValue<double>():0.000}, precision "
                        + $"{c["precision"]!.GetValue<double>():0.000}, recall {c["recall"]!.GetValue<double>():0.000} of {c["support"]}"));
            }
        }

        foreach (string finding in assessment.Report.Findings) terminal.Warn(finding + ".");
        return ExitCode.Ok;
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
