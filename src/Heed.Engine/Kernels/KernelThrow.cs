using System.Diagnostics.CodeAnalysis;

namespace Heed.Engine.Kernels;

/// <summary>The checks at the border of every kernel: they stand before unsafe code and survive Release.</summary>
internal static class KernelThrow
{
    /// <summary>Throws unless <paramref name="argument"/> has <paramref name="actual"/> = <paramref name="expected"/> elements.</summary>
    public static void UnlessLength(string argument, long actual, long expected)
    {
        if (actual != expected) Length(argument, actual, expected);
    }

    /// <summary>Throws unless <paramref name="id"/> lies in 0 … <paramref name="count"/> − 1.</summary>
    public static void UnlessIndex(string argument, int position, int id, int count)
    {
        if ((uint)id >= (uint)count) Index(argument, position, id, count);
    }

    [DoesNotReturn]
    private static void Length(string argument, long actual, long expected) =>
        throw new ArgumentException($"{argument} has {actual} elements; {expected} are needed.", argument);

    [DoesNotReturn]
    private static void Index(string argument, int position, int id, int count) =>
        throw new ArgumentOutOfRangeException(argument, id, $"{argument}[{position}] is {id}; allowed are 0 to {count - 1}.");
}
