namespace Heed.Models;

/// <summary>What a head makes of a stack's rows; <c>architectures</c> names the stack and the head in one word.</summary>
public enum HeadKind
{
    /// <summary>No head: the rows themselves (<see cref="EncoderModel"/>).</summary>
    None,

    /// <summary>The next token (<see cref="CausalLanguageModel"/>).</summary>
    LanguageModel,

    /// <summary>Hidden tokens (<see cref="MaskedLanguageModel"/>).</summary>
    MaskedLanguageModel,

    /// <summary>Hidden tokens, and whether the second segment follows the first (<see cref="MaskedLanguageModel"/>).</summary>
    PreTraining,

    /// <summary>Whether the second segment follows the first (<see cref="SequenceClassifier"/>).</summary>
    NextSentence,

    /// <summary>Classes or numbers of a text (<see cref="SequenceClassifier"/>).</summary>
    SequenceClassifier,

    /// <summary>A class of each token (<see cref="TokenClassifier"/>).</summary>
    TokenClassifier,

    /// <summary>Whether each token was replaced (ELECTRA's discriminator).</summary>
    ReplacedTokens,

    /// <summary>Start and end of an answer (<see cref="QuestionAnswerer"/>).</summary>
    QuestionAnswerer,

    /// <summary>A text from another one (<see cref="SequenceToSequenceModel"/>).</summary>
    SequenceToSequence,
}
