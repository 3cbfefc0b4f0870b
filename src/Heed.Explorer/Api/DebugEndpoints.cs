using Heed.Explorer.Traces;
using Heed.Inspection;
using Microsoft.AspNetCore.Http;
using Trace = Heed.Explorer.Traces.Trace;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/operations?trace</c>: every tensor of a run in the order of the computation, in numbers.</summary>
internal sealed class OperationsEndpoint : IEndpoint
{
    private const int FirstValues = 8;

    public string Method => "GET";

    public string Name => "operations";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        TensorSummary[] all = await Task.Run(() => trace.Order.Distinct().Select(trace.Find).OfType<Captured>().Select(Of).ToArray(),
            call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(new OperationsReply(all), ExplorerJson.Default.OperationsReply).ConfigureAwait(false);
    }

    /// <summary>A tensor in numbers.</summary>
    internal static TensorSummary Of(Captured tensor)
    {
        (float least, float most, double sum, double square, int bad, int first) =
            (float.PositiveInfinity, float.NegativeInfinity, 0, 0, 0, -1);
        for (int i = 0; i < tensor.Values.Length; i++)
        {
            float v = tensor.Values[i];
            if (!float.IsFinite(v))
            {
                if (tensor.Hides(v)) continue;
                if (bad++ == 0) first = i;
                continue;
            }

            (least, most) = (Math.Min(least, v), Math.Max(most, v));
            sum += v;
            square += (double)v * v;
        }

        int finite = tensor.Values.Count(float.IsFinite);
        if (finite == 0) (least, most) = (float.NaN, float.NaN);
        return new TensorSummary(tensor.Name, tensor.Sizes, least, most, finite == 0 ? double.NaN : sum / finite, Math.Sqrt(square), bad,
            first < 0 ? null : Place(first, tensor.Sizes), tensor.Values[..Math.Min(FirstValues, tensor.Values.Length)]);
    }

    /// <summary>The indices of a place that is counted over all values.</summary>
    internal static int[] Place(int at, ReadOnlySpan<int> sizes)
    {
        int[] place = new int[sizes.Length];
        for (int axis = sizes.Length - 1; axis >= 0; axis--) (at, place[axis]) = (at / sizes[axis], at % sizes[axis]);
        return place;
    }
}

/// <summary><c>GET /api/difference?trace&amp;other</c>: two runs, tensor by tensor.</summary>
internal sealed class DifferenceEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "difference";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace first = call.Trace(session), second = session.Traces.Find(call.Text("other")) ?? throw new TraceGoneException();
        DifferenceReply reply = await session.Traces.ComputeAsync(
            () => Of(session.Runner.Seen(first), session.Runner.Seen(second), session), call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.DifferenceReply).ConfigureAwait(false);
    }

    /// <summary>Compares two traces; names and places as the engine has them.</summary>
    internal static DifferenceReply Of(Inspection.Trace first, Inspection.Trace second, ExplorerSession session)
    {
        TraceDifference found = first.Diff(second);
        return new DifferenceReply(
            [.. found.Values.Select(v => Of(v, first[v.Name]))], found.Compared, [.. found.Others.Select(EngineName)], found.SameWeights,
            found.SameText, [.. first.Text.Tokens, .. first.Text.DecoderTokens], [.. second.Text.Tokens, .. second.Text.DecoderTokens]);

        TensorDifference Of(ValueDifference v, ValueArray value)
        {
            int[] sizes = Captured.Of(v.Name, value).Sizes;
            return new TensorDifference(EngineName(v.Name), v.Largest, v.Relative, OperationsEndpoint.Place(v.Index, sizes), v.First,
                v.Second);
        }

        string EngineName(string name) => session.Inspector.Names.Contains(name) ? session.Inspector.EngineName(name) : name;
    }
}

/// <summary><c>GET /api/saved?trace</c>: a run as the file that <see cref="Inspection.Trace.Save"/> writes.</summary>
internal sealed class SavedTraceEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "saved";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        string folder = Directory.CreateTempSubdirectory("heed-trace").FullName;
        try
        {
            string path = Path.Combine(folder, "run.trace");
            await session.Traces.ComputeAsync(() =>
            {
                HashSet<string> held = [.. session.Runner.Seen(trace).Names];
                session.Inspector.Trace(TraceRunner.TextOf(trace.Text, trace.Decoder), held.Contains,
                    [.. trace.Interventions.SelectMany(i => i.Changes(session.Layout))], call.CancellationToken).Save(path);
                return path;
            }, call.CancellationToken).ConfigureAwait(false);
            call.Response.ContentType = "application/octet-stream";
            call.Response.ContentLength = new FileInfo(path).Length;
            await call.Response.SendFileAsync(path, call.CancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

/// <summary><c>POST /api/saved-difference?trace</c>: a saved trace, the body, against the run in view.</summary>
internal sealed class SavedDifferenceEndpoint : IEndpoint
{
    private const long MostBytes = 256L << 20;

    public string Method => "POST";

    public string Name => "saved-difference";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        string folder = Directory.CreateTempSubdirectory("heed-trace").FullName;
        try
        {
            string path = Path.Combine(folder, "saved.trace");
            await call.SaveBodyAsync(path, MostBytes).ConfigureAwait(false);
            DifferenceReply reply = await session.Traces.ComputeAsync(() => Compare(path, trace, session, call.CancellationToken),
                call.CancellationToken).ConfigureAwait(false);
            await call.JsonAsync(reply, ExplorerJson.Default.DifferenceReply).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static DifferenceReply Compare(string path, Trace trace, ExplorerSession session, CancellationToken cancellationToken)
    {
        Inspection.Trace saved = Inspection.Trace.Open(path);
        HashSet<string> names = [.. saved.Names];
        // The run in view again, with exactly the values that the file holds: a filter may have left some out.
        Inspection.Trace now = session.Inspector.Trace(TraceRunner.TextOf(trace.Text, trace.Decoder), names.Contains,
            [.. trace.Interventions.SelectMany(i => i.Changes(session.Layout))], cancellationToken);
        return DifferenceEndpoint.Of(saved, now, session);
    }
}
