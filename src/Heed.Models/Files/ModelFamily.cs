using Heed.Engine.Nn;

namespace Heed.Models.Files;

/// <summary>
/// What the loader must know of a family: its <c>model_type</c>, how its <c>config.json</c> reads, which heads it has, and how older
/// checkpoints named things. A new architecture adds one of these (<c>docs/adding-a-model.md</c>).
/// </summary>
public abstract class ModelFamily
{
    private static readonly (string Ending, HeadKind Head)[] Endings =
    [
        ("ForCausalLM", HeadKind.LanguageModel), ("LMHeadModel", HeadKind.LanguageModel), ("ForMaskedLM", HeadKind.MaskedLanguageModel), ("ForPreTraining", HeadKind.PreTraining),
        ("ForNextSentencePrediction", HeadKind.NextSentence), ("ForSequenceClassification", HeadKind.SequenceClassifier), ("ForTokenClassification", HeadKind.TokenClassifier),
        ("ForQuestionAnswering", HeadKind.QuestionAnswerer), ("ForConditionalGeneration", HeadKind.SequenceToSequence), ("MTModel", HeadKind.SequenceToSequence),
    ];

    /// <summary>The values of <c>model_type</c> that this family reads.</summary>
    public abstract IReadOnlyList<string> ModelTypes { get; }

    /// <summary>The classes of <c>architectures</c> that this family builds; the first is taken where the file names none.</summary>
    public abstract IReadOnlyList<string> Architectures { get; }

    /// <summary>The prefix of the stack's keys in a model with a head (<c>transformer</c>), which checkpoints of the bare stack leave
    /// out.</summary>
    public abstract string BasePrefix { get; }

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <exception cref="InvalidFileException">A field has a wrong type or range.</exception>
    public abstract ModelConfig ReadConfig(ConfigReader file);

    /// <summary>Builds a model with one of <see cref="Architectures"/>' heads.</summary>
    /// <param name="architecture">The head's class name.</param>
    /// <param name="config">From <see cref="ReadConfig"/> or made in code.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    public abstract Model Build(string architecture, ModelConfig config, ParameterSet parameters);

    /// <summary>The head that one of <see cref="Architectures"/> names; by the ending of Hugging Face's class names unless
    /// overridden.</summary>
    public virtual HeadKind HeadOf(string architecture)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        foreach ((string ending, HeadKind head) in Endings)
            if (architecture.EndsWith(ending, StringComparison.Ordinal)) return head;
        return HeadKind.None;
    }

    /// <summary>True for a stored tensor that belongs to another head of the same stack (BERT's next-sentence layer beside a masked-token
    /// head): it is left out silently.</summary>
    /// <param name="stored">Its key, under today's name.</param>
    /// <param name="head">The head of the model that is built.</param>
    public virtual bool LeavesOut(string stored, HeadKind head) => false;

    /// <summary>
    /// Further class names that <c>architectures</c> may say, and the one of <see cref="Architectures"/> that computes the same from the
    /// same tensors: names of older releases, and stacks without a head, which a tied output layer completes.
    /// </summary>
    public virtual IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string>();

    /// <summary>True for a parameter that a checkpoint may leave out, as the reference lets it: it then has its first values.</summary>
    /// <param name="parameter">Its key.</param>
    public virtual bool MayBeLeftOut(string parameter) => false;

    /// <summary>Today's key for a stored one; null for buffers (masks, position ids) that carry nothing.</summary>
    public virtual string? CurrentName(string stored) => stored;

    /// <summary>Configurations by name for <c>heed info</c> and training from nothing: <c>small</c>, <c>7b</c> …</summary>
    public virtual IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>();
}

/// <summary>A configuration from a paper.</summary>
/// <param name="Config">Sizes and settings.</param>
/// <param name="Architecture">The head whose parameters are counted.</param>
/// <param name="Source">Paper and table.</param>
/// <param name="Note">What the paper says where it differs from the count; else empty.</param>
public sealed record ModelPreset(ModelConfig Config, string Architecture, string Source, string Note = "");
