using System.Text.Json;
using Heed.Training.Metrics;

namespace Heed.Verification;

/// <summary>Rows of measures of texts and answers.</summary>
internal static class TextMetricCases
{
    /// <summary>What the measure gives for a row; null if it is none of these.</summary>
    public static object? Compute(string metric, JsonElement row) => metric switch
    {
        "bleu" => PlainBleu(row),
        "bleu_variants" => Describe(Bleu.Corpus(row.GetProperty("predicted").Texts(), row.GetProperty("references").Streams(),
            BleuOptionsOf(row))),
        "sentence_bleu" => Describe(Bleu.Sentence(row.Text("predicted"), row.GetProperty("references").Texts(), BleuOptionsOf(row))),
        "chrf" => new Dictionary<string, object?>
        {
            ["chrf2"] = Chrf.Corpus(row.GetProperty("predicted").Texts(),
            row.GetProperty("references").Streams()).Score
        },
        "chrf_variants" => ChrfVariants(row),
        "ter" => TerRow(row),
        "rouge" => Plain(Rouge.Evaluate(row.Text("reference"), row.Text("predicted"), row.Flag("stemmer")), withLines: false),
        "rouge_lsum" => Plain(Rouge.Evaluate(row.Text("reference"), row.Text("predicted"), row.Flag("stemmer")), withLines: true),
        "rouge_best" => Plain(Rouge.Best(row.GetProperty("references").Texts(), row.Text("predicted"), row.Flag("stemmer")),
            withLines: true),
        "porter" => new Dictionary<string, object?> { ["stems"] = row.GetProperty("words").Texts().Select(PorterStemmer.Stem) },
        "squad" => SquadRow(row),
        "squad_2" => Squad2(row),
        "qa_postprocess" => Answers(row),
        "paired_bootstrap_bleu" => BleuBootstrap(row),
        _ => null,
    };

    private static Dictionary<string, object?> PlainBleu(JsonElement row)
    {
        if (row.Text("tokenizer") != "13a"
            || row.Text("smoothing") != "exp") throw new FormatException("a row of 'bleu' has the tokenizer 13a and the smoothing exp");
        BleuScore score = Bleu.Corpus(row.GetProperty("predicted").Texts(), row.GetProperty("references").Streams());
        return new() { ["bleu"] = score.Score, ["precisions"] = score.Precisions, ["brevity_penalty"] = score.BrevityPenalty };
    }

    private static Dictionary<string, object?> Describe(BleuScore score) => new()
    {
        ["bleu"] = score.Score,
        ["precisions"] = score.Precisions,
        ["brevity_penalty"] = score.BrevityPenalty,
        ["counts"] = score.Counts,
        ["totals"] = score.Totals,
        ["predicted_length"] = score.PredictedLength,
        ["reference_length"] = score.ReferenceLength,
        ["signature"] = score.Signature,
    };

    private static BleuOptions BleuOptionsOf(JsonElement row) => new()
    {
        Tokenizer = row.Text("tokenizer") switch
        {
            "13a" => BleuTokenizer.Mteval13a,
            "intl" => BleuTokenizer.International,
            "zh" => BleuTokenizer.Chinese,
            "char" => BleuTokenizer.Character,
            "none" => BleuTokenizer.None,
            string other => throw new FormatException($"the tokenizer '{other}' is not known"),
        },
        Smoothing = row.Text("smoothing") switch
        {
            "exp" => BleuSmoothing.Exponential,
            "floor" => BleuSmoothing.Floor,
            "add-k" => BleuSmoothing.AddK,
            "none" => BleuSmoothing.None,
            string other => throw new FormatException($"the smoothing '{other}' is not known"),
        },
        Lowercase = row.Flag("lowercase"),
        SmoothingValue = row.OptionalReal("smoothing_value"),
        EffectiveOrder = row.Flag("effective_order"),
    };

    private static Dictionary<string, object?> ChrfVariants(JsonElement row)
    {
        ChrfScore score = Chrf.Corpus(row.GetProperty("predicted").Texts(), row.GetProperty("references").Streams(), new ChrfOptions
        {
            CharacterOrder = row.Number("character_order"),
            WordOrder = row.Number("word_order"),
            Beta = row.Number("beta"),
            Lowercase = row.Flag("lowercase"),
            Whitespace = row.Flag("whitespace"),
        });
        return new() { ["chrf"] = score.Score, ["name"] = score.Name, ["signature"] = score.Signature };
    }

    private static Dictionary<string, object?> TerRow(JsonElement row)
    {
        TerScore score = Ter.Corpus(row.GetProperty("predicted").Texts(), row.GetProperty("references").Streams(), new TerOptions
        {
            Normalized = row.Flag("normalized"),
            NoPunctuation = row.Flag("no_punctuation"),
            AsianSupport = row.Flag("asian_support"),
            CaseSensitive = row.Flag("case_sensitive"),
        });
        return new()
        {
            ["ter"] = score.Score,
            ["edits"] = score.Edits,
            ["reference_length"] = score.ReferenceLength,
            ["signature"] = score.Signature
        };
    }

    private static Dictionary<string, object?> Plain(RougeScore score, bool withLines)
    {
        Dictionary<string, object?> plain = new()
        {
            ["rouge1"] = Triple(score.Rouge1),
            ["rouge2"] = Triple(score.Rouge2),
            ["rougeL"] = Triple(score.RougeL)
        };
        if (withLines) plain["rougeLsum"] = Triple(score.RougeLsum);
        return plain;

        static double[] Triple(FScore part) => [part.Precision, part.Recall, part.F1];
    }

    private static Dictionary<string, object?> SquadRow(JsonElement row)
    {
        string predicted = row.Text("predicted");
        string[] answers = row.GetProperty("answers").Texts();
        return new() { ["exact"] = Squad.Exact(predicted, answers), ["f1"] = Squad.F1(predicted, answers) };
    }

    private static Dictionary<string, object?> Squad2(JsonElement row)
    {
        SquadReport report = Squad.Evaluate([.. row.GetProperty("questions").EnumerateArray().Select(q => new AnsweredQuestion
        {
            Predicted = q.Text("predicted"),
            Answers = q.GetProperty("answers").Texts(),
            NoAnswerProbability = q.OptionalReal("no_answer_probability"),
        })], row.Real("threshold"));
        Dictionary<string, object?> score = [];
        Add("", report.All);
        Add("HasAns_", report.HasAnswer);
        Add("NoAns_", report.NoAnswer);
        Best("best_exact", report.BestExact);
        Best("best_f1", report.BestF1);
        return score;

        void Add(string prefix, SquadScore? part)
        {
            if (part is null) return;
            score[prefix + "exact"] = part.Exact;
            score[prefix + "f1"] = part.F1;
            score[prefix + "total"] = part.Total;
        }

        void Best(string name, SquadBest? best)
        {
            if (best is null) return;
            score[name] = best.Value;
            score[name + "_thresh"] = best.Threshold;
        }
    }

    private static Dictionary<string, object?> Answers(JsonElement row)
    {
        string context = row.Text("context");
        // The reference counts code points; the library counts UTF-16 units.
        List<int> units = [];
        for (int i = 0; i < context.Length; i += char.IsSurrogatePair(context, i) ? 2 : 1) units.Add(i);
        units.Add(context.Length);
        SelectedAnswer answer = AnswerSelection.Select(context, [.. row.GetProperty("windows").EnumerateArray().Select(w => new AnswerWindow
        {
            Starts = Offsets(w, 0),
            Ends = Offsets(w, 1),
            StartLogits = w.GetProperty("start_logits").Reals(),
            EndLogits = w.GetProperty("end_logits").Reals(),
        })], new AnswerOptions
        {
            NBest = row.Number("n_best"),
            MaxAnswerLength = row.Number("max_answer_length"),
            NoAnswer = row.Flag("no_answer"),
            NullThreshold = row.Real("null_threshold"),
        });
        return new()
        {
            ["text"] = answer.Text,
            ["null_score_difference"] = answer.NullScoreDifference,
            ["n_best"] = answer.Candidates.Select(c => new Dictionary<string, object?>
            {
                ["text"] = c.Text,
                ["start_logit"] = c.StartLogit,
                ["end_logit"] = c.EndLogit,
                ["probability"] = c.Probability,
            }),
        };

        int[] Offsets(JsonElement window, int side)
            => [.. window.GetProperty("offsets").EnumerateArray().Select(o => o.ValueKind == JsonValueKind.Null ? -1
                : units[o[side].GetInt32()])];
    }

    private static Dictionary<string, object?> BleuBootstrap(JsonElement row)
    {
        string[][] references = [row.GetProperty("references").Texts()];
        BleuCorpus first = new(row.GetProperty("first").Texts(), references, new BleuOptions()),
            second = new(row.GetProperty("second").Texts(), references, new BleuOptions());
        return NumberMetricCases.Describe(Significance.PairedBootstrap(some => first.Score(some).Score, some => second.Score(some).Score,
            references[0].Length, row.GetProperty("resamples").IntegerRows()));
    }
}
