using BenchmarkDotNet.Attributes;
using Heed.Engine.Kernels;

namespace Heed.Benchmarks;

/// <summary>Attention of B sequences of T tokens; or, with a past, of their next tokens over a cache.</summary>
public sealed record AttentionCase(string Site, int B, int T, int Heads, bool Causal, int Past = 0)
{
    public override string ToString() => Site;
}

/// <summary>Fused attention at the sites of real models, heads of 64.</summary>
public class AttentionBenchmark : IDisposable
{
    private const int K = 64;
    private AttentionSequence[] _sequences = [];
    private float[] _rows = [];
    private float[] _output = [];
    private float[] _logSumExp = [];
    private float[] _gradient = [];
    private KeyValuePool? _pool;
    private KeyValuePages[] _pages = [];

    public static IEnumerable<AttentionCase> Cases =>
    [
        new("bert 8x128", 8, 128, 12, false),
        new("gpt2 prefill 1024", 1, 1024, 12, true),
        new("char gpt 64x256", 64, 256, 6, true),
        new("gpt2 decode at 1024", 1, 1, 12, true, 1023),
    ];

    [ParamsSource(nameof(Cases))]
    public required AttentionCase Case { get; set; }

    private int Width => Case.Heads * K;

    private AttentionOptions Options => new() { Heads = Case.Heads, HeadWidth = K, Scale = 0.125f, Causal = Case.Causal };

    [GlobalSetup]
    public void Setup()
    {
        int rows = Case.B * Case.T;
        _rows = new float[Math.Max(rows, Case.Past + 1) * 3 * Width];
        new CounterRandom(1, 1).Normal(_rows, 0, 1);
        _output = new float[rows * Width];
        _logSumExp = new float[rows * Case.Heads];
        _gradient = new float[_rows.Length];
        _sequences = [.. Enumerable.Range(0, Case.B).Select(b => new AttentionSequence(b * Case.T, Case.T, b * Case.T, Case.Past + Case.T, Case.Past))];
        if (Case.Past == 0) return;
        _pool = new KeyValuePool(Case.Heads, K);
        _pages = [.. _sequences.Select(_ => _pool.Create())];
        foreach (KeyValuePages pages in _pages) pages.Append(_rows, 3 * Width, _rows.AsSpan(Width), 3 * Width, Case.Past + Case.T);
    }

    [Benchmark]
    public void Forward()
    {
        if (Case.Past > 0) AttentionKernel.Forward(_rows, 3 * Width, _pages, [], Options, _sequences, _output, []);
        else AttentionKernel.Forward(Inputs, Options, _sequences, _output, _logSumExp);
    }

    /// <summary>Forward and backward; over a cache the forward pass alone.</summary>
    [Benchmark]
    public void Training()
    {
        Forward();
        if (Case.Past > 0) return;
        AttentionKernel.Backward(Inputs, Options, _sequences, _output, _logSumExp, _output, new AttentionGradients<float>
        {
            Query = _gradient,
            QueryStride = 3 * Width,
            Key = _gradient.AsSpan(Width),
            KeyStride = 3 * Width,
            Value = _gradient.AsSpan(2 * Width),
            ValueStride = 3 * Width,
        });
    }

    [GlobalCleanup]
    public void Dispose()
    {
        foreach (KeyValuePages pages in _pages) pages.Dispose();
        _pool?.Dispose();
        GC.SuppressFinalize(this);
    }

    private AttentionInputs<float> Inputs => new()
    {
        Query = _rows,
        QueryStride = 3 * Width,
        Key = _rows.AsSpan(Width),
        KeyStride = 3 * Width,
        Value = _rows.AsSpan(2 * Width),
        ValueStride = 3 * Width,
    };
}
