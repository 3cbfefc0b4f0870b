using System.Text.Json;

namespace Heed.Training.Data;

/// <summary>What the labels of classification data are.</summary>
public enum LabelKind
{
    /// <summary>One label per text.</summary>
    Single,

    /// <summary>Any number of labels per text.</summary>
    Multiple,

    /// <summary>A number per text.</summary>
    Regression,
}

/// <summary>A text, or a pair of texts, with what is to be predicted for it.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Text">The text.</param>
/// <param name="Second">The second text of a pair, or null.</param>
/// <param name="Labels">Its labels: one for <see cref="LabelKind.Single"/>, none for <see cref="LabelKind.Regression"/>.</param>
/// <param name="Value">Its number for <see cref="LabelKind.Regression"/>, else NaN.</param>
public sealed record ClassificationExample(DataPlace Place, string Text, string? Second, IReadOnlyList<string> Labels, double Value);

/// <summary>Words with a tag each.</summary>
/// <param name="Place">Where the first word stands.</param>
/// <param name="Words">The words.</param>
/// <param name="Tags">As many tags.</param>
public sealed record TaggedExample(DataPlace Place, IReadOnlyList<string> Words, IReadOnlyList<string> Tags);

/// <summary>A labelled part of a text.</summary>
/// <param name="Start">First character, in UTF-16 units.</param>
/// <param name="End">After its last character.</param>
/// <param name="Label">Its label.</param>
public readonly record struct LabelledSpan(int Start, int End, string Label);

/// <summary>A text with labelled parts, in order.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Text">The text.</param>
/// <param name="Spans">Its parts; none overlaps another.</param>
public sealed record SpanExample(DataPlace Place, string Text, IReadOnlyList<LabelledSpan> Spans);

/// <summary>An answer inside a context.</summary>
/// <param name="Text">The answer.</param>
/// <param name="Start">Its first character in the context, in UTF-16 units.</param>
public readonly record struct ContextAnswer(string Text, int Start);

/// <summary>A question about a context.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Id">Its id; the place if the data has none.</param>
/// <param name="Question">The question.</param>
/// <param name="Context">The text that holds the answer.</param>
/// <param name="Answers">The answers; none where the context does not hold one (SQuAD 2.0).</param>
public sealed record QuestionExample(DataPlace Place, string Id, string Question, string Context, IReadOnlyList<ContextAnswer> Answers);

/// <summary>A text and what it is to become: translation, summary.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Source">The text.</param>
/// <param name="Target">What it becomes.</param>
public sealed record RewritingExample(DataPlace Place, string Source, string Target);

/// <summary>What similarity data holds.</summary>
public enum SimilarityKind
{
    /// <summary>Two texts that belong together.</summary>
    Pairs,

    /// <summary>Two texts and how similar they are, 0 to 1.</summary>
    Scores,

    /// <summary>Two texts and whether they are similar: 1 or 0.</summary>
    Labels,

    /// <summary>A text, one near it and one or more far from it.</summary>
    Triplets,

    /// <summary>Two texts and the class of the pair, as entailment, neutral and contradiction.</summary>
    PairClasses,

    /// <summary>A text and its class: texts of one class belong together.</summary>
    Classes,
}

/// <summary>Texts whose nearness is known.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="First">The first text; the anchor.</param>
/// <param name="Second">The second text; the positive; empty of a single text with its class.</param>
/// <param name="Negatives">Texts far from the first, for <see cref="SimilarityKind.Triplets"/>.</param>
/// <param name="Score">Similarity, 0 to 1, for <see cref="SimilarityKind.Scores"/> and <see cref="SimilarityKind.Labels"/>; else
/// NaN.</param>
public sealed record SimilarityExample(DataPlace Place, string First, string Second, IReadOnlyList<string> Negatives, double Score)
{
    /// <summary>The class of the pair or of the text, for <see cref="SimilarityKind.PairClasses"/> and
    /// <see cref="SimilarityKind.Classes"/>; else null.</summary>
    public string? Class { get; init; }
}

/// <summary>A conversation.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Messages">Messages in OpenAI's form (<c>role</c>, <c>content</c>, <c>tool_calls</c> …), as chat templates take
/// them.</param>
/// <param name="Tools">Tools that the conversation may call, or null.</param>
public sealed record ChatExample(DataPlace Place, JsonElement Messages, JsonElement? Tools);

/// <summary>Examples of one form, with what was found while reading them.</summary>
public record ExampleSet<T>
{
    /// <summary>The examples, in the data's order.</summary>
    public required IReadOnlyList<T> Examples { get; init; }

    /// <summary>What was taken for what, a sentence each: columns, delimiter, kind of label, scale.</summary>
    public required IReadOnlyList<string> Statements { get; init; }

    /// <summary>The lines left out; empty unless <see cref="DataOptions.SkipFaulty"/>.</summary>
    public required IReadOnlyList<DataFault> Faults { get; init; }
}

/// <summary>Classification data.</summary>
public sealed record ClassificationSet : ExampleSet<ClassificationExample>
{
    /// <summary>What the labels are.</summary>
    public required LabelKind Kind { get; init; }

    /// <summary>
    /// The labels, in ordinal order (numbers by value), or as <see cref="DataOptions.LabelNames"/> lists them; empty for
    /// regression.
    /// </summary>
    public required IReadOnlyList<string> Labels { get; init; }
}

/// <summary>Similarity data.</summary>
public sealed record SimilaritySet : ExampleSet<SimilarityExample>
{
    /// <summary>What the data holds.</summary>
    public required SimilarityKind Kind { get; init; }

    /// <summary>The names of all classes, in the order of their numbers or letters; empty where there are none.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];
}
