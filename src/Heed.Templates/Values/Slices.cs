using System.Numerics;

namespace Heed.Templates;

/// <summary>Python's slices.</summary>
internal static class Slices
{
    public static object? Apply(Renderer r, object? owner, SliceValue slice)
    {
        if (owner is DictValue) throw new TemplateFault("unhashable type: 'slice'");
        if (owner is not (string or MarkupText or ListValue or TupleValue or RangeValue)) throw new TemplateFault($"'{Python.TypeName(owner)}' object is not subscriptable");
        BigInteger length = Python.LengthOf(owner);
        BigInteger step = Part(slice.Step) ?? 1;
        if (step.IsZero) throw new TemplateFault("slice step cannot be zero");
        BigInteger lowest = step.Sign > 0 ? 0 : -1;
        BigInteger highest = step.Sign > 0 ? length : length - 1;
        BigInteger start = Part(slice.Start) is { } s ? Fit(s, length, lowest, highest) : step.Sign > 0 ? lowest : highest;
        BigInteger stop = Part(slice.Stop) is { } e ? Fit(e, length, lowest, highest) : step.Sign > 0 ? highest : lowest;
        if (owner is RangeValue range) return new RangeValue(range.Start + (start * range.Step), range.Start + (stop * range.Step), range.Step * step);
        RangeValue picked = new(start, stop, step);
        int count = (int)picked.Count;
        if (Python.TextOf(owner) is { } text)
        {
            r.Budget.Characters(text.Length);
            string result = step.IsOne ? PythonText.Range(text, (int)start, (int)BigInteger.Max(start, stop)) : Pick(PythonText.CodePoints(text), start, step, count);
            return owner is MarkupText ? new MarkupText(result) : result;
        }

        r.Budget.NewList(count);
        IReadOnlyList<object?> items = Python.Items(owner);
        object?[] values = new object?[count];
        for (int i = 0; i < count; i++) values[i] = items[(int)(start + (step * i))];
        return owner is ListValue ? new ListValue([.. values]) : new TupleValue(values);
    }

    /// <summary>An index from the end made one from the start, within [0, length].</summary>
    public static int Clamp(int index, int length) => Math.Clamp(index < 0 ? index + length : index, 0, length);

    private static string Pick(int[] points, BigInteger start, BigInteger step, int count)
        => PythonText.FromCodePoints(Enumerable.Range(0, count).Select(i => points[(int)(start + (step * i))]));

    private static BigInteger Fit(BigInteger index, BigInteger length, BigInteger lowest, BigInteger highest)
    {
        if (index.Sign < 0) index += length;
        return BigInteger.Max(lowest, BigInteger.Min(highest, index));
    }

    private static BigInteger? Part(object? value) => value switch
    {
        null => null,
        Undefined u => throw u.Fail(),
        _ => Python.IntegerOf(value) ?? throw new TemplateFault("slice indices must be integers or None or have an __index__ method"),
    };
}
