using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Hub;
using Heed.Training.Baselines;
using Heed.Training.Finetuning;

namespace Heed.Cli.Commands;

/// <summary><c>heed baselines</c>: simple methods beside fine-tuning, on the same texts.</summary>
internal static class BaselinesCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> train = new("--train")
        {
            Description = "labelled texts to learn from, in any form that 'heed finetune' reads",
            Required = true
        };
        Option<string> test = new("--test")
        {
            Description = "labelled texts that every method is judged on, and nothing is chosen by",
            Required = true
        };
        Option<string?> dev = new("--dev") { Description = "further texts to judge on, such as ones with the training texts' phrasings" };
        Option<string?> model = new("--model")
        {
            Description = "folder of a trained encoder, or name of a pulled one; if omitted only "
            + "words and lstm are compared"
        };
        Option<string?> methods = new("--methods")
        {
            Description = $"of {string.Join(", ", BaselineComparison.Methods)}, separated by "
            + $"commas; all if omitted"
        };
        Option<string?> examples = new("--examples") { Description = "numbers of training examples, such as 10,100,1000; all if omitted" };
        Option<int> seeds = NumberOption.Of("--seeds", "repetitions, each with its own examples and weights", 3, new NumberRange<int>(1,
            100));
        Option<double> strength = NumberOption.Of("--strength",
            "C of the logistic regressions: how much the examples count against small weights", 10.0,
            new NumberRange<double>(0, 1e9, Above: true));
        Option<double> rate = NumberOption.Of("--learning-rate", "peak rate of fine-tuning; 0 as 'heed finetune' decides", 0.0,
            new NumberRange<double>(0, 10));
        Option<double> epochs = NumberOption.Of("--epochs", "times that a network reads its examples; 0 as 'heed finetune' decides", 0.0,
            new NumberRange<double>(0, 1e5));
        Option<string?> columns = new("--columns")
        {
            Description = "names of columns that cannot be found by themselves, such as "
            + "text=Nachricht,label=Art"
        };
        Option<string> output = new("--out")
        {
            Description = "folder for results.json and accuracy.svg; started again it goes on where "
            + "it was",
            Required = true
        };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("baselines",
            "Train simple methods beside fine-tuning on the same labelled texts: bag of words, an LSTM, the same "
            + "encoder with new weights, a logistic regression over its vectors. "
            + "Example: heed baselines --train disputes.csv --test unseen.csv --model models/all-MiniLM-L6-v2 --examples 10,100,1000 "
                + "--out runs/baselines")
        {
            train, test, dev, model, methods, examples, seeds, strength, rate, epochs, columns, output, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            BaselineSettings settings = new()
            {
                Train = parsed.GetRequiredValue(train),
                Test = parsed.GetRequiredValue(test),
                Dev = parsed.GetValue(dev) ?? "",
                Model = parsed.GetValue(model) is { } name ? HubModel.Folder(name) : "",
                Methods = Parts(parsed.GetValue(methods)),
                Examples = [.. Parts(parsed.GetValue(examples) ?? "0").Select(Count)],
                Seeds = parsed.GetValue(seeds),
                Strength = parsed.GetValue(strength),
                Training = new FinetuningConfig
                {
                    LearningRate = parsed.GetValue(rate),
                    Epochs = parsed.GetValue(epochs),
                    Columns = Parts(parsed.GetValue(columns)),
                },
            };
            return Task.FromResult(Run(terminal, settings, parsed.GetRequiredValue(output), cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, BaselineSettings settings, string folder, CancellationToken cancellationToken)
    {
        terminal.WhenStopped = $"The same command goes on; what {folder} holds is used.";
        IReadOnlyList<BaselineResult> known = BaselineReport.Read(folder, settings);
        List<BaselineResult> results = [];
        foreach (BaselineResult result in BaselineComparison.Run(settings, folder, known, new Reporter<string>(terminal.Status),
            cancellationToken))
        {
            results.Add(result);
            // What an earlier call found and this one has not reached yet stays.
            BaselineReport.Write(folder, settings, [.. results,
                .. known.Where(k => !results.Any(r => (r.Method, r.Examples, r.Seed) == (k.Method, k.Examples, k.Seed)))]);
            terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{result.Method}, {result.Examples} examples, seed {result.Seed}: "
                + $"{(double.IsFinite(result.Dev) ? $"dev {result.Dev.ToString("0.000", CultureInfo.InvariantCulture)}, " : "")}test "
                    + $"{result.Test:0.000}, {result.Seconds:0.0} s"));
        }

        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["folder"] = folder,
                ["results"] = new JsonArray([.. results.Select(r => (JsonNode)BaselineReport.Json(r))])
            });
            return ExitCode.Ok;
        }

        int[] sizes = [.. results.Select(r => r.Examples).Distinct()];
        foreach (string part in (string[])(settings.Dev.Length > 0 ? ["dev", "test"] : ["test"]))
        {
            terminal.Line($"{$"accuracy, {part}",-16}{string.Concat(sizes.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s,20:N0}")))}");
            foreach (var method in results.GroupBy(r => r.Method, StringComparer.Ordinal))
                terminal.Line($"{method.Key,-16}{string.Concat(sizes.Select(s => $"{BaselineReport.Cell(method.Where(r => r.Examples == s).Select(r => part == "dev" ? r.Dev : r.Test)),20}"))}");
            terminal.Line();
        }

        terminal.Line($"Means of {settings.Seeds} seeds, with the lowest and the highest; written to "
            + $"{Path.Combine(folder, BaselineReport.FileName)}"
            + $"{(sizes.Length > 1 ? $" and {BaselineReport.ChartName}" : "")}");
        return ExitCode.Ok;
    }

    private static string[] Parts(string? list) => list?.Split(',',
        StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static int Count(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count
        : throw new UsageException($"--examples: \"{Printable.Shorten(text)}\" is no number; whole numbers separated by commas were "
            + $"expected, such as 10,100,1000.");
}
