namespace Heed.Templates;

/// <summary>A parsed template.</summary>
internal sealed record ParsedTemplate(string Name, string Source, List<Statement> Body, Dictionary<string, BlockStatement> Blocks);

/// <summary>Reads statements: what stands in <c>{% … %}</c>.</summary>
internal sealed class TemplateParser : ExpressionParser
{
    private readonly Dictionary<string, BlockStatement> _blocks = new(StringComparer.Ordinal);
    private readonly HashSet<string> _blockNames = new(StringComparer.Ordinal);
    private readonly Stack<string> _open = new();
    private int _loops;
    private int _loopsAround;
    private int _scopes;

    private TemplateParser(string source, string name, bool trimBlocks, bool leftStripBlocks)
        : base(source, name, trimBlocks, leftStripBlocks)
    {
    }

    public static ParsedTemplate Parse(string source, string name, bool trimBlocks = true, bool leftStripBlocks = true)
    {
        TemplateParser parser = new(source, name, trimBlocks, leftStripBlocks);
        List<Statement> body = parser.Statements([]);
        if (parser.Unknown.Count > 0) throw new ChatTemplateException(name, parser.Unknown[0].Line, parser.Unknown[0].Reason);
        return new ParsedTemplate(name, source, body, parser._blocks);
    }

    /// <summary>Statements up to one of the end tags, which stays the current token; to the end of the template where there are
    /// none.</summary>
    private List<Statement> Statements(ReadOnlySpan<string> ends)
    {
        List<Statement> body = [];
        while (true)
        {
            Token token = Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextStatement(token.Text) { Line = token.Line });
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new PrintStatement([ParseTuple()]) { Line = token.Line });
                    Expect(TokenKind.VariableEnd);
                    break;
                case TokenKind.BlockBegin:
                    foreach (string end in ends) if (Current.IsName(end)) return body;
                    body.Add(Statement());
                    Expect(TokenKind.BlockEnd);
                    break;
                default:
                    if (ends.Length == 0) return body;
                    throw Error($"Unexpected end of template. Jinja was looking for the following tags: '{string.Join("' or '", ends)}'. The innermost block that needs to be closed is '{_open.Peek()}'.");
            }
        }
    }

    /// <summary>The body of a block tag: from its end to the end tag, which is skipped where it is the last of
    /// <paramref name="ends"/>.</summary>
    private List<Statement> Body(params ReadOnlySpan<string> ends)
    {
        SkipOperator(":");
        Expect(TokenKind.BlockEnd);
        return Statements(ends);
    }

    /// <summary>A body with scope of its own: unknown filters in it are errors whatever stands around.</summary>
    private List<Statement> ScopedBody(params ReadOnlySpan<string> ends)
    {
        bool lenient = Lenient;
        Lenient = false;
        _scopes++;
        List<Statement> body = Body(ends);
        _scopes--;
        Lenient = lenient;
        return body;
    }

    private List<Statement> FunctionBody(string end)
    {
        int loops = _loops;
        _loops = 0;
        List<Statement> body = ScopedBody(end);
        _loops = loops;
        Next();
        return body;
    }

    private Statement Statement()
    {
        Token tag = Current;
        if (tag.Kind != TokenKind.Name) throw Error("tag name expected");
        Next();
        int depth = Enter();
        _open.Push(tag.Text);
        Statement statement = tag.Text switch
        {
            "for" => For(tag.Line),
            "if" => If(tag.Line),
            "set" => Set(tag.Line),
            "with" => With(tag.Line),
            "macro" => Macro(tag.Line),
            "call" => Call(tag.Line),
            "filter" => FilterBlock(tag.Line),
            "block" => Block(tag.Line),
            "generation" => new GenerationStatement(FunctionBody("endgeneration")) { Line = tag.Line },
            "autoescape" => Autoescape(tag.Line),
            "print" => Print(tag.Line),
            "break" or "continue" => _loops > 0 ? new BreakStatement(tag.Text == "break") { Line = tag.Line } : throw Error($"'{tag.Text}' outside loop"),
            "include" or "import" or "from" or "extends" => Load(tag),
            _ => throw Error($"Encountered unknown tag '{tag.Text}'."),
        };
        _open.Pop();
        Leave(depth);
        return statement;
    }

    /// <summary><c>{% print a, b %}</c> prints one after the other.</summary>
    private PrintStatement Print(int line)
    {
        List<Expression> values = [];
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (values.Count > 0) ExpectOperator(",");
            values.Add(ParseExpression());
        }

        return new PrintStatement(values) { Line = line };
    }

    private LoadStatement Load(Token tag)
    {
        if (tag.Text == "extends" && _scopes > 0) throw Error("'extends' stands inside another scope; it must stand at the top of a template");
        while (Current.Kind is not (TokenKind.BlockEnd or TokenKind.End)) Next();
        return new LoadStatement(tag.Text) { Line = tag.Line };
    }

    private ForStatement For(int line)
    {
        _loopsAround++;
        Expression target = Target("in");
        if (!SkipName("in")) throw Expected("in");
        Expression items = ParseTuple(conditional: false, endName: "recursive");
        Expression? filter = SkipName("if") ? ParseExpression() : null;
        bool recursive = SkipName("recursive");
        _loops++;
        List<Statement> body = ScopedBody("endfor", "else");
        _loops--;
        List<Statement> otherwise = Next().Text == "else" ? ScopedBodyTo("endfor") : [];
        _loopsAround--;
        return new ForStatement(target, items, filter, body, otherwise, recursive) { Line = line };
    }

    private List<Statement> ScopedBodyTo(string end)
    {
        List<Statement> body = ScopedBody(end);
        Next();
        return body;
    }

    private IfStatement If(int line)
    {
        // Unknown filters right in a condition or under it fail only when reached; those in scopes of their own fail now.
        bool lenient = Lenient;
        Lenient = true;
        List<(Expression, List<Statement>)> branches = [];
        List<Statement> otherwise = [];
        while (true)
        {
            Expression test = ParseTuple(conditional: false);
            branches.Add((test, Body("elif", "else", "endif")));
            string end = Next().Text;
            if (end == "elif") continue;
            if (end == "else")
            {
                otherwise = Body("endif");
                Next();
            }

            Lenient = lenient;
            return new IfStatement(branches, otherwise) { Line = line };
        }
    }

    private Statement Set(int line)
    {
        Expression target = Target(null, namespaces: true);
        if (SkipOperator("=")) return new SetStatement(target, ParseTuple()) { Line = line };
        FilterChain? filters = Current.IsOperator("|") ? Chain(first: false) : null;
        List<Statement> body = ScopedBodyTo("endset");
        return new SetBlockStatement(target, filters, body) { Line = line };
    }

    private FilterChain Chain(bool first)
    {
        List<FilterNode> filters = [];
        if (first) filters.Add(ParseFilter(null));
        while (SkipOperator("|"))
        {
            int depth = Enter(filters.Count);
            filters.Add(ParseFilter(null));
            Leave(depth);
        }

        return new FilterChain(filters);
    }

    private WithStatement With(int line)
    {
        List<(Expression, Expression)> variables = [];
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0) ExpectOperator(",");
            Expression target = Target(null);
            ExpectOperator("=");
            variables.Add((target, ParseExpression()));
        }

        return new WithStatement(variables, ScopedBodyTo("endwith")) { Line = line };
    }

    private FilterStatement FilterBlock(int line)
    {
        FilterChain filters = Chain(first: true);
        return new FilterStatement(filters, ScopedBodyTo("endfilter")) { Line = line };
    }

    private AutoescapeStatement Autoescape(int line)
    {
        Expression enabled = ParseExpression();
        return new AutoescapeStatement(enabled, ScopedBodyTo("endautoescape")) { Line = line };
    }

    private MacroStatement Macro(int line)
    {
        string name = TargetName();
        return new MacroStatement(MacroRest(name, "endmacro")) { Line = line };
    }

    private CallStatement Call(int line)
    {
        List<(string, Expression?)> parameters = Current.IsOperator("(") ? Signature() : [];
        if (ParseExpression() is not CallNode call) throw Error("expected call");
        return new CallStatement(call, MacroRest(null, "endcall", parameters)) { Line = line };
    }

    private MacroBody MacroRest(string? name, string end, List<(string Name, Expression? Default)>? parameters = null)
    {
        HashSet<string> outer = Used;
        Used = new HashSet<string>(StringComparer.Ordinal);
        parameters ??= Signature();
        Used.Clear();
        List<Statement> body = FunctionBody(end);
        HashSet<string> used = Used;
        Used = outer;
        Used.UnionWith(used);
        if (used.Contains("caller") && parameters.Exists(p => p.Name == "caller" && p.Default is null))
            throw Error("When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.");
        return new MacroBody(name, parameters, body, Free("caller"), Free("kwargs"), Free("varargs"));

        bool Free(string special) => used.Contains(special) && !parameters.Exists(p => p.Name == special);
    }

    private List<(string Name, Expression? Default)> Signature()
    {
        List<(string Name, Expression? Default)> parameters = [];
        if (!Current.IsOperator("(")) throw Expected("(");
        Next();
        while (!Current.IsOperator(")"))
        {
            if (parameters.Count > 0) ExpectOperator(",");
            string parameter = TargetName();
            Expression? fallback = SkipOperator("=") ? ParseExpression() : null;
            if (fallback is null && parameters.Exists(p => p.Default is not null)) throw Error("non-default argument follows default argument");
            if (parameters.Exists(p => p.Name == parameter)) throw Error($"duplicate argument '{parameter}' in a macro's signature");
            parameters.Add((parameter, fallback));
        }

        Next();
        return parameters;
    }

    private BlockStatement Block(int line)
    {
        string name = ExpectName();
        if (!_blockNames.Add(name)) throw Error($"block '{name}' defined twice");
        bool scoped = SkipName("scoped");
        bool required = SkipName("required");
        List<Statement> body = FunctionBody("endblock");
        SkipName(name);
        BlockStatement block = new(name, body, scoped, required) { Line = line };
        _blocks.Add(name, block);
        return block;
    }

    private string TargetName()
    {
        string name = ExpectName();
        return IsAssignable(name) ? name : throw Error("can't assign to 'const'");
    }

    private static bool IsAssignable(string name) => name is not ("true" or "false" or "none" or "True" or "False" or "None");

    /// <summary>What may stand left of <c>=</c> or <c>in</c>: names, tuples of them, and attributes of namespaces.</summary>
    private Expression Target(string? endName, bool namespaces = false)
    {
        Expression target = ParseTuple(endName: endName, part: Part);
        CheckTarget(target);
        return target;

        Expression Part()
        {
            if (!namespaces || Current.Kind != TokenKind.Name || !Following.IsOperator(".")) return Primary();
            int line = Current.Line;
            string id = Next().Text;
            Next();
            return new NamespaceTarget(id, ExpectName()) { Line = line };
        }
    }

    private void CheckTarget(Expression target)
    {
        switch (target)
        {
            case Name { Id: "loop" } when _loopsAround > 0: throw Error("Can't assign to special loop variable in for-loop target");
            case Name or NamespaceTarget: break;
            case TupleLiteral tuple:
                foreach (Expression item in tuple.Items) CheckTarget(item);
                break;
            default: throw Error($"can't assign to '{(target is Constant ? "const" : "an expression")}'");
        }
    }
}
