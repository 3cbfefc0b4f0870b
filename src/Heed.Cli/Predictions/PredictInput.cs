using Heed.Training.Data;

namespace Heed.Cli.Predictions;

/// <summary>A text to predict for.</summary>
/// <param name="Text">The text; a question.</param>
/// <param name="Second">The second text of a pair, a question's context, or null.</param>
/// <param name="Line">Its line in a file or in the standard input; null for an argument.</param>
internal sealed record PredictInput(string Text, string? Second, long? Line)
{
    /// <summary>True for a line without a text: it gets a line of its own, and no prediction.</summary>
    public bool IsBlank => Line is not null && string.IsNullOrWhiteSpace(Text);
}

/// <summary>Where the texts of <c>heed predict</c> come from.</summary>
internal static class PredictInputs
{
    /// <summary>The texts of the command line.</summary>
    /// <param name="texts">Arguments; none, or <c>-</c> alone, is the standard input, a text per line.</param>
    /// <param name="second">The second text of each, or null.</param>
    /// <param name="terminal">Whose standard input.</param>
    public static IEnumerable<PredictInput> OfArguments(IReadOnlyList<string> texts, string? second, Terminal terminal)
    {
        if (texts.Count > 0 && !(texts.Count == 1 && StandardInput.IsMeant(texts[0])))
        {
            foreach (string text in texts) yield return new PredictInput(text, second, null);
            yield break;
        }

        long line = 0;
        foreach (string piece in StandardInput.Pieces(terminal))
        {
            line++;
            string text = piece.TrimEnd('\n').TrimEnd('\r');
            yield return new PredictInput(text, second, line);
        }

        if (line == 0) throw new InputException("standard input: holds no text; one per line was expected. Give a text as an "
            + "argument, or --file.");
    }

    /// <summary>The texts of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">What its columns hold.</param>
    /// <param name="first">Name of the column of texts or questions; null: found.</param>
    /// <param name="second">Name of the column of second texts or contexts; null: found.</param>
    /// <param name="skipFaulty">True: lines with faults are left out, with a warning.</param>
    /// <param name="terminal">Gets what was taken for what.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    public static IReadOnlyList<PredictInput> OfFile(
        string path, InputKind kind, string? first, string? second, bool skipFaulty, Terminal terminal, CancellationToken cancellationToken)
    {
        if (kind == InputKind.Sources && second is not null) throw new UsageException("--pair-column: a text that is rewritten has "
            + "no second one. Leave it out.");
        if (second is not null && first is null) throw new UsageException("--pair-column: names the second column, and the first "
            + "was not named; name it by --text-column too.");
        Dictionary<DataColumn, string> columns = [];
        bool isPair = second is not null || kind == InputKind.Questions;
        if (first is not null) columns[kind == InputKind.Questions ? DataColumn.Question : isPair ? DataColumn.First
            : DataColumn.Text] = first;
        if (second is not null) columns[kind == InputKind.Questions ? DataColumn.Context : DataColumn.Second] = second;
        ExampleSet<InputExample> set;
        try
        {
            set = ExampleReader.Inputs(path, kind, new DataOptions { Columns = columns, SkipFaulty = skipFaulty }, keepsBlank: true,
                cancellationToken);
        }
        catch (InputException e) when (WithOptions(e.Message) != e.Message)
        {
            throw new InputException(WithOptions(e.Message), e);
        }

        foreach (DataFault fault in set.Faults) terminal.Warn($"{fault}; left out");
        if (terminal.IsErrorTerminal)
            foreach (string statement in set.Statements) terminal.Note(statement);
        return [.. set.Examples.Select(e => new PredictInput(e.Text, e.Second, e.Place.Number))];
    }

    /// <summary>A sentence about the library's settings as one about options.</summary>
    private static string WithOptions(string message)
    {
        string columns = $"--columns, {nameof(DataOptions)}.{nameof(DataOptions.Columns)}";
        foreach (DataColumn column in (DataColumn[])[DataColumn.Text, DataColumn.Question, DataColumn.Source])
            message = message.Replace($"{columns}, {column}", "--text-column", StringComparison.Ordinal);
        return message.Replace($"{columns}, {DataColumn.Context}", "--pair-column", StringComparison.Ordinal)
            .Replace(columns, "--text-column, --pair-column", StringComparison.Ordinal)
            .Replace($"--skip-faulty, {nameof(DataOptions)}.{nameof(DataOptions.SkipFaulty)}", "--skip-faulty", StringComparison.Ordinal);
    }
}
