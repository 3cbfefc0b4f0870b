using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Traces;
using Heed.Lab.Costs;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/recurrence?length</c>: one LSTM layer and one attention layer of exactly as many parameters over the same number of
/// rows: what they must do one after another, how far two rows are apart, what they compute, and how long it took now.</summary>
internal sealed class RecurrenceEndpoint : IEndpoint
{
    /// <summary>8·84² + 8·84 = 4·119² + 4·119: both layers have 57,120 parameters.</summary>
    internal const int RecurrentWidth = 84, AttentionWidth = 119, Heads = 7;

    private const int Longest = 1024, Repeats = 3, MostPeople = 16;
    private const ulong Seed = 1, Stream = 0x4E37_3E57;

    public string Method => "GET";

    public string Name => "recurrence";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        int length = call.Integer("length", 2, Longest);
        RecurrenceReply reply = await session.Traces.ComputeAsync(() => Of(length), call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.RecurrenceReply).ConfigureAwait(false);
    }

    /// <summary>Counts and measures both layers.</summary>
    internal static RecurrenceReply Of(int length)
    {
        const long H = RecurrentWidth, D = AttentionWidth;
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet recurrent = new(ParameterSource.Random(Seed)), attending = new(ParameterSource.Random(Seed));
        Lstm lstm = new(RecurrentWidth, RecurrentWidth, recurrent.Root / "lstm");
        MultiHeadAttention attention = new(new AttentionConfig { Width = AttentionWidth, Heads = Heads, Causal = true },
            attending.Root / "attn");
        int[] starts = [0, length];
        // A word reads itself and those before it: N·(N + 1)/2 pairs, two products of D each.
        return new RecurrenceReply(length,
            Cost("LSTM", RecurrentWidth, recurrent.Values, 16.0 * H * H * length, length - 1,
                x => RecurrenceCost.Steps(lstm, x), x => lstm.Forward(x, starts).Output, length),
            Cost("attention", AttentionWidth, attending.Values, (8.0 * D * D * length) + (2.0 * D * length * (length + 1)), 1,
                x => RecurrenceCost.Steps(attention, x), x => attention.Forward(x, ForwardContext.Of(length)), length));
    }

    private static LayerCost Cost(string name, int width, long parameters, double operations, int path, Func<Tensor, int> steps,
        Func<Variable, Variable> layer, int length)
    {
        Tensor x = Tensor.Zeros(length, width);
        new CounterRandom(Seed, Stream).Normal(x.Span, 0, 1);
        Tensor first = layer(x).Value;
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            using TensorScope scope = TensorScope.Begin();
            long start = Stopwatch.GetTimestamp();
            _ = layer(x);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        Tensor other = Tensor.Create(x.ToArray(), length, width);
        foreach (ref float value in other.Span[..width]) value = -value;
        Tensor changed = layer(other).Value;
        float[] reach = new float[length];
        for (int t = 0; t < length; t++)
            reach[t] = Change(first.Span.Slice(t * width, width), changed.Span.Slice(t * width, width));
        return new LayerCost(name, width, parameters, operations, path, steps(x), best, reach[^1],
            length <= MostPeople ? reach : []);
    }

    /// <summary>‖b − a‖ ÷ ‖a‖.</summary>
    private static float Change(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double difference = 0, size = 0;
        for (int d = 0; d < a.Length; d++)
        {
            difference += ((double)b[d] - a[d]) * ((double)b[d] - a[d]);
            size += (double)a[d] * a[d];
        }

        return (float)Math.Sqrt(difference / size);
    }
}
