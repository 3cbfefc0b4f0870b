using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Generation;
using Heed.Hub;
using Heed.Verification;

namespace Heed.Cli.Commands;

/// <summary><c>heed verify FOLDER…</c>: compares Heed with reference runs of a model, stored rows of measures, or with <c>--tokenizer</c>
/// of tokenizers.</summary>
internal static class VerifyCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string[]> folders = new("folder")
        {
            Description = "folders with a model and its reference values, or with rows of "
            + "measures or tasks (docs/verify.md); folders of such folders are searched",
            Arity = ArgumentArity.OneOrMore
        };
        Option<string?> dump = new("--dump") { Description = "write everything that Heed computed to DIR/<folder>.safetensors and .json" };
        Option<string?> model = new("--model")
        {
            Description = "the model's folder, or the name of a pulled model, for references of "
            + "sentence embeddings, which have none beside them"
        };
        Option<string?> data = new("--data") { Description = "the folder with the data of a fine-tuning run" };
        Option<bool> tokenizer = new("--tokenizer") { Description = "the folders hold tokenizer cases" };
        Option<bool> noTraining = new("--no-training") { Description = "leave out gradients and training steps" };
        Option<bool> strict = new("--strict") { Description = "refuse weights that are NaN or infinite instead of warning of them" };
        Command command = new("verify", "Compare outputs, losses, gradients, training steps and generations with a reference; exit code 7 "
            + "where something is off. Example: heed verify goldens/models") { folders, dump, model, data, tokenizer, noTraining, strict };
        command.SetAction((parsed, cancellationToken) =>
        {
            string[] given = parsed.GetRequiredValue(folders);
            if (!parsed.GetValue(tokenizer))
            {
                VerifyOptions options = new()
                {
                    Training = !parsed.GetValue(noTraining),
                    Strict = parsed.GetValue(strict),
                    Warnings = new Reporter<string>(terminal.Warn),
                    Dump = parsed.GetValue(dump),
                    Model = parsed.GetValue(model),
                    CancellationToken = cancellationToken,
                };
                return Task.FromResult(Models(terminal, given, options, parsed.GetValue(data)));
            }

            foreach (Option option in (Option[])[dump, model, data, noTraining, strict])
                if (parsed.GetResult(option) is { Implicit: false }) throw new UsageException($"{option.Name}: was given with "
                    + $"--tokenizer, whose cases have no model. Leave one of them out.");
            return Task.FromResult(Tokenizers(terminal, given, cancellationToken));
        });
        return command;
    }

    private static int Models(Terminal terminal, string[] folders, VerifyOptions options, string? data)
    {
        List<string> cases = [], rowFolders = [];
        List<(string Folder, string Why)> passedOver = [];
        foreach (string folder in folders)
        {
            if (!Directory.Exists(folder)) throw new StorageException($"{folder}: is not a folder. Name a folder with a model and its "
                + $"reference values.");
            if (IsCase(folder)) cases.Add(folder);
            else if (IsRows(folder)) rowFolders.Add(folder);
            if (!IsCase(folder) && (!IsRows(folder) || SimilarityVerification.IsCases(folder))) Search(folder, 2,
                options.Model is not null, data is not null, cases, rowFolders, passedOver);
        }

        if (cases.Count + rowFolders.Count == 0) throw new InputException($"{folders[0]}: holds no case: a folder with config.json, "
            + $"weights, and golden.safetensors or expected.safetensors was expected, or one with embeddings.safetensors, metrics.jsonl, "
            + $"losses.json, bm25.json, blocks.json or rows of tasks.{string.Concat(passedOver.Select(p => $" {p.Folder} {p.Why}."))}");
        if (options.Model is { } model) options = options with { Model = HubModel.Folder(model) };
        else if (cases.Find(IsEmbeddings) is { } apart) throw new UsageException($"{apart}: holds embeddings and no model; name the "
            + $"folder of the model that made them (--model DIR).");
        if (rowFolders.Find(FinetuneVerification.IsRun) is { } run && (options.Model is null || data is null))
            throw new UsageException($"{run}: holds a fine-tuning run without its model and data; name both (--model DIR --data DIR).");
        if (options.Dump is { } dump)
        {
            foreach (IGrouping<string, string> same in cases.GroupBy(ModelVerifier.DumpName, StringComparer.Ordinal))
                if (same.Count() > 1) throw new UsageException($"--dump: {same.First()} and {same.ElementAt(1)} would both be written to "
                    + $"{Path.Combine(dump, same.Key)}.safetensors. Verify them one after the other, into two folders.");
            ModelVerifier.PrepareDump(dump);
        }

        if (!terminal.IsJson)
            foreach ((string folder, string why) in passedOver) terminal.Line($"pass over  {folder}  {why}");
        JsonArray rows = [];
        int failed = 0, missing = 0, unread = ExitCode.Ok;
        bool off = false;
        foreach (string folder in cases)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            terminal.Status($"{folder} …");
            VerifyResult result = ModelVerifier.Run(folder, options);
            if (!result.Passed) failed++;
            off |= result.Checks.Any(c => !c.Passed);
            if (unread == ExitCode.Ok && result.Error is { } error) unread = error.ExitCode;
            missing += result.GenerationsNotRun;
            if (terminal.IsJson) rows.Add((JsonNode)result.ToJson());
            else terminal.Line(result.Passed ? result.ToString() : terminal.Red(result.ToString()));
        }

        VerificationReport measures = new(terminal), tasks = new(terminal);
        int tasksNotRun = 0;
        foreach (string folder in rowFolders)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            bool isRun = FinetuneVerification.IsRun(folder), isTasks = isRun || TaskVerification.IsRows(folder);
            try
            {
                if (isRun)
                {
                    terminal.Status($"{folder}: training …");
                    tasks.Add(FinetuneVerification.Run(folder, options.Model!, data!, options.CancellationToken));
                }
                else if (isTasks)
                {
                    terminal.Status($"{folder} …");
                    TaskResults results = TaskVerification.Run(folder, options.Model, options.CancellationToken);
                    tasks.Add(results.Results);
                    tasksNotRun += results.NotRun.Count;
                }
                else
                {
                    terminal.Status($"{folder} …");
                    measures.Add(SimilarityVerification.IsCases(folder) ? SimilarityVerification.Run(folder, options.CancellationToken)
                        : InspectionVerification.IsCases(folder)
                            ? InspectionVerification.Run(folder, options.Model, options.CancellationToken)
                            : GgufVerification.IsCases(folder) ? GgufVerification.Run(folder, options.CancellationToken)
                            : RetrievalVerification.IsCases(folder) ? RetrievalVerification.Run(folder, options.CancellationToken)
                            : MetricVerification.Run(folder, options.CancellationToken));
                }
            }
            catch (HeedException e) when (cases.Count + rowFolders.Count > 1)
            {
                if (unread == ExitCode.Ok) unread = e.ExitCode;
                (isTasks ? tasks : measures).AddUnread(folder, e.Message);
            }
        }

        off |= measures.Failed + tasks.Failed > 0;
        if (terminal.IsJson) terminal.Json(new JsonObject
        {
            ["cases"] = rows,
            ["failed"] = failed,
            ["measures"] = measures.Rows,
            ["tasks"] = tasks.Rows,
            ["tasks_not_run"] = tasksNotRun,
            ["passed_over"] = new JsonArray([.. passedOver.Select(p
                    => (JsonNode)new JsonObject { ["folder"] = p.Folder, ["why"] = p.Why })])
        });
        else if (cases.Count > 0) terminal.Line($"{cases.Count - failed} of {cases.Count} cases agree with the "
            + $"reference{(missing > 0 ? $"; {missing} generations were not run" : "")}");
        if (!terminal.IsJson && measures.Total > 0) terminal.Line($"{measures.Total - measures.Failed} of {measures.Total} rows of "
            + $"measures agree with the reference");
        if (!terminal.IsJson && tasks.Total > 0)
            terminal.Line($"{tasks.Total - tasks.Failed} of {tasks.Total} rows of tasks agree with the reference"
                + (tasksNotRun > 0 ? $"; {tasksNotRun} were not run: their model is a published one (--model DIR names it)" : ""));
        return off ? ExitCode.Numerical : unread;
    }

    /// <summary>Any file of a reference makes a case: one that lacks the others is reported, not skipped.</summary>
    private static bool IsCase(string folder) => !InspectionVerification.IsCase(folder) && !GgufVerification.IsCases(folder)
        && !FinetuneVerification.IsRun(folder) && (IsEmbeddings(folder)
        || Array.Exists(["golden.json", "golden.safetensors", "expected.safetensors"], name => File.Exists(Path.Combine(folder, name))));

    private static bool IsRows(string folder)
        => MetricVerification.IsRows(folder) || TaskVerification.IsRows(folder) || SimilarityVerification.IsCases(folder)
            || InspectionVerification.IsCases(folder) || RetrievalVerification.IsCases(folder) || FinetuneVerification.IsRun(folder)
            || GgufVerification.IsCases(folder);

    private static bool IsEmbeddings(string folder) => File.Exists(Path.Combine(folder, "embeddings.safetensors"));

    /// <summary>Finds the cases below a folder; what was not named and is of another kind is passed over.</summary>
    private static void Search(string folder, int levels, bool hasModel, bool hasData, List<string> cases, List<string> rowFolders,
        List<(string Folder, string Why)> passedOver)
    {
        foreach (string inner in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            int found = cases.Count + rowFolders.Count, known = passedOver.Count;
            if (FinetuneVerification.IsRun(inner) && !(hasModel && hasData))
            {
                passedOver.Add((inner, "holds a fine-tuning run without its model and data; --model DIR and --data DIR name them"));
            }
            else if (IsRows(inner))
            {
                rowFolders.Add(inner);
                // Folders of models lie below rows of losses.
                if (levels > 1 && SimilarityVerification.IsCases(inner)) Search(inner, levels - 1, hasModel, hasData, cases, rowFolders,
                    passedOver);
            }
            else if (IsEmbeddings(inner))
            {
                if (hasModel) cases.Add(inner);
                else passedOver.Add((inner, "holds embeddings and no model; --model DIR names the one that made them"));
            }
            else if (IsCase(inner))
            {
                // A model that lacks its configuration is reported.
                if (File.Exists(Path.Combine(inner, "config.json")) || File.Exists(Path.Combine(inner, "adapter_config.json"))
                    || CheckpointFolder.HasWeights(inner)) cases.Add(inner);
                else passedOver.Add((inner, "holds reference values and neither config.json nor weights, so they are of another kind"));
            }
            else
            {
                if (levels > 1) Search(inner, levels - 1, hasModel, hasData, cases, rowFolders,
                    passedOver);
                // One line for a folder of other things, not one for each of them.
                if (cases.Count + rowFolders.Count > found) continue;
                passedOver.RemoveRange(known, passedOver.Count - known);
                if (levels == 2) passedOver.Add((inner, "holds no model with reference values"));
            }
        }
    }

    private static int Tokenizers(Terminal terminal, string[] folders, CancellationToken cancellationToken)
    {
        VerificationReport report = new(terminal);
        foreach (string folder in folders)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!Directory.Exists(folder)) throw new StorageException($"{folder}: is not a folder. Name a folder with tokenizer cases.");
            IReadOnlyList<VerificationResult> results = TokenizerVerification.Run(folder);
            if (results.Count == 0) throw new InputException($"{folder}: holds no tokenizer cases.");
            report.Add(results);
        }

        if (terminal.IsJson) terminal.Json(new JsonObject
        {
            ["folders"] = report.Rows,
            ["cases"] = report.Total,
            ["failed"] = report.Failed
        });
        else terminal.Line($"{report.Total - report.Failed} of {report.Total} cases agree with the reference");
        return report.Failed == 0 ? ExitCode.Ok : ExitCode.Numerical;
    }
}
