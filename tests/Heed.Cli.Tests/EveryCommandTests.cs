using System.CommandLine;
using System.Text.Json;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>What every command must do; a new command fails here until it has its example and its case.</summary>
public class EveryCommandTests
{
    /// <summary>For each command: a line that works, and the fields of its JSON. {model}, {text}, {new} are filled in.</summary>
    private static readonly Dictionary<string, (string Line, string[] Fields)> Cases = new(StringComparer.Ordinal)
    {
        ["quickstart"] = ("--data {text} --out {new} --minutes 0.02", ["end", "model", "steps", "held_out_bits_per_byte", "compressors", "continuations"]),
        ["pretrain"] = ("--data {text} --out {new} --layers 1 --heads 2 --width 16 --vocabulary-size 270 --block-length 8 --batch-size 2 --steps 4 --warmup-steps 1", ["end", "folder", "step", "steps", "saved_step", "held_out_loss", "model"]),
        ["finetune"] = ("--model {encoder} --train {labelled} --out {new} --steps 4", ["end", "task", "model", "step", "steps", "saved_step", "loss", "measures"]),
        ["baselines"] = ("--train {labelled} --test {labelled} --methods words --seeds 1 --out {new}", ["folder", "results"]),
        ["plot"] = ("{model}/.. --measure loss --out {new}.svg", ["file", "measure", "by", "runs"]),
        ["generate"] = ("{model} the --max-new-tokens 3", ["prompt", "text", "tokens", "finish"]),
        ["predict"] = ("{model} the --labels a,b", ["text", "predictions"]),
        ["eval"] = ("{model} --data {text}", ["loss", "perplexity", "bits_per_byte", "tokens"]),
        ["embed train"] = ("--data {text} --out {new}.bin --dimensions 8 --epochs 1", ["file", "words", "dimensions", "loss", "seconds"]),
        ["embed texts"] = ("{encoder} the", ["model", "dimensions", "vectors"]),
        ["embed compare"] = ("{model} the the --word the", ["word", "stack", "cosines"]),
        ["embed near"] = ("{words} king", ["words", "minus", "results"]),
        ["embed analogy"] = ("{words} man king woman", ["a", "b", "c", "results"]),
        ["search build"] = ("--docs {text} --out {new}", ["index", "documents", "chunks", "written", "unchanged", "removed"]),
        ["search query"] = ("{index} cat --k 3", ["query", "hits"]),
        ["search eval"] = ("{index} --queries {queries}", ["queries", "documents", "modes"]),
        ["ask"] = ("--docs {text} cat --index {new}", ["question", "found", "answer", "evidence", "threshold", "sources"]),
        ["explore"] = ("{model} --port 0 --check", ["address", "model"]),
        ["tokenize"] = ("{model} the", ["ids", "offsets"]),
        ["tokenizer train"] = ("{text} --vocab-size 300 --out {new}.json", ["file", "vocabulary"]),
        ["tokenizer info"] = ("{model}", []),
        ["tokenizer convert"] = ("{model} {new}.json", ["file", "vocabulary"]),
        ["tokenizer compare"] = ("{model} {model} --data {text}", []),
        ["info"] = ("{model}", ["parameters"]),
        ["inspect"] = ("{model} the --lens", ["architecture", "ids", "tokens", "lens"]),
        ["doctor"] = ("{model}", ["subject", "kind", "healthy", "findings", "judged", "not_judged"]),
        ["fewshot"] = ("{decoder} --examples {labelled} --input {labelled} --shots 0", ["shots", "labels", "prior", "accuracy", "texts"]),
        ["verify"] = ("{golden}", ["cases", "failed"]),
        ["convert"] = ("{model} {new}", ["tensors", "converted", "weights", "copied", "old_weights", "deleted", "not_finite"]),
        ["quantize"] = ("{model} {new}.gguf --data {text}", ["file", "bytes", "bits_per_value", "types", "quality"]),
        ["merge"] = ("{adapter} --out {new}", ["folder", "base", "adapted", "parameters", "untied", "copied"]),
        ["export"] = ("{encoder} --out {new}.onnx", ["file", "architecture", "operator_set", "inputs", "outputs", "bytes"]),
        ["pull"] = ("nobody/nothing", []),
        ["list"] = ("", []),
        ["rm"] = ("nobody/nothing", []),
        ["bench"] = ("matmul/minilm-projection --seconds 0.01", ["processor", "peak_gigaflops", "bandwidth_gigabytes", "works", "ratios"]),
        ["bench compare"] = ("{bench} {bench}", ["works", "in_one_file_alone"]),
        ["lab list"] = ("", ["experiments"]),
        ["lab run"] = ("mask-after-softmax named-sizes --seeds 1 --out {new}", ["experiments"]),
        ["lab report"] = ("{lab}", ["folder", "experiments", "files"]),
        ["schema"] = ("finetune", ["$schema", "title", "properties", "additionalProperties"]),
        ["env"] = ("", ["threads", "memory_bytes"]),
    };

    public static TheoryData<string> Names => [.. Commands().Select(c => c.Path)];

    private static IEnumerable<(string Path, Command Command)> Commands()
    {
        using StringWriter writer = new();
        Stack<(string Path, Command Command)> open = new(Application.Build(new Terminal(writer, writer, isTerminal: false, colours: false)).Subcommands.Select(c => (c.Name, c)));
        while (open.TryPop(out (string Path, Command Command) next))
        {
            // bench measures by itself and has a command below it.
            if (next.Command.Action is not null) yield return next;
            foreach (Command inner in next.Command.Subcommands) open.Push(($"{next.Path} {inner.Name}", inner));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Help_shows_an_example_that_the_parser_accepts_and_a_sentence_for_each_option(string path)
    {
        (int code, string help, string error) = await Run([.. path.Split(' '), "--help"]);
        Assert.True(code == ExitCode.Ok, error);
        Command command = Commands().Single(c => c.Path == path).Command;
        string example = command.Description![(command.Description!.IndexOf("Example: heed ", StringComparison.Ordinal) + "Example: heed ".Length)..];
        Assert.StartsWith(path, example, StringComparison.Ordinal);
        Assert.Contains("Example: heed " + path, string.Join(' ', help.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        using StringWriter writer = new();
        Assert.Empty(Application.Build(new Terminal(writer, writer, isTerminal: false, colours: false)).Parse(example).Errors);
        Assert.All(command.Options, o => Assert.False(string.IsNullOrWhiteSpace(o.Description), $"{path} {o.Name} has no description"));
        Assert.All(command.Arguments, a => Assert.False(string.IsNullOrWhiteSpace(a.Description), $"{path} {a.Name} has no description"));
    }

    [Fact]
    public void Every_command_has_a_case_with_json() => Assert.Equal(Cases.Keys.Order(), Commands().Select(c => c.Path).Order());

    [Theory]
    [MemberData(nameof(Names))]
    public async Task With_json_the_output_is_one_value_and_errors_stay_one_line(string path)
    {
        using TemporaryFolder folder = new();
        (string line, string[] fields) = Cases[path];
        string text = Text(folder), model = folder.File("run/model");
        if (line.Contains("{model}", StringComparison.Ordinal)) Assert.Equal(ExitCode.Ok, (await Run(Pretrain(text, folder.File("run"), 6))).Code);
        string filled = line.Replace("{model}", model, StringComparison.Ordinal).Replace("{text}", text, StringComparison.Ordinal)
            .Replace("{new}", folder.File("new"), StringComparison.Ordinal).Replace("{golden}", Path.Combine(Repository.Goldens, "models", "gpt2"), StringComparison.Ordinal)
            .Replace("{encoder}", Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean"), StringComparison.Ordinal)
            .Replace("{decoder}", Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text"), StringComparison.Ordinal)
            .Replace("{labelled}", FinetuneCommandTests.Labelled(folder), StringComparison.Ordinal)
            .Replace("{lab}", line.Contains("{lab}", StringComparison.Ordinal) ? await LabResults(folder) : "", StringComparison.Ordinal)
            .Replace("{bench}", path == "bench compare" ? await BenchResult(folder) : "", StringComparison.Ordinal)
            .Replace("{words}", Path.Combine(Repository.Goldens, "retrieval", "vectors", "gensim.txt"), StringComparison.Ordinal)
            .Replace("{adapter}", Path.Combine(Repository.Goldens, "lora", "gpt2-embedding"), StringComparison.Ordinal);
        if (line.Contains("{index}", StringComparison.Ordinal))
        {
            Assert.Equal(ExitCode.Ok, (await Run("search", "build", "--docs", text, "--out", folder.File("index"))).Code);
            File.WriteAllText(folder.File("queries.jsonl"), "{\"query\": \"number 7\", \"relevant\": [\"text.jsonl:8\"]}\n");
            filled = filled.Replace("{index}", folder.File("index"), StringComparison.Ordinal)
                .Replace("{queries}", folder.File("queries.jsonl"), StringComparison.Ordinal);
        }

        string[] args = [.. path.Split(' '), .. filled.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--json"];
        // The hub's commands look at the environment: they run in a process of their own, offline, on an empty cache.
        bool hub = path is "pull" or "list" or "rm";
        (int code, string output, string error) = hub
            ? await Signalled(args, environment: [("HF_HUB_CACHE", folder.File("cache")), ("HF_HUB_OFFLINE", "1")])
            : await Run(args);
        if (path is "pull" or "rm")
        {
            Assert.NotEqual(ExitCode.Ok, code);
            Assert.Empty(output);
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            return;
        }

        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.All(fields, f => Assert.True(json.RootElement.TryGetProperty(f, out _), $"{path}: {f} is missing in {output}"));
        Assert.DoesNotContain('\u001b', output);
        Assert.Equal("", error.Trim('\n'));
    }

    private static async Task<string> BenchResult(TemporaryFolder folder)
    {
        (int code, string output, string error) = await Run("bench", "matmul/minilm-projection/64x384x384", "--seconds", "0.01", "--json");
        Assert.True(code == ExitCode.Ok, error);
        string file = folder.File("bench.json");
        await File.WriteAllTextAsync(file, output);
        return file;
    }

    private static async Task<string> LabResults(TemporaryFolder folder)
    {
        string results = folder.File("lab");
        Assert.Equal(ExitCode.Ok, (await Run(["lab", "run", "named-sizes", "--seeds", "1,2,3", "--out", results])).Code);
        return results;
    }

    [Fact]
    public async Task Every_field_of_a_runs_settings_is_an_option_of_pretrain_and_a_key_of_run_json()
    {
        using TemporaryFolder folder = new();
        string text = Text(folder), tokenizer = Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased");
        Dictionary<string, string> values = new(StringComparer.Ordinal)
        {
            ["model"] = "bert-base",
            ["objective"] = "masked",
            ["corruption_rate"] = "0.2",
            ["mean_span_length"] = "null",   // Of other objectives, as those named by others below: PretrainCommandTests sets them.
            ["next_sentence"] = "true",
            ["generator_size"] = "null",
            ["replaced_weight"] = "null",
            ["teacher"] = "",
            ["temperature"] = "null",
            ["soft_weight"] = "null",
            ["masked_weight"] = "null",
            ["cosine_weight"] = "null",
            ["squared_weight"] = "null",
            ["soft_targets_masked"] = "false",
            ["whole_words"] = "true",
            ["longest_ngram"] = "2",
            ["layers"] = "1",
            ["heads"] = "3",
            ["width"] = "24",
            ["data"] = text,
            ["maximum_characters"] = "90000",
            ["held_out"] = "0.25",
            ["tokenizer"] = tokenizer,
            ["vocabulary_size"] = "300",
            ["block_length"] = "9",
            ["batch_size"] = "2",
            ["accumulation"] = "3",
            ["steps"] = "5",
            ["learning_rate"] = "0.004",
            ["schedule"] = "polynomial",
            ["warmup_steps"] = "2",
            ["minimum_rate_ratio"] = "0.05",
            ["weight_decay"] = "0.02",
            ["beta1"] = "0.8",
            ["beta2"] = "0.97",
            ["epsilon"] = "1e-07",
            ["clip_norm"] = "0.5",
            ["dropout"] = "0.1",
            ["seed"] = "18446744073709551615",
            ["evaluate_every"] = "2",
            ["evaluate_blocks"] = "3",
            ["save_every"] = "3",
            ["keep"] = "4",
            ["patience"] = "6",
            ["gradient_checkpointing"] = "true",
            ["memory_limit"] = "7.5",
            ["optimizer"] = "nadam",
            ["momentum"] = "0.5",
        };
        string[] others = ["model", "mean_span_length", "generator_size", "replaced_weight", "teacher", "temperature", "soft_weight",
            "masked_weight", "cosine_weight", "squared_weight", "soft_targets_masked"];
        Assert.Equal(values.Keys.Order(), PretrainingFields.All.Select(f => f.Name).Order());
        Assert.Equal(typeof(PretrainingConfig).GetProperties().Length, PretrainingFields.All.Count);
        List<string> args = ["pretrain", "--out", folder.File("run")];
        foreach (SettingField<PretrainingConfig> field in PretrainingFields.All) args.AddRange([field.Option, values[field.Name]]);
        (int code, _, string error) = await Run([.. args]);
        Assert.True(code == ExitCode.Ok, error);

        string path = folder.File("run/run.json");
        using JsonDocument written = JsonDocument.Parse(File.ReadAllText(path));
        foreach (SettingField<PretrainingConfig> field in PretrainingFields.All)
        {
            Assert.True(written.RootElement.TryGetProperty(field.Name, out JsonElement value), field.Name);
            Assert.False(System.Text.Json.Nodes.JsonNode.DeepEquals(field.Write(new PretrainingConfig()), field.Write(PretrainingConfig.FromFile(path)))
                && !others.Contains(field.Name), $"{field.Name} is {value}, which is what it is without the option");
        }

        // The file alone says the same as the options, and a wrong value is refused by the name of its option.
        (code, _, error) = await Run("pretrain", "--config", path, "--out", folder.File("again"));
        Assert.True(code == ExitCode.Ok, error);
        Assert.Equal(File.ReadAllText(path), File.ReadAllText(folder.File("again/run.json")));
        Assert.Equal(Sum(folder.File("run")), Sum(folder.File("again")));
        foreach (SettingField<PretrainingConfig> field in PretrainingFields.All.Where(f => f.Kind is not ("text" or "texts")))
        {
            (code, string output, error) = await Run("pretrain", "--data", text, "--out", folder.File("no"), field.Option, "nonsense");
            Assert.Equal(ExitCode.Usage, code);
            Assert.Empty(output);
            Assert.Contains(field.Option + ": is \"nonsense\"", error, StringComparison.Ordinal);
        }
    }
}
