using System.Text;
using System.Text.Json.Nodes;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Objectives;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Pretraining;

/// <summary>The tokenizer of a run: read from a path, kept from before, or trained on the training part of the texts.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="Files">Folder with its own files, or null if it was trained.</param>
internal sealed record PretrainingTokenizer(Tokenizer Tokenizer, string? Files)
{
    /// <summary>Where a run keeps the tokenizer that it trained.</summary>
    public const string Folder = "tokenizer";

    /// <summary>Ends each document of a tokenizer that is trained here.</summary>
    public const string EndOfText = "<|endoftext|>";

    private const string KeyName = "trained-on";

    /// <summary>Ids that byte-level BPE takes for bytes.</summary>
    private const int Bytes = 256;

    /// <summary>End tokens of known tokenizers, in the order in which they are looked for.</summary>
    private static readonly string[] Ends = [EndOfText, "</s>", "<|end_of_text|>", "<eos>", "<|im_end|>", "[SEP]"];

    /// <summary>Path of the tokenizer that is read, which is the teacher's where there is one; null if one is trained.</summary>
    public static string? Given(PretrainingConfig config, PretrainingModel model)
        => config.Tokenizer.Length > 0 ? config.Tokenizer : config.Teacher.Length > 0 ? config.Teacher : model.Weights is { } folder
            && HasTokenizer(folder) ? folder : null;

    /// <summary>Refuses a tokenizer that does not exist.</summary>
    /// <exception cref="StorageException">The message names it.</exception>
    public static void Check(PretrainingConfig config)
    {
        if (config.Tokenizer.Length > 0 && !Directory.Exists(config.Tokenizer) && !File.Exists(config.Tokenizer))
            throw new StorageException($"{config.Tokenizer}: does not exist. Name a tokenizer.json or its folder, or leave the "
                + $"tokenizer out to train one.");
    }

    /// <summary>Reads or trains the tokenizer. What a run has learned with is never replaced by another one.</summary>
    /// <exception cref="InputException">It is damaged, or not the one that the run has learned with.</exception>
    public static PretrainingTokenizer Make(
        PretrainingConfig config, PretrainingObjective objective, string? given, PretrainingTexts texts, TaskPreparation preparation)
    {
        if (given is not null)
        {
            Tokenizer read = Directory.Exists(given) ? Tokenizer.FromFolder(given) : Tokenizer.FromFile(given);
            preparation.RequireSame("tokenizer", TextTask.SumOf(read));
            return new PretrainingTokenizer(read, Directory.Exists(given) ? given : Path.GetDirectoryName(given));
        }

        string kept = Path.Combine(preparation.Folder, Folder), file = Path.Combine(kept, TokenizerFolder.FileName),
            keyFile = Path.Combine(kept, KeyName);
        DurableFile.RemoveLeftovers(kept);
        if (preparation.Checkpoint is { } checkpoint) return new PretrainingTokenizer(Kept(checkpoint, kept, file), null);
        string key = texts.Key([.. BitConverter.GetBytes(config.VocabularySize), .. KeyOf(objective)]);
        if (File.Exists(file) && File.Exists(keyFile) && File.ReadAllText(keyFile).Split('\n') is [var texted, var sum, ..]
            && texted == key)
        {
            Tokenizer before = Read(kept);
            if (TextTask.SumOf(before) == sum) return new PretrainingTokenizer(before, null);
            preparation.Warn($"{file}: is not the tokenizer that was trained here: it is damaged or was edited. It is trained again.");
        }

        preparation.Report($"training a {(ObjectiveKind.Masks(objective.Name) ? "WordPiece" : "byte-level BPE")} tokenizer of "
            + $"{config.VocabularySize} ids");
        preparation.RemoveIfRefused(Folder);
        Tokenizer trained = Train(config, objective, texts, preparation.CancellationToken);
        if (File.Exists(keyFile)) File.Delete(keyFile);
        TokenizerFolder.Save(trained, kept, trained.TokenToId(EndOfText), null);
        DurableFile.WriteText(keyFile, $"{key}\n{TextTask.SumOf(trained)}\n");
        return new PretrainingTokenizer(trained, null);
    }

    private static Tokenizer Train(PretrainingConfig config, PretrainingObjective objective, PretrainingTexts texts,
        CancellationToken cancellationToken)
    {
        IReadOnlyList<string> special = objective.Name == ObjectiveKind.Causal ? [EndOfText]
            : ObjectiveTokens.Trained(objective.Name, objective.Sentinels);
        return Train(objective.Name, special, config.VocabularySize, texts.Training.Select(d => d.Text), cancellationToken);
    }

    /// <summary>Trains what the objective's papers used: WordPiece for masked tokens; else byte-level BPE, in which every text can be
    /// written.</summary>
    /// <param name="objective">One of <see cref="ObjectiveKind.Names"/>.</param>
    /// <param name="special">Special tokens, in the order of their ids; those that stand before and after a text among them.</param>
    /// <param name="size">Ids, at most.</param>
    /// <param name="texts">What it learns from.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ConfigException">The size has no room for bytes and special tokens.</exception>
    internal static Tokenizer Train(
        string objective, IReadOnlyList<string> special, int size, IEnumerable<string> texts, CancellationToken cancellationToken)
    {
        if (ObjectiveKind.Masks(objective))
        {
            WordPieceTrainerSettings pieces = new() { VocabularySize = size, SpecialTokens = special };
            return TokenizerTrainer.Train(pieces, texts, TrainingPipeline.Bert, null, cancellationToken);
        }

        if (size < Bytes + special.Count)
        {
            throw new ConfigException($"vocabulary_size: is {size}, and {Bytes} bytes and {special.Count} special tokens of objective "
                + $"{objective} need {Bytes + special.Count}. Raise it.");
        }

        Tokenizer trained = TokenizerTrainer.Train(
            new BpeTrainerSettings { VocabularySize = size, SpecialTokens = special }, texts, TrainingPipeline.ByteLevel, null,
                cancellationToken);
        return objective == ObjectiveKind.Causal ? trained : Framed(trained, ObjectiveTokens.Frame(objective));
    }

    /// <summary>The tokenizer with special tokens before and after each text, empty for none.</summary>
    private static Tokenizer Framed(Tokenizer tokenizer, string[] frame)
    {
        JsonArray single = [], pair = [];
        JsonObject tokens = [];
        Add(single, frame[0]);
        single.Add(Sequence("A"));
        Add(single, frame[1]);
        foreach (string sequence in (string[])["A", "B"])
        {
            Add(pair, frame[0]);
            pair.Add(Sequence(sequence));
            Add(pair, frame[1]);
        }

        JsonObject json = JsonNode.Parse(tokenizer.ToJson())!.AsObject();
        json["post_processor"] = new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = single,
            ["pair"] = pair,
            ["special_tokens"] = tokens
        };
        return Tokenizer.FromJson(Encoding.UTF8.GetBytes(json.ToJsonString()));

        static JsonNode Sequence(string id) => new JsonObject { ["Sequence"] = new JsonObject { ["id"] = id, ["type_id"] = 0 } };

        void Add(JsonArray pieces, string token)
        {
            if (token.Length == 0) return;
            pieces.Add((JsonNode)new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 } });
            tokens[token] = new JsonObject
            {
                ["id"] = token,
                ["ids"] = new JsonArray(tokenizer.TokenToId(token)!.Value),
                ["tokens"] = new JsonArray(token),
            };
        }
    }

    /// <summary>What a trained tokenizer depends on beside texts and size; nothing for the causal objective.</summary>
    private static byte[] KeyOf(PretrainingObjective objective)
        => objective.Name == ObjectiveKind.Causal ? [] : Encoding.UTF8.GetBytes($"{objective.Name} {objective.Sentinels}");

    /// <summary>The id that ends each document.</summary>
    /// <exception cref="InputException">The tokenizer has none of the known ones.</exception>
    public int EndId(PretrainingModel model, string? given)
    {
        if (model.Weights is not null && model.Config.EndId is { } end && end < Tokenizer.VocabularySize) return end;
        return EndOf(Tokenizer) ?? throw new InputException($"{given}: the tokenizer has none of {string.Join(", ", Ends)}, "
            + $"which ends each document; add {EndOfText} as a special token.");
    }

    /// <summary>The id of the first of the known end tokens that a tokenizer has; null if it has none.</summary>
    internal static int? EndOf(Tokenizer tokenizer)
    {
        foreach (string token in Ends)
            if (tokenizer.TokenToId(token) is { } id) return id;
        return null;
    }

    /// <summary>The ids of a text.</summary>
    public List<int> Encode(string text)
    {
        List<int> ids = [];
        Tokenizer.EncodeToIds(text, ids, addSpecialTokens: false);
        return ids;
    }

    /// <summary>The tokenizer of a run that resumes: its own, or the one of its checkpoint if it is gone.</summary>
    private static Tokenizer Kept(RunCheckpoint checkpoint, string folder, string file)
    {
        string source = Path.Combine(checkpoint.Folder, TokenizerFolder.FileName);
        if (!File.Exists(file))
        {
            CheckpointStore.Check(checkpoint.Folder, TokenizerFolder.FileName);
            Tokenizer restored = Tokenizer.FromFile(source);
            TokenizerFolder.Save(restored, folder, restored.TokenToId(EndOfText), null);
            return restored;
        }

        Tokenizer read = Read(folder);
        return checkpoint.Fingerprints.GetValueOrDefault("tokenizer") is { } sum && sum != TextTask.SumOf(read)
            ? throw new InputException($"{file}: is not the tokenizer that the run has learned with: it is damaged or was edited. "
                + $"Delete the folder {folder}, and it is restored from {checkpoint.Folder}.")
            : read;
    }

    private static Tokenizer Read(string folder)
    {
        try
        {
            return Tokenizer.FromFolder(folder);
        }
        catch (InputException e)
        {
            throw new InputException($"{e.Message.TrimEnd('.')}. Delete the folder {folder}, and the run restores or trains the "
                + $"same tokenizer.", e);
        }
    }

    private static bool HasTokenizer(string folder)
        => File.Exists(Path.Combine(folder, TokenizerFolder.FileName)) || File.Exists(Path.Combine(folder, "vocab.json"))
            || File.Exists(Path.Combine(folder, "vocab.txt"))
            || Directory.EnumerateFiles(folder, "*.model").Any();
}
