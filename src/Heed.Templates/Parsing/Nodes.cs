namespace Heed.Templates;

/// <summary>An expression of a template.</summary>
internal abstract class Expression
{
    public int Line { get; init; }

    /// <summary>Whether the reference works the expression out while it parses, and so without escaping.</summary>
    public virtual bool IsConstant => false;

    public abstract object? Evaluate(Renderer r, Scope scope);
}

internal sealed class Constant(object? value) : Expression
{
    public object? Value { get; } = value;

    public override bool IsConstant => true;

    public override object? Evaluate(Renderer r, Scope scope) => Value;
}

internal sealed class Name(string id) : Expression
{
    public string Id { get; } = id;

    public override object? Evaluate(Renderer r, Scope scope) => scope.TryGet(Id, out object? value) ? value : Undefined.Named(Id);
}

/// <summary><c>ns.x</c> as the target of <c>set</c>.</summary>
internal sealed class NamespaceTarget(string id, string attribute) : Expression
{
    public string Id { get; } = id;

    public string Attribute { get; } = attribute;

    public override object? Evaluate(Renderer r, Scope scope) => Undefined.Named(Id);
}

internal sealed class ListLiteral(List<Expression> items) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
    {
        r.Budget.Items(RenderBudget.ListSteps);
        List<object?> values = new(items.Count);
        foreach (Expression item in items) values.Add(r.Evaluate(item, scope));
        return new ListValue(values);
    }
}

internal sealed class TupleLiteral(List<Expression> items) : Expression
{
    public List<Expression> Items { get; } = items;

    public override object? Evaluate(Renderer r, Scope scope)
    {
        object?[] values = new object?[Items.Count];
        for (int i = 0; i < values.Length; i++) values[i] = r.Evaluate(Items[i], scope);
        return values.Length == 0 ? TupleValue.Empty : new TupleValue(values);
    }
}

internal sealed class DictLiteral(List<(Expression Key, Expression Value)> items) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
    {
        r.Budget.Items(RenderBudget.DictSteps);
        DictValue dict = new();
        foreach ((Expression keyNode, Expression valueNode) in items)
        {
            object? key = r.Evaluate(keyNode, scope);
            object? value = r.Evaluate(valueNode, scope);
            dict.Set(Python.HashKey(key), key, value);
        }

        return dict;
    }
}

internal sealed class BinaryNode(string op, Expression left, Expression right) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope) => Operators.Binary(r, op, r.Evaluate(left, scope), r.Evaluate(right, scope));
}

internal sealed class UnaryNode(char op, Expression value) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope) => Operators.Unary(r, op, r.Evaluate(value, scope));
}

internal sealed class NotNode(Expression value) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope) => !Python.IsTrue(r.Evaluate(value, scope));
}

internal sealed class LogicNode(bool and, Expression left, Expression right) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
    {
        object? value = r.Evaluate(left, scope);
        return Python.IsTrue(value) == and ? r.Evaluate(right, scope) : value;
    }
}

internal sealed class ConcatNode(List<Expression> parts) : Expression
{
    public override bool IsConstant => parts.TrueForAll(part => part.IsConstant);

    public override object? Evaluate(Renderer r, Scope scope)
    {
        object?[] values = new object?[parts.Count];
        for (int i = 0; i < values.Length; i++) values[i] = r.Evaluate(parts[i], scope);
        return Operators.Concat(r, values, escape: r.Autoescape && !IsConstant);
    }
}

/// <summary>A chain of comparisons; <c>in</c> and <c>not in</c> among them.</summary>
internal sealed class CompareNode(Expression first, List<(string Op, Expression Right)> rest) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
    {
        object? left = r.Evaluate(first, scope);
        foreach ((string op, Expression node) in rest)
        {
            object? right = r.Evaluate(node, scope);
            bool holds = op switch
            {
                "==" => Python.Equal(r, left, right),
                "!=" => !Python.Equal(r, left, right),
                "in" => Python.Contains(r, right, left),
                "not in" => !Python.Contains(r, right, left),
                _ => Python.Ordered(r, left, right, op),
            };
            if (!holds) return false;
            left = right;
        }

        return true;
    }
}

internal sealed class ConditionalNode(Expression test, Expression yes, Expression? no) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
    {
        if (Python.IsTrue(r.Evaluate(test, scope))) return r.Evaluate(yes, scope);
        return no is not null ? r.Evaluate(no, scope)
            : Undefined.Because(FormattableString.Invariant($"the inline if-expression on line {Line} evaluated to false and no else section was defined."));
    }
}

internal sealed class AttributeNode(Expression owner, string name) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope) => Attributes.ByDot(r, r.Evaluate(owner, scope), name);
}

internal sealed class ItemNode(Expression owner, Expression index) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope) => Attributes.ByIndex(r, r.Evaluate(owner, scope), r.Evaluate(index, scope));
}

internal sealed class SliceNode(Expression? start, Expression? stop, Expression? step) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
        => new SliceValue(start is null ? null : r.Evaluate(start, scope), stop is null ? null : r.Evaluate(stop, scope), step is null ? null : r.Evaluate(step, scope));
}

/// <summary>Arguments as they are written: positional, named, <c>*list</c> and <c>**dict</c>.</summary>
internal sealed class CallArguments(List<Expression> positional, List<(string Name, Expression Value)> named, Expression? more, Expression? moreNamed)
{
    public static readonly CallArguments None = new([], [], null, null);

    public Arguments Evaluate(Renderer r, Scope scope, object? first = null, bool hasFirst = false)
    {
        List<object?> values = new(positional.Count + 1);
        if (hasFirst) values.Add(first);
        foreach (Expression node in positional) values.Add(r.Evaluate(node, scope));
        List<KeyValuePair<string, object?>> names = new(named.Count);
        foreach ((string name, Expression node) in named) names.Add(new(name, r.Evaluate(node, scope)));
        if (more is not null) values.AddRange(Python.ToList(r, r.Evaluate(more, scope)));
        if (moreNamed is not null)
        {
            object? value = r.Evaluate(moreNamed, scope);
            if (value is not DictValue dict) throw new TemplateFault($"argument after ** must be a mapping, not {Python.TypeName(value)}");
            r.Budget.Items(dict.Count);
            for (int i = 0; i < dict.Count; i++)
            {
                string name = Python.TextOf(dict.Keys[i]) ?? throw new TemplateFault("keywords must be strings");
                foreach ((string other, _) in named) if (other == name) throw new TemplateFault($"got multiple values for keyword argument '{name}'");
                names.Add(new(name, dict.Values[i]));
            }
        }

        return new Arguments(values, names);
    }
}

internal sealed class CallNode(Expression target, CallArguments arguments) : Expression
{
    public Expression Target { get; } = target;

    public override object? Evaluate(Renderer r, Scope scope) => Run(r, scope, null);

    /// <summary>Calls with a <c>caller</c> where the call is a call block's.</summary>
    public object? Run(Renderer r, Scope scope, MacroValue? caller)
    {
        object? callee = r.Evaluate(Target, scope);
        Arguments values = arguments.Evaluate(r, scope);
        if (caller is not null) values.Named.Add(new("caller", caller));
        return r.Call(callee, values, scope);
    }
}

internal sealed class FilterNode(Expression? value, string name, CallArguments arguments) : Expression
{
    public override bool IsConstant => value is { IsConstant: true } && arguments == CallArguments.None;

    public override object? Evaluate(Renderer r, Scope scope) => Apply(r, scope, value is null ? null : r.Evaluate(value, scope));

    public object? Apply(Renderer r, Scope scope, object? input)
    {
        Filter filter = Filters.Find(name) ?? throw new TemplateFault($"No filter named '{name}' found.");
        Arguments values = arguments.Evaluate(r, scope, input, hasFirst: true);
        r.Budget.Step();
        return filter(r, values);
    }
}

/// <summary>The filters of a <c>filter</c> or <c>set</c> block: the input is the block's text.</summary>
internal sealed class FilterChain(List<FilterNode> filters)
{
    public object? Apply(Renderer r, Scope scope, object? value)
    {
        foreach (FilterNode filter in filters) value = filter.Apply(r, scope, value);
        return value;
    }
}

internal sealed class TestNode(Expression value, string name, CallArguments arguments, bool negated) : Expression
{
    public override object? Evaluate(Renderer r, Scope scope)
    {
        Filter test = TemplateTests.Find(name) ?? throw new TemplateFault($"No test named '{name}' found.");
        object? input = r.Evaluate(value, scope);
        object? result = test(r, arguments.Evaluate(r, scope, input, hasFirst: true));
        return negated ? !Python.IsTrue(result) : result;
    }
}

/// <summary>A filter or test: the first argument is its input.</summary>
internal delegate object? Filter(Renderer r, Arguments arguments);
