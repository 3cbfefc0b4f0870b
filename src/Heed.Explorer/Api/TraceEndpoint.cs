using Heed.Explorer.Traces;

namespace Heed.Explorer.Api;

/// <summary><c>POST /api/trace</c>: runs a text, and says what there is to see.</summary>
internal sealed class TraceEndpoint : IEndpoint
{
    private const int LongestText = 20_000;

    public string Method => "POST";

    public string Name => "trace";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        TraceRequest request = await call.BodyAsync(ExplorerJson.Default.TraceRequest).ConfigureAwait(false);
        if (request.Text is null) throw new InputException("text: is missing.");
        if (request.Text.Length > LongestText)
            throw new InputException($"text: has {request.Text.Length} characters; up to {LongestText} were expected.");
        Trace trace = await session.TraceAsync(request.Text, request.DecoderText, request.Interventions ?? [],
            call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(Of(trace, session), ExplorerJson.Default.TraceReply).ConfigureAwait(false);
    }

    /// <summary>The reply.</summary>
    public static TraceReply Of(Trace trace, ExplorerSession session)
    {
        int mask = ModelEndpoint.MaskToken(session) is { } token && session.Inputs.Tokenizer!.TokenToId(token) is { } id
            ? Array.IndexOf(trace.Text.Ids, id) : -1;
        int readout = mask >= 0 ? mask : session.Layout.Main.IsCausal || session.HasEncoderAndDecoder ? trace.Main.Tokens.Count - 1 : 0;
        return new TraceReply(
            trace.Id, trace.Milliseconds, trace.Text.Tokens, trace.Decoder?.Tokens, trace.Text.Cut, trace.Decoder?.Text,
            [.. trace.Interventions.Select(i => i.Text)],
            [.. trace.Order.Distinct().Select(name => new HookReply(name, trace.Find(name)?.Sizes ?? [], true))], trace.FirstNotFinite,
                readout);
    }
}
