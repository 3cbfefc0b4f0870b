namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>How alike a stack's states are from layer to layer, over all positions of some texts.</summary>
    /// <param name="texts">One or more texts, of any lengths; together at least two positions.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>By stack.</returns>
    /// <exception cref="InputException">There are fewer than two positions.</exception>
    public IReadOnlyDictionary<string, StateSimilarity> Similarity(
        IReadOnlyList<InspectedText> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        _ = LastStack;
        Dictionary<string, List<double[]>> rows = new(StringComparer.Ordinal);
        HashSet<string> names = [.. Parts.SelectMany(s => Enumerable.Range(0, s.Blocks.Count + 1).Select(s.StateName))];
        foreach (InspectedText text in texts)
        {
            foreach ((string name, ValueArray value) in Gather([text], names.Contains, null, cancellationToken))
            {
                if (!rows.TryGetValue(name, out List<double[]>? list)) rows[name] = list = [];
                for (int t = 0; t < value.Shape[1]; t++) list.Add(Array.ConvertAll(value.At(0, t).ToArray(), v => (double)v));
            }
        }

        Dictionary<string, StateSimilarity> found = new(StringComparer.Ordinal);
        foreach (StackParts stack in Parts)
            found[stack.Name] = SimilarityOf(
                [.. Enumerable.Range(0, stack.Blocks.Count + 1).Select(l => rows[stack.StateName(l)].ToArray())]);
        return found;
    }

    private static StateSimilarity SimilarityOf(double[][][] states)
    {
        int S = states.Length, N = states[0].Length;
        if (N < 2) throw new InputException("texts: have one position together; similarity compares at least two.");
        double[][][] units = [.. states.Select(state => state.Select(Unit).ToArray())];
        // ‖XᵀY‖² = Σ over pairs of positions of (xᵢ·xⱼ)(yᵢ·yⱼ), with centred columns.
        double[][] kernels = [.. states.Select(Kernel)];
        float[] cka = new float[S * S], cosine = new float[S * S], anisotropy = new float[S];
        for (int a = 0; a < S; a++)
        {
            double[] sum = new double[units[a][0].Length];
            foreach (double[] u in units[a])
                for (int d = 0; d < sum.Length; d++) sum[d] += u[d];
            anisotropy[a] = (float)((Product(sum, sum) - N) / ((double)N * (N - 1)));
            for (int b = 0; b < S; b++)
            {
                cka[(a * S) + b] = (float)(
                    Product(kernels[a], kernels[b]) / Math.Sqrt(Product(kernels[a], kernels[a]) * Product(kernels[b], kernels[b])));
                cosine[(a * S) + b] = (float)(Enumerable.Range(0, N).Sum(n => Product(units[a][n], units[b][n])) / N);
            }
        }

        return new StateSimilarity(new ValueArray(cka, S, S), new ValueArray(cosine, S, S), new ValueArray(anisotropy, S));
    }

    /// <summary>x·xᵀ of centred columns, [N·N].</summary>
    private static double[] Kernel(double[][] rows)
    {
        int N = rows.Length, D = rows[0].Length;
        double[] mean = new double[D];
        foreach (double[] row in rows)
            for (int d = 0; d < D; d++) mean[d] += row[d] / N;
        double[][] centred = [.. rows.Select(row => row.Select((x, d) => x - mean[d]).ToArray())];
        double[] kernel = new double[N * N];
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) kernel[(i * N) + j] = Product(centred[i], centred[j]);
        return kernel;
    }

    private static double[] Unit(double[] x)
    {
        double length = Math.Max(Math.Sqrt(Product(x, x)), 1e-300);
        return Array.ConvertAll(x, v => v / length);
    }

    private static double Product(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
