namespace Heed.Templates;

// What follows a value: attributes, items, calls, filters and tests.
internal partial class ExpressionParser
{
    private Expression Postfix(Expression value)
    {
        while (true)
        {
            Token token = Current;
            if (token.IsOperator(".")) value = Dot(value);
            else if (token.IsOperator("[")) value = Subscript(value);
            else if (token.IsOperator("(")) value = new CallNode(value, ParseArguments()) { Line = token.Line };
            else return value;
            Deepen();
        }
    }

    private Expression Dot(Expression owner)
    {
        int line = Next().Line;
        Token token = Next();
        return token.Kind switch
        {
            TokenKind.Name => new AttributeNode(owner, token.Text) { Line = line },
            TokenKind.Integer => new ItemNode(owner, new Constant(token.Value)) { Line = line },
            _ => throw Error("expected name or number"),
        };
    }

    private Expression Subscript(Expression owner)
    {
        int line = Next().Line;
        List<Expression> parts = [];
        while (!Current.IsOperator("]"))
        {
            if (parts.Count > 0) ExpectOperator(",");
            parts.Add(Subscribed());
        }

        ExpectOperator("]");
        return new ItemNode(owner, parts.Count == 1 ? parts[0] : new TupleLiteral(parts) { Line = line }) { Line = line };
    }

    private Expression Subscribed()
    {
        int line = Current.Line;
        Expression? start = null;
        if (!Current.IsOperator(":"))
        {
            start = ParseExpression();
            if (!Current.IsOperator(":")) return start;
        }

        Next();
        Expression? stop = AtEnd() || Current.IsOperator(":") ? null : ParseExpression();
        Expression? step = SkipOperator(":") && !AtEnd() ? ParseExpression() : null;
        return new SliceNode(start, stop, step) { Line = line };

        bool AtEnd() => Current.IsOperator("]") || Current.IsOperator(",");
    }

    private CallArguments ParseArguments()
    {
        ExpectOperator("(");
        List<Expression> positional = [];
        List<(string Name, Expression Value)> named = [];
        Expression? more = null;
        Expression? moreNamed = null;
        bool first = true;
        while (!Current.IsOperator(")"))
        {
            if (!first)
            {
                ExpectOperator(",");
                if (Current.IsOperator(")")) break;
            }

            first = false;
            bool valid;
            if (SkipOperator("*"))
            {
                valid = more is null && moreNamed is null;
                more = ParseExpression();
            }
            else if (SkipOperator("**"))
            {
                valid = moreNamed is null;
                moreNamed = ParseExpression();
            }
            else if (Current.Kind == TokenKind.Name && Following.IsOperator("="))
            {
                string key = Next().Text;
                Next();
                valid = moreNamed is null && !named.Exists(n => n.Name == key);
                named.Add((key, ParseExpression()));
            }
            else
            {
                valid = more is null && moreNamed is null && named.Count == 0;
                positional.Add(ParseExpression());
            }

            if (!valid) throw Error("invalid syntax for function call expression");
        }

        ExpectOperator(")");
        return new CallArguments(positional, named, more, moreNamed);
    }

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            Token token = Current;
            if (SkipOperator("|")) value = ParseFilter(value);
            else if (SkipName("is")) value = ParseTest(value, token.Line);
            else if (token.IsOperator("(")) value = new CallNode(value, ParseArguments()) { Line = token.Line };
            else return value;
            Deepen();
        }
    }

    private string DottedName()
    {
        string name = ExpectName();
        while (SkipOperator(".")) name += "." + ExpectName();
        return name;
    }

    /// <summary>A filter after its <c>|</c>; without a value it is one of a block.</summary>
    protected FilterNode ParseFilter(Expression? value)
    {
        int line = Current.Line;
        string name = DottedName();
        if (!Lenient && Filters.Find(name) is null) Unknown.Add(($"No filter named '{name}'.", line));
        return new FilterNode(value, name, Current.IsOperator("(") ? ParseArguments() : CallArguments.None) { Line = line };
    }

    private TestNode ParseTest(Expression value, int line)
    {
        bool negated = SkipName("not");
        string name = DottedName();
        if (!Lenient && TemplateTests.Find(name) is null) Unknown.Add(($"No test named '{name}'.", line));
        CallArguments arguments = CallArguments.None;
        if (Current.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if (Current.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Integer or TokenKind.Float || Current.IsOperator("[") || Current.IsOperator("{"))
        {
            if (Current.IsName("is")) throw Error("You cannot chain multiple tests with is");
            if (!(Current.IsName("else") || Current.IsName("or") || Current.IsName("and"))) arguments = new CallArguments([Postfix(Primary())], [], null, null);
        }

        return new TestNode(value, name, arguments, negated) { Line = line };
    }
}
