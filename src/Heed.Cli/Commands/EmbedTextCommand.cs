using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Retrieval;

namespace Heed.Cli.Commands;

/// <summary><c>heed embed texts MODEL</c>: vectors of texts, of any number of them.</summary>
internal static class EmbedTextCommand
{
    /// <summary>Texts that are in memory at once; a text that comes twice among them is computed once.</summary>
    private const int Window = 1024;

    private const int BatchTexts = 64;
    private const int BatchCharacters = 48_000;

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model")
        {
            Description = "folder of sentence-transformers, an encoder, or the name of a pulled "
            + "model"
        };
        Argument<string[]> texts = new("texts")
        {
            Description = "texts; if omitted, a text per line of standard input",
            Arity = ArgumentArity.ZeroOrMore
        };
        Option<string?> file = new("--file")
        {
            Description = "read a text per line from this file; of a file in .jsonl, the field "
            + "of --field"
        };
        Option<string> field = new("--field")
        {
            Description = "field of each JSON object that holds its text",
            DefaultValueFactory = _
            => "text"
        };
        Option<string?> output = new("--out")
        {
            Description = "file to write, in .npy, .safetensors or .jsonl; if omitted, JSON "
            + "lines on standard output"
        };
        Option<string> dtype = new("--dtype")
        {
            Description = "float32, float16 or binary (one bit per number)",
            DefaultValueFactory = _
            => "float32"
        };
        dtype.AcceptOnlyFromAmong("float32", "float16", "binary");
        string[] poolings = [.. SentencePipeline.PoolingWords];
        Option<string?> pooling = new("--pooling")
        {
            Description = $"how the rows of a text's tokens become one vector: {string.Join(", ", poolings[..^1])} or {poolings[^1]}; "
                + "if omitted as the folder says, by the mean where it says nothing"
        };
        pooling.AcceptOnlyFromAmong(poolings);
        Option<int?> dimensions = NumberOption.Optional("--dimensions", "leading numbers that are kept (Matryoshka)",
            new NumberRange<int>(1, 1 << 20));
        Option<bool> normalize = new("--normalize") { Description = "scale each vector to length 1, also where the folder does not" };
        Option<string?> prompt = new("--prompt") { Description = "text put before each text" };
        Option<string?> promptName = new("--prompt-name") { Description = "name of one of the folder's prompts, such as query" };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("texts", "Vectors of texts, in the order of the texts; a file that was stopped is resumed. "
            + "Example: heed embed texts ./all-MiniLM-L6-v2 --file texts.txt --out vectors.npy")
        {
            model, texts, file, field, output, dtype, pooling, dimensions, normalize, prompt, promptName, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            string[] given = parsed.GetValue(texts) ?? [];
            if (given.Length > 0 && parsed.GetValue(file) is not null) throw new UsageException("--file: texts were given as "
                + "arguments too. Leave one of the two out.");
            if (parsed.GetValue(prompt) is not null && parsed.GetValue(promptName) is not null)
                throw new UsageException("--prompt-name: --prompt was given too. Leave one of the two out.");
            EmbeddingOptions options = new()
            {
                Prompt = parsed.GetValue(prompt),
                PromptName = parsed.GetValue(promptName),
                Pooling = parsed.GetValue(pooling) is { } word ? SentencePipeline.PoolingOf(word) : null,
                Dimensions = parsed.GetValue(dimensions),
                Normalize = parsed.GetValue(normalize),
            };
            VectorFormat format = parsed.GetValue(dtype) switch
            {
                "float16" => VectorFormat.Float16,
                "binary" => VectorFormat.Binary,
                _
                => VectorFormat.Float32
            };
            IEnumerable<string> source = Texts(terminal, given, parsed.GetValue(file), parsed.GetRequiredValue(field));
            using TextEmbedder embedder = TextEmbedder.Open(parsed.GetRequiredValue(model),
                new LoadOptions { Warnings = new Reporter<string>(terminal.Warn) });
            return Task.FromResult(parsed.GetValue(output) is { } path
                ? ToFile(terminal, embedder, source, options, format, Required.WritableFile("--out", path), cancellationToken)
                : ToOutput(terminal, embedder, source, options, format, cancellationToken));
        });
        return command;
    }

    private static int ToOutput(
        Terminal terminal, TextEmbedder embedder, IEnumerable<string> source, EmbeddingOptions options, VectorFormat format,
            CancellationToken cancellationToken)
    {
        JsonArray all = [];
        foreach (string[] window in source.Chunk(Window))
        {
            float[][] vectors = Vectors(embedder, window, options, cancellationToken);
            for (int i = 0; i < window.Length; i++)
            {
                string line = VectorFile.Line(vectors[i], format);
                if (terminal.IsJson) all.Add((JsonNode)new JsonObject { ["text"] = window[i], ["vector"] = JsonNode.Parse(line) });
                else terminal.Line(line);
            }
        }

        if (terminal.IsJson) terminal.Json(new JsonObject
        {
            ["model"] = embedder.Folder,
            ["dimensions"] = embedder.DimensionsOf(options),
            ["vectors"] = all
        });
        return ExitCode.Ok;
    }

    private static int ToFile(
        Terminal terminal, TextEmbedder embedder, IEnumerable<string> source, EmbeddingOptions options, VectorFormat format, string path,
            CancellationToken cancellationToken)
    {
        VectorFileForm form = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".npy" => VectorFileForm.Npy,
            ".safetensors" => VectorFileForm.Safetensors,
            ".jsonl" => VectorFileForm.JsonLines,
            _ => throw new UsageException($"--out: '{path}' ends in none of .npy, .safetensors and .jsonl, which say what is written."),
        };
        int width = embedder.DimensionsOf(options);
        string settings = $"{Path.GetFullPath(embedder.Folder)}/{options.Prompt}/{options.PromptName}/{options.Normalize}"
            + (options.Pooling is { } pooling ? $"/{pooling}" : "");
        Stopwatch clock = Stopwatch.StartNew();
        using VectorFile file = VectorFile.Open(path, form, format, width, settings);
        long before = file.Rows, skip = before;
        if (before > 0) terminal.Note($"{path}: resumes after {before:N0} vectors that are written");
        terminal.WhenStopped = $"The vectors written so far stay; the same command resumes after them.";
        foreach (string[] window in source.Chunk(Window))
        {
            // Windows are the same in every process: a state lies between two of them, or after the last.
            if (skip >= window.Length)
            {
                skip -= window.Length;
                continue;
            }

            file.Append(Vectors(embedder, window[(int)skip..], options, cancellationToken));
            skip = 0;
            terminal.Status(string.Create(CultureInfo.InvariantCulture,
                $"{file.Rows:N0} texts, {(file.Rows - before) / clock.Elapsed.TotalSeconds:N0} per second"));
        }

        file.Finish();
        terminal.ClearStatus();
        if (terminal.IsJson) terminal.Json(new JsonObject
        {
            ["file"] = path,
            ["vectors"] = file.Rows,
            ["dimensions"] = width,
            ["resumed_after"] = before
        });
        else terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{path}: {file.Rows:N0} vectors of {width} numbers"));
        return ExitCode.Ok;
    }

    /// <summary>Vectors in the order of the texts: equal texts once, batches of texts of like length.</summary>
    private static float[][] Vectors(TextEmbedder embedder, string[] texts, EmbeddingOptions options, CancellationToken cancellationToken)
    {
        Dictionary<string, float[]> found = new(StringComparer.Ordinal);
        List<string> batch = [];
        int characters = 0;
        foreach (string text in texts.Distinct(StringComparer.Ordinal).OrderBy(t => t.Length))
        {
            if (batch.Count == BatchTexts || (batch.Count > 0 && characters + text.Length > BatchCharacters)) Run();
            batch.Add(text);
            characters += text.Length;
        }

        if (batch.Count > 0) Run();
        return [.. texts.Select(text => found[text])];

        void Run()
        {
            cancellationToken.ThrowIfCancellationRequested();
            IReadOnlyList<float[]> vectors = embedder.Embed(batch, options, cancellationToken);
            for (int i = 0; i < batch.Count; i++) found[batch[i]] = vectors[i];
            batch.Clear();
            characters = 0;
        }
    }

    private static IEnumerable<string> Texts(Terminal terminal, string[] given, string? file, string field)
    {
        if (given.Length > 0) return given;
        if (file is null) return StandardInput.Pieces(terminal).Select(piece => piece.TrimEnd('\n').TrimEnd('\r'));
        if (!File.Exists(file)) throw new StorageException($"--file: {file}: does not exist. Check the path.");
        return file.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) ? Fields(file, field) : Lines(file);
    }

    private static IEnumerable<string> Lines(string file) => File.ReadLines(file, new UTF8Encoding(false, throwOnInvalidBytes: true));

    private static IEnumerable<string> Fields(string file, string field)
    {
        long number = 0;
        foreach (string line in Lines(file))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            string? text;
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                text = document.RootElement.ValueKind == JsonValueKind.Object
                    && document.RootElement.TryGetProperty(field, out JsonElement value)
                    && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            }
            catch (JsonException e)
            {
                throw new InvalidFileException(file, $"line {number}",
                    "is not valid JSON; one object per line was expected. Correct the line", e);
            }

            yield return text ?? throw new InvalidFileException(file, $"line {number}",
                $"has no string \"{field}\"; name the field by --field");
        }
    }
}
