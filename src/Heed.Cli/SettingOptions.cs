using System.CommandLine;
using Heed.Training.Runs;

namespace Heed.Cli;

/// <summary>The settings of a run as options of a command.</summary>
/// <typeparam name="TConfig">The settings.</typeparam>
internal sealed class SettingOptions<TConfig>
    where TConfig : TrainingConfig
{
    private readonly Dictionary<SettingField<TConfig>, Option<string?>> _options = [];

    /// <summary>Adds an option for each setting.</summary>
    /// <param name="command">The command.</param>
    /// <param name="fields">The settings.</param>
    /// <param name="standard">Their standard values, for the help text.</param>
    public SettingOptions(Command command, IReadOnlyList<SettingField<TConfig>> fields, TConfig standard)
    {
        foreach (SettingField<TConfig> field in fields)
        {
            string value = field.Write(standard)?.ToJsonString() ?? "not set";
            Option<string?> option = new(field.Option) { Description = $"{field.Help} [default: {value}]", HelpName = field.Kind };
            // A switch needs no value: --gradient-checkpointing alone says true.
            if (field.Kind == SettingField<TConfig>.Switch) option.Arity = ArgumentArity.ZeroOrOne;
            if (field.Name == "data") option.Aliases.Add("--text");   // as quickstart and eval have it
            _options[field] = option;
            command.Add(option);
        }
    }

    /// <summary>The settings that a command line gives, with their texts.</summary>
    public Dictionary<SettingField<TConfig>, string> Given(ParseResult parsed)
    {
        Dictionary<SettingField<TConfig>, string> given = [];
        foreach ((SettingField<TConfig> field, Option<string?> option) in _options)
        {
            if (parsed.GetResult(option) is not { Implicit: false } result) continue;
            bool isSwitch = result.Tokens.Count == 0 && field.Kind == SettingField<TConfig>.Switch;
            given[field] = isSwitch ? "true" : parsed.GetValue(option) ?? "";
        }

        return given;
    }

    /// <summary>The error of a setting under the name that the user knows: its option if one was given, else file and key. Null if it is
    /// the error of no setting.</summary>
    /// <param name="error">Begins with the setting's key.</param>
    /// <param name="fields">The settings.</param>
    /// <param name="given">Those of the command line.</param>
    /// <param name="file">Where the others come from, or null.</param>
    public static HeedException? Named(
        ConfigException error, IReadOnlyList<SettingField<TConfig>> fields, Dictionary<SettingField<TConfig>, string> given, string? file)
    {
        if (fields.FirstOrDefault(f => error.Message.StartsWith(f.Name + ": ", StringComparison.Ordinal)) is not { } field) return null;
        if (file is null || given.ContainsKey(field)) return new UsageException(field.Option + error.Message[field.Name.Length..]);
        return new ConfigException($"{file}: {error.Message}", error);
    }
}
