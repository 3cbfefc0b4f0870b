using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

/// <summary>An attention product with random numbers, as floats for the kernel and as doubles for the definition.</summary>
internal sealed class AttentionData
{
    private const int Gap = 3;                      // rows lie further apart than they are long

    public AttentionData(AttentionOptions options, params AttentionSequence[] sequences)
    {
        Options = options;
        Queries = sequences.Max(s => s.QueryStart + s.QueryCount);
        Keys = sequences.Max(s => s.KeyStart + s.KeyCount);
        int bias = 0, mask = 0;
        for (int b = 0; b < sequences.Length; b++)
        {
            sequences[b] = sequences[b] with { BiasStart = bias, MaskStart = mask, DropoutStream = (ulong)b + 9 };
            bias += (int)AttentionChecks.DenseLength(options.Bias, sequences[b], options.Heads);
            mask += (int)AttentionChecks.DenseLength(options.Mask, sequences[b], options.Heads);
        }

        Sequences = sequences;
        Query = Floats(Queries * QueryStride, 1);
        Key = Floats(Keys * KeyStride, 2);
        Value = Floats(Keys * ValueStride, 3);
        Relative = Floats(options.Heads * options.RelativeRange, 4);
        Bias = Floats(bias, 5);
        Mask = [.. Ids(mask, 4, 6).Select(n => n > 0)];
        OutputGradient = Floats(Queries * options.Heads * options.ValueWidth, 7);
    }

    public AttentionOptions Options { get; }

    public AttentionSequence[] Sequences { get; init; }

    public int Queries { get; }

    public int Keys { get; }

    public float[] Query { get; init; }

    public float[] Key { get; init; }

    public float[] Value { get; init; }

    public float[] Relative { get; }

    public float[] Bias { get; init; }

    public bool[] Mask { get; init; }

    public float[] OutputGradient { get; init; }

    public int QueryStride => (Options.Heads * Options.HeadWidth) + Gap;

    public int KeyStride => (Options.KeyHeads * Options.HeadWidth) + Gap;

    public int ValueStride => (Options.KeyHeads * Options.ValueWidth) + Gap;

    public int OutputLength => Queries * Options.Heads * Options.ValueWidth;

    public AttentionInputs<float> Inputs => new()
    {
        Query = Query,
        QueryStride = QueryStride,
        Key = Key,
        KeyStride = KeyStride,
        Value = Value,
        ValueStride = ValueStride,
        RelativeBias = Relative,
        Bias = Bias,
        Mask = Mask,
    };

    public (float[] Output, float[] LogSumExp) Forward()
    {
        float[] z = Make(OutputLength, _ => { }), lse = Make(Queries * Options.Heads, _ => { });
        AttentionKernel.Forward(Inputs, Options, Sequences, z, lse);
        return (z, lse);
    }

    /// <summary>Gradients of query, key, value, relative bias and dense bias.</summary>
    public float[][] Backward()
    {
        (float[] z, float[] lse) = Forward();
        float[][] g = [new float[Query.Length], new float[Key.Length], new float[Value.Length], new float[Relative.Length], new float[Bias.Length]];
        foreach (float[] one in g) one.AsSpan().Fill(float.NaN);
        Clean(g[0], QueryStride);
        Clean(g[1], KeyStride);
        Clean(g[2], ValueStride);
        AttentionKernel.Backward(Inputs, Options, Sequences, z, lse, OutputGradient, Gradients(g));
        return g;
    }

    public double[] Definition(double[] q, double[] k, double[] v, double[] relative, double[] bias)
    {
        double[] z = new double[OutputLength];
        AttentionKernel.Scalar<double>(Inputs64(q, k, v, relative, bias), Options, Sequences, z, []);
        return z;
    }

    public double[] Definition() => Definition(Doubles(Query), Doubles(Key), Doubles(Value), Doubles(Relative), Doubles(Bias));

    public double[][] DefinitionGradient()
    {
        double[][] g = [new double[Query.Length], new double[Key.Length], new double[Value.Length], new double[Relative.Length], new double[Bias.Length]];
        AttentionKernel.ScalarGradient<double>(
            Inputs64(Doubles(Query), Doubles(Key), Doubles(Value), Doubles(Relative), Doubles(Bias)), Options, Sequences, Doubles(OutputGradient), Gradients(g));
        return g;
    }

    private AttentionInputs<double> Inputs64(double[] q, double[] k, double[] v, double[] relative, double[] bias) => new()
    {
        Query = q,
        QueryStride = QueryStride,
        Key = k,
        KeyStride = KeyStride,
        Value = v,
        ValueStride = ValueStride,
        RelativeBias = relative,
        Bias = bias,
        Mask = Mask,
    };

    private AttentionGradients<T> Gradients<T>(T[][] g) => new()
    {
        Query = g[0],
        QueryStride = QueryStride,
        Key = g[1],
        KeyStride = KeyStride,
        Value = g[2],
        ValueStride = ValueStride,
        RelativeBias = g[3],
        Bias = g[4],
    };

    // What lies between the rows is nobody's gradient.
    private static void Clean(float[] rows, int stride)
    {
        for (int i = 0; i < rows.Length; i++)
            if (i % stride >= stride - Gap) rows[i] = 0f;
    }
}
