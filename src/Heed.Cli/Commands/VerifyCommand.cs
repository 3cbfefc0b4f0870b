using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models.Verification;
using Heed.Tokenizers.Verification;

namespace Heed.Cli.Commands;

/// <summary><c>heed verify FOLDER…</c>: holds Heed against reference runs of a model, or with <c>--tokenizer</c> of tokenizers.</summary>
internal static class VerifyCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string[]> folders = new("folder") { Description = "folders with a model and its reference values (docs/verify.md); a folder of such folders is searched", Arity = ArgumentArity.OneOrMore };
        Option<string?> dump = new("--dump") { Description = "write everything that Heed computed to DIR/<folder>.safetensors and .json" };
        Option<string?> model = new("--model") { Description = "the model's folder, for references of sentence embeddings, which have none beside them" };
        Option<bool> tokenizer = new("--tokenizer") { Description = "the folders hold tokenizer cases" };
        Option<bool> noTraining = new("--no-training") { Description = "leave out gradients' training steps" };
        Command command = new("verify", "Compare outputs, losses, gradients, training steps and generations with a reference; exit code 7 where something is off. Example: heed verify goldens/models") { folders, dump, model, tokenizer, noTraining };
        command.SetAction((parsed, stop) => Task.FromResult(parsed.GetValue(tokenizer)
            ? Tokenizers(terminal, parsed.GetRequiredValue(folders), stop)
            : Models(terminal, parsed.GetRequiredValue(folders), parsed.GetValue(dump), parsed.GetValue(model), !parsed.GetValue(noTraining), stop)));
        return command;
    }

    private static int Models(Terminal terminal, string[] folders, string? dump, string? model, bool training, CancellationToken stop)
    {
        List<string> cases = [];
        foreach (string folder in folders)
        {
            if (!Directory.Exists(folder)) throw new StorageException($"{folder}: is not a folder. Name a folder with a model and its reference values.");
            if (IsCase(folder)) cases.Add(folder);
            else cases.AddRange(Directory.EnumerateDirectories(folder).Where(IsCase).Order(StringComparer.Ordinal));
        }

        if (cases.Count == 0) throw new InputException($"{folders[0]}: holds no case: a folder with config.json, weights, and golden.safetensors or expected.safetensors was expected, or one with embeddings.safetensors.");
        if (dump is not null) Directory.CreateDirectory(dump);
        JsonArray rows = [];
        int failed = 0, missing = 0, unread = ExitCode.Ok;
        bool off = false;
        VerifyOptions options = new() { Generation = new GenerationRunner(), Training = training, Dump = dump, Model = model, Stop = stop };
        foreach (string folder in cases)
        {
            stop.ThrowIfCancellationRequested();
            terminal.Status($"{folder} …");
            VerifyResult result = ModelVerifier.Run(folder, options);
            if (!result.Passed) failed++;
            off |= result.Checks.Any(c => !c.Passed);
            if (unread == ExitCode.Ok && result.Error is { } error) unread = error.ExitCode;
            missing += result.GenerationsNotRun;
            if (terminal.IsJson) rows.Add((JsonNode)result.ToJson());
            else terminal.Line(result.Passed ? result.ToString() : terminal.Red(result.ToString()));
        }

        if (terminal.IsJson) terminal.Json(new JsonObject { ["cases"] = rows, ["failed"] = failed });
        else terminal.Line($"{cases.Count - failed} of {cases.Count} cases agree with the reference{(missing > 0 ? $"; {missing} generations were not run" : "")}");
        return off ? ExitCode.Numerical : unread;
    }

    /// <summary>Any file of a reference makes a case: one that lacks the others is told, not passed over.</summary>
    private static bool IsCase(string folder) => Array.Exists(["golden.json", "golden.safetensors", "expected.safetensors", "embeddings.safetensors"], name => File.Exists(Path.Combine(folder, name)));

    private static int Tokenizers(Terminal terminal, string[] folders, CancellationToken stop)
    {
        int failed = 0, total = 0;
        JsonArray rows = [];
        foreach (string folder in folders)
        {
            stop.ThrowIfCancellationRequested();
            if (!Directory.Exists(folder)) throw new StorageException($"{folder}: is not a folder. Name a folder with tokenizer cases.");
            IReadOnlyList<VerificationResult> results = TokenizerVerification.Run(folder);
            if (results.Count == 0) throw new InputException($"{folder}: holds no tokenizer cases.");
            foreach (IGrouping<string, VerificationResult> group in results.GroupBy(r => r.Folder))
            {
                VerificationResult[] bad = [.. group.Where(r => !r.Passed)];
                total += group.Count();
                failed += bad.Length;
                if (terminal.IsJson)
                {
                    rows.Add((JsonNode)new JsonObject
                    {
                        ["folder"] = group.Key,
                        ["cases"] = group.Count(),
                        ["failed"] = new JsonArray([.. bad.Select(b => (JsonNode)new JsonObject { ["case"] = b.Case, ["detail"] = b.Detail })]),
                    });
                    continue;
                }

                terminal.Line($"{(bad.Length == 0 ? terminal.Green("ok  ") : terminal.Red("FAIL"))} {group.Key}: {group.Count() - bad.Length} of {group.Count()} cases");
                foreach (VerificationResult b in bad.Take(5)) terminal.Line($"       {Printable.Escape($"{b.Case}: {b.Detail}")}");
            }
        }

        if (terminal.IsJson) terminal.Json(new JsonObject { ["folders"] = rows, ["cases"] = total, ["failed"] = failed });
        else terminal.Line($"{total - failed} of {total} cases agree with the reference");
        return failed == 0 ? ExitCode.Ok : ExitCode.Numerical;
    }
}
