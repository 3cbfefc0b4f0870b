using System.CommandLine;
using System.CommandLine.Parsing;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed fewshot MODEL --examples FILE --input FILE</c>: labels by a prompt that shows labelled examples.</summary>
internal static class FewShotCommand
{
    private const int StandardShots = 1, MostShots = 1024, MostSeeds = 100;

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model")
        {
            Description = "folder or pulled name of a causal language model; or of a model of natural language inference, which takes no "
                + "examples",
        };
        Option<string?> examples = new("--examples") { Description = "labelled examples in any form that 'heed finetune' reads" };
        Option<string> input = new("--input")
        {
            Description = "texts to label; where they have labels, the accuracy is given",
            Required = true
        };
        Option<int?> perLabel = NumberOption.Optional("--per-label",
            $"examples of each label that the prompt shows; {StandardShots} if omitted",
            new NumberRange<int>(0, MostShots));
        Option<int?> shots = NumberOption.Optional("--shots", "examples in all instead of --per-label", new NumberRange<int>(0, MostShots));
        Option<string?> template = new("--template")
        {
            Description = "a text in the prompt, with {text} for it; its label follows after "
            + "a space. For a model of inference a sentence with {} for the label"
        };
        Option<string[]> labels = new("--labels")
        {
            Description = "the labels; those of the examples if omitted",
            AllowMultipleArgumentsPerToken = true
        };
        Option<bool> plain = new("--plain") { Description = "do not correct the scores by those of texts without content" };
        Option<ulong> seed = new("--seed") { Description = "which examples are shown, and their order", DefaultValueFactory = _ => 1 };
        Option<bool> curve = new("--curve") { Description = "accuracy by the number of examples, with right and with shuffled labels" };
        Option<int> seeds = NumberOption.Of("--seeds", "draws of examples for each point of --curve", 3,
            new NumberRange<int>(1, MostSeeds));
        Option<int> limit = NumberOption.Of("--limit", "texts of the input that are read; 0 reads all", 0,
            new NumberRange<int>(0, int.MaxValue));
        Option<string?> dtype = WeightFormatOption.Create();
        Option<int?> threads = NumberOption.Threads();
        Command command = new("fewshot", "Label texts by a prompt that shows labelled examples, without training (docs/fewshot.md). "
            + "Example: heed fewshot ./model --examples train.csv --input new.csv")
        {
            model, examples, input, perLabel, shots, template, labels, plain, seed, curve, seeds, limit, dtype, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            if (parsed.GetValue(shots) is not null && parsed.GetValue(perLabel) is not null)
                throw new UsageException("--shots: was given with --per-label. Leave one of them out.");
            using HeedModel opened = HeedModel.Open(parsed.GetRequiredValue(model), new LoadOptions
            {
                Format = WeightFormatOption.ValueOf(parsed, dtype),
                Warnings = new Reporter<string>(terminal.Warn),
            });
            FewShotWork work = new(terminal, opened, cancellationToken)
            {
                Pool = parsed.GetValue(examples) is { } file ? FewShotWork.Labelled(file, cancellationToken) : [],
                Inputs = FewShotWork.Texts(parsed.GetRequiredValue(input), parsed.GetValue(limit), terminal, cancellationToken),
                PerLabel = parsed.GetValue(shots) is null ? parsed.GetValue(perLabel) ?? StandardShots : null,
                Shots = parsed.GetValue(shots),
                Seed = parsed.GetValue(seed),
                Seeds = parsed.GetValue(seeds),
                Labels = parsed.GetValue(labels) is { Length: > 0 } named
                    ? [.. named.SelectMany(l => l.Split(',')).Select(l => l.Trim()).Where(l => l.Length > 0)] : null,
                Template = parsed.GetValue(template),
                Corrects = !parsed.GetValue(plain),
            };
            if (opened.Model is SequenceClassifier)
            {
                foreach (Option option in (Option[])[perLabel, shots, curve, plain])
                    if (parsed.GetResult(option) is OptionResult { Implicit: false })
                        throw new UsageException($"{option.Name}: {opened.Folder} judges whether a label follows from a text and reads "
                            + $"no examples. Leave it out.");
                work.ZeroShot();
            }
            else if (parsed.GetValue(curve))
            {
                work.Curve();
            }
            else
            {
                work.Label();
            }

            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }
}
