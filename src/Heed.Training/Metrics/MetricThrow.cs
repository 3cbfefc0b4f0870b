namespace Heed.Training.Metrics;

/// <summary>The checks that measures share.</summary>
internal static class MetricThrow
{
    /// <summary>Two lists of one length.</summary>
    public static void IfLengthsDiffer(int length, int expected, string argument, string other)
    {
        if (length != expected)
            throw new ArgumentException($"'{argument}' has {length} entries and '{other}' has {expected}; both need the same number.",
                argument);
    }

    /// <summary>A matrix in row-major order with <paramref name="width"/> columns; gives its rows.</summary>
    public static int Rows(int length, int width, string argument)
    {
        if (width < 1) throw new ArgumentOutOfRangeException(argument, width, "The number of columns must be 1 or more.");
        if (length % width != 0) throw new ArgumentException($"'{argument}' has {length} entries, which are no rows of {width}.", argument);
        return length / width;
    }

    /// <summary>A class from 0 to <paramref name="classes"/> − 1.</summary>
    public static void IfNoClass(int value, int classes, string argument, int at)
    {
        if ((uint)value >= (uint)classes)
            throw new ArgumentException($"'{argument}'[{at}] is {value}; the {classes} classes are 0 to {classes - 1}.", argument);
    }

    /// <summary>Labels, each a class.</summary>
    public static void IfNoClasses(ReadOnlySpan<int> values, int classes, string argument)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        for (int i = 0; i < values.Length; i++) IfNoClass(values[i], classes, argument, i);
    }
}
