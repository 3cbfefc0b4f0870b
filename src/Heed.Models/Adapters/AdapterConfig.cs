namespace Heed.Models.Adapters;

/// <summary>Which biases an adapter trains (PEFT's <c>bias</c>).</summary>
public enum AdapterBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those of the adapted projections.</summary>
    Adapted,

    /// <summary>Every bias of the model.</summary>
    All,
}

/// <summary>What a low-rank adapter changes and trains. It is read from and written to <c>adapter_config.json</c>, in PEFT's
/// form.</summary>
/// <remarks>LoRA: Hu et al. 2021, arXiv:2106.09685; DoRA: Liu et al. 2024, arXiv:2402.09353.</remarks>
public sealed record AdapterConfig
{
    /// <summary>The value of <see cref="TargetPattern"/> that means every projection but the output layer and the head.</summary>
    public const string AllLinear = "all-linear";

    /// <summary>r, the width of the two narrow matrices (<c>r</c>).</summary>
    public int Rank { get; init; } = 8;

    /// <summary>α: the change is scaled by α / r (<c>lora_alpha</c>).</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>True: the change is scaled by α / √r (<c>use_rslora</c>).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>True: each output's norm is trained apart from its direction (<c>use_dora</c>).</summary>
    public bool Dora { get; init; }

    /// <summary>Probability of dropout on what the change reads, 0 to below 1 (<c>lora_dropout</c>).</summary>
    public double Dropout { get; init; }

    /// <summary>Names of the adapted modules, or their ends after a dot (<c>target_modules</c>). If neither this nor
    /// <see cref="TargetPattern"/> is set, the projections of queries and values.</summary>
    public IReadOnlyList<string>? TargetModules { get; init; }

    /// <summary>A regular expression that the whole name of an adapted module matches, or <see cref="AllLinear"/>
    /// (<c>target_modules</c> as one string).</summary>
    public string? TargetPattern { get; init; }

    /// <summary>Names, or ends after a dot, of modules that stay as they are (<c>exclude_modules</c>).</summary>
    public IReadOnlyList<string> ExcludedModules { get; init; } = [];

    /// <summary>A regular expression for the same (<c>exclude_modules</c> as one string), or null.</summary>
    public string? ExcludedPattern { get; init; }

    /// <summary>Numbers of the layers that <see cref="TargetModules"/> are looked for in (<c>layers_to_transform</c>); null: all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Names of the lists whose layers <see cref="Layers"/> counts, such as <c>layer</c> (<c>layers_pattern</c>); empty:
    /// any.</summary>
    public IReadOnlyList<string> LayerLists { get; init; } = [];

    /// <summary>Ranks of modules by a regular expression for the end of their names; the first that matches counts
    /// (<c>rank_pattern</c>).</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>Values of α likewise (<c>alpha_pattern</c>).</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>Which biases are trained (<c>bias</c>).</summary>
    public AdapterBias Bias { get; init; }

    /// <summary>Names of modules, or parts of them, that are trained and saved whole: a new head (<c>modules_to_save</c>). Names that the
    /// model does not have count for nothing.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>What the model is for, by PEFT's word: <c>CAUSAL_LM</c>, <c>SEQ_CLS</c> … (<c>task_type</c>); null is not said.</summary>
    public string? TaskType { get; init; }

    /// <summary>The base model: a folder, seen from the adapter's own, or a name on the hub (<c>base_model_name_or_path</c>).</summary>
    public string? BaseModel { get; init; }

    /// <summary>Branch, tag or commit of the base model on the hub (<c>revision</c>); null: main.</summary>
    public string? BaseRevision { get; init; }

    /// <summary>How A and B begin (<c>init_lora_weights</c>).</summary>
    internal AdapterStart Start { get; init; }

    /// <summary>The file's object as it was read; null for a configuration made in code.</summary>
    internal System.Text.Json.Nodes.JsonObject? Original { get; init; }

    /// <summary>The path of the file, for errors.</summary>
    internal string File { get; init; } = AdapterConfigFile.Name;

    /// <summary>Checks what no file is needed for.</summary>
    /// <exception cref="ConfigException">A value is out of range, or two contradict each other.</exception>
    internal void Validate()
    {
        if (Rank < 1) throw Wrong("r", $"is {Rank}; a whole number of at least 1 was expected");
        if (!double.IsFinite(Alpha)) throw Wrong("lora_alpha", "is not finite");
        if (!(Dropout >= 0 && Dropout < 1))
            throw Wrong("lora_dropout", FormattableString.Invariant($"is {Dropout}; a probability from 0 to below 1 was expected"));
        if (TargetModules is not null && TargetPattern is not null)
            throw Wrong("target_modules", "has both names and a pattern; give one of them");
        if (Layers is not null && TargetPattern is not null)
            throw Wrong("layers_to_transform", "goes with a list of target_modules, not with a pattern; put the layers' numbers into the "
                + "pattern");
        if (LayerLists.Count > 0 && Layers is null)
            throw Wrong("layers_pattern", "says whose layers are counted, and layers_to_transform names none; give both or neither");
    }

    internal ConfigException Wrong(string key, string reason) => new($"{File}: $.{key}: {reason}.");
}

/// <summary>How the narrow matrices begin.</summary>
internal enum AdapterStart
{
    /// <summary>A uniform, B zero: the model begins as its base.</summary>
    Standard,

    /// <summary>A normal with deviation 1/r, B zero.</summary>
    Gaussian,

    /// <summary>Both uniform: the model begins changed.</summary>
    Both,
}
