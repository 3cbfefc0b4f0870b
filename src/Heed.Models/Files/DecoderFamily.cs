using Heed.Engine.Nn;

namespace Heed.Models.Files;

/// <summary>
/// A family of decoders: a stack, a configuration and a map of names. The heads come of themselves: the output over the vocabulary at
/// <c>lm_head</c>, or the token table, a classifier of the last token at <c>score</c>, and the rows alone, for embeddings.
/// </summary>
public abstract class DecoderFamily : ModelFamily
{
    /// <summary>Builds the stack.</summary>
    /// <param name="architecture">The head's class name, where members of the family differ by it.</param>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="at">Where its parameters are named: <see cref="ModelFamily.BasePrefix"/>.</param>
    protected abstract DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at);

    /// <summary>What the output over the vocabulary is.</summary>
    protected virtual VocabularyHeadConfig OutputOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new VocabularyHeadConfig { Width = config.Width, Vocabulary = config.Vocabulary, Tied = config.TiedOutput, Initializer = Initializer.Normal(config.InitialDeviation) };
    }

    /// <summary>The heads of a file whose rows alone are wanted.</summary>
    /// <inheritdoc/>
    public override bool LeavesOut(string stored, HeadKind head)
    {
        ArgumentNullException.ThrowIfNull(stored);
        return head == HeadKind.None
            && (stored.StartsWith("lm_head.", StringComparison.Ordinal) || stored.StartsWith("score.", StringComparison.Ordinal));
    }

    /// <inheritdoc/>
    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        HeadKind head = HeadOf(architecture);
        DecoderStack stack = BuildStack(
            architecture, config, head == HeadKind.None ? parameters.Root.As("") : parameters.Root / BasePrefix);
        if (head == HeadKind.None) return new EncoderModel(architecture, parameters, stack);
        if (head != HeadKind.SequenceClassifier)
            return new CausalLanguageModel(architecture, parameters, stack, new VocabularyHead(OutputOf(stack.Config), stack.Tokens, parameters.Root / "lm_head"));
        Linear score = new(
            config.Width, config.Labels.Count, (parameters.Root / "score").As("score"), bias: false,
            initializer: Initializer.Normal(config.InitialDeviation));
        return new SequenceClassifier(architecture, parameters, stack, new SequenceHead(score) { LastToken = true });
    }
}
