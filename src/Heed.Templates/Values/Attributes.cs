using System.Numerics;

namespace Heed.Templates;

/// <summary>Attributes, methods and items of values, as the reference's sandbox lets templates see them.</summary>
internal static class Attributes
{
    private static readonly HashSet<string> Everywhere = new(StringComparer.Ordinal)
    {
        "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__", "__getattribute__", "__getstate__", "__gt__", "__hash__", "__init__",
        "__init_subclass__", "__le__", "__lt__", "__ne__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__sizeof__", "__str__", "__subclasshook__",
    };

    private static readonly HashSet<string> Special = new(StringComparer.Ordinal)
    {
        "__add__", "__mul__", "__rmul__", "__mod__", "__rmod__", "__len__", "__iter__", "__contains__", "__getitem__", "__setitem__", "__delitem__", "__getnewargs__", "__reversed__",
        "__iadd__", "__imul__", "__or__", "__ior__", "__ror__", "__class_getitem__", "__call__", "__name__", "__qualname__", "__self__", "__module__", "__text_signature__",
        "__next__", "__del__", "__bool__", "__sub__", "__neg__", "__pos__", "__abs__", "__int__", "__float__", "__pow__", "__floordiv__", "__truediv__", "__and__", "__xor__",
        "__invert__", "__lshift__", "__rshift__", "__index__", "__round__", "__trunc__", "__floor__", "__ceil__", "__divmod__", "__radd__", "__rsub__", "__rpow__", "__html__",
        "__globals__", "__code__", "__closure__", "__defaults__", "__dict__", "__weakref__", "__slots__", "__html_format__", "__getattr__", "__annotations__", "__wrapped__",
    };

    private static readonly HashSet<string> Mutating = new(StringComparer.Ordinal)
    {
        "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove", "popitem", "setdefault", "update",
    };

    private static readonly HashSet<string> Inner = new(StringComparer.Ordinal)
    {
        "gi_frame", "gi_code", "gi_running", "gi_yieldfrom", "gi_suspended",
    };

    /// <summary><c>owner.name</c>: an attribute first, then an item.</summary>
    public static object? ByDot(Renderer r, object? owner, string name)
    {
        r.Budget.Step();
        if (owner is Undefined u) return Everywhere.Contains(name) ? Undefined.Unsafe(owner, name) : throw u.Fail();
        object? found = Find(owner, name);
        if (found is not Missing) return found;
        if (owner is DictValue dict && dict.TryGet(name, out object? value)) return value;
        return Undefined.Attribute(owner, name);
    }

    /// <summary><c>owner[index]</c>: an item first, then an attribute.</summary>
    public static object? ByIndex(Renderer r, object? owner, object? index)
    {
        r.Budget.Step();
        if (owner is Undefined u) throw u.Fail();
        if (index is SliceValue slice) return Slices.Apply(r, owner, slice);
        object? item = Item(owner, index);
        if (item is not Missing) return item;
        if (Python.TextOf(index) is { } name && Find(owner, name) is var found and not Missing) return found;
        return Undefined.Attribute(owner, index);
    }

    /// <summary>An attribute only, as <c>attr</c> and format fields look for it.</summary>
    public static object? AttributeOnly(object? owner, string name)
        => owner is Undefined u ? throw u.Fail() : Find(owner, name) is var found and not Missing ? found : Undefined.Attribute(owner, name);

    /// <summary>An item, or <see cref="Missing.Value"/>.</summary>
    public static object? Item(object? owner, object? index)
    {
        switch (owner)
        {
            case DictValue dict:
                if (index is ListValue or DictValue or DictView or NamespaceValue) return Missing.Value;
                return dict.TryGet(Python.HashKey(index), out object? value) ? value : Missing.Value;
            case string or MarkupText or ListValue or TupleValue or RangeValue:
                if (Python.IntegerOf(index) is not { } at) return Missing.Value;
                BigInteger length = Python.LengthOf(owner);
                if (at.Sign < 0) at += length;
                if (at.Sign < 0 || at >= length) return Missing.Value;
                if (owner is RangeValue range) return range.Start + (at * range.Step);
                if (Python.TextOf(owner) is not { } text) return Python.Items(owner)[(int)at];
                string character = PythonText.Range(text, (int)at, (int)at + 1);
                return owner is MarkupText ? new MarkupText(character) : character;
            default:
                return Missing.Value;
        }
    }

    /// <summary>An attribute or method; an unsafe one is undefined; <see cref="Missing.Value"/> where there is none.</summary>
    private static object? Find(object? owner, string name)
    {
        if (name.StartsWith("__", StringComparison.Ordinal) && (Everywhere.Contains(name) || (HasSpecial(owner) && Special.Contains(name)))) return Undefined.Unsafe(owner, name);
        switch (owner)
        {
            case string or MarkupText:
                return StringMethods.Find(name) is { } method ? new FunctionValue(name, (r, a) => StringMethods.Call(r, method, owner, a)) : Missing.Value;
            case ListValue list:
                if (Mutating.Contains(name) && name is not ("popitem" or "setdefault" or "update")) return Undefined.Unsafe(owner, name);
                return name == "copy" ? new FunctionValue(name, (r, _) => new ListValue(Python.ToList(r, list))) : SequenceMethod(owner, name);
            case GroupTuple group when name is "grouper" or "list":
                return group.Items[name == "list" ? 1 : 0];
            case RangeValue range when name is "start" or "stop" or "step":
                return name == "start" ? range.Start : name == "stop" ? range.Stop : range.Step;
            case TupleValue or RangeValue: return SequenceMethod(owner, name);
            case DictValue dict: return DictMethod(dict, name);
            case NamespaceValue space: return space.Attributes.TryGet(name, out object? value) ? value : Missing.Value;
            case LoopValue loop: return loop.Attribute(name);
            case MacroValue macro: return MacroAttribute(macro, name);
            case CyclerValue cycler: return CyclerAttribute(cycler, name);
            case SelfReference: return name.StartsWith('_') ? Missing.Value : new FunctionValue(name, (r, _) => r.RenderBlock(name));
            case FunctionValue { Name: "dict" } when name == "fromkeys": return new FunctionValue(name, Globals.FromKeys);
            case GeneratorValue when Inner.Contains(name): return Undefined.Unsafe(owner, name);
            case bool or BigInteger or double: return NumberAttribute(owner, name);
            case JoinerValue joiner when name is "sep": return joiner.Separator;
            default: return Missing.Value;
        }
    }

    private static bool HasSpecial(object? owner) => owner is not (null or LoopValue or SelfReference);

    private static object? DictMethod(DictValue dict, string name) => name switch
    {
        "items" or "keys" or "values" or "copy" => Bound(dict, name),
        "fromkeys" => new FunctionValue(name, Globals.FromKeys),
        "get" => new FunctionValue(name, (_, a) =>
        {
            object?[] v = a.Plain("get", 1, 2);
            return dict.TryGet(Python.HashKey(v[0]), out object? found) ? found : v[1] is Missing ? null : v[1];
        }),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => Undefined.Unsafe(dict, name),
        _ => Missing.Value,
    };

    /// <summary>A view is of the dict itself: dicts do not change once they are made.</summary>
    private static FunctionValue Bound(DictValue dict, string name) => new(name, (r, a) =>
    {
        a.Plain(name, 0, 0);
        r.Budget.Step();
        if (name != "copy") return new DictView(dict, name == "items" ? DictViewKind.Items : name == "keys" ? DictViewKind.Keys : DictViewKind.Values);
        r.Budget.Items(dict.Count);
        return dict.Copy();
    });

    private static object? SequenceMethod(object? owner, string name) => name switch
    {
        "count" => new FunctionValue(name, (r, a) =>
        {
            object? wanted = a.Plain(name, 1, 1)[0];
            BigInteger count = 0;
            foreach (object? item in Python.Iterate(r, owner)) if (Python.Equal(r, item, wanted)) count++;
            return count;
        }),
        "index" => new FunctionValue(name, (r, a) =>
        {
            object?[] v = a.Plain(name, 1, 3);
            int length = (int)Python.LengthOf(owner);
            int start = v[1] is Missing ? 0 : Slices.Clamp(Python.SmallIndex(v[1]), length);
            int stop = v[2] is Missing ? length : Slices.Clamp(Python.SmallIndex(v[2]), length);
            int at = 0;
            foreach (object? item in Python.Iterate(r, owner))
            {
                if (at >= start && at < stop && Python.Equal(r, item, v[0])) return (BigInteger)at;
                at++;
            }

            throw new TemplateFault($"{Python.ShortRepr(v[0])} is not in {Python.TypeName(owner)}");
        }),
        _ => Missing.Value,
    };

    private static object? MacroAttribute(MacroValue macro, string name) => name switch
    {
        "name" => macro.Body.Name,
        "arguments" => new TupleValue([.. macro.Body.Parameters.Select(p => p.Name)]),
        "catch_kwargs" => macro.Body.UsesNamed,
        "catch_varargs" => macro.Body.UsesMore,
        "caller" => macro.Body.UsesCaller,
        "explicit_caller" => macro.Body.Parameters.Exists(p => p.Name == "caller"),
        _ => Missing.Value,
    };

    private static object? CyclerAttribute(CyclerValue cycler, string name) => name switch
    {
        "current" => cycler.Items[cycler.Position],
        "pos" => (BigInteger)cycler.Position,
        "items" => new TupleValue(cycler.Items),
        "next" => new FunctionValue(name, (_, a) =>
        {
            a.Plain(name, 0, 0);
            object? item = cycler.Items[cycler.Position];
            cycler.Position = (cycler.Position + 1) % cycler.Items.Length;
            return item;
        }),
        "reset" => new FunctionValue(name, (_, a) =>
        {
            a.Plain(name, 0, 0);
            cycler.Position = 0;
            return null;
        }),
        _ => Missing.Value,
    };

    private static object? NumberAttribute(object number, string name)
    {
        BigInteger? integer = Python.IntegerOf(number);
        switch (name)
        {
            case "real": return integer is { } whole ? whole : number;
            case "imag": return integer is null ? 0.0 : BigInteger.Zero;
            case "numerator" when integer is not null: return integer.Value;
            case "denominator" when integer is not null: return BigInteger.One;
            case "conjugate": return new FunctionValue(name, (_, _) => integer is { } i ? i : number);
            case "bit_length" when integer is { } i: return new FunctionValue(name, (_, _) => i.IsZero ? BigInteger.Zero : BigInteger.Abs(i).GetBitLength());
            case "bit_count" when integer is { } i:
                return new FunctionValue(name, (_, _) => (BigInteger)BigInteger.Abs(i).ToByteArray().Sum(b => BitOperations.PopCount(b)));
            case "is_integer" when number is double d: return new FunctionValue(name, (_, _) => double.IsFinite(d) && d == Math.Floor(d));
            default: return Missing.Value;
        }
    }
}
