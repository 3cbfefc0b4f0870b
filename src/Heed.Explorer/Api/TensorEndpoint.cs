using Heed.Explorer.Traces;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/tensor?trace&amp;name&amp;at</c>: a tensor of a run, or the part of it below some leading indices, as
/// float32.</summary>
internal sealed class TensorEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "tensor";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Captured tensor = await session.Traces.TensorAsync(call.Trace(session), call.Text("name"),
            call.CancellationToken).ConfigureAwait(false);
        (int[] sizes, ArraySegment<float> values) = tensor.At(call.Indices("at"));
        await call.NumbersAsync(tensor.Name, sizes, values.AsSpan()).ConfigureAwait(false);
    }
}

/// <summary><c>GET /api/thumbnails?trace&amp;stack&amp;kind</c>: the patterns of all heads as bytes, [L, H, T, S], made smaller where they
/// are large: each byte is 255 times the largest weight of its cell.</summary>
internal sealed class ThumbnailEndpoint : IEndpoint
{
    private const int Largest = 24;

    public string Method => "GET";

    public string Name => "thumbnails";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        StackSite stack = session.Layout.Stack(call.Text("stack"));
        bool cross = call.Optional("kind") == "cross";
        Trace trace = call.Trace(session);
        List<byte> bytes = [];
        int rows = 0, columns = 0, heads = 0;
        foreach (LayerSite layer in stack.Layers)
        {
            AttentionSite site = (cross ? layer.Cross : layer.Self)
                ?? throw new InputException($"kind: the stack '{stack.Name}' has no cross-attention.");
            Captured pattern = await session.Traces.TensorAsync(trace, $"{site.Site}.pattern",
                call.CancellationToken).ConfigureAwait(false);
            (heads, int T, int S) = (pattern.Sizes[1], pattern.Sizes[2], pattern.Sizes[3]);
            (rows, columns) = (Math.Min(T, Largest), Math.Min(S, Largest));
            byte[] small = new byte[heads * rows * columns];
            for (int h = 0; h < heads; h++)
            {
                for (int i = 0; i < T; i++)
                {
                    for (int j = 0; j < S; j++)
                    {
                        int cell = (((h * rows) + (i * rows / T)) * columns) + (j * columns / S);
                        float weight = pattern.Values[(((h * T) + i) * S) + j];
                        byte shade = float.IsFinite(weight) ? (byte)Math.Clamp(MathF.Round(weight * 255), 0, 255) : (byte)0;
                        small[cell] = Math.Max(small[cell], shade);
                    }
                }
            }

            bytes.AddRange(small);
        }

        await call.NumbersAsync("thumbnails", [stack.Layers.Count, heads, rows, columns], "u8",
            System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes)).ConfigureAwait(false);
    }
}
