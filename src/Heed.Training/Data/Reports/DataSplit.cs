namespace Heed.Training.Data;

/// <summary>
/// Holds out a part of examples by their texts: the same examples give the same parts, whatever their order, and equal texts stay
/// on one side.
/// </summary>
/// <typeparam name="T">The kind of example.</typeparam>
/// <param name="Training">The examples to learn from, in the data's order.</param>
/// <param name="HeldOut">The others, in the data's order.</param>
public sealed record DataSplit<T>(IReadOnlyList<T> Training, IReadOnlyList<T> HeldOut)
{
    /// <summary>Splits examples.</summary>
    /// <param name="examples">The examples.</param>
    /// <param name="text">An example's text. Equal but for white space are duplicates.</param>
    /// <param name="label">An example's label: each label's texts are held out by the same part. Null without labels.</param>
    /// <param name="part">Part held out, above 0 and below 1.</param>
    /// <param name="least">Texts of a label that are held out at least, where it has twice as many.</param>
    /// <returns>Both parts. A label of two or more different texts has one or more on either side; a label of one text is learned
    /// from.</returns>
    internal static DataSplit<T> Of(IReadOnlyList<T> examples, Func<T, string> text, Func<T, string>? label, double part, int least = 1)
    {
        if (part is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(part), part,
            "The part held out must be above 0 and below 1.");
        Dictionary<string, List<int>> groups = new(StringComparer.Ordinal);
        for (int i = 0; i < examples.Count; i++)
        {
            string key = TextKey.Of(text(examples[i]));
            if (!groups.TryGetValue(key, out List<int>? group)) groups.Add(key, group = []);
            group.Add(i);
        }

        bool[] heldOut = new bool[examples.Count];
        // Of duplicates with several labels the first in ordinal order decides, so that the data's order does not.
        foreach (var stratum in groups.GroupBy(g => label is null ? ""
            : g.Value.Select(i => label(examples[i])).Min(StringComparer.Ordinal)!, StringComparer.Ordinal))
        {
            var texts = stratum.OrderBy(g => new TextDocument("", g.Key).Hash).ThenBy(g => g.Key, StringComparer.Ordinal).ToList();
            int wanted = (int)Math.Round(texts.Count * part, MidpointRounding.AwayFromZero);
            int taken = texts.Count < 2 ? 0 : Math.Clamp(wanted, texts.Count >= 2 * least ? least : 1, texts.Count - 1);
            foreach (int i in texts.Take(taken).SelectMany(g => g.Value)) heldOut[i] = true;
        }

        return new DataSplit<T>([.. examples.Where((_, i) => !heldOut[i])], [.. examples.Where((_, i) => heldOut[i])]);
    }
}

/// <summary>Splits of data of each form.</summary>
public static class DataSplit
{
    /// <summary>Part held out where nothing is said.</summary>
    public const double UsualPart = 0.1;

    /// <summary>Splits classification data label by label; several labels of a text count as one of their own.</summary>
    public static DataSplit<ClassificationExample> Of(ClassificationSet data, double part = UsualPart)
    {
        ArgumentNullException.ThrowIfNull(data);
        return DataSplit<ClassificationExample>.Of(data.Examples, TextKey.Text, data.Kind == LabelKind.Regression ? null
            : e => string.Join('\n', e.Labels.Order(StringComparer.Ordinal)), part);
    }

    /// <summary>Splits tagged sentences.</summary>
    public static DataSplit<TaggedExample> Of(ExampleSet<TaggedExample> data, double part = UsualPart)
        => Plain(data, e => string.Join(' ', e.Words), part);

    /// <summary>Splits texts with labelled parts.</summary>
    public static DataSplit<SpanExample> Of(ExampleSet<SpanExample> data, double part = UsualPart) => Plain(data, e => e.Text, part);

    /// <summary>Splits questions by their contexts: questions about one context stay on one side.</summary>
    public static DataSplit<QuestionExample> Of(ExampleSet<QuestionExample> data, double part = UsualPart)
        => Plain(data, e => e.Context, part);

    /// <summary>Splits texts and what they become by the texts.</summary>
    public static DataSplit<RewritingExample> Of(ExampleSet<RewritingExample> data, double part = UsualPart)
        => Plain(data, e => e.Source, part);

    /// <summary>Splits similar texts by the first text, class by class where there are classes; a held-out text with a class needs
    /// another one that it can find.</summary>
    public static DataSplit<SimilarityExample> Of(SimilaritySet data, double part = UsualPart)
    {
        ArgumentNullException.ThrowIfNull(data);
        return DataSplit<SimilarityExample>.Of(data.Examples, e => e.First, data.Classes.Count == 0 ? null : e => e.Class!, part,
            data.Kind == SimilarityKind.Classes ? 2 : 1);
    }

    /// <summary>Splits conversations.</summary>
    public static DataSplit<ChatExample> Of(ExampleSet<ChatExample> data, double part = UsualPart)
        => Plain(data, e => e.Messages.GetRawText(), part);

    private static DataSplit<T> Plain<T>(ExampleSet<T> data, Func<T, string> text, double part)
    {
        ArgumentNullException.ThrowIfNull(data);
        return DataSplit<T>.Of(data.Examples, text, null, part);
    }
}

/// <summary>What makes two texts duplicates.</summary>
internal static class TextKey
{
    /// <summary>A text with white space squeezed and none at its ends.</summary>
    public static string Of(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>The text of a classification example; both of a pair.</summary>
    public static string Text(ClassificationExample example) => example.Second is null ? example.Text : $"{example.Text}\n{example.Second}";
}
