using Heed.Models;
using Heed.Models.Files;

namespace Heed.Training.Objectives;

/// <summary>The objectives of pre-training, by name.</summary>
internal static class ObjectiveKind
{
    /// <summary>Each token from those before it (GPT).</summary>
    public const string Causal = "causal";

    /// <summary>Masked tokens from all others (BERT, RoBERTa).</summary>
    public const string Masked = "masked";

    /// <summary>Which tokens a generator has replaced, together with the generator (ELECTRA).</summary>
    public const string Replaced = "replaced";

    /// <summary>Masked tokens beside a teacher (DistilBERT).</summary>
    public const string Distill = "distill";

    /// <summary>Spans that sentinels stand for (T5).</summary>
    public const string Span = "span";

    /// <summary>The text from one with other sentences first and infilled spans (BART).</summary>
    public const string Denoise = "denoise";

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [Causal, Masked, Replaced, Distill, Span, Denoise];

    /// <summary>The head that an objective trains.</summary>
    public static HeadKind HeadOf(string objective) => objective switch
    {
        Causal => HeadKind.LanguageModel,
        Masked or Distill => HeadKind.MaskedLanguageModel,
        Replaced => HeadKind.ReplacedTokens,
        _ => HeadKind.SequenceToSequence,
    };

    /// <summary>True for objectives that mask tokens of a text for an encoder.</summary>
    public static bool Masks(string objective) => objective is Masked or Replaced or Distill;

    /// <summary>What a model learns unless another objective is named: what its paper did.</summary>
    /// <param name="family">The family.</param>
    /// <param name="type">Its <c>model_type</c>.</param>
    /// <param name="architecture">The head that the configuration names.</param>
    /// <returns>Null if the model has no head for any.</returns>
    public static string? DefaultOf(ModelFamily family, string type, string architecture)
    {
        HeadKind own = family.HeadOf(architecture);
        if (own == HeadKind.PreTraining) own = HeadKind.MaskedLanguageModel;
        if (Names.FirstOrDefault(n => HeadOf(n) == own) is { } natural) return natural == Span && type == "bart" ? Denoise : natural;
        return Names.FirstOrDefault(n => ArchitectureFor(n, family, type, architecture) is not null);
    }

    /// <summary>The class of a family that an objective trains; null if it has none.</summary>
    /// <param name="objective">A name.</param>
    /// <param name="family">The family.</param>
    /// <param name="type">Its <c>model_type</c>.</param>
    /// <param name="architecture">Taken if it has the head.</param>
    public static string? ArchitectureFor(string objective, ModelFamily family, string type, string architecture)
    {
        HeadKind head = HeadOf(objective);
        return family.HeadOf(architecture) == head ? architecture
            : ModelFamilies.Heads(family, type).FirstOrDefault(a => family.HeadOf(a) == head);
    }
}
