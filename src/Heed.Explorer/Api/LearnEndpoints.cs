using Heed.Doctor;
using Heed.Explorer.Serving;
using Heed.Explorer.Traces;
using Heed.Generation;
using Heed.Generation.Understanding;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/mistakes</c>: the doctor's rules: what one sees, why it hurts, how it is fixed.</summary>
internal sealed class MistakesEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "mistakes";

    public Task AnswerAsync(ApiCall call, ExplorerSession session) => call.JsonAsync(Of(), ExplorerJson.Default.MistakesReply);

    /// <summary>Symptom and harm are the rules', cause and fix those of <c>docs/doctor.md</c>, which is embedded as it is.</summary>
    internal static MistakesReply Of()
    {
        Dictionary<string, string[]> rows = [];
        foreach (string line in DoctorPage.Text.Split('\n'))
        {
            string[] cells = [.. line.Trim().Trim('|').Split('|').Select(c => c.Trim())];
            if (cells.Length == 4 && cells[0].StartsWith('`')) rows[cells[0].Trim('`')] = cells;
        }

        return new MistakesReply([.. DoctorRule.All.Select(r => rows.TryGetValue(r.Name, out string[]? row)
            ? new Mistake(r.Name, r.Symptom, r.Harm, row[2], row[3]) : new Mistake(r.Name, r.Symptom, r.Harm, "", ""))]);
    }
}

/// <summary><c>GET /api/examine</c>: the doctor looks at the opened model.</summary>
internal sealed class ExamineEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "examine";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        ExaminationReport report = await session.Traces.ComputeAsync(
            () => Examination.OfModel(session.Model, session.Inputs.Tokenizer, call.CancellationToken), call.CancellationToken)
            .ConfigureAwait(false);
        await call.JsonAsync(new ExamineReply(
            [.. report.Findings.Select(f => new FindingReply(f.Rule, f.Place, f.Evidence, f.Harm, f.Fix))], report.Judged,
            [.. report.Unjudged.Select(u => new UnjudgedReply(u.Rule, u.Why))]), ExplorerJson.Default.ExamineReply).ConfigureAwait(false);
    }
}

/// <summary><c>POST /api/fewshot</c>: labels of a text by a prompt that shows examples, by the code of <c>heed fewshot</c>.</summary>
internal sealed class FewShotEndpoint : IEndpoint
{
    private const int MostExamples = 32;

    public string Method => "POST";

    public string Name => "fewshot";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        FewShotRequest request = await call.BodyAsync(ExplorerJson.Default.FewShotRequest).ConfigureAwait(false);
        if (request.Examples.Count > MostExamples)
            throw new InputException($"examples: there are {request.Examples.Count}; up to {MostExamples} were expected.");
        LabelledText[] examples = [.. request.Examples.Select(e => new LabelledText(e.Text, e.Label))];
        FewShotReply reply = await session.Traces.ComputeAsync(() => Of(session, examples, request.Labels, request.Text,
            call.CancellationToken), call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.FewShotReply).ConfigureAwait(false);
    }

    /// <summary>The prompt, and the labels before and after the correction.</summary>
    internal static FewShotReply Of(ExplorerSession session, LabelledText[] examples, IReadOnlyList<string>? labels, string text,
        CancellationToken cancellationToken)
    {
        FewShotOptions options = new() { Labels = labels is { Count: > 0 } ? labels : null };
        FewShotClassifier classifier = new(session.Opened, examples, options, cancellationToken);
        FewShotAnswer answer = classifier.Of(text, cancellationToken);
        return new FewShotReply(
            FewShotPrompt.Of(examples, options) + options.Template.Replace("{text}", text, StringComparison.Ordinal),
            [.. classifier.Labels.Select((l, n) => new LabelScore(l, (float)classifier.Prior[n], Find(answer.Plain, l),
                Find(answer.Corrected, l)))]);

        static float Find(IReadOnlyList<Prediction> all, string label) => all.First(p => p.Label == label).Score;
    }
}
