namespace Heed.Training.Metrics;

/// <summary>English stems as NLTK's stemmer gives them in its default mode, which departs from the algorithm of 1980.</summary>
/// <remarks>Porter, "An algorithm for suffix stripping", with NLTK_EXTENSIONS.</remarks>
internal static class PorterStemmer
{
    private static readonly Dictionary<string, string> Whole = new(StringComparer.Ordinal)
    {
        ["sky"] = "sky",
        ["skies"] = "sky",
        ["dying"] = "die",
        ["lying"] = "lie",
        ["tying"] = "tie",
        ["news"] = "news",
        ["innings"] = "inning",
        ["inning"] = "inning",
        ["outings"] = "outing",
        ["outing"] = "outing",
        ["cannings"] = "canning",
        ["canning"] = "canning",
        ["howe"] = "howe",
        ["proceed"] = "proceed",
        ["exceed"] = "exceed",
        ["succeed"] = "succeed",
    };

    private static readonly (string Suffix, string By)[] Plurals = [("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")];

    private static readonly (string Suffix, string By)[] Doubled =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"), ("alli", "al"),
            ("entli", "ent"),
        ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
            ("fulness", "ful"),
        ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"), ("logi", "log"),
    ];

    private static readonly (string Suffix, string By)[] Adjectives = [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"),
        ("ical", "ic"), ("ful", ""), ("ness", "")];

    private static readonly string[] Endings = ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion",
        "ou", "ism", "ate", "iti", "ous", "ive", "ize"];

    /// <summary>The stem of a word, in lower case.</summary>
    public static string Stem(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        word = ReferenceText.ToLower(word);
        if (Whole.TryGetValue(word, out string? stem)) return stem;
        if (word.Length <= 2) return word;
        return Step5(Step4(Step3(Step2(Step1C(Step1B(Step1A(word)))))));
    }

    private static string Step1A(string word)
    {
        if (word.Length == 4 && Ends(word, "ies")) return word[..^1];
        foreach ((string suffix, string by) in Plurals)
            if (Ends(word, suffix)) return word[..^suffix.Length] + by;
        return word;
    }

    private static string Step1B(string word)
    {
        if (Ends(word, "ied")) return word.Length == 4 ? word[..^1] : word[..^2];
        if (Ends(word, "eed")) return Measure(word[..^3]) > 0 ? word[..^1] : word;
        string stem;
        if (Ends(word, "ed") && HasVowel(word[..^2])) stem = word[..^2];
        else if (Ends(word, "ing") && HasVowel(word[..^3])) stem = word[..^3];
        else return word;
        if (Ends(stem, "at") || Ends(stem, "bl") || Ends(stem, "iz")) return stem + "e";
        if (stem.Length >= 2 && stem[^1] == stem[^2] && IsConsonant(stem, stem.Length - 1)) return stem[^1] is 'l' or 's' or 'z' ? stem
            : stem[..^1];
        return Measure(stem) == 1 && EndsShort(stem) ? stem + "e" : stem;
    }

    private static string Step1C(string word)
        => Ends(word, "y") && word.Length > 2 && IsConsonant(word[..^1], word.Length - 2) ? word[..^1] + "i" : word;

    private static string Step2(string word)
    {
        while (Ends(word, "alli") && Measure(word[..^4]) > 0) word = word[..^2];
        foreach ((string suffix, string by) in Doubled)
        {
            if (!Ends(word, suffix)) continue;
            // The l of logi belongs to the stem, so that geology is treated as archaeology is.
            string stem = suffix == "logi" ? word[..^3] : word[..^suffix.Length];
            return Measure(stem) > 0 ? word[..^suffix.Length] + by : word;
        }

        return word;
    }

    private static string Step3(string word)
    {
        foreach ((string suffix, string by) in Adjectives)
            if (Ends(word, suffix)) return Measure(word[..^suffix.Length]) > 0 ? word[..^suffix.Length] + by : word;
        return word;
    }

    private static string Step4(string word)
    {
        foreach (string suffix in Endings)
        {
            if (!Ends(word, suffix)) continue;
            string stem = word[..^suffix.Length];
            return Measure(stem) > 1 && (suffix != "ion" || stem[^1] is 's' or 't') ? stem : word;
        }

        return word;
    }

    private static string Step5(string word)
    {
        if (Ends(word, "e"))
        {
            string stem = word[..^1];
            int measure = Measure(stem);
            if (measure > 1 || (measure == 1 && !EndsShort(stem))) word = stem;
        }

        return Ends(word, "ll") && Measure(word[..^1]) > 1 ? word[..^1] : word;
    }

    private static bool Ends(string word, string suffix) => word.EndsWith(suffix, StringComparison.Ordinal);

    /// <summary>Every character but a, e, i, o, u, and y after a consonant.</summary>
    private static bool IsConsonant(string word, int at)
    {
        if (word[at] is 'a' or 'e' or 'i' or 'o' or 'u') return false;
        if (word[at] != 'y') return true;
        // In a run of y they take turns.
        int first = at;
        while (first > 0 && word[first - 1] == 'y') first--;
        bool consonant = first == 0 || !IsConsonant(word, first - 1);
        return (at - first) % 2 == 0 ? consonant : !consonant;
    }

    /// <summary>The paper's m: how often a vowel is followed by a consonant.</summary>
    private static int Measure(string stem)
    {
        int measure = 0;
        bool vowel = false;
        for (int i = 0; i < stem.Length; i++)
        {
            bool consonant = IsConsonant(stem, i);
            if (consonant && vowel) measure++;
            vowel = !consonant;
        }

        return measure;
    }

    private static bool HasVowel(string stem) => Enumerable.Range(0, stem.Length).Any(i => !IsConsonant(stem, i));

    /// <summary>The paper's *o, consonant, vowel, consonant other than w, x, y; or two letters, vowel and consonant.</summary>
    private static bool EndsShort(string word)
    {
        int n = word.Length;
        if (n == 2) return !IsConsonant(word, 0) && IsConsonant(word, 1);
        return n >= 3 && IsConsonant(word, n - 3) && !IsConsonant(word, n - 2) && IsConsonant(word, n - 1)
            && word[^1] is not ('w' or 'x' or 'y');
    }
}
