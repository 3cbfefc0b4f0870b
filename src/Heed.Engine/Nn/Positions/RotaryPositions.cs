using Heed.Engine.Autograd;
using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>What RoPE is in a model.</summary>
public sealed record RotaryConfig
{
    /// <summary>K, width of a head.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>R, how many of a head's first components are turned, even; 0 means all.</summary>
    public int RotaryWidth { get => field == 0 ? HeadWidth : field; init; }

    /// <summary>θ, the base of the frequencies.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>Tokens of the model's context.</summary>
    public int MaximumLength { get; init; } = 2048;

    /// <summary>Which components are turned together.</summary>
    public RotaryPairs Pairs { get; init; } = RotaryPairs.Halves;

    /// <summary>Change of the frequencies for longer contexts, or null.</summary>
    public RopeScaling? Scaling { get; init; }
}

/// <summary>RoPE: turns queries and keys by their positions, so that scores depend on distances alone.  x: [N, H, K] → [N, H, K].</summary>
/// <remarks>Su et al., arXiv:2104.09864 §3.4.2. Tables of cos and sin are made once and grow by doubling.</remarks>
public sealed class RotaryPositions : Module, IRotation
{
    private readonly RotaryConfig _config;
    private readonly double _scale;
    private Tables? _tables;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentException">The rotary width is odd or wider than a head.</exception>
    public RotaryPositions(RotaryConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.RotaryWidth % 2 != 0 || config.RotaryWidth > config.HeadWidth || config.RotaryWidth < 2)
            throw new ArgumentException($"The rotary width {config.RotaryWidth} must be even, at least 2 and at most the head width {config.HeadWidth}.", nameof(config));
        _config = config;
        _scale = RopeFrequencies.AttentionScale(config.Scaling, config.MaximumLength);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A position is negative.</exception>
    public Variable Rotate(Variable x, int[] positions, int length)
    {
        ArgumentNullException.ThrowIfNull(positions);
        int last = length - 1;
        foreach (int p in positions) last = Math.Max(last, p);
        Tables tables = For(last + 1);
        return RotaryOp.Apply(x, positions, tables.Cos, tables.Sin, _config.RotaryWidth, _config.Pairs);
    }

    private Tables For(int length)
    {
        int regime = Regime(length);
        Tables? tables = Volatile.Read(ref _tables);
        if (tables is not null && tables.Regime == regime && tables.Rows >= length) return tables;
        int half = _config.RotaryWidth / 2, rows = Math.Max(64, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length));
        tables = new Tables(regime, rows, new float[rows * half], new float[rows * half]);
        RotaryKernel.FillTables(RopeFrequencies.Compute(_config.RotaryWidth, _config.Theta, _config.Scaling, _config.MaximumLength, length), _scale, 0, tables.Cos, tables.Sin);
        Volatile.Write(ref _tables, tables);
        return tables;
    }

    /// <summary>Equal for lengths that share their frequencies.</summary>
    private int Regime(int length) => _config.Scaling?.Regime(length, _config.MaximumLength) ?? 0;

    private sealed record Tables(int Regime, int Rows, float[] Cos, float[] Sin);
}
