using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>What Python's built-in functions say of values: type, truth, equality, order, items, length.</summary>
internal static class Python
{
    private static readonly object NoneKey = new();
    private static readonly object UndefinedKey = new();

    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        string => "str",
        MarkupText => "Markup",
        Undefined => "Undefined",
        ListValue => "list",
        TupleValue => "tuple",
        DictValue => "dict",
        DictView view => view.Kind switch { DictViewKind.Keys => "dict_keys", DictViewKind.Values => "dict_values", _ => "dict_items" },
        RangeValue => "range",
        GeneratorValue => "generator",
        SliceValue => "slice",
        NamespaceValue => "TemplateNamespace",
        FunctionValue f => f.IsType ? "type" : "builtin_function_or_method",
        MacroValue => "Macro",
        LoopValue => "LoopContext",
        CyclerValue => "Cycler",
        JoinerValue => "Joiner",
        _ => "TemplateReference",
    };

    /// <summary>The text of a string, marked or not; null for other values.</summary>
    public static string? TextOf(object? value) => value as string ?? (value as MarkupText)?.Text;

    /// <summary>A number as an integer, where it is one (or a bool); null for others.</summary>
    public static BigInteger? IntegerOf(object? value) => value switch
    {
        bool b => b ? BigInteger.One : BigInteger.Zero,
        BigInteger i => i,
        _ => null,
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        BigInteger i => !i.IsZero,
        double d => d != 0,
        string s => s.Length > 0,
        MarkupText m => m.Text.Length > 0,
        ListValue l => l.Items.Count > 0,
        TupleValue t => t.Items.Length > 0,
        DictValue d => d.Count > 0,
        DictView v => v.Dict.Count > 0,
        RangeValue r => !r.Count.IsZero,
        _ => true,
    };

    public static string Str(Renderer r, object? value) => value switch
    {
        string s => s,
        MarkupText m => m.Text,
        Undefined => "",
        BigInteger i => IntegerText(r, i),
        _ => Representation.Of(r, value),
    };

    public static string IntegerText(Renderer r, BigInteger value)
    {
        // Writing costs the square of the length.
        long words = (value.GetBitLength() / 64) + 1;
        r.Budget.Items((words * words / 16) + 1);
        return Numbers.Text(value);
    }

    public static string ShortRepr(object? value) => value switch
    {
        string s => $"'{Printable.Shorten(s)}'",
        BigInteger i => i.GetBitLength() < 200 ? Numbers.Text(i) : "a large integer",
        double d => Numbers.Text(d),
        bool b => b ? "True" : "False",
        null => "None",
        _ => TypeName(value),
    };

    /// <summary>Key of a dict or set: equal for values that Python takes for the same key.</summary>
    public static object HashKey(object? value) => value switch
    {
        null => NoneKey,
        bool b => b ? BigInteger.One : BigInteger.Zero,
        double d => double.IsFinite(d) && d == Math.Floor(d) ? new BigInteger(d) : d,
        MarkupText m => m.Text,
        Undefined => UndefinedKey,
        TupleValue t => TupleKey.Of(t, 0),
        ListValue or DictValue or DictView or SliceValue or NamespaceValue => throw new TemplateFault($"unhashable type: '{TypeName(value)}'"),
        _ => value,
    };

    public static bool Equal(Renderer r, object? a, object? b)
    {
        r.Budget.Step();
        if (ReferenceEquals(a, b)) return a is not double;
        if (a is double or BigInteger or bool && b is double or BigInteger or bool) return Order(a, b) == 0;
        string? text = TextOf(a);
        if (text is not null)
        {
            string? other = TextOf(b);
            if (other is null || text.Length != other.Length) return false;
            r.Budget.Characters(text.Length);
            return text == other;
        }

        switch (a, b)
        {
            case (Undefined, Undefined): return true;
            case (ListValue x, ListValue y): return Same(r, x.Items, y.Items);
            case (TupleValue x, TupleValue y): return Same(r, x.Items, y.Items);
            case (RangeValue x, RangeValue y): return x.Count == y.Count && (x.Count.IsZero || (x.Start == y.Start && (x.Count.IsOne || x.Step == y.Step)));
            case (DictValue x, DictValue y):
                if (x.Count != y.Count) return false;
                r.Budget.Enter();
                bool same = true;
                for (int i = 0; i < x.Count && same; i++) same = y.TryGet(HashKey(x.Keys[i]), out object? value) && Equal(r, x.Values[i], value);
                r.Budget.Leave();
                return same;
            case (DictView { Kind: not DictViewKind.Values } x, DictView { Kind: not DictViewKind.Values } y):
                if (x.Kind != y.Kind || x.Dict.Count != y.Dict.Count) return false;
                for (int i = 0; i < x.Dict.Count; i++) if (!Contains(r, y, x.Item(i))) return false;
                return true;
            default: return false;
        }
    }

    private static bool Same(Renderer r, IReadOnlyList<object?> x, IReadOnlyList<object?> y)
    {
        if (x.Count != y.Count) return false;
        r.Budget.Enter();
        bool same = true;
        for (int i = 0; i < x.Count && same; i++) same = ReferenceEquals(x[i], y[i]) ? Step(r) : Equal(r, x[i], y[i]);
        r.Budget.Leave();
        return same;
    }

    private static bool Step(Renderer r)
    {
        r.Budget.Step();
        return true;
    }

    /// <summary>Order of two numbers; 2 where one is not a number.</summary>
    public static int Order(object a, object b)
    {
        if (a is double x)
        {
            if (double.IsNaN(x)) return 2;
            if (b is double y) return double.IsNaN(y) ? 2 : x.CompareTo(y) is var o && x == y ? 0 : o;
            return -OrderMixed(IntegerOf(b)!.Value, x);
        }

        if (b is double z) return double.IsNaN(z) ? 2 : OrderMixed(IntegerOf(a)!.Value, z);
        return IntegerOf(a)!.Value.CompareTo(IntegerOf(b)!.Value);
    }

    private static int OrderMixed(BigInteger integer, double other)
    {
        if (double.IsInfinity(other)) return other > 0 ? -1 : 1;
        int order = integer.CompareTo(new BigInteger(Math.Floor(other)));
        return order != 0 ? order : other > Math.Floor(other) ? -1 : 0;
    }

    /// <summary>One of Python's <c>&lt; &lt;= &gt; &gt;=</c>.</summary>
    public static bool Ordered(Renderer r, object? a, object? b, string op)
    {
        r.Budget.Step();
        if (a is Undefined u) throw u.Fail();
        if (b is Undefined v) throw v.Fail();
        int order;
        if (a is double or BigInteger or bool && b is double or BigInteger or bool)
        {
            order = Order(a, b);
            if (order == 2) return false;
        }
        else if (TextOf(a) is { } x && TextOf(b) is { } y)
        {
            r.Budget.Characters(Math.Min(x.Length, y.Length));
            order = PythonText.Compare(x, y);
        }
        else if ((a, b) is (ListValue, ListValue) or (TupleValue, TupleValue))
        {
            IReadOnlyList<object?> left = Items(a);
            IReadOnlyList<object?> right = Items(b);
            int at = 0;
            r.Budget.Enter();
            while (at < left.Count && at < right.Count && (ReferenceEquals(left[at], right[at]) ? Step(r) : Equal(r, left[at], right[at]))) at++;
            bool inside = at < left.Count && at < right.Count;
            bool result = inside && Ordered(r, left[at], right[at], op);
            r.Budget.Leave();
            if (inside) return result;
            order = left.Count.CompareTo(right.Count);
        }
        else
        {
            throw new TemplateFault($"'{op}' not supported between instances of '{TypeName(a)}' and '{TypeName(b)}'");
        }

        return op switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    public static IReadOnlyList<object?> Items(object? list) => list is ListValue l ? l.Items : ((TupleValue)list!).Items;

    public static bool Contains(Renderer r, object? container, object? item)
    {
        r.Budget.Step();
        if (TextOf(container) is { } text)
        {
            if (item is Undefined u) throw u.Fail();
            string part = TextOf(item) ?? throw new TemplateFault($"'in <string>' requires string as left operand, not {TypeName(item)}");
            r.Budget.Search(text.Length, part.Length);
            return text.Contains(part, StringComparison.Ordinal);
        }

        switch (container)
        {
            case Undefined: return false;
            case DictValue d: return d.TryGet(HashKey(item), out _);
            case DictView { Kind: DictViewKind.Keys } view: return view.Dict.TryGet(HashKey(item), out _);
            case DictView { Kind: DictViewKind.Items } view:
                return item is TupleValue { Items: [var key, var wanted] } && view.Dict.TryGet(HashKey(key), out object? found) && Equal(r, found, wanted);
            case RangeValue range:
                if (item is double f && (double.IsNaN(f) || double.IsInfinity(f) || f != Math.Floor(f))) return false;
                BigInteger? number = item is double whole ? new BigInteger(whole) : IntegerOf(item);
                if (number is not { } n) return false;
                BigInteger offset = n - range.Start;
                return (offset % range.Step).IsZero && offset / range.Step >= 0 && offset / range.Step < range.Count;
        }

        if (container is not (ListValue or TupleValue or DictView or GeneratorValue or LoopValue)) throw new TemplateFault($"argument of type '{TypeName(container)}' is not iterable");
        foreach (object? one in Iterate(r, container)) if ((ReferenceEquals(one, item) && Step(r)) || Equal(r, one, item)) return true;
        return false;
    }

    public static bool IsIterable(object? value)
        => value is string or MarkupText or Undefined or ListValue or TupleValue or DictValue or DictView or RangeValue or GeneratorValue or LoopValue;

    /// <summary>The items of a value; each costs a step.</summary>
    /// <summary>Steps of an item that is made while a value is walked over: it may be kept, and the steps bound the memory.</summary>
    private const int FreshItem = 2;

    public static IEnumerable<object?> Iterate(Renderer r, object? value)
        => IsIterable(value) ? Walk(r, value) : throw new TemplateFault($"'{TypeName(value)}' object is not iterable");

    private static IEnumerable<object?> Walk(Renderer r, object? value)
    {
        switch (value)
        {
            case string or MarkupText:
                foreach (string c in PythonText.Characters(TextOf(value)!))
                {
                    r.Budget.Items(FreshItem);
                    yield return c;
                }

                break;
            case ListValue or TupleValue:
                IReadOnlyList<object?> items = Items(value);
                for (int i = 0; i < items.Count; i++)
                {
                    r.Budget.Step();
                    yield return items[i];
                }

                break;
            case DictValue or DictView:
                DictView view = value as DictView ?? new DictView((DictValue)value, DictViewKind.Keys);
                for (int i = 0; i < view.Dict.Count; i++)
                {
                    r.Budget.Step();
                    yield return view.Item(i);
                }

                break;
            case RangeValue range:
                BigInteger at = range.Start;
                for (BigInteger n = range.Count; n > 0; n--, at += range.Step)
                {
                    r.Budget.Items(FreshItem);
                    yield return at;
                }

                break;
            case GeneratorValue generator:
                while (generator.Items.MoveNext())
                {
                    r.Budget.Step();
                    yield return generator.Items.Current;
                }

                break;
            case LoopValue loop:
                while (loop.MoveNext()) yield return loop.Current;
                break;
        }
    }

    public static List<object?> ToList(Renderer r, object? value)
    {
        List<object?> items = [];
        foreach (object? item in Iterate(r, value))
        {
            if (items.Count >= RenderBudget.MaximumItems) r.Budget.NewList(items.Count + 1);
            items.Add(item);
        }

        return items;
    }

    /// <summary>Number of items, or −1 for what has none.</summary>
    public static BigInteger LengthOf(object? value) => value switch
    {
        string or MarkupText => PythonText.Length(TextOf(value)!),
        Undefined => 0,
        ListValue l => l.Items.Count,
        TupleValue t => t.Items.Length,
        DictValue d => d.Count,
        DictView v => v.Dict.Count,
        RangeValue r => r.Count,
        LoopValue l => l.Length,
        _ => -1,
    };

    /// <summary>An index or count that Python takes as an integer.</summary>
    public static BigInteger Index(object? value) => value is Undefined u ? throw u.Fail()
        : IntegerOf(value) ?? throw new TemplateFault($"'{TypeName(value)}' object cannot be interpreted as an integer");

    /// <summary>An index or count cut to what fits an <see cref="int"/>.</summary>
    public static int SmallIndex(object? value)
    {
        BigInteger index = Index(value);
        return index > int.MaxValue ? int.MaxValue : index < int.MinValue ? int.MinValue : (int)index;
    }

    public static bool SameObject(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (bool x, bool y) => x == y,
        (BigInteger x, BigInteger y) => ReferenceEquals(a, b) || (x == y && x >= -5 && x <= 256),
        (string x, string y) => ReferenceEquals(x, y) || (x == y && x.Length <= 1),
        _ => ReferenceEquals(a, b),
    };

    private sealed class TupleKey : IEquatable<TupleKey>
    {
        private readonly object[] _keys;
        private readonly int _hash;

        private TupleKey(object[] keys)
        {
            _keys = keys;
            HashCode hash = default;
            foreach (object key in keys) hash.Add(key);
            _hash = hash.ToHashCode();
        }

        public static TupleKey Of(TupleValue tuple, int depth)
        {
            if (depth >= RenderBudget.MaximumCallDepth) throw RenderBudget.Over("a key nested more deeply", $"a depth of {RenderBudget.MaximumCallDepth}");
            object[] keys = new object[tuple.Items.Length];
            for (int i = 0; i < keys.Length; i++) keys[i] = tuple.Items[i] is TupleValue inner ? Of(inner, depth + 1) : HashKey(tuple.Items[i]);
            return new TupleKey(keys);
        }

        public bool Equals(TupleKey? other) => other is not null && _keys.AsSpan().SequenceEqual(other._keys);

        public override bool Equals(object? obj) => Equals(obj as TupleKey);

        public override int GetHashCode() => _hash;
    }
}
