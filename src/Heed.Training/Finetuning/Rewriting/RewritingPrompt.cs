using System.Text.Json.Nodes;
using Heed.Models;

namespace Heed.Training.Finetuning;

/// <summary>What the model reads of a text that it is to rewrite.</summary>
/// <param name="Before">Stands before the text, such as <c>summarize: </c>.</param>
/// <param name="After">Stands after it.</param>
/// <param name="Task">The folder's name of the task (<c>translation_en_to_de</c>), whose settings of generation hold; null for
/// none.</param>
/// <param name="Decision">Where it comes from, a sentence; null if it adds nothing to the text.</param>
internal sealed record RewritingPrompt(string Before, string After, string? Task, string? Decision)
{
    /// <summary>Stands for the text in a setting.</summary>
    public const string Source = "{source}";

    private const string Params = "task_specific_params", Prefix = "prefix";

    /// <summary>True for a prompt of the settings.</summary>
    public bool IsSet { get; private init; }

    /// <summary>What the model reads of a text.</summary>
    public string Of(string source) => Before + source + After;

    /// <summary>The configuration with a prefix that was set, so that the saved folder has it for the task.</summary>
    public ModelConfig SavedIn(ModelConfig config, string task)
    {
        if (!IsSet || After.Length > 0 || config.Original is null) return config;
        JsonObject original = (JsonObject)config.Original.DeepClone();
        if (original[Params] is not JsonObject tasks) original[Params] = tasks = [];
        string name = Task ?? task;
        if (tasks[name] is not JsonObject own) tasks[name] = own = [];
        own[Prefix] = Before;
        return config with { Original = original };
    }

    /// <summary>The prompt of the settings, or else that of the folder.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="task"><c>translation</c> or <c>summarization</c>.</param>
    /// <param name="model">The model's configuration.</param>
    /// <param name="isDecoder">True for a decoder, which needs to see where the text ends.</param>
    /// <exception cref="ConfigException">The setting does not hold <see cref="Source"/> once.</exception>
    public static RewritingPrompt Find(FinetuningConfig config, string task, ModelConfig model, bool isDecoder)
    {
        JsonObject? tasks = model.Original?[Params] as JsonObject;
        string[] known = [.. (tasks ?? []).Select(t => t.Key).Where(k => k == task || k.StartsWith(task + "_", StringComparison.Ordinal))];
        string? name = known.Length == 1 ? known[0] : null;
        if (config.Prompt.Length > 0)
        {
            string[] sides = config.Prompt.Split(Source);
            if (sides.Length != 2)
                throw new ConfigException($"prompt: \"{Printable.Shorten(config.Prompt)}\" holds {Source} {sides.Length - 1} times; it stands "
                    + $"for the text, once, as in \"translate: {Source}\".");
            // Of several tasks the one whose prefix is given is meant.
            name ??= known.FirstOrDefault(k => Text(tasks![k]) == sides[0]);
            return new RewritingPrompt(sides[0], sides[1], name, $"the model reads \"{Printable.Shorten(config.Prompt)}\", as set") { IsSet = true };
        }

        if (known.Length > 1)
            throw new ConfigException($"prompt: {config.Model} has a prefix for each of {string.Join(", ", known)}; say which, as in "
                + $"\"{Printable.Escape(Text(tasks![known[0]]) ?? "")}{Source}\".");
        string before = (name is null ? null : Text(tasks![name])) ?? (model.Original?[Prefix] is JsonValue general
            && general.TryGetValue(out string? whole) ? whole : "");
        string after = isDecoder ? "\n" : "";
        string? decision = before.Length + after.Length == 0 ? null
            : $"the model reads \"{Printable.Escape(before)}{Source}{(isDecoder ? "\\n" : "")}\""
                + (before.Length > 0 ? $", with the prefix of {name ?? Prefix} in its config.json" : ": a decoder needs to see where the text ends");
        return new RewritingPrompt(before, after, name, decision);
    }

    /// <summary>The settings of generation that the folder has for the task; null for none.</summary>
    public JsonObject? Generation(ModelConfig model)
    {
        if (Task is null || model.Original?[Params]?[Task] is not JsonObject own) return null;
        JsonObject settings = (JsonObject)own.DeepClone();
        settings.Remove(Prefix);
        return settings;
    }

    private static string? Text(JsonNode? task)
        => task is JsonObject own && own[Prefix] is JsonValue value && value.TryGetValue(out string? prefix) ? prefix : null;
}
