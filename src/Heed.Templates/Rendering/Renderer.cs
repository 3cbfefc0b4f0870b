using System.Runtime.CompilerServices;
using System.Text;

namespace Heed.Templates;

/// <summary>One rendering of a template: its output, its budget, and the calls in progress.</summary>
internal sealed class Renderer(ParsedTemplate template, Func<DateTimeOffset> now)
{
    /// <summary>What a macro's call costs beside its body: a frame, its arguments and a text.</summary>
    private const int MacroSteps = 32;

    private readonly Stack<StringBuilder> _outer = new();
    private readonly List<(int Start, int End)> _generated = [];
    private StringBuilder _output = new();
    private Scope _root = new(null);

    public RenderBudget Budget { get; } = new();

    public ParsedTemplate Template { get; } = template;

    /// <summary>Whether printed values are escaped (<c>autoescape</c> blocks).</summary>
    public bool Autoescape { get; set; }

    /// <summary>Line of the node in progress.</summary>
    public int Line { get; private set; } = 1;

    public DateTimeOffset Now() => now();

    /// <summary>Renders the whole template; spans of generated text are in UTF-16 units.</summary>
    public string Render(Scope root, out List<(int Start, int End)> generated)
    {
        _root = root;
        try
        {
            Run(Template.Body, root);
        }
        catch (TemplateFault fault)
        {
            throw new ChatTemplateException(Template.Name, Line, fault.Message);
        }

        generated = _generated;
        return _output.ToString();
    }

    public object? Evaluate(Expression node, Scope scope)
    {
        Budget.Step();
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw RenderBudget.Over("calls nested more deeply than the stack", $"a depth of {RenderBudget.MaximumCallDepth}");
        Line = node.Line;
        return node.Evaluate(this, scope);
    }

    public Flow Run(List<Statement> body, Scope scope)
    {
        foreach (Statement statement in body)
        {
            Budget.Step();
            Line = statement.Line;
            Flow flow = statement.Run(this, scope);
            if (flow != Flow.Next) return flow;
        }

        return Flow.Next;
    }

    public void Emit(string text)
    {
        if ((long)_output.Length + text.Length > RenderBudget.MaximumCharacters) Budget.NewText((long)_output.Length + text.Length);
        Budget.Characters(text.Length);
        _output.Append(text);
    }

    /// <summary>Prints a value; under autoescape what is not marked is escaped.</summary>
    public void Print(object? value)
    {
        string text = Python.Str(this, value);
        Emit(Autoescape && value is not MarkupText ? PythonText.Escape(Budget, text) : text);
    }

    /// <summary>Text of a <c>generation</c> block; its span is kept where it goes straight to the output.</summary>
    public void EmitGenerated(string text)
    {
        int start = _output.Length;
        Emit(text);
        if (_outer.Count == 0) _generated.Add((start, _output.Length));
    }

    /// <summary>What a body prints, marked under autoescape.</summary>
    public Flow Capture(List<Statement> body, Scope scope, out object? text)
    {
        _outer.Push(_output);
        _output = new StringBuilder();
        Flow flow = Run(body, scope);
        string captured = _output.ToString();
        _output = _outer.Pop();
        text = Autoescape ? new MarkupText(captured) : captured;
        return flow;
    }

    public Scope BlockScope(string name, Scope around)
    {
        Scope scope = new(around);
        scope.Set("super", Undefined.Because($"there is no parent block called '{name}'."));
        return scope;
    }

    public object? RenderBlock(string name)
    {
        if (!Template.Blocks.TryGetValue(name, out BlockStatement? block)) throw new TemplateFault($"there is no block called '{name}'");
        Budget.Enter();
        Capture(block.Body, BlockScope(name, _root), out object? text);
        Budget.Leave();
        return text;
    }

    public object? Call(object? callee, Arguments arguments, Scope scope)
    {
        Budget.Enter();
        int line = Line;
        object? result = callee switch
        {
            Undefined u => throw u.Fail(),
            FunctionValue f => f.Body(this, arguments),
            MacroValue m => CallMacro(m, arguments),
            LoopValue l => CallLoop(l, arguments),
            JoinerValue j => CallJoiner(j),
            _ => throw new TemplateFault($"'{Python.TypeName(callee)}' object is not callable"),
        };
        Line = line;
        Budget.Leave();
        return result;
    }

    private static object? CallJoiner(JoinerValue joiner)
    {
        if (joiner.Used) return joiner.Separator;
        joiner.Used = true;
        return "";
    }

    private object? CallLoop(LoopValue loop, Arguments arguments)
    {
        if (!loop.Statement.Recursive) throw new TemplateFault("The loop must have the 'recursive' marker to be called recursively.");
        object? items = arguments.Bind("loop", 1, "iterable")[0];
        _outer.Push(_output);
        _output = new StringBuilder();
        loop.Statement.Loop(this, loop.Scope, items, loop.Depth + 1);
        string text = _output.ToString();
        _output = _outer.Pop();
        return Autoescape ? new MarkupText(text) : text;
    }

    private object? CallMacro(MacroValue macro, Arguments arguments)
    {
        Budget.Items(MacroSteps);
        MacroBody body = macro.Body;
        string name = body.Name ?? "None";
        Scope scope = new(macro.Scope);
        List<KeyValuePair<string, object?>> named = [.. arguments.Named];
        int given = Math.Min(arguments.Positional.Count, body.Parameters.Count);
        bool foundCaller = given == body.Parameters.Count && body.Parameters.Exists(p => p.Name == "caller");
        object?[] values = new object?[body.Parameters.Count];
        for (int i = 0; i < values.Length; i++)
        {
            if (i < given)
            {
                values[i] = arguments.Positional[i];
                continue;
            }

            foundCaller |= body.Parameters[i].Name == "caller";
            values[i] = Take(named, body.Parameters[i].Name);
        }

        if (body.UsesCaller && !foundCaller)
        {
            object? caller = Take(named, "caller");
            scope.Set("caller", caller is Missing or null ? Undefined.Because("No caller defined") : caller);
        }

        if (body.UsesNamed)
        {
            DictValue rest = new();
            foreach ((string key, object? value) in named) rest.Set(key, value);
            scope.Set("kwargs", rest);
        }
        else if (named.Count > 0)
        {
            throw new TemplateFault(named.Exists(n => n.Key == "caller")
                ? $"macro '{name}' was invoked with two values for the special caller argument; it does not use 'caller'"
                : $"macro '{name}' takes no keyword argument '{named[0].Key}'");
        }

        if (body.UsesMore) scope.Set("varargs", new TupleValue([.. arguments.Positional.Skip(given)]));
        else if (arguments.Positional.Count > values.Length) throw new TemplateFault($"macro '{name}' takes not more than {values.Length} argument(s)");
        // A default that names a later parameter finds it undefined, not the variable around the macro.
        for (int i = given; i < values.Length; i++) if (values[i] is Missing) scope.Set(body.Parameters[i].Name, Undefined.Named(body.Parameters[i].Name));
        for (int i = 0; i < values.Length; i++)
        {
            (string parameter, Expression? fallback) = body.Parameters[i];
            scope.Set(parameter, values[i] is not Missing ? values[i] : fallback is not null ? Evaluate(fallback, scope) : Undefined.Because($"parameter '{parameter}' was not provided"));
        }

        bool autoescape = Autoescape;
        Autoescape = macro.Autoescape;
        Capture(body.Body, scope, out object? text);
        Autoescape = autoescape;
        string plain = Python.TextOf(text)!;
        return autoescape ? new MarkupText(plain) : plain;
    }

    /// <summary>Takes a named argument out; <see cref="Missing.Value"/> where there is none.</summary>
    private static object? Take(List<KeyValuePair<string, object?>> named, string name)
    {
        int at = named.FindIndex(n => n.Key == name);
        if (at < 0) return Missing.Value;
        object? value = named[at].Value;
        named.RemoveAt(at);
        return value;
    }
}
