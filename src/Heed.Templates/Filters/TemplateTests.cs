using System.Numerics;

namespace Heed.Templates;

/// <summary>The tests by name.</summary>
internal static class TemplateTests
{
    private static readonly Dictionary<string, Filter> All = new(StringComparer.Ordinal)
    {
        ["odd"] = (r, a) => Python.Equal(r, Operators.Binary(r, "%", One(a, "odd"), (BigInteger)2), BigInteger.One),
        ["even"] = (r, a) => Python.Equal(r, Operators.Binary(r, "%", One(a, "even"), (BigInteger)2), BigInteger.Zero),
        ["divisibleby"] = (r, a) => Two(a, "divisibleby") is var v ? Python.Equal(r, Operators.Binary(r, "%", v[0], v[1]), BigInteger.Zero) : null,
        ["defined"] = (_, a) => One(a, "defined") is not Undefined,
        ["undefined"] = (_, a) => One(a, "undefined") is Undefined,
        ["filter"] = (r, a) => Filters.Find(Python.Str(r, One(a, "filter"))) is not null,
        ["test"] = (r, a) => Find(Python.Str(r, One(a, "test"))) is not null,
        ["none"] = (_, a) => One(a, "none") is null,
        ["boolean"] = (_, a) => One(a, "boolean") is bool,
        ["true"] = (_, a) => One(a, "true") is true,
        ["false"] = (_, a) => One(a, "false") is false,
        ["integer"] = (_, a) => One(a, "integer") is BigInteger,
        ["float"] = (_, a) => One(a, "float") is double,
        ["number"] = (_, a) => One(a, "number") is BigInteger or double or bool,
        ["lower"] = (r, a) => StringMethods.IsCase(Python.Str(r, One(a, "lower")), Unicodes.IsLower, c => Unicodes.IsUpper(c) || Unicodes.IsTitle(c)),
        ["upper"] = (r, a) => StringMethods.IsCase(Python.Str(r, One(a, "upper")), Unicodes.IsUpper, c => Unicodes.IsLower(c) || Unicodes.IsTitle(c)),
        ["string"] = (_, a) => One(a, "string") is string or MarkupText,
        ["mapping"] = (_, a) => One(a, "mapping") is DictValue,
        ["sequence"] = (_, a) => One(a, "sequence") is string or MarkupText or ListValue or TupleValue or DictValue or RangeValue or Undefined,
        ["iterable"] = (_, a) => Python.IsIterable(One(a, "iterable")),
        ["callable"] = (_, a) => One(a, "callable") is FunctionValue or MacroValue or LoopValue or JoinerValue or Undefined,
        ["sameas"] = (_, a) => Two(a, "sameas") is var v && Python.SameObject(v[0], v[1]),
        ["escaped"] = (_, a) => One(a, "escaped") is MarkupText,
        ["in"] = (r, a) => Two(a, "in") is var v && Python.Contains(r, v[1], v[0]),
    };

    private static readonly Dictionary<string, string> Comparisons = new(StringComparer.Ordinal)
    {
        ["=="] = "==",
        ["eq"] = "==",
        ["equalto"] = "==",
        ["!="] = "!=",
        ["ne"] = "!=",
        [">"] = ">",
        ["gt"] = ">",
        ["greaterthan"] = ">",
        [">="] = ">=",
        ["ge"] = ">=",
        ["<"] = "<",
        ["lt"] = "<",
        ["lessthan"] = "<",
        ["<="] = "<=",
        ["le"] = "<=",
    };

    static TemplateTests()
    {
        foreach ((string name, string op) in Comparisons)
        {
            All.Add(name, (r, a) =>
            {
                object?[] v = Two(a, name);
                return op switch
                {
                    "==" => Python.Equal(r, v[0], v[1]),
                    "!=" => !Python.Equal(r, v[0], v[1]),
                    _ => Python.Ordered(r, v[0], v[1], op),
                };
            });
        }
    }

    public static Filter? Find(string name) => All.GetValueOrDefault(name);

    private static object? One(Arguments arguments, string name) => arguments.Bind(name, 1, "value")[0];

    private static object?[] Two(Arguments arguments, string name)
        => arguments.Positional.Count + arguments.Named.Count == 2 ? arguments.Bind(name, 2, "value", name == "in" ? "seq" : name == "divisibleby" ? "num" : "other")
            : throw new TemplateFault($"{name} expected 2 arguments, got {arguments.Positional.Count + arguments.Named.Count}");
}
