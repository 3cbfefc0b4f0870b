using System.Diagnostics;
using Heed.Explorer.Checks;
using Heed.Explorer.Traces;
using Heed.Lab;
using Heed.Lab.Reports;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/checks</c>: what can be checked of the opened model: the proofs of inspection, and the lab's quick
/// experiments.</summary>
internal sealed class ChecksEndpoint : IEndpoint
{
    private static readonly ChecksReply All = new(
    [
        .. Proofs.All.Select(p => new CheckReply(p.Name, "inspection", p.Claim, true, p.Source)),
        .. Experiments.Quick.Select(e => new CheckReply(e.Name, "lab", e.Claim, e.UsesModel, e.Source)),
    ]);

    public string Method => "GET";

    public string Name => "checks";

    public Task AnswerAsync(ApiCall call, ExplorerSession session) => call.JsonAsync(All, ExplorerJson.Default.ChecksReply);
}

/// <summary><c>POST /api/check</c>: runs one check on the opened weights, now.</summary>
internal sealed class CheckEndpoint : IEndpoint
{
    public string Method => "POST";

    public string Name => "check";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        CheckRequest request = await call.BodyAsync(ExplorerJson.Default.CheckRequest).ConfigureAwait(false);
        Traces.Trace trace = session.Traces.Find(request.Trace ?? "") ?? throw new TraceGoneException();
        Func<CheckResult> run;
        if (Proofs.All.FirstOrDefault(p => p.Name == request.Name) is { } proof)
            run = () => Of(proof, session, trace, call.CancellationToken);
        else if (Experiments.Quick.FirstOrDefault(e => e.Name == request.Name) is { } experiment)
            run = () => Of(experiment, session, call.CancellationToken);
        else throw new InputException($"name: there is no check '{Printable.Shorten(request.Name ?? "")}'; /api/checks lists them.");
        await call.JsonAsync(await session.Traces.ComputeAsync(run, call.CancellationToken).ConfigureAwait(false),
            ExplorerJson.Default.CheckResult).ConfigureAwait(false);
    }

    private static CheckResult Of(Proof proof, ExplorerSession session, Traces.Trace trace, CancellationToken cancellationToken)
    {
        bool ofText = session.Model is Models.SequenceClassifier;
        ProofSubject subject = new(session.Inspector, TraceRunner.TextOf(trace.Text, trace.Decoder),
            ofText ? null : TraceEndpoint.Of(trace, session).Readout);
        long started = Stopwatch.GetTimestamp();
        try
        {
            CheckValue[] values = [.. proof.Run(subject, cancellationToken)];
            bool holds = Array.TrueForAll(values, v => v.AsExpected != false);
            return new CheckResult(proof.Name, holds ? "passed" : "failed", holds ? "holds" : "does not hold", values,
                Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        catch (InputException e)
        {
            return new CheckResult(proof.Name, "skipped", e.Message, [], Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
    }

    /// <summary>An experiment with one seed. It passes when every deciding number lies where it was expected, also where the claim is
    /// refuted as foreseen.</summary>
    private static CheckResult Of(Experiment experiment, ExplorerSession session, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        ExperimentResult result = Experiments.Run(experiment, new LabOptions { Seeds = [1], Model = session.Opened }, null,
            cancellationToken);
        CheckValue[] values = [.. result.Measurements.Where(m => !m.Expectation.IsTime).Select(m => new CheckValue(m.Expectation.What,
            m.Expectation.Expected, LabPages.Measured(m), m.Expectation.Bearing == Bearing.Informs ? null : m.IsAsExpected))];
        string state = result.Skipped.Length > 0 ? "skipped" : Array.TrueForAll(values, v => v.AsExpected != false) ? "passed" : "failed";
        return new CheckResult(experiment.Name, state, result.Skipped.Length > 0 ? result.Skipped : result.VerdictText, values,
            Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }
}
