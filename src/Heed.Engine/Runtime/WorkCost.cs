namespace Heed.Engine.Runtime;

/// <summary>What a work is called in a profile, and what it costs by its shape. Asked for by a <see cref="WorkProfile"/> alone.</summary>
/// <param name="Name">The op with its shape; null takes the type's name.</param>
/// <param name="Operations">Useful floating-point operations, a multiply-add counting two; no padding, no masked pairs, nothing
/// computed again.</param>
/// <param name="Bytes">Bytes of operands read and results written, each once; 0 if unknown.</param>
internal readonly record struct WorkCost(string? Name, double Operations, double Bytes)
{
    /// <summary>Of a work that reads and writes float32 values once and computes little.</summary>
    public static WorkCost Pass(string name, double values) => new(name, 0, sizeof(float) * values);
}
