using System.Runtime.CompilerServices;
using System.Text;

namespace Heed.Templates;

/// <summary>Reads expressions with Jinja's precedences: conditional, or, and, not, comparisons, + −, ~, * / // %, **, signs, then
/// postfixes, filters and tests.</summary>
internal partial class ExpressionParser(string source, string name, bool trimBlocks, bool leftStripBlocks)
{
    private readonly List<Token> _tokens = Lexer.Run(source, name, trimBlocks, leftStripBlocks);
    private int _at;
    private int _depth;

    protected string TemplateName { get; } = name;

    /// <summary>Unknown filters and tests seen so far: an error unless a condition stands before them.</summary>
    protected List<(string Reason, int Line)> Unknown { get; } = [];

    /// <summary>Whether unknown filters and tests are left to fail when reached.</summary>
    protected bool Lenient { get; set; }

    /// <summary>Names read so far in the macro being parsed.</summary>
    protected HashSet<string> Used { get; set; } = new(StringComparer.Ordinal);

    protected Token Current => Known(_tokens[_at]);

    protected Token Following => Known(_tokens[Math.Min(_at + 1, _tokens.Count - 1)]);

    private static Token Known(Token token) => token.Value is ChatTemplateException error ? throw error : token;

    protected Token Next()
    {
        Token token = Current;
        if (_at < _tokens.Count - 1) _at++;
        return token;
    }

    protected ChatTemplateException Error(string reason) => new(TemplateName, Current.Line, reason);

    protected ChatTemplateException Expected(string token) => Error(Current.Kind == TokenKind.End
        ? $"unexpected end of template, expected '{token}'."
        : $"expected token '{token}', got '{Current.Describe()}'");

    /// <summary>One level deeper; give <see cref="Leave"/> what this returns.</summary>
    protected int Enter(int levels = 1)
    {
        int before = _depth;
        Deepen(levels);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw RenderBudget.Over("expressions nested more deeply than the stack", $"a depth of {RenderBudget.MaximumNesting}");
        return before;
    }

    protected void Leave(int depth) => _depth = depth;

    private void Deepen(int levels = 1)
    {
        _depth += levels;
        if (_depth > RenderBudget.MaximumNesting) throw Error($"expressions or blocks are nested more than {RenderBudget.MaximumNesting} deep; simplify the template");
    }

    protected bool SkipName(string name)
    {
        if (!Current.IsName(name)) return false;
        Next();
        return true;
    }

    protected bool SkipOperator(string text)
    {
        if (!Current.IsOperator(text)) return false;
        Next();
        return true;
    }

    protected void ExpectOperator(string text)
    {
        if (!SkipOperator(text)) throw Expected(text);
    }

    protected string ExpectName()
    {
        if (Current.Kind != TokenKind.Name) throw Expected("name");
        return Next().Text;
    }

    protected void Expect(TokenKind kind)
    {
        if (Current.Kind != kind) throw Expected(new Token(kind, "", null, 0).Describe());
        Next();
    }

    /// <summary>An expression, with <c>… if … else …</c> where allowed.</summary>
    protected Expression ParseExpression(bool conditional = true)
    {
        int depth = Enter();
        int unknown = Unknown.Count;
        Expression value = Or();
        while (conditional && Current.IsName("if"))
        {
            Deepen();
            int line = Next().Line;
            Expression test = Or();
            Expression? no = SkipName("else") ? ParseExpression() : null;
            value = new ConditionalNode(test, value, no) { Line = line };
            Unknown.RemoveRange(unknown, Unknown.Count - unknown);
        }

        Leave(depth);
        return value;
    }

    /// <summary>Expressions with commas between them are a tuple; one without a comma is itself.</summary>
    protected Expression ParseTuple(bool conditional = true, bool parentheses = false, string? endName = null, Func<Expression>? part = null)
    {
        int line = Current.Line;
        List<Expression> items = [];
        bool isTuple = false;
        while (true)
        {
            if (items.Count > 0) ExpectOperator(",");
            if (Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd || Current.IsOperator(")") || (endName is not null && Current.IsName(endName))) break;
            items.Add(part is null ? ParseExpression(conditional) : part());
            if (!Current.IsOperator(",")) break;
            isTuple = true;
        }

        if (isTuple || (items.Count == 0 && parentheses)) return new TupleLiteral(items) { Line = line };
        return items.Count > 0 ? items[0] : throw Error($"Expected an expression, got '{Current.Describe()}'");
    }

    private Expression Or()
    {
        int depth = _depth;
        Expression left = And();
        while (Current.IsName("or"))
        {
            Deepen();
            int line = Next().Line;
            left = new LogicNode(false, left, And()) { Line = line };
        }

        Leave(depth);
        return left;
    }

    private Expression And()
    {
        int depth = _depth;
        Expression left = Not();
        while (Current.IsName("and"))
        {
            Deepen();
            int line = Next().Line;
            left = new LogicNode(true, left, Not()) { Line = line };
        }

        Leave(depth);
        return left;
    }

    private Expression Not()
    {
        if (!Current.IsName("not")) return Compare();
        int depth = Enter();
        int line = Next().Line;
        Expression value = new NotNode(Not()) { Line = line };
        Leave(depth);
        return value;
    }

    private Expression Compare()
    {
        int line = Current.Line;
        int depth = _depth;
        Expression first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            string? op = null;
            if (Current.Kind == TokenKind.Operator && Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=") op = Next().Text;
            else if (SkipName("in")) op = "in";
            else if (Current.IsName("not") && Following.IsName("in"))
            {
                Next();
                Next();
                op = "not in";
            }

            if (op is null) break;
            Deepen();
            rest.Add((op, Sum()));
        }

        Leave(depth);
        return rest.Count == 0 ? first : new CompareNode(first, rest) { Line = line };
    }

    private Expression Sum() => LeftAssociative(Concat, "+", "-");

    private Expression Concat()
    {
        int line = Current.Line;
        int depth = _depth;
        List<Expression> parts = [Product()];
        while (SkipOperator("~"))
        {
            Deepen();
            parts.Add(Product());
        }

        Leave(depth);
        return parts.Count == 1 ? parts[0] : new ConcatNode(parts) { Line = line };
    }

    private Expression Product() => LeftAssociative(Power, "*", "/", "//", "%");

    private Expression Power() => LeftAssociative(() => Unary(filters: true), "**");

    private Expression LeftAssociative(Func<Expression> part, params string[] operators)
    {
        int depth = _depth;
        Expression left = part();
        while (Current.Kind == TokenKind.Operator && operators.Contains(Current.Text))
        {
            Deepen();
            Token op = Next();
            left = new BinaryNode(op.Text, left, part()) { Line = op.Line };
        }

        Leave(depth);
        return left;
    }

    private Expression Unary(bool filters)
    {
        int depth = Enter(0);
        Expression value;
        if (Current.IsOperator("-") || Current.IsOperator("+"))
        {
            Deepen();
            Token op = Next();
            value = new UnaryNode(op.Text[0], Unary(filters: false)) { Line = op.Line };
        }
        else
        {
            value = Primary();
        }

        value = Postfix(value);
        if (filters) value = FiltersAndTests(value);
        Leave(depth);
        return value;
    }

    protected Expression Primary()
    {
        Token token = Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                Next();
                if (token.Text is "true" or "True" or "false" or "False") return new Constant(token.Text is "true" or "True") { Line = token.Line };
                if (token.Text is "none" or "None") return new Constant(null) { Line = token.Line };
                Used.Add(token.Text);
                return new Name(token.Text) { Line = token.Line };
            case TokenKind.Text:
                StringBuilder? joined = null;
                string text = (string)Next().Value!;
                while (Current.Kind == TokenKind.Text) (joined ??= new StringBuilder(text)).Append((string)Next().Value!);
                return new Constant(joined?.ToString() ?? text) { Line = token.Line };
            case TokenKind.Integer or TokenKind.Float:
                return new Constant(Next().Value) { Line = token.Line };
        }

        if (SkipOperator("("))
        {
            Expression inner = ParseTuple(parentheses: true);
            ExpectOperator(")");
            return inner;
        }

        if (SkipOperator("["))
        {
            List<Expression> items = [];
            while (!Current.IsOperator("]"))
            {
                if (items.Count > 0) ExpectOperator(",");
                if (Current.IsOperator("]")) break;
                items.Add(ParseExpression());
            }

            ExpectOperator("]");
            return new ListLiteral(items) { Line = token.Line };
        }

        if (SkipOperator("{"))
        {
            List<(Expression, Expression)> items = [];
            while (!Current.IsOperator("}"))
            {
                if (items.Count > 0) ExpectOperator(",");
                if (Current.IsOperator("}")) break;
                Expression key = ParseExpression();
                ExpectOperator(":");
                items.Add((key, ParseExpression()));
            }

            ExpectOperator("}");
            return new DictLiteral(items) { Line = token.Line };
        }

        throw Error(token.Kind == TokenKind.Operator ? $"unexpected '{token.Text}'" : $"Expected an expression, got '{token.Describe()}'");
    }
}
