namespace Heed.Tokenizers.Serialization;

/// <summary>What a tokenizer class keeps its vocabulary in, where there is no tokenizer.json.</summary>
internal enum VocabularyKind
{
    /// <summary>Not known: the class says nothing of the pipeline.</summary>
    Unknown,

    /// <summary>vocab.txt.</summary>
    WordPiece,

    /// <summary>vocab.json and merges.txt.</summary>
    ByteLevelBpe,

    /// <summary>A SentencePiece .model.</summary>
    SentencePiece,
}

/// <summary>The tokenizer class that a folder names: <c>tokenizer_class</c>, or without it the class that belongs to <c>model_type</c> of
/// config.json.</summary>
/// <param name="Name">Without <c>Tokenizer</c> and <c>Fast</c>; empty where the folder names none.</param>
/// <param name="Kind">What its vocabulary lies in.</param>
/// <param name="Place">File and JSON path of the name, for errors.</param>
internal sealed record TokenizerClass(string Name, VocabularyKind Kind, (string File, string Path, string Text) Place)
{
    public static readonly TokenizerClass None = new("", VocabularyKind.Unknown, ("", "", ""));

    private static readonly Dictionary<string, VocabularyKind> Known = new(StringComparer.Ordinal)
    {
        ["Bert"] = VocabularyKind.WordPiece,
        ["DistilBert"] = VocabularyKind.WordPiece,
        ["Electra"] = VocabularyKind.WordPiece,
        ["MobileBert"] = VocabularyKind.WordPiece,
        ["ConvBert"] = VocabularyKind.WordPiece,
        ["SqueezeBert"] = VocabularyKind.WordPiece,
        ["RetriBert"] = VocabularyKind.WordPiece,
        ["Lxmert"] = VocabularyKind.WordPiece,
        ["LayoutLM"] = VocabularyKind.WordPiece,
        ["Realm"] = VocabularyKind.WordPiece,
        ["DPRContextEncoder"] = VocabularyKind.WordPiece,
        ["DPRQuestionEncoder"] = VocabularyKind.WordPiece,
        ["DPRReader"] = VocabularyKind.WordPiece,
        ["MPNet"] = VocabularyKind.WordPiece,
        ["GPT2"] = VocabularyKind.ByteLevelBpe,
        ["Roberta"] = VocabularyKind.ByteLevelBpe,
        ["Bart"] = VocabularyKind.ByteLevelBpe,
        ["Longformer"] = VocabularyKind.ByteLevelBpe,
        ["LED"] = VocabularyKind.ByteLevelBpe,
        ["MVP"] = VocabularyKind.ByteLevelBpe,
        ["Deberta"] = VocabularyKind.ByteLevelBpe,
        ["Qwen2"] = VocabularyKind.ByteLevelBpe,
        ["T5"] = VocabularyKind.SentencePiece,
        ["MT5"] = VocabularyKind.SentencePiece,
        ["Llama"] = VocabularyKind.SentencePiece,
        ["CodeLlama"] = VocabularyKind.SentencePiece,
        ["Gemma"] = VocabularyKind.SentencePiece,
        ["XLMRoberta"] = VocabularyKind.SentencePiece,
        ["Camembert"] = VocabularyKind.SentencePiece,
        ["MBart"] = VocabularyKind.SentencePiece,
        ["Pegasus"] = VocabularyKind.SentencePiece,
        ["DebertaV2"] = VocabularyKind.SentencePiece,
    };

    private static readonly Dictionary<string, string> OfModelType = new(StringComparer.Ordinal)
    {
        ["bert"] = "Bert",
        ["distilbert"] = "DistilBert",
        ["electra"] = "Electra",
        ["mobilebert"] = "MobileBert",
        ["convbert"] = "ConvBert",
        ["squeezebert"] = "SqueezeBert",
        ["lxmert"] = "Lxmert",
        ["layoutlm"] = "LayoutLM",
        ["mpnet"] = "MPNet",
        ["gpt2"] = "GPT2",
        ["gpt_neo"] = "GPT2",
        ["roberta"] = "Roberta",
        ["bart"] = "Bart",
        ["longformer"] = "Longformer",
        ["led"] = "LED",
        ["mvp"] = "MVP",
        ["deberta"] = "Deberta",
        ["qwen2"] = "Qwen2",
        ["t5"] = "T5",
        ["mt5"] = "MT5",
        ["umt5"] = "MT5",
        ["llama"] = "Llama",
        ["mistral"] = "Llama",
        ["gemma"] = "Gemma",
        ["gemma2"] = "Gemma",
        ["xlm-roberta"] = "XLMRoberta",
        ["camembert"] = "Camembert",
        ["mbart"] = "MBart",
        ["pegasus"] = "Pegasus",
        ["deberta-v2"] = "DebertaV2",
    };

    public bool IsBert => Kind == VocabularyKind.WordPiece;

    /// <summary>RoBERTa and the classes that have its special tokens.</summary>
    public bool IsRoberta => Name is "Roberta" or "Bart" or "Longformer" or "LED" or "MVP";

    /// <summary>Classes whose blank before a text is an option, as that of the byte-level pre-tokenizer.</summary>
    public bool HasBytePrefixSpace => Kind == VocabularyKind.ByteLevelBpe;

    /// <summary>Classes whose blank before a text is an option, as ▁.</summary>
    public bool HasMetaspacePrefix => Name is "Llama" or "CodeLlama";

    public static TokenizerClass Of(FolderSettings settings, Func<JsonScope?> modelConfig)
    {
        JsonScope given = settings.Option("tokenizer_class");
        if (!given.IsNull) return Named(given.Text(), given);
        JsonScope? config;
        try
        {
            config = modelConfig();
        }
        catch (InvalidFileException)
        {
            return None;   // opening the model reports what is wrong with its configuration
        }

        if (config is not { IsObject: true } json) return None;
        if (json.Optional("tokenizer_class") is { Element.ValueKind: System.Text.Json.JsonValueKind.String } named) return Named(named.Text(), named);
        if (json.Optional("model_type") is not { Element.ValueKind: System.Text.Json.JsonValueKind.String } type) return None;
        return OfModelType.TryGetValue(type.Text(), out string? name) ? Named(name, type) : new TokenizerClass(type.Text(), VocabularyKind.Unknown, (type.File, type.Path, type.Text()));
    }

    /// <summary>Refuses a vocabulary without tokenizer.json whose pipeline the class does not say.</summary>
    /// <param name="kind">What kind of vocabulary is there.</param>
    /// <param name="file">The vocabulary.</param>
    /// <param name="settings">Receives a warning where no class is named: then the usual one is taken.</param>
    /// <param name="usual">What is taken where no class is named.</param>
    public void Require(VocabularyKind kind, string file, FolderSettings settings, string usual)
    {
        if (Kind == kind) return;
        string known = string.Join(", ", Known.Where(entry => entry.Value == kind).Select(entry => entry.Key + "Tokenizer"));
        if (Name.Length == 0)
        {
            settings.Warn($"no tokenizer class is named, so {file} is read as {usual}; name one in tokenizer_class ({known}).");
            return;
        }

        string reason = Kind == VocabularyKind.Unknown ? "whose pipeline is not known here" : "which has another kind of vocabulary";
        throw new InvalidFileException(Place.File, Place.Path,
            $"is \"{Printable.Shorten(Place.Text)}\", {reason}, so {Path.GetFileName(file)} alone cannot be read; known with such a file are {known}. Add the folder's tokenizer.json, or name the class that the file belongs to");
    }

    private static TokenizerClass Named(string text, JsonScope at)
    {
        int cut = text.IndexOf("Tokenizer", StringComparison.Ordinal);
        string name = cut <= 0 ? text : text[..cut];
        return new TokenizerClass(name, Known.GetValueOrDefault(name), (at.File, at.Path, text));
    }
}
