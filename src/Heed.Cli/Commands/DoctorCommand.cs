using System.CommandLine;
using Heed.Doctor;
using Heed.Training.Finetuning;

namespace Heed.Cli.Commands;

/// <summary><c>heed doctor RUN|MODEL|DATA</c>: looks for the common mistakes and says how to fix each.</summary>
internal static class DoctorCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string[]> paths = new("path")
        {
            Description = "the folder of a run, a model folder, the name of a pulled model, or a file of labelled examples",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string?> dev = new("--dev") { Description = "examples that must have nothing in common with a file of examples" };
        Option<string?> test = new("--test") { Description = "further ones" };
        Option<string?> model = new("--model")
        {
            Description = "the model that is to learn a file of examples: what its length cuts is "
            + "looked for"
        };
        Option<string?> task = new("--task")
        {
            Description = $"the task of a file of examples, if its columns fit "
            + $"several: {string.Join(", ", FinetuningTask.Names)}"
        };
        Option<string[]> columns = new("--columns")
        {
            Description = "columns of a file of examples, such as text=Nachricht",
            AllowMultipleArgumentsPerToken = true
        };
        Command command = new("doctor", "Look for the common mistakes in a run, a model folder or a file of examples, and say how to "
            + "fix each; exit code 7 where one is found (docs/doctor.md). Example: heed doctor runs/disputes")
        {
            paths, dev, test, model, task, columns,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            FinetuningConfig data = new()
            {
                Dev = parsed.GetValue(dev) ?? "",
                Test = parsed.GetValue(test) ?? "",
                Model = parsed.GetValue(model) ?? "",
                Task = parsed.GetValue(task),
                Columns = parsed.GetValue(columns) ?? [],
            };
            if (data.Task is { } named && !FinetuningTask.Names.Contains(named))
                throw new UsageException($"--task: is {Printable.Shorten(named)}; one of {string.Join(", ", FinetuningTask.Names)} was "
                    + $"expected.");
            List<ExaminationReport> reports = [];
            foreach (string path in parsed.GetRequiredValue(paths))
            {
                terminal.Status($"examining {path} …");
                ExaminationReport report = Examination.OfPath(Required.NotEmpty("path", path, "a run, a model folder or a file"), data,
                    cancellationToken);
                reports.Add(report);
                if (!terminal.IsJson) terminal.Line(report.ToString().TrimEnd());
            }

            if (terminal.IsJson)
                terminal.Json(reports.Count == 1 ? reports[0].ToJson()
                    : new System.Text.Json.Nodes.JsonArray([.. reports.Select(r => (System.Text.Json.Nodes.JsonNode)r.ToJson())]));
            return Task.FromResult(reports.TrueForAll(r => r.IsHealthy) ? ExitCode.Ok : ExitCode.Numerical);
        });
        return command;
    }
}
