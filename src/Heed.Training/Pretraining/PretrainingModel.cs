using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Runs;

namespace Heed.Training.Pretraining;

/// <summary>The model of a run: a preset, a <c>config.json</c>, or a folder whose weights are trained further.</summary>
/// <param name="Family">Builds it.</param>
/// <param name="Architecture">Its class name.</param>
/// <param name="Config">Its sizes, before the run's settings change them.</param>
/// <param name="Source">The preset's name or the file, for errors.</param>
/// <param name="IsPreset">True for a preset: vocabulary and context follow the run.</param>
/// <param name="Weights">Folder with the weights to start from, or null.</param>
internal sealed record PretrainingModel(ModelFamily Family, string Architecture, ModelConfig Config, string Source, bool IsPreset, string? Weights)
{
    private const int MaximumLayers = 10_000;

    // The names of one size in the files of different families.
    private static readonly string[] LayerKeys = ["num_hidden_layers", "n_layer", "n_layers", "num_layers"];
    private static readonly string[] HeadKeys = ["num_attention_heads", "n_head", "n_heads", "num_heads"];
    private static readonly string[] WidthKeys = ["hidden_size", "n_embd", "dim", "d_model"];
    private static readonly string[] InnerKeys = ["intermediate_size", "n_inner", "hidden_dim", "d_ff"];
    private static readonly string[] LengthKeys = ["max_position_embeddings", "n_positions"];

    private static readonly string[] DropoutKeys =
    [
        "embd_pdrop", "attn_pdrop", "resid_pdrop", "dropout", "attention_dropout", "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout_rate",
    ];

    /// <summary>Finds the model that a run names.</summary>
    /// <param name="config">The run's settings.</param>
    /// <param name="checkpoint">The newest checkpoint of a run that resumes: its weights are read later, so those of a folder are not; else null.</param>
    /// <exception cref="ConfigException">There is no such model, or it does not predict the next token.</exception>
    public static PretrainingModel Find(PretrainingConfig config, string? checkpoint)
    {
        string name = config.Model;
        foreach (ModelFamily family in ModelFamilies.All)
        {
            if (family.Presets.TryGetValue(name, out ModelPreset? preset))
                return Causal(new PretrainingModel(family, preset.Architecture, preset.Config, name, IsPreset: true, Weights: null), config);
        }

        bool isFolder = Directory.Exists(name);
        if (!isFolder && !File.Exists(name))
        {
            string near = Printable.Nearest(name, Presets()) is { } nearest ? $"; did you mean \"{nearest}\"?" : ".";
            throw new ConfigException($"model: \"{Printable.Shorten(name)}\" is no preset, config.json or model folder{near} Presets are {string.Join(", ", Presets())}.");
        }

        // A run that resumes has its sizes in the checkpoint; the folder that it began with may be gone.
        string file = isFolder && checkpoint is not null ? checkpoint : name;
        (ModelFamily found, string architecture, ModelConfig sizes) = isFolder ? ModelFolder.ReadConfig(file) : ModelFolder.ReadConfigFile(file);
        return Causal(new PretrainingModel(found, architecture, sizes, name, IsPreset: false, isFolder ? name : null), config);
    }

    /// <summary>Refuses, before a file is made or a text is read, what cannot be trained here: sizes that do not fit together or into memory.</summary>
    /// <exception cref="ConfigException">Settings do not fit together.</exception>
    /// <exception cref="BudgetException">The run needs more memory than is allowed.</exception>
    public static void Check(PretrainingConfig config, string? checkpoint)
    {
        PretrainingModel choice = Find(config, checkpoint);
        choice.RefuseAbsurd(config);
        ModelConfig sizes = choice.Sized(config, choice.IsPreset ? config.VocabularySize : choice.Config.Vocabulary, 0);
        using Model shapes = choice.Shapes(sizes);
        Forecast.Of(shapes, config, config.BatchSize, config.BlockLength, 0).Within(config.MemoryBytes);
    }

    /// <summary>Builds the model: with the folder's weights, or with first values.</summary>
    /// <param name="config">The run's settings.</param>
    /// <param name="vocabulary">Ids of the tokenizer.</param>
    /// <param name="isGiven">True if the tokenizer was given: a file's larger vocabulary then stays.</param>
    /// <param name="endId">Id that ends a document.</param>
    /// <param name="preparation">Told what is odd.</param>
    /// <exception cref="InputException">Tokenizer and model do not belong together, or the weights are damaged.</exception>
    public Model Build(PretrainingConfig config, int vocabulary, bool isGiven, int endId, TaskPreparation preparation)
    {
        if (!IsPreset && (Weights is not null || isGiven))
        {
            if (vocabulary > Config.Vocabulary)
            {
                throw new InputException($"{Source}: the model has a vocabulary of {Config.Vocabulary} and the tokenizer {vocabulary} ids. "
                    + (Weights is null ? "Raise vocab_size in the file, or leave the tokenizer out to train one." : "Use the tokenizer that belongs to the model."));
            }

            vocabulary = Config.Vocabulary;
        }

        ModelConfig sizes = Sized(config, vocabulary, endId);
        if (Weights is null || preparation.IsResuming) return Family.Build(Architecture, sizes, new ParameterSet(ParameterSource.Random(config.Seed)));
        return ModelFolder.Load(Weights, new LoadOptions { ForTraining = true, Configure = _ => sizes, Seed = config.Seed, Warn = preparation.Warn, Strict = true }).Model;
    }

    private static PretrainingModel Causal(PretrainingModel choice, PretrainingConfig config)
    {
        choice.RefuseAbsurd(config);
        using Model shapes = choice.Shapes(choice.Config);
        if (shapes is CausalLanguageModel) return choice;
        throw new ConfigException($"model: \"{Printable.Shorten(choice.Source)}\" is {choice.Architecture}, which does not predict the next token; "
            + $"name a decoder, such as {string.Join(", ", Presets().Take(6))}.");
    }

    private static IEnumerable<string> Presets() => ModelFamilies.All.SelectMany(f => f.Presets.Select(p => (Family: f, Preset: p)))
        .Where(p => IsCausal(p.Family, p.Preset.Value)).Select(p => p.Preset.Key);

    private static bool IsCausal(ModelFamily family, ModelPreset preset)
    {
        using Model shapes = ModelFolder.Shapes(family, preset.Architecture, preset.Config, preset.Architecture);
        return shapes is CausalLanguageModel;
    }

    /// <summary>Sizes that no machine has memory for are told as such, not as a range of some file.</summary>
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
                $"{key}: is {value}, which takes about {Printable.Bytes(bytes)} for weights, gradients and optimizer; at most {most} are accepted. Lower {key}."));
        }
    }

    private Model Shapes(ModelConfig sizes)
    {
        try
        {
            return Family.Build(Architecture, sizes, new ParameterSet(ParameterSource.ShapesOnly));
        }
        catch (ShapeException e)
        {
            throw new BudgetException($"The model has a matrix that is too large ({Printable.Bytes(4.0 * sizes.Vocabulary * sizes.Width)} for its token table alone): "
                + $"{e.Message.TrimEnd('.')}. Lower width, vocabulary_size or block_length.");
        }
    }

    /// <summary>The sizes that the run trains.</summary>
    private ModelConfig Sized(PretrainingConfig run, int vocabulary, int endId)
    {
        if (Weights is not null) return Continued(run);
        JsonObject json = Config.ToJson();
        if (run.Layers > 0) Relayer(json, run.Layers);
        if (run.Width > 0 || run.Heads > 0) Resize(json, run);
        if (Present(json, LengthKeys) is { } length)
        {
            int context = json[length]!.GetValue<int>();
            // A preset that is cut to size is cut to the run's block too; a file means what it says.
            if (IsPreset) json[length] = Math.Max(run.BlockLength, run.Width > 0 || run.Layers > 0 ? run.BlockLength : context);
            else if (run.BlockLength > context) throw new ConfigException($"block_length: is {run.BlockLength}, and {Source} has {length} {context}. Lower it, or raise {length}.");
        }

        json["vocab_size"] = vocabulary;
        SetDropout(json, run.Dropout ?? (IsPreset ? 0 : null));
        ModelConfig sizes = Read(json) with { BeginId = endId, EndId = endId, PaddingId = Config.PaddingId < vocabulary ? Config.PaddingId : null };
        sizes.Validate();
        return sizes;
    }

    /// <summary>The sizes of a folder's weights, which no setting changes.</summary>
    private ModelConfig Continued(PretrainingConfig run)
    {
        foreach ((string key, int value) in ((string, int)[])[("layers", run.Layers), ("heads", run.Heads), ("width", run.Width)])
            if (value > 0) throw new ConfigException($"{key}: is {value}, and the sizes of {Source} are those of its weights. Leave {key} out, or name its config.json to begin with new weights.");
        if (run.BlockLength > Config.MaximumLength)
            throw new ConfigException($"block_length: is {run.BlockLength}, and the model in {Source} has {Config.MaximumLength} positions. Lower block_length.");
        if (run.Dropout is not { } dropout) return Config;
        JsonObject json = Config.ToJson();
        SetDropout(json, dropout);
        return Read(json) with { Labels = Config.Labels, ClassificationKind = Config.ClassificationKind };
    }

    private ModelConfig Read(JsonObject json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return Family.ReadConfig(new ConfigReader(document.RootElement, Source)) with { Original = Config.Original };
    }

    /// <summary>Layers, and a list that names a kind for each: it is cut, or repeated.</summary>
    private void Relayer(JsonObject json, int layers)
    {
        json[Key(json, LayerKeys, "layers")] = layers;
        if (json["layer_types"] is not JsonArray { Count: > 0 } kinds) return;
        JsonArray repeated = [];
        for (int i = 0; i < layers; i++) repeated.Add(kinds[i % kinds.Count]!.DeepClone());
        json["layer_types"] = repeated;
    }

    /// <summary>Width and heads, and what goes with them: heads of keys, a head's width, the inner width.</summary>
    private void Resize(JsonObject json, PretrainingConfig run)
    {
        string widthKey = Key(json, WidthKeys, "width"), headKey = Key(json, HeadKeys, "heads");
        int oldWidth = json[widthKey]!.GetValue<int>(), oldHeads = json[headKey]!.GetValue<int>();
        int width = run.Width > 0 ? run.Width : oldWidth, heads = run.Heads > 0 ? run.Heads : oldHeads;
        int headWidth = Integer(json, "head_dim");
        bool free = headWidth > 0 && headWidth != oldWidth / oldHeads;
        if (!free && width % heads != 0) throw NotDivided(run, width, heads);
        (json[widthKey], json[headKey]) = (width, heads);
        if (headWidth > 0 && !free) json["head_dim"] = width / heads;
        int keyHeads = Integer(json, "num_key_value_heads");
        if (keyHeads > 0 && (keyHeads == oldHeads || heads % keyHeads != 0)) json["num_key_value_heads"] = heads;
        if (width != oldWidth && Present(json, InnerKeys) is { } innerKey && Integer(json, innerKey) is > 0 and var inner)
            json[innerKey] = (int)Math.Clamp((((long)inner * width / oldWidth) + 7) / 8 * 8, 1, ConfigReader.MaximumSize);
    }

    private static ConfigException NotDivided(PretrainingConfig run, int width, int heads)
    {
        int nearest = width / heads * heads;
        string widths = nearest == 0 ? $"{heads}" : $"{nearest} or {(long)nearest + heads}";
        string what = run.Width > 0 ? $"width: is {width}, which is not a multiple of the {heads} heads" : $"heads: is {heads}, and the preset's width {width} is not a multiple of it";
        return new ConfigException($"{what}. Set width to {widths}, or choose other heads.");
    }

    private static void SetDropout(JsonObject json, double? dropout)
    {
        if (dropout is not { } probability) return;
        foreach (string key in DropoutKeys)
            if (json.ContainsKey(key)) json[key] = probability;
    }

    private static int Integer(JsonObject json, string key) => json[key] is JsonValue value && value.TryGetValue(out int number) ? number : 0;

    private static string? Present(JsonObject json, string[] keys) => keys.FirstOrDefault(k => Integer(json, k) > 0);

    private string Key(JsonObject json, string[] keys, string setting) => Present(json, keys)
        ?? throw new ConfigException($"{setting}: cannot be set for {Config.ModelType}; name a config.json with the size that you want.");
}
