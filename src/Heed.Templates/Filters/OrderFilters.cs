namespace Heed.Templates;

/// <summary>Filters that compare: sort, unique, min, max, groupby, dictsort.</summary>
internal static class OrderFilters
{
    public static object? Sort(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("sort", 1, "value", "reverse", "case_sensitive", "attribute");
        bool caseSensitive = Flag(v[2]);
        List<object?> items = Python.ToList(r, v[0]);
        string[]? many = Python.TextOf(v[3])?.Split(',');
        List<object?> keys = new(items.Count);
        foreach (object? item in items)
        {
            // The reference compares lists of keys, one for each attribute.
            keys.Add(many is null || many.Length == 1
                ? Sorting.Key(r, Sorting.Attribute(r, item, v[3], Missing.Value), caseSensitive)
                : new ListValue([.. many.Select(one => Sorting.Key(r, Sorting.Attribute(r, item, one, Missing.Value), caseSensitive))]));
        }

        return new ListValue([.. Sorting.Order(r, keys, Flag(v[1]), equalFirst: true).Select(i => items[i])]);
    }

    public static object? Unique(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("unique", 1, "value", "case_sensitive", "attribute");
        return new GeneratorValue(Walk(), v[0]);

        IEnumerable<object?> Walk()
        {
            HashSet<object> seen = [];
            foreach (object? item in Python.Iterate(r, v[0]))
            {
                if (seen.Add(Python.HashKey(Sorting.Key(r, Sorting.Attribute(r, item, v[2], Missing.Value), Flag(v[1]))))) yield return item;
            }
        }
    }

    public static object? Extreme(Renderer r, Arguments arguments, string name)
    {
        object?[] v = arguments.Bind(name, 1, "value", "case_sensitive", "attribute");
        object? best = Missing.Value;
        object? bestKey = null;
        foreach (object? item in Python.Iterate(r, v[0]))
        {
            object? key = Sorting.Key(r, Sorting.Attribute(r, item, v[2], Missing.Value), Flag(v[1]));
            if (best is not Missing && !Python.Ordered(r, key, bestKey, name == "min" ? "<" : ">")) continue;
            best = item;
            bestKey = key;
        }

        return best is Missing ? Undefined.Because("No aggregated item, sequence was empty.") : best;
    }

    public static object? GroupBy(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("groupby", 2, "value", "attribute", "default", "case_sensitive");
        bool caseSensitive = Flag(v[3]);
        List<object?> items = Python.ToList(r, v[0]);
        List<object?> values = [.. items.Select(item => Sorting.Attribute(r, item, v[1], v[2]))];
        List<object?> keys = [.. values.Select(value => Sorting.Key(r, value, caseSensitive))];
        List<object?> groups = [];
        List<object?> group = [];
        object? current = null;
        foreach (int i in Sorting.Order(r, keys, reverse: false))
        {
            if (groups.Count == 0 || !Python.Equal(r, keys[i], current))
            {
                group = [];
                groups.Add(new GroupTuple(values[i], new ListValue(group)));
                current = keys[i];
            }

            group.Add(items[i]);
        }

        return new ListValue(groups);
    }

    public static object? DictSort(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("dictsort", 1, "value", "case_sensitive", "by", "reverse");
        string by = v[2] is Missing ? "key" : Python.TextOf(v[2]) ?? "";
        if (by is not ("key" or "value")) throw new TemplateFault("You can only sort by either \"key\" or \"value\"");
        if (v[0] is Undefined u) throw u.Fail();
        if (v[0] is not DictValue dict) throw new TemplateFault($"'{Python.TypeName(v[0])}' object has no attribute 'items'");
        List<object?> keys = [.. (by == "key" ? dict.Keys : dict.Values).Select(key => Sorting.Key(r, key, Flag(v[1])))];
        return new ListValue([.. Sorting.Order(r, keys, Flag(v[3])).Select(i => new TupleValue([dict.Keys[i], dict.Values[i]]))]);
    }

    private static bool Flag(object? value) => value is not Missing && Python.IsTrue(value);
}
