namespace Heed.Templates;

/// <summary>Lazy filters: map, select, reject and their relatives.</summary>
internal static class SelectFilters
{
    public static object? Map(Renderer r, Arguments arguments)
    {
        if (arguments.Positional.Count == 0) throw new TemplateFault("map() missing required argument: 'value'");
        object? source = arguments.Positional[0];
        return new GeneratorValue(Walk(), source);

        IEnumerable<object?> Walk()
        {
            if (!Python.IsTrue(source)) yield break;
            Func<object?, object?> convert = Converter(r, arguments);
            foreach (object? item in Python.Iterate(r, source)) yield return convert(item);
        }
    }

    private static Func<object?, object?> Converter(Renderer r, Arguments arguments)
    {
        if (arguments.Positional.Count == 1 && arguments.Named.Exists(n => n.Key == "attribute"))
        {
            object?[] v = new Arguments([], arguments.Named).Bind("map", 1, "attribute", "default");
            return item => Sorting.Attribute(r, item, v[0], v[1]);
        }

        if (arguments.Positional.Count < 2) throw new TemplateFault("map requires a filter argument");
        string name = Python.Str(r, arguments.Positional[1]);
        Filter filter = Filters.Find(name) ?? throw new TemplateFault($"No filter named '{name}'.");
        List<object?> rest = arguments.Positional[2..];
        return item =>
        {
            r.Budget.Items(RenderBudget.EntrySteps);
            return filter(r, new Arguments([item, .. rest], arguments.Named));
        };
    }

    public static object? Select(Renderer r, Arguments arguments, bool wanted, bool byAttribute)
    {
        if (arguments.Positional.Count == 0) throw new TemplateFault("select() missing required argument: 'value'");
        object? source = arguments.Positional[0];
        return new GeneratorValue(Walk(), source);

        IEnumerable<object?> Walk()
        {
            if (!Python.IsTrue(source)) yield break;
            int at = 1;
            object? attribute = Missing.Value;
            if (byAttribute) attribute = arguments.Positional.Count > at ? arguments.Positional[at++] : throw new TemplateFault("Missing parameter for attribute name");
            Func<object?, bool> test = Test(r, arguments, at);
            foreach (object? item in Python.Iterate(r, source))
            {
                if (test(Sorting.Attribute(r, item, attribute, Missing.Value)) == wanted) yield return item;
            }
        }
    }

    private static Func<object?, bool> Test(Renderer r, Arguments arguments, int at)
    {
        if (arguments.Positional.Count <= at) return Python.IsTrue;
        string name = Python.Str(r, arguments.Positional[at]);
        Filter test = TemplateTests.Find(name) ?? throw new TemplateFault($"No test named '{name}'.");
        List<object?> rest = arguments.Positional[(at + 1)..];
        return item =>
        {
            r.Budget.Items(RenderBudget.EntrySteps);
            return Python.IsTrue(test(r, new Arguments([item, .. rest], arguments.Named)));
        };
    }
}
