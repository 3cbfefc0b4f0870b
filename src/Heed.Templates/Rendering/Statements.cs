namespace Heed.Templates;

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>A statement of a template.</summary>
internal abstract class Statement
{
    public int Line { get; init; }

    public abstract Flow Run(Renderer r, Scope scope);
}

internal sealed class TextStatement(string text) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        r.Emit(text);
        return Flow.Next;
    }
}

internal sealed class PrintStatement(List<Expression> values) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        foreach (Expression value in values) r.Print(r.Evaluate(value, scope));
        return Flow.Next;
    }
}

internal sealed class IfStatement(List<(Expression Test, List<Statement> Body)> branches, List<Statement> otherwise) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        foreach ((Expression test, List<Statement> body) in branches) if (Python.IsTrue(r.Evaluate(test, scope))) return r.Run(body, scope);
        return r.Run(otherwise, scope);
    }
}

internal sealed class BreakStatement(bool isBreak) : Statement
{
    public override Flow Run(Renderer r, Scope scope) => isBreak ? Flow.Break : Flow.Continue;
}

internal sealed class ForStatement(Expression target, Expression items, Expression? filter, List<Statement> body, List<Statement> otherwise, bool recursive) : Statement
{
    /// <summary>What a turn costs beside its body: its frame and its item.</summary>
    private const int TurnSteps = 8;

    public bool Recursive { get; } = recursive;

    public override Flow Run(Renderer r, Scope scope)
    {
        return Loop(r, scope, r.Evaluate(items, scope), 0);
    }

    /// <summary>Runs the turns; a <c>break</c> in the else branch is the surrounding loop's.</summary>
    public Flow Loop(Renderer r, Scope scope, object? over, int depth)
    {
        IEnumerable<object?> source = Python.Iterate(r, over);
        if (filter is not null) source = Passing(r, scope, source);
        LoopValue loop = new(r, this, scope, source, filter is null ? Python.LengthOf(over) : -1, depth);
        bool completed = false;
        while (loop.MoveNext())
        {
            r.Budget.Items(TurnSteps);
            Scope turn = new(scope);
            turn.Set("loop", loop);
            Targets.Assign(r, turn, target, loop.Current);
            Flow flow = r.Run(body, turn);
            if (flow == Flow.Break) break;
            if (flow == Flow.Next) completed = true;
        }

        // The reference clears its flag at the end of a turn's body: turns that were broken off do not count.
        return completed ? Flow.Next : r.Run(otherwise, new Scope(scope));
    }

    private IEnumerable<object?> Passing(Renderer r, Scope scope, IEnumerable<object?> source)
    {
        foreach (object? item in source)
        {
            r.Budget.Items(TurnSteps);
            Scope turn = new(scope);
            Targets.Assign(r, turn, target, item);
            if (Python.IsTrue(r.Evaluate(filter!, turn))) yield return item;
        }
    }
}

internal sealed class SetStatement(Expression target, Expression value) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        Targets.Assign(r, scope, target, r.Evaluate(value, scope));
        return Flow.Next;
    }
}

internal sealed class SetBlockStatement(Expression target, FilterChain? filters, List<Statement> body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        Flow flow = r.Capture(body, new Scope(scope), out object? value);
        if (flow != Flow.Next) return flow;
        if (filters is not null) value = filters.Apply(r, scope, value);
        Targets.Assign(r, scope, target, value);
        return Flow.Next;
    }
}

internal sealed class FilterStatement(FilterChain filters, List<Statement> body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        Flow flow = r.Capture(body, new Scope(scope), out object? value);
        if (flow != Flow.Next) return flow;
        object? filtered = filters.Apply(r, scope, value);
        r.Emit(Python.TextOf(filtered) ?? throw new TemplateFault($"a filter block must give a string, not {Python.TypeName(filtered)}"));
        return flow;
    }
}

internal sealed class WithStatement(List<(Expression Target, Expression Value)> variables, List<Statement> body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        Scope inner = new(scope);
        foreach ((Expression target, Expression value) in variables) Targets.Assign(r, inner, target, r.Evaluate(value, scope));
        return r.Run(body, inner);
    }
}

internal sealed class AutoescapeStatement(Expression enabled, List<Statement> body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        bool before = r.Autoescape;
        r.Autoescape = Python.IsTrue(r.Evaluate(enabled, scope));
        Flow flow = r.Run(body, new Scope(scope));
        r.Autoescape = before;
        return flow;
    }
}

internal sealed class GenerationStatement(List<Statement> body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        // The reference makes such a body a call block without arguments.
        Scope inner = new(scope);
        inner.Set("caller", Undefined.Because("No caller defined"));
        inner.Set("varargs", TupleValue.Empty);
        inner.Set("kwargs", new DictValue());
        r.Capture(body, inner, out object? text);
        r.EmitGenerated(Python.TextOf(text)!);
        return Flow.Next;
    }
}

internal sealed class MacroBody(string? name, List<(string Name, Expression? Default)> parameters, List<Statement> body, bool usesCaller, bool usesNamed, bool usesMore)
{
    /// <summary>Null for the body of a call block.</summary>
    public string? Name { get; } = name;

    public List<(string Name, Expression? Default)> Parameters { get; } = parameters;

    public List<Statement> Body { get; } = body;

    public bool UsesCaller { get; } = usesCaller;

    public bool UsesNamed { get; } = usesNamed;

    public bool UsesMore { get; } = usesMore;
}

internal sealed class MacroStatement(MacroBody body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        scope.Set(body.Name!, new MacroValue(body, scope, r.Autoescape));
        return Flow.Next;
    }
}

internal sealed class CallStatement(CallNode call, MacroBody body) : Statement
{
    public override Flow Run(Renderer r, Scope scope)
    {
        r.Print(call.Run(r, scope, new MacroValue(body, scope, r.Autoescape)));
        return Flow.Next;
    }
}

internal sealed class BlockStatement(string name, List<Statement> body, bool scoped, bool required) : Statement
{
    public List<Statement> Body { get; } = body;

    public override Flow Run(Renderer r, Scope scope)
    {
        if (required) throw new TemplateFault($"Required block '{name}' not found");
        r.Budget.Enter();
        r.Run(Body, r.BlockScope(name, scoped ? scope : scope.Root()));
        r.Budget.Leave();
        return Flow.Next;
    }
}

/// <summary><c>include</c>, <c>import</c>, <c>from</c> and <c>extends</c>: a chat template stands alone.</summary>
internal sealed class LoadStatement(string tag) : Statement
{
    public override Flow Run(Renderer r, Scope scope) => throw new TemplateFault($"'{tag}' needs other templates, but a chat template stands alone");
}

/// <summary>Assignment to names, tuples of them and attributes of namespaces.</summary>
internal static class Targets
{
    public static void Assign(Renderer r, Scope scope, Expression target, object? value)
    {
        switch (target)
        {
            case Name name:
                scope.Set(name.Id, value);
                break;
            case NamespaceTarget space:
                if (!scope.TryGet(space.Id, out object? owner) || owner is not NamespaceValue found) throw new TemplateFault("cannot assign attribute on non-namespace object");
                if (space.Attribute.StartsWith('_')) throw Globals.Underscore(space.Attribute);
                found.Attributes.Set(space.Attribute, value);
                break;
            case TupleLiteral tuple:
                if (!Python.IsIterable(value)) throw new TemplateFault($"cannot unpack non-iterable {Python.TypeName(value)} object");
                int count = tuple.Items.Count;
                List<object?> values = [];
                foreach (object? item in Python.Iterate(r, value))
                {
                    if (values.Count == count) throw new TemplateFault($"too many values to unpack (expected {count})");
                    values.Add(item);
                }

                if (values.Count < count) throw new TemplateFault($"not enough values to unpack (expected {count}, got {values.Count})");
                for (int i = 0; i < count; i++) Assign(r, scope, tuple.Items[i], values[i]);
                break;
        }
    }
}
