using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Training.Objectives;
using Heed.Training.Runs;

namespace Heed.Training.Pretraining;

/// <summary>The model of a run: a preset, a <c>config.json</c>, or a folder whose weights are trained further.</summary>
/// <param name="Family">Builds it.</param>
/// <param name="Architecture">Its class name.</param>
/// <param name="Config">Its sizes, before the run's settings change them.</param>
/// <param name="Source">The preset's name or the file, for errors.</param>
/// <param name="IsPreset">True for a preset: vocabulary and context follow the run.</param>
/// <param name="Weights">Folder with the weights to start from, or null.</param>
internal sealed record PretrainingModel(ModelFamily Family, string Architecture, ModelConfig Config, string Source, bool IsPreset,
    string? Weights)
{
    /// <summary>What the run learns.</summary>
    public PretrainingObjective Objective { get; init; } = new(ObjectiveKind.Causal, new PretrainingConfig());

    private const int MaximumLayers = 10_000;

    // The names of one size in the files of different families.
    private static readonly string[] LayerKeys = ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers",
        "encoder_layers", "decoder_layers"];
    private static readonly string[] HeadKeys = ["num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads",
        "decoder_attention_heads"];
    private static readonly string[] WidthKeys = ["hidden_size", "n_embd", "dim", "d_model"];
    private static readonly string[] InnerKeys = ["intermediate_size", "n_inner", "hidden_dim", "d_ff", "encoder_ffn_dim",
        "decoder_ffn_dim", "embedding_size", "attention_size", "pooler_hidden_size"];
    private static readonly string[] HeadWidthKeys = ["head_dim", "d_kv"];
    private static readonly string[] LengthKeys = ["max_position_embeddings", "n_positions"];

    private static readonly string[] IdKeys = ["bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id",
        "forced_eos_token_id"];

    /// <summary>Finds the model that a run names.</summary>
    /// <param name="config">The run's settings.</param>
    /// <param name="checkpoint">The newest checkpoint of a run that resumes: its weights are read later, so those of a folder are not; else
    /// null.</param>
    /// <exception cref="ConfigException">There is no such model, or it cannot learn the objective.</exception>
    public static PretrainingModel Find(PretrainingConfig config, string? checkpoint)
    {
        string name = config.Model;
        if (name == PretrainingTeacher.HalfOf) return OfTeacher(config);
        foreach (ModelFamily family in ModelFamilies.All)
        {
            if (family.Presets.TryGetValue(name, out ModelPreset? preset))
                return Learning(new PretrainingModel(family, preset.Architecture, preset.Config, name, IsPreset: true, Weights: null),
                    config);
        }

        bool isFolder = Directory.Exists(name);
        if (!isFolder && !File.Exists(name))
        {
            string near = Printable.Nearest(name, Presets()) is { } nearest ? $"; did you mean \"{nearest}\"?" : ".";
            throw new ConfigException($"model: \"{Printable.Shorten(name)}\" is no preset, config.json or model folder{near} Presets are "
                + $"{string.Join(", ", Presets())}.");
        }

        // A run that resumes has its sizes in the checkpoint; the folder that it began with may be gone.
        string file = isFolder && checkpoint is not null ? checkpoint : name;
        (ModelFamily found, string architecture, ModelConfig sizes) = isFolder ? ModelFolder.ReadConfig(file)
            : ModelFolder.ReadConfigFile(file);
        return Learning(new PretrainingModel(found, architecture, sizes, name, IsPreset: false, isFolder ? name : null), config);
    }

    /// <summary>Refuses, before a file is made or a text is read, what cannot be trained here: sizes that do not fit together or into
    /// memory.</summary>
    /// <exception cref="ConfigException">Settings do not fit together.</exception>
    /// <exception cref="BudgetException">The run needs more memory than is allowed.</exception>
    public static void Check(PretrainingConfig config, string? checkpoint)
    {
        PretrainingModel choice = Find(config, checkpoint);
        choice.RefuseAbsurd(config);
        ModelConfig sizes = choice.Sized(config, choice.IsPreset ? config.VocabularySize : choice.Config.Vocabulary, null);
        using Model shapes = choice.Shapes(sizes, config);
        Forecast.Of(shapes, config, config.BatchSize, config.BlockLength, 0).Within(config);
    }

    /// <summary>Builds the model: with the folder's weights, or with first values.</summary>
    /// <param name="config">The run's settings.</param>
    /// <param name="vocabulary">Ids of the tokenizer.</param>
    /// <param name="isGiven">True if the tokenizer was given: a file's larger vocabulary then stays.</param>
    /// <param name="tokens">The tokenizer's special tokens.</param>
    /// <param name="teacher">Whose layers a student may begin with, or null.</param>
    /// <param name="preparation">Reports what is odd.</param>
    /// <exception cref="InputException">Tokenizer and model do not belong together, or the weights are damaged.</exception>
    public Model Build(PretrainingConfig config, int vocabulary, bool isGiven, ObjectiveTokens tokens, PretrainingTeacher? teacher,
        TaskPreparation preparation)
    {
        if (!IsPreset && (Weights is not null || isGiven))
        {
            if (vocabulary > Config.Vocabulary)
            {
                throw new InputException($"{Source}: the model has a vocabulary of {Config.Vocabulary} and the tokenizer {vocabulary} ids. "
                    + (Weights is null ? "Raise vocab_size in the file, or leave the tokenizer out to train one."
                    : "Use the tokenizer that belongs to the model."));
            }

            vocabulary = Config.Vocabulary;
        }

        ModelConfig sizes = Sized(config, vocabulary, tokens);
        if (Objective.Name == ObjectiveKind.Replaced) return BuildPair(config, (ElectraConfig)sizes, preparation);
        if (Weights is null || preparation.IsResuming)
        {
            return Family.Build(Architecture, sizes, new ParameterSet(teacher is null || config.Model != PretrainingTeacher.HalfOf
                ? ParameterSource.Random(config.Seed) : teacher.ForStudent(sizes.Layers, config.Seed)));
        }

        return Further(Weights, sizes, config, preparation);
    }

    /// <summary>The folder's model. The head of the objective begins with new weights if the folder has none, as that of a bare
    /// encoder.</summary>
    private Model Further(string folder, ModelConfig sizes, PretrainingConfig config, TaskPreparation preparation)
    {
        LoadOptions options = Loading(Architecture, sizes, config, preparation);
        if (ModelFolder.ReadConfig(folder).Architecture == Architecture) return ModelFolder.Load(folder, options).Model;
        (Model model, LoadReport report) = ModelFolder.Load(folder, options with { AllowMissing = true });
        if (report.Missing.Count == 0 && report.Mismatched.Count == 0) return model;
        string stack = Family.BasePrefix + ".";
        if (report.Mismatched.Count > 0
            || report.Missing.Any(n => n.StartsWith(stack, StringComparison.Ordinal) && !n.Contains("pooler.", StringComparison.Ordinal)))
        {
            model.Dispose();
            // Names what is wrong, as for any damaged folder.
            return ModelFolder.Load(folder, options).Model;
        }

        preparation.Warn($"{folder}: has no head for objective {Objective.Name}; the head begins with new weights.");
        return model;
    }

    private static LoadOptions Loading(string architecture, ModelConfig sizes, PretrainingConfig config, TaskPreparation preparation)
        => new()
        {
            ForTraining = true,
            Architecture = architecture,
            Configure = _ => sizes,
            Seed = config.Seed,
            Warnings = preparation.Warnings,
            Strict = true,
        };

    /// <summary>A discriminator with its generator: of the folder <c>generator</c> within the discriminator's, or with first
    /// values.</summary>
    private ElectraPair BuildPair(PretrainingConfig config, ElectraConfig sizes, TaskPreparation preparation)
    {
        ElectraConfig generator = GeneratorSizes(config, sizes, preparation.Checkpoint?.Folder);
        if (Weights is null || preparation.IsResuming)
            return new ElectraPair(sizes, generator, new ParameterSet(ParameterSource.Random(config.Seed)));
        Model discriminator = ModelFolder.Load(Weights, Loading(Architecture, sizes, config, preparation)).Model;
        string folder = Path.Combine(Weights, ElectraPair.GeneratorName);
        if (Directory.Exists(folder))
        {
            Model trained = ModelFolder.Load(folder, Loading("ElectraForMaskedLM", generator, config, preparation)).Model;
            return ElectraPair.Of(discriminator, trained, generator, config.Seed);
        }

        preparation.Warn($"{Weights}: has no folder {ElectraPair.GeneratorName}; the generator begins with new weights.");
        return ElectraPair.Of(discriminator, null, generator, config.Seed);
    }

    /// <summary>The sizes of the generator: those of its weights, else a part of the discriminator's.</summary>
    private ElectraConfig GeneratorSizes(PretrainingConfig config, ElectraConfig sizes, string? checkpoint)
    {
        string folder = Weights is null ? "" : Path.Combine(checkpoint ?? Weights, ElectraPair.GeneratorName);
        if (!Directory.Exists(folder)) return ElectraPair.GeneratorOf(sizes, Objective.GeneratorSize);
        if (config.GeneratorSize is { } asked && checkpoint is null)
            throw new ConfigException(string.Create(CultureInfo.InvariantCulture, $"generator_size: is {asked}, and the sizes of ")
                + $"{folder} are those of its weights. Leave generator_size out.");
        (ModelFamily family, _, ModelConfig stored) = ModelFolder.ReadConfig(folder);
        if (stored is not ElectraConfig found)
            throw new InputException($"{folder}: is {stored.ModelType}; an ELECTRA was expected. Remove the folder to begin with a "
                + $"new generator.");
        return config.Dropout is { } dropout ? (ElectraConfig)ModelDropout.Of(family, found, folder, dropout) : found;
    }

    /// <summary>A student with the sizes of its teacher and half of its layers.</summary>
    private static PretrainingModel OfTeacher(PretrainingConfig config)
    {
        (ModelFamily family, string architecture, ModelConfig sizes) = PretrainingTeacher.Describe(config);
        foreach ((string key, int value) in ((string, int)[])[("heads", config.Heads), ("width", config.Width)])
            if (value > 0) throw new ConfigException($"{key}: is {value}, and a student that begins with its teacher's layers has their "
                + $"sizes. Leave {key} out, or name a model.");
        if (config.Layers > sizes.Layers)
            throw new ConfigException($"layers: is {config.Layers}, and the teacher has {sizes.Layers}. Lower it, or name a model.");
        PretrainingModel choice = new(family, architecture, sizes, config.Teacher, IsPreset: false, Weights: null);
        JsonObject json = sizes.ToJson();
        choice.Relayer(json, config.Layers > 0 ? config.Layers : (sizes.Layers + 1) / 2);
        return Learning(choice with { Config = choice.Read(json) }, config with { Layers = 0 });
    }

    /// <summary>The model with the head of the run's objective.</summary>
    private static PretrainingModel Learning(PretrainingModel choice, PretrainingConfig config)
    {
        choice.RefuseAbsurd(config);
        string type = choice.Config.ModelType;
        string? objective = config.Objective ?? ObjectiveKind.DefaultOf(choice.Family, type, choice.Architecture);
        if (objective is not null && ObjectiveKind.ArchitectureFor(objective, choice.Family, type, choice.Architecture) is { } architecture)
        {
            PretrainingObjective learned = new(objective, config);
            learned.Check();
            if (config.NextSentence) architecture = choice.WithNextSentence();
            return choice with { Architecture = architecture, Objective = learned };
        }

        string[] possible = [.. ObjectiveKind.Names.Where(n => ObjectiveKind.ArchitectureFor(n, choice.Family, type,
            choice.Architecture) is not null)];
        string wanted = objective is null ? "" : $" does not learn objective {objective}";
        string models = string.Join(", ", Presets(objective ?? ObjectiveKind.Causal).Take(6));
        throw new ConfigException(possible.Length == 0
            ? $"model: \"{Printable.Shorten(choice.Source)}\" is {choice.Architecture}, "
            + $"which{(wanted.Length > 0 ? wanted : " learns no objective")}; name another model, such as {models}."
            : $"objective: is {objective}, and \"{Printable.Shorten(choice.Source)}\" is {choice.Architecture}, which{wanted}; set "
            + $"objective to {string.Join(" or ", possible)}, "
                + $"or name another model, such as {models}.");
    }

    /// <summary>The class with both heads of BERT's pre-training.</summary>
    private string WithNextSentence() => Family.HeadOf(Architecture) == HeadKind.PreTraining ? Architecture
        : ModelFamilies.Heads(Family, Config.ModelType).FirstOrDefault(a => Family.HeadOf(a) == HeadKind.PreTraining)
        ?? throw new ConfigException($"next_sentence: \"{Printable.Shorten(Source)}\" is {Architecture}, whose family has no head for "
            + "it. Leave next_sentence out, or name a BERT, such as bert-base.");

    private static IEnumerable<string> Presets() => ModelFamilies.All.SelectMany(f => f.Presets.Keys);

    /// <summary>Presets whose own head an objective trains.</summary>
    private static IEnumerable<string> Presets(string objective) => ModelFamilies.All.SelectMany(f => f.Presets
        .Where(p => ObjectiveKind.DefaultOf(f, p.Value.Config.ModelType, p.Value.Architecture) is { } own
            && ObjectiveKind.HeadOf(own) == ObjectiveKind.HeadOf(objective))
        .Select(p => p.Key));

    /// <summary>Sizes that no machine has memory for are reported as such, not as a range of some file.</summary>
    private void RefuseAbsurd(PretrainingConfig config)
    {
        double D = config.Width > 0 ? config.Width : Config.Width, L = config.Layers > 0 ? config.Layers : Config.Layers;
        double V = IsPreset ? config.VocabularySize : Config.Vocabulary;
        double bytes = 16.0 * ((V * D) + (L * 12 * D * D) + (config.BlockLength * D));
        Refuse("layers", config.Layers, MaximumLayers);
        Refuse("width", config.Width, ConfigReader.MaximumSize);
        Refuse("heads", config.Heads, ConfigReader.MaximumSize);
        Refuse("vocabulary_size", config.VocabularySize, ConfigReader.MaximumSize);
        Refuse("block_length", config.BlockLength, ConfigReader.MaximumSize);

        void Refuse(string key, int value, int most)
        {
            if (value <= most) return;
            throw new BudgetException(string.Create(CultureInfo.InvariantCulture,
                $"{key}: is {value}, which takes about {Printable.Bytes(bytes)} for weights, gradients and optimizer; at most {most} are "
                    + $"accepted. Lower {key}."));
        }
    }

    private Model Shapes(ModelConfig sizes, PretrainingConfig config)
    {
        try
        {
            if (Objective.Name == ObjectiveKind.Replaced)
                return new ElectraPair((ElectraConfig)sizes, GeneratorSizes(config, (ElectraConfig)sizes, null),
                    new ParameterSet(ParameterSource.ShapesOnly));
            return Family.Build(Architecture, sizes, new ParameterSet(ParameterSource.ShapesOnly));
        }
        catch (ShapeException e)
        {
            throw new BudgetException($"The model has a matrix that is too large ({Printable.Bytes(4.0 * sizes.Vocabulary * sizes.Width)} "
                + $"for its token table alone): "
                + $"{e.Message.TrimEnd('.')}. Lower width, vocabulary_size or block_length.");
        }
    }

    /// <summary>The sizes that the run trains.</summary>
    /// <param name="run">The run's settings.</param>
    /// <param name="vocabulary">Ids of the tokenizer.</param>
    /// <param name="tokens">The tokenizer's special tokens; null before it is known.</param>
    public ModelConfig Sized(PretrainingConfig run, int vocabulary, ObjectiveTokens? tokens)
    {
        if (Weights is not null) return Continued(run);
        JsonObject json = Config.ToJson();
        if (run.Layers > 0 && run.Model != PretrainingTeacher.HalfOf) Relayer(json, run.Layers);
        if (run.Width > 0 || run.Heads > 0) Resize(json, run);
        string? length = Present(json, LengthKeys);
        // A preset that is cut to size is cut to the run's block too; a file means what it says.
        if (length is not null && IsPreset && (run.Width > 0 || run.Layers > 0)) json[length] = run.BlockLength;
        else if (length is not null && !IsPreset && run.BlockLength > Config.MaximumLength)
            throw new ConfigException($"block_length: is {run.BlockLength}, and {Source} has {length} {json[length]}. Lower it, or raise "
                + $"{length}.");
        json["vocab_size"] = vocabulary;
        if (json.ContainsKey("decoder_vocab_size")) json["decoder_vocab_size"] = vocabulary;
        ModelDropout.Set(json, run.Dropout ?? (IsPreset ? 0 : null));
        ModelIds? ids = tokens is null ? null : Objective.IdsFor(Config, tokens, vocabulary);
        SetIds(json, ids, vocabulary);
        ModelConfig sizes = Read(json);
        // Some positions belong to padding; only the family knows how many.
        if (length is not null && IsPreset && sizes.MaximumLength < run.BlockLength)
        {
            json[length] = json[length]!.GetValue<int>() + run.BlockLength - sizes.MaximumLength;
            sizes = Read(json);
        }

        if (ids is { } known) sizes = sizes with { BeginId = known.Begin, EndId = known.End, PaddingId = known.Padding };
        sizes.Validate();
        return sizes;
    }

    /// <summary>Ids of special tokens; before the tokenizer is known, those of the preset that are in the vocabulary.</summary>
    private static void SetIds(JsonObject json, ModelIds? ids, int vocabulary)
    {
        if (ids is { } known)
        {
            (json["bos_token_id"], json["eos_token_id"], json["pad_token_id"]) = (known.Begin, known.End, known.Padding);
            if (known.DecoderStart is { } start) json["decoder_start_token_id"] = start;
            if (json["forced_eos_token_id"] is not null) json["forced_eos_token_id"] = known.End;
        }

        foreach (string key in IdKeys)
            if (json[key] is JsonValue value && value.TryGetValue(out int id) && id >= vocabulary) json[key] = ids is null ? vocabulary - 1
                : null;
    }

    /// <summary>The sizes of a folder's weights, which no setting changes.</summary>
    private ModelConfig Continued(PretrainingConfig run)
    {
        foreach ((string key, int value) in ((string, int)[])[("layers", run.Layers), ("heads", run.Heads), ("width", run.Width)])
            if (value > 0) throw new ConfigException($"{key}: is {value}, and the sizes of {Source} are those of its weights. Leave {key} "
                + $"out, or name its config.json to begin with new weights.");
        if (run.BlockLength > Config.MaximumLength)
            throw new ConfigException($"block_length: is {run.BlockLength}, and the model in {Source} has {Config.MaximumLength} "
                + $"positions. Lower block_length.");
        return run.Dropout is { } dropout ? ModelDropout.Of(Family, Config, Source, dropout) : Config;
    }

    private ModelConfig Read(JsonObject json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return Family.ReadConfig(new ConfigReader(document.RootElement, Source)) with { Original = Config.Original };
    }

    /// <summary>Layers, and a list that names a kind for each: it is cut, or repeated.</summary>
    private void Relayer(JsonObject json, int layers)
    {
        _ = Key(json, LayerKeys, "layers");
        foreach (string key in AllPresent(json, LayerKeys)) json[key] = layers;
        if (json["layer_types"] is not JsonArray { Count: > 0 } kinds) return;
        JsonArray repeated = [];
        for (int i = 0; i < layers; i++) repeated.Add(kinds[i % kinds.Count]!.DeepClone());
        json["layer_types"] = repeated;
    }

    /// <summary>Width and heads, and what goes with them: heads of keys, a head's width, the inner width.</summary>
    private void Resize(JsonObject json, PretrainingConfig run)
    {
        string widthKey = Key(json, WidthKeys, "width");
        int oldWidth = json[widthKey]!.GetValue<int>();
        // Recurrent models have no heads, and none are asked for.
        int oldHeads = run.Heads == 0 && Present(json, HeadKeys) is null ? 1 : json[Key(json, HeadKeys, "heads")]!.GetValue<int>();
        int width = run.Width > 0 ? run.Width : oldWidth, heads = run.Heads > 0 ? run.Heads : oldHeads;
        string headWidthKey = Present(json, HeadWidthKeys) ?? "head_dim";
        int headWidth = Integer(json, headWidthKey);
        bool free = headWidth > 0 && headWidth != oldWidth / oldHeads;
        if (!free && width % heads != 0) throw NotDivided(run, width, heads);
        json[widthKey] = width;
        foreach (string key in AllPresent(json, HeadKeys)) json[key] = heads;
        if (headWidth > 0 && !free) json[headWidthKey] = width / heads;
        int keyHeads = Integer(json, "num_key_value_heads");
        if (keyHeads > 0 && (keyHeads == oldHeads || heads % keyHeads != 0)) json["num_key_value_heads"] = heads;
        if (width == oldWidth) return;
        foreach (string key in AllPresent(json, InnerKeys))
        {
            long inner = Integer(json, key);
            json[key] = inner == oldWidth ? width : (int)Math.Clamp(((inner * width / oldWidth) + 7) / 8 * 8, 1, ConfigReader.MaximumSize);
        }
    }

    private static ConfigException NotDivided(PretrainingConfig run, int width, int heads)
    {
        int nearest = width / heads * heads;
        string widths = nearest == 0 ? $"{heads}" : $"{nearest} or {(long)nearest + heads}";
        string what = run.Width > 0 ? $"width: is {width}, which is not a multiple of the {heads} heads"
            : $"heads: is {heads}, and the preset's width {width} is not a multiple of it";
        return new ConfigException($"{what}. Set width to {widths}, or choose other heads.");
    }

    private static int Integer(JsonObject json, string key) => json[key] is JsonValue value && value.TryGetValue(out int number) ? number
        : 0;

    private static string? Present(JsonObject json, string[] keys) => keys.FirstOrDefault(k => Integer(json, k) > 0);

    private static IEnumerable<string> AllPresent(JsonObject json, string[] keys) => [.. keys.Where(k => Integer(json, k) > 0)];

    private string Key(JsonObject json, string[] keys, string setting) => Present(json, keys)
        ?? throw new ConfigException($"{setting}: cannot be set for {Config.ModelType}; name a config.json with the size that you want.");
}
