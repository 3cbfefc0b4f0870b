using System.CommandLine;
using Heed.Training.Finetuning;
using Heed.Training.Pretraining;
using Heed.Training.Runs;

namespace Heed.Cli.Commands;

/// <summary><c>heed schema finetune</c>: the JSON schema of the settings that <c>--config</c> reads.</summary>
internal static class SchemaCommand
{
    private const string Finetune = "finetune", Pretrain = "pretrain";

    public static Command Create(Terminal terminal)
    {
        Argument<string> what = new("what") { Description = $"{Finetune} or {Pretrain}: the command whose --config is described" };
        Command command = new("schema",
            "Print the JSON schema of a run.json, for editors and checks. Example: heed schema finetune") { what };
        command.SetAction((parsed, _) =>
        {
            terminal.Json(parsed.GetRequiredValue(what) switch
            {
                Finetune => SettingSchema.Of("Settings of heed finetune", FinetuningFields.All, new FinetuningConfig()),
                Pretrain => SettingSchema.Of("Settings of heed pretrain", PretrainingFields.All, new PretrainingConfig()),
                var other => throw new UsageException($"what: is \"{Printable.Shorten(other)}\"; {Finetune} or {Pretrain} was expected."),
            });
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }
}
