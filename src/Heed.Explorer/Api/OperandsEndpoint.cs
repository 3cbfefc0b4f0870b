using Heed.Explorer.Traces;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/operands?trace&amp;name&amp;at</c>: how one number of a run came about: the numbers and weights it was computed
/// from, weights with their place in the file.</summary>
internal sealed class OperandsEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "operands";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        string name = call.Text("name");
        int[] at = call.Indices("at");
        OperandsReply reply = await session.Traces.ComputeAsync(
            () => new Operands(session, trace, call.CancellationToken).Of(name, at), call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.OperandsReply).ConfigureAwait(false);
    }
}
