using System.Globalization;
using System.Text;

namespace Heed.Training.Data;

/// <summary>Finds columns by the names that people give them, in English, German, French and Spanish.</summary>
internal static class ColumnNames
{
    private static readonly Dictionary<DataColumn, string[]> Synonyms = new()
    {
        [DataColumn.Text] = ["text", "sentence", "review", "content", "body", "question", "satz", "bewertung", "rezension", "inhalt",
            "nachricht", "frage", "kommentar",
            "beschreibung", "texte", "phrase", "avis", "contenu", "commentaire", "message", "texto", "frase", "oracion", "resena",
                "contenido", "comentario", "mensaje", "pregunta"],
        [DataColumn.Label] = ["label", "labels", "class", "category", "target", "sentiment", "intent", "klasse", "kategorie", "etikett",
            "bezeichnung", "stimmung", "absicht",
            "ziel", "classe", "categorie", "etiquette", "cible", "intention", "clase", "categoria", "etiqueta", "objetivo", "sentimiento",
                "intencion"],
        [DataColumn.Score] = ["score", "similarity", "similarity_score", "ahnlichkeit", "aehnlichkeit", "punktzahl", "wert", "similarite",
            "similitud", "puntuacion"],
        [DataColumn.Anchor] = ["anchor", "anker", "ancre", "ancla"],
        [DataColumn.Positive] = ["positive", "positiv", "positif", "positivo"],
        [DataColumn.Words] = ["tokens", "words", "worter", "woerter", "mots", "palabras"],
        [DataColumn.Tags] = ["ner_tags", "tags", "pos_tags", "etiquettes", "etiquetas", "markierungen"],
        [DataColumn.Spans] = ["entities", "spans", "label", "labels", "entitaten", "entitaeten", "entites", "entidades"],
        [DataColumn.Question] = ["question", "frage", "pregunta"],
        [DataColumn.Context] = ["context", "kontext", "contexte", "contexto"],
        [DataColumn.Answers] = ["answers", "answer", "antworten", "antwort", "reponses", "reponse", "respuestas", "respuesta"],
        [DataColumn.Messages] = ["messages", "conversations", "conversation", "nachrichten", "mensajes"],
    };

    private static readonly (string First, string Second)[] TextPairs =
    [
        ("sentence1", "sentence2"), ("text_a", "text_b"), ("premise", "hypothesis"), ("query", "document"), ("text1", "text2"),
            ("question1", "question2"),
        ("sentence_a", "sentence_b"), ("satz1", "satz2"), ("pramisse", "hypothese"), ("praemisse", "hypothese"), ("premisse", "hypothese"),
            ("anfrage", "dokument"),
        ("frage1", "frage2"), ("phrase1", "phrase2"), ("texte1", "texte2"), ("requete", "document"), ("frase1", "frase2"),
            ("oracion1", "oracion2"), ("texto1", "texto2"),
        ("premisa", "hipotesis"), ("consulta", "documento"),
    ];

    private static readonly (string Source, string Target)[] Rewritings =
    [
        ("source", "target"), ("src", "tgt"), ("document", "summary"), ("article", "summary"), ("article", "highlights"),
            ("text", "summary"), ("dialogue", "summary"), ("input", "output"),
        ("quelle", "ziel"), ("quelltext", "zieltext"), ("dokument", "zusammenfassung"), ("artikel", "zusammenfassung"),
            ("text", "zusammenfassung"), ("source", "cible"),
        ("document", "resume"), ("texte", "resume"), ("article", "resume"), ("fuente", "objetivo"), ("origen", "destino"),
            ("documento", "resumen"), ("texto", "resumen"), ("articulo", "resumen"),
    ];

    /// <summary>
    /// The column that holds something: the one that the caller names, or the only one with a known name; null if there is
    /// none.
    /// </summary>
    /// <exception cref="InputException">The named column is missing, or two columns have known names.</exception>
    public static string? Find(DataColumn what, DataRows rows, DataOptions options)
    {
        if (Named(what, rows, options) is { } named) return named;
        if (!Synonyms.TryGetValue(what, out string[]? known)) return null;
        string[] found = [.. rows.Columns.Where(c => known.Contains(Plain(c), StringComparer.Ordinal))];
        return found.Length < 2 ? found.FirstOrDefault() : throw new InputException(
            $"{rows.File}: both '{found[0]}' and '{found[1]}' could be the column for {Describe(what)}. Name one (--columns, "
                + $"{nameof(DataOptions)}.{nameof(DataOptions.Columns)}, {what}).");
    }

    /// <summary>As <see cref="Find"/>, but there must be one.</summary>
    /// <exception cref="InputException">There is none, or more than one.</exception>
    public static string Need(DataColumn what, DataRows rows, DataOptions options)
        => Find(what, rows, options) ?? throw Missing(rows, Describe(what), Synonyms.GetValueOrDefault(what) ?? [], what);

    /// <summary>Two texts of a pair; null if there is none.</summary>
    /// <exception cref="InputException">Two pairs of columns have known names.</exception>
    public static (string First, string Second)? FindPair(DataRows rows, DataOptions options)
        => FindTwo(rows, options, DataColumn.First, DataColumn.Second, TextPairs);

    /// <summary>A text and what it becomes; null if there is none.</summary>
    /// <exception cref="InputException">Two pairs of columns have known names.</exception>
    public static (string Source, string Target)? FindRewriting(DataRows rows, DataOptions options)
        => FindTwo(rows, options, DataColumn.Source, DataColumn.Target, Rewritings);

    /// <summary>The column named for something, or the first with a known name; null if there is none. It may be ambiguous.</summary>
    public static string? Any(DataColumn what, DataRows rows, DataOptions options)
        => options.Columns.TryGetValue(what, out string? named) ? rows.Columns.FirstOrDefault(c => c == named)
            : rows.Columns.FirstOrDefault(c => Synonyms.TryGetValue(what, out string[]? known)
                && known.Contains(Plain(c), StringComparer.Ordinal));

    /// <summary>The pairs of columns that could be two texts.</summary>
    public static IEnumerable<(string First, string Second)> Pairs(DataRows rows, DataOptions options)
        => AllTwo(rows, options, DataColumn.First, DataColumn.Second, TextPairs);

    /// <summary>The pairs of columns that could be a text and what it becomes.</summary>
    public static IEnumerable<(string First, string Second)> RewritingsOf(DataRows rows, DataOptions options)
        => AllTwo(rows, options, DataColumn.Source, DataColumn.Target, Rewritings);

    /// <summary>True for names of summaries.</summary>
    public static bool IsSummary(string name) => Plain(name) is "summary" or "highlights" or "zusammenfassung" or "resume" or "resumen";

    /// <summary>An error that lists the columns there are and the names that are known.</summary>
    public static InputException Missing(DataRows rows, string what, IEnumerable<string> known, DataColumn column)
        => new($"{rows.File}: no column for {what}: the columns are "
        + $"{string.Join(", ", rows.Columns.Select(c => $"'{Printable.Shorten(c, 40)}'"))}; names known are {string.Join(", ", known)}. "
        + $"Rename one, or name it (--columns, {nameof(DataOptions)}.{nameof(DataOptions.Columns)}, {column}).");

    /// <summary>The names known for pairs of texts.</summary>
    public static IEnumerable<string> PairNames => TextPairs.Select(p => $"{p.First}/{p.Second}");

    /// <summary>The names known for texts and what they become.</summary>
    public static IEnumerable<string> RewritingNames => Rewritings.Select(p => $"{p.Source}/{p.Target}");

    /// <summary>True where a name is known for anything.</summary>
    public static bool IsKnown(string name)
    {
        string plain = Plain(name);
        return Synonyms.Values.Any(s => s.Contains(plain, StringComparer.Ordinal))
            || TextPairs.Any(p => p.First == plain || p.Second == plain)
            || Rewritings.Any(p => p.Source == plain || p.Target == plain);
    }

    /// <summary>A name in lower case, without accents, with underscores for blanks and hyphens.</summary>
    public static string Plain(string name)
    {
        StringBuilder plain = new(name.Length);
        foreach (char c in name.Trim().ToLowerInvariant().Replace(' ', '_').Replace('-', '_'))
        {
            plain.Append(c switch
            {
                'ä' or 'à' or 'â' or 'á' or 'ã' => 'a',
                'é' or 'è' or 'ê' or 'ë' => 'e',
                'í' or 'î' or 'ï' => 'i',
                'ö' or 'ó' or 'ô' => 'o',
                'ü' or 'ú' or 'ù' or 'û' => 'u',
                'ñ' => 'n',
                'ç' => 'c',
                _ => c,
            });
        }

        // "text 1" and "text_1" are text1.
        string text = plain.ToString();
        return text.Length > 2 && text[^2] == '_' && char.IsAsciiDigit(text[^1]) ? text[..^2] + text[^1] : text;
    }

    private static (string, string)? FindTwo(DataRows rows, DataOptions options, DataColumn first, DataColumn second,
        (string First, string Second)[] known)
    {
        string? one = Named(first, rows, options), two = Named(second, rows, options);
        if (one is not null && two is not null) return (one, two);
        if (one is not null || two is not null)
            throw new InputException($"{rows.File}: the column for {Describe(one is null ? first : second)} was not named, and that for "
                + $"{Describe(one is null ? second : first)} was; name both.");
        List<(string First, string Second)> found = Known(rows, known);
        if (found.Count == 0) return null;
        if (found.Count == 1) return found[0];
        throw new InputException($"{rows.File}: both '{found[0].First}' with '{found[0].Second}' and '{found[1].First}' with "
            + $"'{found[1].Second}' could be {Describe(first)} and {Describe(second)}. Name them (--columns, "
            + $"{nameof(DataOptions)}.{nameof(DataOptions.Columns)}).");
    }

    private static List<(string First, string Second)> AllTwo(DataRows rows, DataOptions options, DataColumn first, DataColumn second,
        (string First, string Second)[] known)
        => options.Columns.TryGetValue(first, out string? one) && options.Columns.TryGetValue(second, out string? two) ? [(one, two)]
            : Known(rows, known);

    private static List<(string First, string Second)> Known(DataRows rows, (string First, string Second)[] known)
    {
        List<(string First, string Second)> found = [];
        foreach ((string a, string b) in known)
        {
            string? left = rows.Columns.FirstOrDefault(c => Plain(c) == a), right = rows.Columns.FirstOrDefault(c => Plain(c) == b);
            if (left is not null && right is not null && !found.Contains((left, right))) found.Add((left, right));
        }

        return found;
    }

    private static string? Named(DataColumn what, DataRows rows, DataOptions options)
    {
        if (!options.Columns.TryGetValue(what, out string? name)) return null;
        return rows.Columns.Contains(name, StringComparer.Ordinal) ? name : throw new InputException(
            $"{rows.File}: has no column '{Printable.Shorten(name)}', which was named for {Describe(what)}; the columns are "
                + $"{string.Join(", ", rows.Columns.Select(c => $"'{Printable.Shorten(c, 40)}'"))}.");
    }

    private static string Describe(DataColumn what) => what switch
    {
        DataColumn.Text => "the text",
        DataColumn.First => "the first text",
        DataColumn.Second => "the second text",
        DataColumn.Label => "the label",
        DataColumn.Source => "the source text",
        DataColumn.Target => "the target text",
        _ => "the " + what.ToString().ToLower(CultureInfo.InvariantCulture),
    };
}
