using System.Globalization;
using System.Numerics;
using System.Text;

namespace Heed.Templates;

internal enum TokenKind
{
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,

    /// <summary>The rest of the template is no token: <see cref="Token.Value"/> is the error, raised when the parser gets here, not
    /// before.</summary>
    Fault,
}

internal readonly record struct Token(TokenKind Kind, string Text, object? Value, int Line)
{
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public bool IsOperator(string text) => Kind == TokenKind.Operator && Text == text;

    public string Describe() => Kind switch
    {
        TokenKind.Data => "template text",
        TokenKind.VariableBegin => "begin of print statement",
        TokenKind.VariableEnd => "end of print statement",
        TokenKind.BlockBegin => "begin of statement block",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.Text => "a string",
        TokenKind.End => "end of template",
        _ => Text,
    };
}

/// <summary>Cuts a template into tokens, with Jinja's rules for white space: <c>-</c>, <c>+</c>, <c>trim_blocks</c> and
/// <c>lstrip_blocks</c>.</summary>
internal sealed class Lexer
{
    private static readonly string[] TwoCharacterOperators = ["**", "//", "==", "!=", ">=", "<="];

    private readonly string _source;
    private readonly string _name;
    private readonly bool _trimBlocks;
    private readonly bool _leftStripBlocks;
    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _open = new();
    private int _at;
    private int _line = 1;
    private bool _lineStarting = true;

    private Lexer(string source, string name, bool trimBlocks, bool leftStripBlocks)
    {
        string normal = source.Contains('\r', StringComparison.Ordinal) ? source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n') : source;
        _source = normal.EndsWith('\n') ? normal[..^1] : normal;
        _name = name;
        _trimBlocks = trimBlocks;
        _leftStripBlocks = leftStripBlocks;
    }

    public static List<Token> Run(string source, string name, bool trimBlocks, bool leftStripBlocks)
    {
        Lexer lexer = new(source, name, trimBlocks, leftStripBlocks);
        try
        {
            while (lexer._at < lexer._source.Length) lexer.Root();
            lexer.Add(TokenKind.End, "", null);
        }
        catch (ChatTemplateException e)
        {
            lexer.Add(TokenKind.Fault, "", e);
        }

        return lexer._tokens;
    }

    private ChatTemplateException Error(string reason) => new(_name, _line, reason);

    private void Add(TokenKind kind, string text, object? value = null) => _tokens.Add(new Token(kind, text, value, _line));

    /// <summary>Moves to <paramref name="end"/>, counting lines.</summary>
    private void Advance(int end)
    {
        _line += _source.AsSpan(_at, end - _at).Count('\n');
        if (end > _at) _lineStarting = _source[end - 1] == '\n';
        _at = end;
    }

    private void Root()
    {
        int tag = _at;
        while (true)
        {
            tag = _source.IndexOf('{', tag);
            if (tag < 0 || tag + 1 >= _source.Length)
            {
                Add(TokenKind.Data, _source[_at..]);
                Advance(_source.Length);
                return;
            }

            if (_source[tag + 1] is '%' or '{' or '#') break;
            tag++;
        }

        char kind = _source[tag + 1];
        int after = tag + 2;
        char sign = after < _source.Length && _source[after] is '-' or '+' ? _source[after++] : '\0';
        Data(tag, sign, strip: kind != '{');
        Advance(tag);
        if (kind == '%' && RawBegin(after, out int rawStart))
        {
            Advance(rawStart);
            Raw();
        }
        else if (kind == '#')
        {
            Advance(after);
            Comment();
        }
        else
        {
            Add(kind == '%' ? TokenKind.BlockBegin : TokenKind.VariableBegin, "");
            Advance(after);
            Tag(block: kind == '%');
        }
    }

    /// <summary>Adds the text up to a tag, stripped as the tag's sign and <c>lstrip_blocks</c> say.</summary>
    private void Data(int end, char sign, bool strip)
    {
        ReadOnlySpan<char> text = _source.AsSpan(_at, end - _at);
        if (sign == '-')
        {
            int kept = text.Length;
            while (kept > 0 && Unicodes.IsSpace(text[kept - 1])) kept--;
            text = text[..kept];
        }
        else if (sign != '+' && _leftStripBlocks && strip)
        {
            int lineStart = text.LastIndexOf('\n') + 1;
            if (lineStart > 0 || _lineStarting)
            {
                bool blank = true;
                foreach (char c in text[lineStart..]) blank &= Unicodes.IsSpace(c);
                if (blank) text = text[..lineStart];
            }
        }

        if (text.Length > 0) Add(TokenKind.Data, text.ToString());
    }

    private int SkipSpace(int at)
    {
        while (at < _source.Length && Unicodes.IsSpace(_source[at])) at++;
        return at;
    }

    private bool At(int at, string text) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private bool RawBegin(int at, out int end)
    {
        end = at = SkipSpace(at);
        if (!At(at, "raw")) return false;
        at = SkipSpace(at + 3);
        if (At(at, "-%}")) end = SkipSpace(at + 3);
        else if (At(at, "%}")) end = at + 2;
        else return false;
        return true;
    }

    private void Raw()
    {
        if (_at == _source.Length) return;   // as in Jinja, where nothing follows nothing is missing
        for (int tag = _at; (tag = _source.IndexOf("{%", tag, StringComparison.Ordinal)) >= 0; tag += 2)
        {
            int at = tag + 2;
            char sign = at < _source.Length && _source[at] is '-' or '+' ? _source[at++] : '\0';
            at = SkipSpace(at);
            if (!At(at, "endraw")) continue;
            int end = BlockEnd(SkipSpace(at + 6), "%}");
            if (end < 0) continue;
            Data(tag, sign, strip: true);
            Advance(end);
            return;
        }

        throw Error("Missing end of raw directive");
    }

    /// <summary>Where a closing <c>%}</c> or <c>#}</c>, with its sign and what it eats, ends; −1 where there is none.</summary>
    private int BlockEnd(int at, string close)
    {
        if (at < _source.Length && _source[at] == '+' && At(at + 1, close)) return at + 3;
        if (at < _source.Length && _source[at] == '-' && At(at + 1, close)) return SkipSpace(at + 3);
        if (!At(at, close)) return -1;
        at += 2;
        return _trimBlocks && at < _source.Length && _source[at] == '\n' ? at + 1 : at;
    }

    private void Comment()
    {
        if (_at == _source.Length) return;   // as in Jinja, where nothing follows nothing is missing
        int close = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (close < 0) throw Error("Missing end of comment tag");
        if (close > _at && _source[close - 1] is '-' or '+') close--;
        Advance(BlockEnd(close, "#}"));
    }

    private void Tag(bool block)
    {
        while (_at < _source.Length)
        {
            if (_open.Count == 0)
            {
                int end = block ? BlockEnd(_at, "%}") : At(_at, "-}}") ? SkipSpace(_at + 3) : At(_at, "}}") ? _at + 2 : -1;
                if (end >= 0)
                {
                    Add(block ? TokenKind.BlockEnd : TokenKind.VariableEnd, "");
                    Advance(end);
                    return;
                }
            }

            Next();
        }
    }

    private void Next()
    {
        char c = _source[_at];
        if (Unicodes.IsSpace(c)) Advance(SkipSpace(_at));
        else if (char.IsAsciiDigit(c)) Number();
        else if (Unicodes.IsWord(CodePoint(_at))) Name();
        else if (c is '\'' or '"') Text(c);
        else Operator(c);
    }

    private int CodePoint(int at) => char.IsSurrogatePair(_source, at) ? char.ConvertToUtf32(_source[at], _source[at + 1]) : _source[at];

    private void Name()
    {
        int end = _at;
        while (end < _source.Length)
        {
            if (end + 1 >= _source.Length && char.IsSurrogate(_source[end])) break;
            int code = end + 1 < _source.Length ? CodePoint(end) : _source[end];
            if (!Unicodes.IsWord(code)) break;
            end += code > 0xFFFF ? 2 : 1;
        }

        string name = _source[_at..end];
        if (!Unicodes.IsIdentifier(name)) throw Error("Invalid character in identifier");
        Add(TokenKind.Name, name);
        Advance(end);
    }

    /// <summary>Digits with single underscores between them.</summary>
    private int Digits(int at)
    {
        while (at < _source.Length && (char.IsAsciiDigit(_source[at]) || (_source[at] == '_' && at + 1 < _source.Length && char.IsAsciiDigit(_source[at + 1])))) at++;
        return at;
    }

    private void Number()
    {
        int end = Digits(_at);
        bool isFloat = false;
        if (_at == 0 || _source[_at - 1] != '.')
        {
            if (end + 1 < _source.Length && _source[end] == '.' && char.IsAsciiDigit(_source[end + 1]))
            {
                end = Digits(end + 1);
                isFloat = true;
            }

            if (end < _source.Length && _source[end] is 'e' or 'E')
            {
                int exponent = end + 1 < _source.Length && _source[end + 1] is '+' or '-' ? end + 2 : end + 1;
                if (exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
                {
                    end = Digits(exponent);
                    isFloat = true;
                }
            }
        }

        if (isFloat)
        {
            string text = _source[_at..end].Replace("_", "", StringComparison.Ordinal);
            Add(TokenKind.Float, text, double.Parse(text, CultureInfo.InvariantCulture));
            Advance(end);
            return;
        }

        (int radix, int digits) = _source[_at] != '0' || _at + 1 >= _source.Length ? (10, _at) : char.ToLowerInvariant(_source[_at + 1]) switch
        {
            'x' => (16, _at + 2),
            'o' => (8, _at + 2),
            'b' => (2, _at + 2),
            _ => (10, _at),
        };
        if (radix != 10)
        {
            int stop = digits;
            while (stop < _source.Length && (Numbers.DigitValue(_source[stop]) < radix || (_source[stop] == '_' && stop + 1 < _source.Length && Numbers.DigitValue(_source[stop + 1]) < radix))) stop++;
            if (stop > digits) end = stop;
            else (radix, end) = (10, _at + 1);
        }
        else if (_source[_at] == '0')
        {
            end = _at + 1;
            while (end < _source.Length && (_source[end] == '0' || (_source[end] == '_' && end + 1 < _source.Length && _source[end + 1] == '0'))) end++;
        }

        string number = (radix == 10 ? _source[_at..end] : _source[digits..end]).Replace("_", "", StringComparison.Ordinal);
        if (!Numbers.TryParseDigits(number, radix, out BigInteger value)) throw Error($"the integer has {number.Length} digits; at most {Numbers.MaximumDigits} are allowed");
        Add(TokenKind.Integer, _source[_at..end], value);
        Advance(end);
    }

    private void Text(char quote)
    {
        int end = _at + 1;
        while (end < _source.Length && _source[end] != quote) end += _source[end] == '\\' ? 2 : 1;
        if (end >= _source.Length) throw Error($"unexpected char {quote} at {_at}: the string is not closed");
        Add(TokenKind.Text, "", Unescape(_source.AsSpan(_at + 1, end - _at - 1)));
        Advance(end + 1);
    }

    private void Operator(char c)
    {
        string text = c.ToString();
        foreach (string two in TwoCharacterOperators)
        {
            if (At(_at, two)) text = two;
        }

        if (text.Length == 1 && !"+-/*%~[](){}><=.:|,;".Contains(c, StringComparison.Ordinal)) throw Error($"unexpected char '{c}' at {_at}");
        if (c is '(' or '[' or '{')
        {
            _open.Push(c == '(' ? ')' : c == '[' ? ']' : '}');
        }
        else if (c is ')' or ']' or '}')
        {
            if (!_open.TryPop(out char expected)) throw Error($"unexpected '{c}'");
            if (expected != c) throw Error($"unexpected '{c}', expected '{expected}'");
        }

        Add(TokenKind.Operator, text);
        Advance(_at + text.Length);
    }

    /// <summary>Python's <c>unicode-escape</c> over text whose characters beyond ASCII were turned into escapes first, as the reference
    /// does.</summary>
    private string Unescape(ReadOnlySpan<char> text)
    {
        if (!text.Contains('\\')) return text.ToString();
        StringBuilder result = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                result.Append(text[i]);
                continue;
            }

            char c = text[++i];
            switch (c)
            {
                case '\n': break;
                case '\\' or '\'' or '"': result.Append(c); break;
                case 'a': result.Append('\a'); break;
                case 'b': result.Append('\b'); break;
                case 'f': result.Append('\f'); break;
                case 'n': result.Append('\n'); break;
                case 'r': result.Append('\r'); break;
                case 't': result.Append('\t'); break;
                case 'v': result.Append('\v'); break;
                case 'x': i = Hex(text, i + 1, 2, result); break;
                case 'u': i = Hex(text, i + 1, 4, result); break;
                case 'U': i = Hex(text, i + 1, 8, result); break;
                case 'N': throw Error("\\N{…} escapes are not supported; write the character itself or \\u");
                case >= '0' and <= '7':
                    int value = 0;
                    int stop = Math.Min(i + 3, text.Length);
                    for (; i < stop && text[i] is >= '0' and <= '7'; i++) value = (value * 8) + (text[i] - '0');
                    i--;
                    result.Append((char)value);
                    break;
                case > '\x7F':
                    // The reference escapes the character first, so that the backslash before it makes a backslash.
                    int code = char.IsHighSurrogate(c) && i + 1 < text.Length ? char.ConvertToUtf32(c, text[++i]) : c;
                    result.Append('\\').Append(code > 0xFFFF ? $"U{code:x8}" : code > 0xFF ? $"u{code:x4}" : $"x{code:x2}");
                    break;
                default: result.Append('\\').Append(c); break;
            }
        }

        return result.ToString();
    }

    private int Hex(ReadOnlySpan<char> text, int at, int digits, StringBuilder result)
    {
        if (at + digits > text.Length || !int.TryParse(text.Slice(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
            throw Error($"a string holds a broken escape: {digits} hexadecimal digits up to 10ffff were expected");
        if (code > 0xFFFF) result.Append(char.ConvertFromUtf32(code));
        else result.Append((char)code);
        return at + digits - 1;
    }
}
