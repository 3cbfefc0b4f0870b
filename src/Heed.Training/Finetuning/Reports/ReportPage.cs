using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Heed.Training.Finetuning;

/// <summary>A report as one page that needs nothing else.</summary>
internal static class ReportPage
{
    private const string Style = """
        :root{color-scheme:light dark;--fg:#1f2430;--bg:#fff;--soft:#f4f5f8;--line:#d9dce3;--c0:#2f6fde;--c1:#c2541b;--c2:#2c8a5a;--c3:#8a4fc4;--c4:#a8892a;--c5:#5b6475;--good:#2c8a5a;--bad:#c2361b}
        @media(prefers-color-scheme:dark){:root{--fg:#e7e9ee;--bg:#15171c;--soft:#1f222a;--line:#3a3f4b;--c0:#7aa7ff;--c1:#f0975f;--c2:#6fce9d;--c3:#c49bf0;--c4:#dcc06a;--c5:#a5adbd;--good:#6fce9d;--bad:#ff8f78}}
        *{box-sizing:border-box}body{margin:0 auto;max-width:1000px;padding:24px 16px 64px;font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
        h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.15rem;margin:2em 0 .6em;border-bottom:1px solid var(--line);padding-bottom:.2em}
        table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;padding:5px 10px;border-bottom:1px solid var(--line);vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
        .figures{display:flex;flex-wrap:wrap;gap:10px;margin:1em 0}.figure{background:var(--soft);border-radius:8px;padding:10px 16px;min-width:120px}.figure b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
        .scroll{overflow-x:auto}svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--fg)}svg .grid{stroke:var(--line)}polyline{fill:none;stroke-width:2}
        .s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}
        svg .t0{fill:var(--c0)}svg .t1{fill:var(--c1)}svg .t2{fill:var(--c2)}svg .t3{fill:var(--c3)}svg .t4{fill:var(--c4)}svg .t5{fill:var(--c5)}
        .right{fill:var(--good)}.wrong{fill:var(--bad)}ul{padding-left:1.2em}pre{background:var(--soft);padding:12px;border-radius:8px;overflow-x:auto;font-size:.85rem}
        """;

    /// <summary>The page of a report.</summary>
    public static string Of(JsonObject report)
    {
        StringBuilder page = new();
        string title = $"{Text(report["model"])}, trained for {Text(report["task"])}";
        page.Append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
            + "content=\"width=device-width\">")
            .Append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">")
            .Append($"<title>{SvgChart.Text(title)}</title><style>{Style}</style></head><body>\n<h1>{SvgChart.Text(title)}</h1>\n")
            .Append($"<p>Step {report["saved_step"]} of {report["last_step"]} was saved: the best by {Text(report["measure"])}. All "
                + $"figures below are of the saved files, opened anew.</p>\n");
        Figures(page, "Held-out examples", report["held_out"], report["loss"], report["measures"] as JsonObject);
        JsonObject? details = report["details"] as JsonObject;
        if (report["test"] is JsonObject test)
        {
            Figures(page, "Test examples, which nothing was chosen by", test["examples"], test["loss"], test["measures"] as JsonObject);
            details = test["details"] as JsonObject;
        }

        if (details?["classes"] is JsonArray { Count: > 0 } classes) Classes(page, classes);
        if (details?["confusion"] is JsonArray confusion && details["labels"] is JsonArray names) Confusion(page, names, confusion);
        if (details?["calibration"] is JsonObject calibration) Calibration(page, calibration, report["calibration"] as JsonObject);
        Curve(page, (JsonObject)report["curve"]!);
        if (report["worst"] is JsonArray { Count: > 0 } worst) Worst(page, worst);
        page.Append("<h2>Data</h2><ul>");
        foreach (JsonNode? statement in (JsonArray)report["data"]!["statements"]!) page.Append($"<li>{SvgChart.Text(Text(statement))}</li>");
        foreach (JsonNode? decision in (JsonArray)report["decisions"]!) page.Append($"<li>{SvgChart.Text(Text(decision))}</li>");
        return page.Append("</ul><h2>Settings</h2><pre>").Append(SvgChart.Text(report["settings"]!.ToJsonString())).Append("</pre>\n</body></html>\n").ToString();
    }

    private static void Figures(StringBuilder page, string title, JsonNode? count, JsonNode? loss, JsonObject? measures)
    {
        if (measures is null) return;
        page.Append($"<h2>{title}</h2><div class=\"figures\">");
        Figure("loss", loss);
        foreach ((string name, JsonNode? value) in measures) Figure(name.Replace('_', ' '), value);
        page.Append(CultureInfo.InvariantCulture, $"<div class=\"figure\"><b>{count}</b>examples</div></div>\n");

        void Figure(string name, JsonNode? value)
            => page.Append($"<div class=\"figure\"><b>{Number(value, "0.0000")}</b>{SvgChart.Text(name)}</div>");
    }

    private static void Classes(StringBuilder page, JsonArray classes)
    {
        page.Append("<h2>By label</h2><div class=\"scroll\"><table><tr><th>label</th><th class=\"n\">precision</th><th "
            + "class=\"n\">recall</th><th class=\"n\">F1</th><th class=\"n\">examples</th></tr>");
        foreach (JsonNode? c in classes)
        {
            page.Append($"<tr><td>{SvgChart.Text(Text(c!["label"]))}</td><td class=\"n\">{Number(c["precision"], "0.000")}</td><td "
                + $"class=\"n\">{Number(c["recall"], "0.000")}</td>")
                .Append($"<td class=\"n\">{Number(c["f1"], "0.000")}</td><td class=\"n\">{c["support"]}</td></tr>");
        }

        page.Append("</table></div>\n");
    }

    private static void Confusion(StringBuilder page, JsonArray names, JsonArray confusion)
    {
        string matrix = SvgChart.Matrix("Confusion matrix: rows are right, columns predicted", [.. names.Select(Text)],
            [.. confusion.Select(row => (IReadOnlyList<long>)[.. ((JsonArray)row!).Select(n => n!.GetValue<long>())])]);
        if (matrix.Length > 0) page.Append($"<h2>Taken for one another</h2><p>Rows are the right label, columns the predicted "
            + $"one.</p><div class=\"scroll\">{matrix}</div>\n");
    }

    private static void Calibration(StringBuilder page, JsonObject calibration, JsonObject? fit)
    {
        List<(double, double)> points = [];
        foreach (JsonNode? bin in (JsonArray)calibration["bins"]!)
            if (bin!["count"]!.GetValue<int>() > 0 && bin["confidence"] is { } x
                && bin["accuracy"] is { } y) points.Add((x.GetValue<double>(), y.GetValue<double>()));
        page.Append($"<h2>How sure it may be</h2><p>Expected calibration error {Number(calibration["expected_error"], "0.0000")}, Brier "
            + $"score {Number(calibration["brier"], "0.0000")}. ")
            .Append(fit?["temperature"] is { } t ? $"A temperature of {Number(t, "0.000")} was fitted and is applied to probabilities."
                : "")
            .Append("</p><div class=\"scroll\">")
            .Append(SvgChart.Lines("Accuracy by confidence", "confidence", [new("accuracy", points), new("perfect", [(0, 0), (1, 1)])],
                (0, 1)))
            .Append("</div>\n");
    }

    private static void Curve(StringBuilder page, JsonObject curve)
    {
        ChartLine training = new("training "
            + "loss", [.. ((JsonArray)curve["steps"]!).Select(p => ((double)p![0]!.GetValue<long>(), p[1]!.GetValue<double>()))]);
        ChartLine heldOut = new("held-out loss", [.. ((JsonArray)curve["evaluations"]!).Where(e => e!["held_out_loss"] is not null)
            .Select(e => ((double)e!["step"]!.GetValue<long>(), e["held_out_loss"]!.GetValue<double>()))]);
        page.Append("<h2>How it learned</h2><div class=\"scroll\">").Append(SvgChart.Lines("Loss by step", "step",
            [training, heldOut])).Append("</div>\n");
    }

    private static void Worst(StringBuilder page, JsonArray worst)
    {
        page.Append("<h2>Worst mistakes</h2><div "
            + "class=\"scroll\"><table><tr><th>where</th><th>text</th><th>right</th><th>predicted</th><th "
            + "class=\"n\">confidence</th></tr>");
        foreach (JsonNode? e in worst)
        {
            page.Append($"<tr><td>{SvgChart.Text(Text(e!["place"]))}</td><td>{SvgChart.Text(Text(e["text"]))}</td><td>{SvgChart.Text(Text(e["expected"]))}</td>")
                .Append($"<td>{SvgChart.Text(Text(e["predicted"]))}</td><td class=\"n\">{Number(e["confidence"], "0.000")}</td></tr>");
        }

        page.Append("</table></div>\n");
    }

    private static string Number(JsonNode? value, string format)
        => value is JsonValue v && v.TryGetValue(out double number) ? number.ToString(format, CultureInfo.InvariantCulture) : "–";

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text
        : node?.ToJsonString() ?? "";
}
