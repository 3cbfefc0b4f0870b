using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Heed.Training.Finetuning;

/// <summary>The <c>README.md</c> of a fine-tuned model, with the metadata that model hubs read (<c>model-index</c>).</summary>
internal static class ModelCard
{
    private static readonly Dictionary<string, string> PipelineTags = new(StringComparer.Ordinal)
    {
        ["classification"] = "text-classification",
        ["entities"] = "token-classification",
        ["questions"] = "question-answering",
        ["translation"] = "translation",
        ["summarization"] = "summarization",
        ["similarity"] = "sentence-similarity",
        ["ranking"] = "text-ranking",
        ["instruct"] = "text-generation",
    };

    /// <summary>The card of a report.</summary>
    public static string Of(JsonObject report)
    {
        string task = Text(report["task"]), tag = PipelineTags.GetValueOrDefault(task, task), model = Text(report["model"]);
        JsonObject data = (JsonObject)report["data"]!, settings = (JsonObject)report["settings"]!;
        JsonObject? measures = report["measures"] as JsonObject;
        StringBuilder card = new();
        Line($"---");
        Line($"base_model: {Quoted(model)}");
        Line($"pipeline_tag: {tag}");
        Line($"library_name: transformers");
        Line($"tags:\n- heed\n- {task}");
        if (measures is { Count: > 0 })
        {
            Line($"model-index:\n- name: {Quoted($"{model}-{task}")}\n  results:\n  - task:\n      type: {tag}\n    dataset:");
            string file = Text(settings["dev"]) is { Length: > 0 } dev ? dev : Text(settings["train"]);
            Line($"      name: {Quoted(file)}\n      type: {Quoted(file)}\n      split: held out\n    metrics:");
            foreach ((string name, JsonNode? value) in measures)
                if (value is not null) Line($"    - type: {name}\n      value: {value.GetValue<double>():0.######}");
        }

        Line($"---\n\n# {model}, trained further for {task}\n");
        Line($"{model} ({Text(report["architecture"])}, {report["parameters"]!.GetValue<long>() / 1e6:0.0} M parameters) trained on "
            + $"{data["examples"]!.GetValue<int>():N0} examples.");
        Line($"The weights are those after step {report["saved_step"]} of {report["last_step"]}, the best by {Text(report["measure"])} on "
            + $"held-out data.\n");
        Line($"## How good it is\n");
        if (measures is null)
        {
            Line($"Nothing was held out, so this is not known.\n");
        }
        else
        {
            Line($"On {report["held_out"]!.GetValue<int>():N0} held-out examples, by the saved files opened anew:\n\n| measure | value "
                + $"|\n|---|---|");
            Line($"| loss | {report["loss"]?.GetValue<double>():0.0000} |");
            foreach ((string name, JsonNode? value) in measures) Line($"| {name.Replace('_', ' ')} | "
                + $"{(value is null ? "not defined" : value.GetValue<double>().ToString("0.0000", CultureInfo.InvariantCulture))} |");
            Line($"");
        }

        if (report["test"] is JsonObject test)
        {
            Line($"On the {test["examples"]!.GetValue<int>():N0} examples of {Text(settings["test"])}, which nothing was chosen by:\n\n| "
                + $"measure | value |\n|---|---|");
            Line($"| loss | {test["loss"]?.GetValue<double>():0.0000} |");
            foreach ((string name, JsonNode? value) in (JsonObject)test["measures"]!)
                Line($"| {name.Replace('_', ' ')} | {value?.GetValue<double>():0.0000} |");
            Line($"");
        }

        Line($"## Data\n");
        foreach (JsonNode? statement in (JsonArray)data["statements"]!) Line($"- {Text(statement)}");
        JsonObject tokens = (JsonObject)data["tokens"]!;
        Line($"- tokens per example: {tokens["shortest"]} to {tokens["longest"]}, median {tokens["median"]}");
        if (data["labels"] is JsonObject { Count: > 0 } labels) Line($"- labels: "
            + $"{string.Join(", ", labels.Take(50).Select(l => $"{l.Key} {l.Value}"))}{(labels.Count > 50 ? ", …" : "")}");
        foreach ((string key, string what) in ((string, string)[])[("duplicates", "texts stand twice"),
            ("contradictions", "texts stand twice with different labels"),
                ("overlap", "held-out texts are also in the training data: the figures above flatter")])
            if (data[key]!.GetValue<int>() is > 0 and var count) Line($"- {count:N0} {what}");
        Line($"\n## How it was trained\n");
        foreach (JsonNode? decision in (JsonArray)report["decisions"]!) Line($"- {Text(decision)}");
        JsonObject machine = (JsonObject)report["machine"]!;
        Line($"- seed {settings["seed"]}; {report["seconds"]!.GetValue<double>():0} s on {machine["threads"]} threads with "
            + $"{Text(machine["instructions"])}; Heed {Text(machine["heed"])}, {Text(machine["runtime"])}");
        Line($"\n```\n{Command(settings)}\n```\n");
        Line($"All settings stand in `run/run.json`, all figures in `report.json`, plots in `report.html`.\n");
        Line($"## Limits\n");
        Line($"- The figures hold for texts like the held-out ones; other sources, wordings or languages may do worse. Evaluate on your "
            + $"own: `heed eval FOLDER --data FILE`.");
        Line($"- One seed says little: repeat with `--seeds 3` before comparing models.");
        if (data["rare_labels"] is JsonArray { Count: > 0 } rare) Line($"- Fewer than 8 examples: {string.Join(", ", rare.Select(Text))}.");
        return card.ToString();

        void Line(FormattableString line) => card.Append(FormattableString.Invariant(line)).Append('\n');
    }

    /// <summary>The command that repeats the run.</summary>
    private static string Command(JsonObject settings)
    {
        StringBuilder command = new("heed finetune");
        JsonObject standard = new FinetuningConfig().ToJson();
        foreach ((string key, JsonNode? value) in settings)
        {
            if (value is null || value is JsonArray { Count: 0 } || JsonNode.DeepEquals(value, standard[key])) continue;
            string text = value is JsonArray list ? string.Join(',', list.Select(Text)) : Text(value);
            if (text.Length > 0) command.Append(CultureInfo.InvariantCulture,
                $" --{key.Replace('_', '-')} {(text.Contains(' ', StringComparison.Ordinal) ? $"\"{text}\"" : text)}");
        }

        return command.Append(" --out OUT").ToString();
    }

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? Printable.Escape(text)
        : node?.ToJsonString() ?? "";
}
