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
        card.Append(CultureInfo.InvariantCulture, $"---\n");
        bool isNew = report["new_weights"]?.GetValue<bool>() == true;
        if (!isNew) card.Append(CultureInfo.InvariantCulture, $"base_model: {Quoted(model)}\n");
        card.Append(CultureInfo.InvariantCulture, $"pipeline_tag: {tag}\n");
        card.Append(CultureInfo.InvariantCulture, $"library_name: "
            + $"{(task is SimilarityData.Name or RankingData.Name ? "sentence-transformers" : "transformers")}\n");
        card.Append(CultureInfo.InvariantCulture, $"tags:\n- heed\n- {task}\n");
        if (measures is { Count: > 0 })
        {
            card.Append(CultureInfo.InvariantCulture, $"model-index:\n- name: {Quoted($"{model}-{task}")}\n  results:\n  - task:\n      "
                + $"type: {tag}\n    dataset:\n");
            string file = Text(settings["dev"]) is { Length: > 0 } dev ? dev : Text(settings["train"]);
            card.Append(CultureInfo.InvariantCulture, $"      name: {Quoted(file)}\n      type: {Quoted(file)}\n      split: held out\n   "
                + $" metrics:\n");
            foreach ((string name, JsonNode? value) in measures)
                if (value is not null) card.Append(CultureInfo.InvariantCulture,
                    $"    - type: {name}\n      value: {value.GetValue<double>():0.######}\n");
        }

        card.Append(CultureInfo.InvariantCulture, $"---\n\n# {model}, trained {(isNew ? "" : "further ")}for {task}\n\n");
        card.Append(CultureInfo.InvariantCulture, $"{model} ({Text(report["architecture"])}, "
            + $"{report["parameters"]!.GetValue<long>() / 1e6:0.0} M parameters) trained on {data["examples"]!.GetValue<int>():N0} "
            + $"examples.\n");
        card.Append(CultureInfo.InvariantCulture, $"The weights are those after step {report["saved_step"]} of {report["last_step"]}, the "
            + $"best by {Text(report["measure"])} on held-out data.\n\n");
        card.Append(CultureInfo.InvariantCulture, $"## How good it is\n\n");
        if (measures is null)
        {
            card.Append(CultureInfo.InvariantCulture, $"Nothing was held out, so this is not known.\n\n");
        }
        else
        {
            card.Append(CultureInfo.InvariantCulture, $"On {report["held_out"]!.GetValue<int>():N0} held-out examples, by the saved files "
                + $"opened anew:\n\n| measure | value |\n|---|---|\n");
            card.Append(CultureInfo.InvariantCulture, $"| loss | {report["loss"]?.GetValue<double>():0.0000} |\n");
            foreach ((string name, JsonNode? value) in measures) card.Append(CultureInfo.InvariantCulture,
                $"| {name.Replace('_', ' ')} | "
                    + $"{(value is null ? "not defined" : value.GetValue<double>().ToString("0.0000", CultureInfo.InvariantCulture))} |\n");
            card.Append(CultureInfo.InvariantCulture, $"\n");
        }

        if (report["test"] is JsonObject test)
        {
            card.Append(CultureInfo.InvariantCulture, $"On the {Printable.Counted(test["examples"]!.GetValue<int>(), "example")} of "
                + $"{Text(settings["test"])}, which nothing was chosen by:\n\n| measure | value |\n|---|---|\n");
            card.Append(CultureInfo.InvariantCulture, $"| loss | {test["loss"]?.GetValue<double>():0.0000} |\n");
            foreach ((string name, JsonNode? value) in (JsonObject)test["measures"]!)
                card.Append(CultureInfo.InvariantCulture, $"| {name.Replace('_', ' ')} | {value?.GetValue<double>():0.0000} |\n");
            card.Append(CultureInfo.InvariantCulture, $"\n");
        }

        card.Append(CultureInfo.InvariantCulture, $"## Data\n\n");
        foreach (JsonNode? statement in (JsonArray)data["statements"]!) card.Append(CultureInfo.InvariantCulture, $"- {Text(statement)}\n");
        JsonObject tokens = (JsonObject)data["tokens"]!;
        card.Append(CultureInfo.InvariantCulture, $"- tokens per example: {tokens["shortest"]} to {tokens["longest"]}, median "
            + $"{tokens["median"]}\n");
        if (data["labels"] is JsonObject { Count: > 0 } labels) card.Append(CultureInfo.InvariantCulture,
            $"- labels: {string.Join(", ", labels.Take(50).Select(l => $"{l.Key} {l.Value}"))}{(labels.Count > 50 ? ", …" : "")}\n");
        foreach ((string key, string what) in ((string, string)[])[("duplicates", "texts stand twice"),
            ("contradictions", "texts stand twice with different labels"),
                ("overlap", "held-out texts are also in the training data: the figures above flatter")])
            if (data[key]!.GetValue<int>() is > 0 and var count) card.Append(CultureInfo.InvariantCulture, $"- {count:N0} {what}\n");
        card.Append(CultureInfo.InvariantCulture, $"\n## How it was trained\n\n");
        foreach (JsonNode? decision in (JsonArray)report["decisions"]!) card.Append(CultureInfo.InvariantCulture, $"- {Text(decision)}\n");
        JsonObject machine = (JsonObject)report["machine"]!;
        card.Append(CultureInfo.InvariantCulture, $"- seed {settings["seed"]}; {report["seconds"]!.GetValue<double>():0} s on "
            + $"{machine["threads"]} threads with {Text(machine["instructions"])}; Heed {Text(machine["heed"])}, "
            + $"{Text(machine["runtime"])}\n");
        card.Append(CultureInfo.InvariantCulture, $"\n```\n{Command(settings)}\n```\n\n");
        card.Append(CultureInfo.InvariantCulture, $"All settings stand in `run/run.json`, all figures in `report.json`, plots in "
            + $"`report.html`.\n\n");
        card.Append(CultureInfo.InvariantCulture, $"## Limits\n\n");
        card.Append(CultureInfo.InvariantCulture, $"- The figures hold for texts like the held-out ones; other sources, wordings or "
            + $"languages may do worse. Evaluate on your own: `heed eval FOLDER --data FILE`.\n");
        card.Append(CultureInfo.InvariantCulture, $"- One seed says little: repeat with `--seeds 3` before comparing models.\n");
        if (data["rare_labels"] is JsonArray { Count: > 0 } rare) card.Append(CultureInfo.InvariantCulture,
            $"- Fewer than 8 examples: {string.Join(", ", rare.Select(Text))}.\n");
        return card.ToString();
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

    private static string Quoted(string text)
        => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? Printable.Escape(text)
        : node?.ToJsonString() ?? "";
}
