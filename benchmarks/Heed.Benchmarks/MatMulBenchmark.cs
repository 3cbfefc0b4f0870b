using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Heed.Engine.Kernels;

namespace Heed.Benchmarks;

/// <summary>One site of a real model: y [M, N] = x [M, K] · W.</summary>
public sealed record MatMulCase(string Site, int M, int K, int N)
{
    public double Gigaflops => 2e-9 * M * K * N;

    public override string ToString() => Site;
}

/// <summary>Matrix products at the sites of real models: unpacked, and with weights packed once in each format.</summary>
[Config(typeof(Settings))]
public class MatMulBenchmark : IDisposable
{
    private float[] _x = [];
    private float[] _weight = [];
    private float[] _y = [];
    private PackedMatrix? _float32;
    private PackedMatrix? _bfloat16;
    private PackedMatrix? _float16;

    public static IEnumerable<MatMulCase> Cases =>
    [
        new("square 768", 768, 768, 768),
        new("bert 8x128 mlp up", 1024, 768, 3072),
        new("bert 8x128 mlp down", 1024, 3072, 768),
        new("bert 1x32 projection", 32, 768, 768),
        new("gpt2 prefill vocabulary", 512, 768, 50257),
        new("gpt2 decode mlp up", 1, 768, 3072),
        new("gpt2 decode vocabulary", 1, 768, 50257),
        new("char gpt mlp up", 4096, 384, 1536),
    ];

    [ParamsSource(nameof(Cases))]
    public required MatMulCase Case { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _x = Values(random, Case.M * Case.K);
        _weight = Values(random, Case.K * Case.N);
        _y = new float[Case.M * Case.N];
        _float32 = PackedMatrix.Pack(_weight, Case.N, Case.K);
        _bfloat16 = PackedMatrix.Pack(_weight, Case.N, Case.K, WeightFormat.BFloat16);
        _float16 = PackedMatrix.Pack(_weight, Case.N, Case.K, WeightFormat.Float16);
    }

    [Benchmark(Baseline = true)]
    public void Unpacked() => MatMulKernel.Invoke(_x, MatrixLayout.RowMajor, _weight, MatrixLayout.Transposed, _y, Case.M, Case.N, Case.K);

    [Benchmark]
    public void Packed() => _float32!.Multiply(_x, _y, Case.M);

    [Benchmark]
    public void BFloat16() => _bfloat16!.Multiply(_x, _y, Case.M);

    [Benchmark]
    public void Float16() => _float16!.Multiply(_x, _y, Case.M);

    [GlobalCleanup]
    public void Dispose()
    {
        _float32?.Dispose();
        _bfloat16?.Dispose();
        _float16?.Dispose();
        GC.SuppressFinalize(this);
    }

    private static float[] Values(Random random, int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = random.NextSingle() - 0.5f;
        return values;
    }

    private sealed class Settings : ManualConfig
    {
        public Settings() => AddColumn(new GigaflopsColumn());
    }

    /// <summary>10⁹ operations a second; to be read beside the peak that <see cref="MachineProbe"/> finds on the same computer.</summary>
    private sealed class GigaflopsColumn : IColumn
    {
        public string Id => nameof(GigaflopsColumn);

        public string ColumnName => "GFLOP/s";

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => true;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => "10⁹ float32 operations a second";

        public bool IsAvailable(Summary summary) => true;

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
            benchmarkCase.Parameters[nameof(Case)] is MatMulCase site && summary[benchmarkCase]?.ResultStatistics is { } statistics
                ? (site.Gigaflops / (statistics.Mean * 1e-9)).ToString("F1", System.Globalization.CultureInfo.InvariantCulture)
                : "?";
    }
}
