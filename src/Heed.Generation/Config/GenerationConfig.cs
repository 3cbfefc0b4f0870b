using System.Text.Json;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Generation;

/// <summary>When beam search stops waiting for better endings.</summary>
public enum EarlyStopping
{
    /// <summary>Stops a row when no running beam is likely to beat its worst finished one (Hugging Face: <c>false</c>).</summary>
    Heuristic,

    /// <summary>Stops a row as soon as enough beams are finished (<c>true</c>).</summary>
    WhenEnough,

    /// <summary>Stops a row only when no running beam can win (<c>"never"</c>).</summary>
    Never,
}

/// <summary>What is added to the score of the token that would complete a sequence.</summary>
/// <param name="Ids">The sequence, of at least one id.</param>
/// <param name="Bias">Added to the score; −∞ forbids the sequence.</param>
public sealed record SequenceBias(IReadOnlyList<int> Ids, float Bias);

/// <summary>Growth of the end's score.</summary>
/// <param name="Start">New tokens after which it begins.</param>
/// <param name="Factor">Growth per token.</param>
public sealed record EndDecay(int Start, float Factor);

/// <summary>How text is generated. The names are those of Hugging Face's <c>generation_config.json</c>; what is not set there has these
/// values.</summary>
public sealed partial record GenerationConfig
{
    /// <summary><c>max_new_tokens</c>: most tokens after the prompt, at least 1; null: see <see cref="MaxLength"/>.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary><c>max_length</c>: most tokens with the prompt, if <see cref="MaxNewTokens"/> is not set; null: 20 new tokens.</summary>
    public int? MaxLength { get; init; }

    /// <summary><c>min_new_tokens</c>: the end is forbidden before this number of new tokens; null: see <see cref="MinLength"/>.</summary>
    public int? MinNewTokens { get; init; }

    /// <summary><c>min_length</c>: the end is forbidden before this length, the prompt included, if <see cref="MinNewTokens"/> is not
    /// set.</summary>
    public int MinLength { get; init; }

    /// <summary><c>do_sample</c>: true draws tokens, false takes the likeliest.</summary>
    public bool Sample { get; init; }

    /// <summary><c>temperature</c>: scores are divided by it.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary><c>top_k</c>: only the k likeliest tokens; 0: all.</summary>
    public int TopK { get; init; } = 50;

    /// <summary><c>top_p</c>: only the likeliest tokens that together have this probability; 1: all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary><c>min_p</c>: only tokens at least p times as likely as the likeliest; 0: all.</summary>
    public float MinP { get; init; }

    /// <summary><c>typical_p</c>: mass of locally typical tokens kept; 1: all.</summary>
    public float TypicalP { get; init; } = 1;

    /// <summary><c>epsilon_cutoff</c>: tokens less likely are removed; 0: none.</summary>
    public float EpsilonCutoff { get; init; }

    /// <summary><c>eta_cutoff</c>: as epsilon, but relative to the entropy; 0: none.</summary>
    public float EtaCutoff { get; init; }

    /// <summary><c>repetition_penalty</c>: scores of tokens that occurred are divided by it (multiplied where negative); 1: none.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary><c>no_repeat_ngram_size</c>: no n tokens occur twice; 0: any may.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary><c>bad_words_ids</c>: sequences that must not occur.</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary><c>sequence_bias</c>: added to the score of the token that would complete a sequence.</summary>
    public IReadOnlyList<SequenceBias> SequenceBias { get; init; } = [];

    /// <summary><c>suppress_tokens</c>: ids that never come.</summary>
    public IReadOnlyList<int> SuppressTokens { get; init; } = [];

    /// <summary><c>begin_suppress_tokens</c>: ids that do not come first.</summary>
    public IReadOnlyList<int> BeginSuppressTokens { get; init; } = [];

    /// <summary><c>forced_bos_token_id</c>: id of the first token after the decoder's start, or null.</summary>
    public int? ForcedBeginId { get; init; }

    /// <summary><c>forced_eos_token_id</c>: ids of which one ends a text that reaches its longest length.</summary>
    public IReadOnlyList<int> ForcedEndIds { get; init; } = [];

    /// <summary><c>exponential_decay_length_penalty</c>: from a number of new tokens on the end's score grows by a factor per token; null:
    /// it does not.</summary>
    public EndDecay? ExponentialDecay { get; init; }

    /// <summary><c>num_beams</c>: hypotheses held at once; 1: no beam search.</summary>
    public int Beams { get; init; } = 1;

    /// <summary><c>num_return_sequences</c>: texts returned per prompt.</summary>
    public int ReturnSequences { get; init; } = 1;

    /// <summary><c>length_penalty</c>: finished sums are divided by length to this power.</summary>
    public float LengthPenalty { get; init; } = 1;

    /// <summary><c>early_stopping</c>.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary><c>renormalize_logits</c>: probabilities sum to 1 again after processing.</summary>
    public bool Renormalize { get; init; }

    /// <summary><c>eos_token_id</c>: ids that end a text.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary><c>pad_token_id</c>: id that fills finished rows.</summary>
    public int? PaddingId { get; init; }

    /// <summary><c>bos_token_id</c>.</summary>
    public int? BeginId { get; init; }

    /// <summary><c>decoder_start_token_id</c>: the first id of a decoder that follows an encoder.</summary>
    public int? DecoderStartId { get; init; }

    /// <summary><c>stop_strings</c>: texts that end generation as soon as one ends in a new token, special tokens included; it may begin in
    /// the prompt. Needs a tokenizer (<see cref="GenerationRequest.Tokenizer"/>).</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Reports log p of each token and of up to N of the likeliest ones; null: none. Not with beams.</summary>
    public int? TopTokens { get; init; }

    /// <summary>Seed of the draws.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Settings that change what is generated and that are not known here, each with the value that switches it off (null does
    /// too).</summary>
    private static readonly (string Name, double Off)[] Foreign =
    [
        ("encoder_no_repeat_ngram_size", 0), ("encoder_repetition_penalty", 1), ("diversity_penalty", 0), ("num_beam_groups", 1),
        ("penalty_alpha", 0), ("guidance_scale", 1),
        ("prompt_lookup_num_tokens", 0), ("top_h", 1), ("assistant_early_exit", 0),
    ];

    /// <summary>The same, of lists and objects: nothing but null, false and empty ones switch them off.</summary>
    private static readonly string[] ForeignLists = ["force_words_ids", "constraints", "forced_decoder_ids", "watermarking_config", "dola_layers", "token_healing", "max_time"];

    /// <summary>What <c>generation_config.json</c> may hold besides the settings: nothing of it changes what is generated.</summary>
    private static readonly string[] Silent =
    [
        "_from_model_config", "transformers_version", "use_cache", "output_attentions", "output_hidden_states", "output_scores",
        "output_logits", "return_dict_in_generate",
        "cache_implementation", "cache_config", "return_legacy_cache", "disable_compile", "compile_config", "prefill_chunk_size",
        "low_memory", "is_assistant",
        "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold", "assistant_lookbehind",
        "target_lookbehind", "max_matching_ngram_size",
        "remove_invalid_values",
    ];

    /// <summary>The settings that are followed.</summary>
    private static readonly string[] Known =
    [
        "max_new_tokens", "max_length", "min_new_tokens", "min_length", "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p",
        "epsilon_cutoff", "eta_cutoff",
        "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "sequence_bias", "suppress_tokens", "begin_suppress_tokens",
        "forced_bos_token_id", "forced_eos_token_id",
        "exponential_decay_length_penalty", "num_beams", "num_return_sequences", "length_penalty", "early_stopping", "renormalize_logits",
        "eos_token_id", "pad_token_id",
        "bos_token_id", "decoder_start_token_id", "stop_strings",
    ];

    /// <summary>The settings of a model folder: <c>generation_config.json</c>, else the old keys in <c>config.json</c>.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="warnings">Reports the settings of generation_config.json that are not known here; may be null.</param>
    /// <exception cref="InvalidFileException">A setting has a wrong type or range.</exception>
    public static GenerationConfig FromFolder(string folder, IProgress<string>? warnings = null)
        => FromFiles(new FolderModelFiles(folder), warnings);

    /// <summary>The settings among the files of a model, as <see cref="FromFolder"/>.</summary>
    /// <param name="files">The files.</param>
    /// <param name="warnings">Reports the settings of generation_config.json that are not known here; may be null.</param>
    /// <exception cref="InvalidFileException">A setting has a wrong type or range.</exception>
    public static GenerationConfig FromFiles(IModelFiles files, IProgress<string>? warnings = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        StoredFile settings = new(files, ModelFolder.GenerationConfigName), config = new(files, ModelFolder.ConfigName);
        return settings.Exists ? From(settings, warnings) : config.Exists ? From(config, null) : new GenerationConfig();
    }

    /// <summary>The settings of a model whose <c>config.json</c> is read already: it counts if there is no
    /// <c>generation_config.json</c>.</summary>
    internal static GenerationConfig FromFiles(IModelFiles files, ModelDescription config, IProgress<string>? warnings)
    {
        StoredFile file = new(files, ModelFolder.GenerationConfigName);
        return file.Exists ? From(file, warnings) : new GenerationConfig().With(config.Reader);
    }

    private static GenerationConfig From(StoredFile file, IProgress<string>? warnings)
    {
        using JsonDocument document = file.ReadJson(16 << 20);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(file.Path, "$", $"is {StrictJson.Describe(document.RootElement)}; an object was expected. "
                + "Correct the file, or delete it to generate with the standard settings");
        if (warnings is not null && UnknownNames(document.RootElement) is { Count: > 0 } unknown)
            warnings.Report($"{file.Path}: {string.Join(", ", unknown)} {(unknown.Count == 1 ? "is" : "are")} not known here and ignored.");
        return new GenerationConfig().With(new ConfigReader(document.RootElement, file.Path));
    }

    /// <summary>Names of an object that are no setting of generation.</summary>
    internal static IReadOnlyList<string> UnknownNames(JsonElement settings) =>
    [
        .. settings.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null).Select(p => p.Name)
            .Where(n => !Known.Contains(n) && !Silent.Contains(n) && !ForeignLists.Contains(n) && !Array.Exists(Foreign, f => f.Name == n)),
    ];

    /// <summary>These settings with those of a JSON object over them.</summary>
    /// <exception cref="InvalidFileException">A setting has a wrong type or range, or asks for something that is not known
    /// here.</exception>
    public GenerationConfig With(ConfigReader file)
    {
        ConfigReader settings = file.WithNullAsAbsent();
        RefuseForeign(settings);
        return Read(settings);
    }

    private GenerationConfig Read(ConfigReader file) => this with
    {
        MaxNewTokens = file.OptionalSize("max_new_tokens") ?? MaxNewTokens,
        MaxLength = file.OptionalSize("max_length") ?? MaxLength,
        MinNewTokens = file.OptionalSize("min_new_tokens", 0) ?? MinNewTokens,
        MinLength = file.Size("min_length", MinLength, 0),
        Sample = file.Flag("do_sample", Sample),
        Temperature = (float)file.Number("temperature", Temperature, 0),
        TopK = file.Size("top_k", TopK, 0),
        TopP = (float)file.Number("top_p", TopP, 0, 1),
        MinP = (float)file.Number("min_p", MinP, 0, 1),
        TypicalP = (float)file.Number("typical_p", TypicalP, LeastMass, 1),
        EpsilonCutoff = (float)file.Number("epsilon_cutoff", EpsilonCutoff, 0, 1),
        EtaCutoff = (float)file.Number("eta_cutoff", EtaCutoff, 0, 1),
        RepetitionPenalty = (float)file.Number("repetition_penalty", RepetitionPenalty, LeastPenalty),
        NoRepeatNgramSize = file.Size("no_repeat_ngram_size", NoRepeatNgramSize, 0),
        BadWords = Sequences(file, "bad_words_ids") ?? BadWords,
        SequenceBias = Biases(file) ?? SequenceBias,
        SuppressTokens = Ids(file, "suppress_tokens") ?? SuppressTokens,
        BeginSuppressTokens = Ids(file, "begin_suppress_tokens") ?? BeginSuppressTokens,
        ForcedBeginId = file.OptionalId("forced_bos_token_id") ?? ForcedBeginId,
        ForcedEndIds = Ids(file, "forced_eos_token_id") ?? ForcedEndIds,
        ExponentialDecay = Decay(file) ?? ExponentialDecay,
        Beams = file.Size("num_beams", Beams, 1),
        ReturnSequences = file.Size("num_return_sequences", ReturnSequences, 1),
        LengthPenalty = (float)file.Number("length_penalty", LengthPenalty),
        EarlyStopping = Early(file) ?? EarlyStopping,
        Renormalize = file.Flag("renormalize_logits", Renormalize),
        EndIds = Ends(file) ?? EndIds,
        PaddingId = file.OptionalId("pad_token_id") ?? PaddingId,
        BeginId = file.OptionalId("bos_token_id") ?? BeginId,
        DecoderStartId = file.OptionalId("decoder_start_token_id") ?? DecoderStartId,
        StopStrings = Texts(file, "stop_strings") ?? StopStrings,
    };

    /// <summary>A setting that is left out would give other text than was asked for.</summary>
    private static void RefuseForeign(ConfigReader file)
    {
        foreach ((string name, double off) in Foreign)
        {
            if (!file.Has(name)) continue;
            double value = file.Number(name, off);
            if (value != off)
                throw file.Wrong(name,
                    string.Create(System.Globalization.CultureInfo.InvariantCulture, $"is {value}, which is not known here; take it out, or set {off} to generate without it"));
        }

        foreach (string name in ForeignLists)
        {
            if (!file.Has(name)) continue;
            JsonElement e = file.Root.GetProperty(name);
            bool off = e.ValueKind switch
            {
                JsonValueKind.False => true,
                JsonValueKind.Array => e.GetArrayLength() == 0,
                JsonValueKind.Object => !e.EnumerateObject().Any(),
                _ => false,
            };
            if (!off) throw file.Wrong(name, "is set, which is not known here; take it out to generate without it");
        }
    }

    private static EndDecay? Decay(ConfigReader file)
    {
        const string Name = "exponential_decay_length_penalty";
        if (file.Numbers(Name) is not { } numbers) return null;
        if (numbers.Length != 2 || numbers[0] != Math.Floor(numbers[0]) || numbers[0] is < 0 or > ConfigReader.MaximumSize)
            throw file.Wrong(Name, "is not a number of tokens and a factor; [12, 1.05] is an example");
        return new EndDecay((int)numbers[0], (float)numbers[1]);
    }

    private static IReadOnlyList<int>? Ends(ConfigReader file)
    {
        IReadOnlyList<int>? ids = Ids(file, "eos_token_id");
        if (ids is { Count: 0 })
            throw file.Wrong("eos_token_id", "is an empty list; one id or several were expected. Take the key out if none ends a text");
        return ids;
    }

    /// <summary>One id or a list of ids.</summary>
    private static IReadOnlyList<int>? Ids(ConfigReader file, string name)
    {
        if (!file.Has(name)) return null;
        JsonElement e = file.Root.GetProperty(name);
        if (e.ValueKind != JsonValueKind.Array) return [StrictJson.Integer(e, file.File, file.At(name), 0)];
        int[] ids = new int[e.GetArrayLength()];
        for (int i = 0; i < ids.Length; i++) ids[i] = StrictJson.Integer(e[i], file.File, $"{file.At(name)}[{i}]", 0);
        return ids;
    }

    /// <summary>One text or a list of texts.</summary>
    private static IReadOnlyList<string>? Texts(ConfigReader file, string name)
    {
        if (!file.Has(name)) return null;
        JsonElement e = file.Root.GetProperty(name);
        if (e.ValueKind != JsonValueKind.Array) return [StrictJson.Text(e, file.File, file.At(name))];
        return [.. e.EnumerateArray().Select((text, i) => StrictJson.Text(text, file.File, $"{file.At(name)}[{i}]"))];
    }

    private static IReadOnlyList<IReadOnlyList<int>>? Sequences(ConfigReader file, string name)
    {
        if (!file.Has(name)) return null;
        JsonElement e = file.Root.GetProperty(name);
        if (e.ValueKind != JsonValueKind.Array) throw file.Wrong(name, $"is {StrictJson.Describe(e)}; a list of lists of ids was expected");
        List<int[]> sequences = [];
        for (int i = 0; i < e.GetArrayLength(); i++) sequences.Add(Sequence(e[i], file, $"{file.At(name)}[{i}]"));
        return sequences;
    }

    private static int[] Sequence(JsonElement e, ConfigReader file, string path)
    {
        if (e.ValueKind != JsonValueKind.Array || e.GetArrayLength() == 0)
            throw new InvalidFileException(file.File, path, $"is {StrictJson.Describe(e)}; a list of at least one id was expected");
        int[] ids = new int[e.GetArrayLength()];
        for (int i = 0; i < ids.Length; i++) ids[i] = StrictJson.Integer(e[i], file.File, $"{path}[{i}]", 0);
        return ids;
    }

    private static IReadOnlyList<SequenceBias>? Biases(ConfigReader file)
    {
        const string Name = "sequence_bias";
        if (!file.Has(Name)) return null;
        JsonElement e = file.Root.GetProperty(Name);
        if (e.ValueKind != JsonValueKind.Array) throw file.Wrong(Name, $"is {StrictJson.Describe(e)}; a list of [ids, bias] was expected");
        List<SequenceBias> biases = [];
        for (int i = 0; i < e.GetArrayLength(); i++)
        {
            string path = $"{file.At(Name)}[{i}]";
            if (e[i].ValueKind != JsonValueKind.Array || e[i].GetArrayLength() != 2)
                throw new InvalidFileException(file.File, path, $"is {StrictJson.Describe(e[i])}; [ids, bias] was expected");
            biases.Add(new SequenceBias(Sequence(e[i][0], file, path + "[0]"), (float)StrictJson.Number(e[i][1], file.File, path + "[1]")));
        }

        return biases;
    }

    private static EarlyStopping? Early(ConfigReader file)
    {
        if (!file.Has("early_stopping")) return null;
        JsonElement e = file.Root.GetProperty("early_stopping");
        return e.ValueKind switch
        {
            JsonValueKind.True => EarlyStopping.WhenEnough,
            JsonValueKind.False => EarlyStopping.Heuristic,
            JsonValueKind.String when e.ValueEquals("never") => EarlyStopping.Never,
            _ => throw file.Wrong("early_stopping", $"is {StrictJson.Describe(e)}; true, false or \"never\" was expected"),
        };
    }
}
