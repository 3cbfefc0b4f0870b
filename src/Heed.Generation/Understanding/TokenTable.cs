using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Generation.Understanding;

/// <summary>What the rows of a token table are as a whole, times the factor that a stack multiplies rows with.</summary>
/// <param name="Mean">[D]: the mean row.</param>
/// <param name="Deviation">Standard deviation of all entries.</param>
/// <param name="Factor">The factor.</param>
internal sealed record TokenTable(float[] Mean, double Deviation, double Factor)
{
    private const int RowsAtOnce = 1024;

    /// <summary>Reads a table.</summary>
    /// <param name="tokens">The table.</param>
    /// <param name="ids">Some tokens.</param>
    /// <param name="rows">What the stack makes of them before it adds anything: the factor shows.</param>
    public static TokenTable Of(Embedding tokens, IReadOnlyList<int> ids, ReadOnlySpan<float> rows)
    {
        int D = tokens.Weight.Shape[1], V = tokens.Weight.Shape[0];
        double[] sums = new double[D];
        double all = 0, squares = 0;
        for (int first = 0; first < V; first += RowsAtOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            ReadOnlySpan<float> some = tokens.Forward([.. Enumerable.Range(first, Math.Min(RowsAtOnce, V - first))]).Value.Span;
            for (int i = 0; i < some.Length; i++)
            {
                sums[i % D] += some[i];
                all += some[i];
                squares += (double)some[i] * some[i];
            }
        }

        float[] own = tokens.Forward(ids).Value.ToArray();
        int largest = 0;
        for (int i = 1; i < own.Length; i++)
            if (Math.Abs(own[i]) > Math.Abs(own[largest])) largest = i;
        double factor = own.Length == 0 || own[largest] == 0 ? 1 : (double)rows[largest] / own[largest];
        double count = (double)V * D, mean = all / count;
        return new TokenTable([.. sums.Select(s => (float)(s / V * factor))],
            Math.Sqrt(Math.Max(0, (squares / count) - (mean * mean))) * Math.Abs(factor), factor);
    }
}
