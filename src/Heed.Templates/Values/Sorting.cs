namespace Heed.Templates;

/// <summary>Stable order by Python's <c>&lt;</c>, and the keys that filters sort by.</summary>
internal static class Sorting
{
    /// <summary>Places of the keys in ascending order, or descending; equal ones keep their order either way.</summary>
    /// <param name="r">The rendering.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="reverse">Descending.</param>
    /// <param name="equalFirst">Look whether keys are equal before asking which is less, as a comparison of lists does: equal undefined
    /// values have an order then.</param>
    public static int[] Order(Renderer r, IReadOnlyList<object?> keys, bool reverse, bool equalFirst = false)
    {
        int[] order = [.. Enumerable.Range(0, keys.Count)];
        int[] merged = new int[order.Length];
        for (int width = 1; width < order.Length; width *= 2)
        {
            for (int start = 0; start < order.Length; start += 2 * width)
            {
                int middle = Math.Min(start + width, order.Length);
                int end = Math.Min(start + (2 * width), order.Length);
                int left = start;
                int right = middle;
                r.Budget.Items(6L * (end - start));
                for (int to = start; to < end; to++)
                {
                    bool takeRight = left >= middle || (right < end && Before(order[right], order[left]));
                    merged[to] = order[takeRight ? right++ : left++];
                }
            }

            (order, merged) = (merged, order);
        }

        return order;

        bool Before(int a, int b) => (!equalFirst || !Python.Equal(r, keys[a], keys[b])) && Less(a, b);

        bool Less(int a, int b) => reverse ? Python.Ordered(r, keys[b], keys[a], "<") : Python.Ordered(r, keys[a], keys[b], "<");
    }

    /// <summary>The key of a value: in lower case unless case counts.</summary>
    public static object? Key(Renderer r, object? value, bool caseSensitive)
    {
        if (caseSensitive || Python.TextOf(value) is not { } text) return value;
        r.Budget.Items(text.Length);
        return PythonText.Lower(text);
    }

    /// <summary>Reads <c>a.b.0</c> of an item; a number alone is an index, nothing is the item itself.</summary>
    public static object? Attribute(Renderer r, object? item, object? attribute, object? fallback)
    {
        if (attribute is Missing or null) return item;
        if (Python.TextOf(attribute) is not { } path) return OrDefault(Attributes.ByIndex(r, item, attribute), fallback);
        foreach (string part in path.Split('.'))
        {
            bool number = part.Length is > 0 and < 18 && part.All(char.IsAsciiDigit);
            item = OrDefault(Attributes.ByIndex(r, item, number ? (System.Numerics.BigInteger)long.Parse(part, System.Globalization.CultureInfo.InvariantCulture) : part), fallback);
        }

        return item;
    }

    private static object? OrDefault(object? value, object? fallback) => value is Undefined && fallback is not (Missing or null) ? fallback : value;
}
