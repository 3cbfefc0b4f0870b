using System.Globalization;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Patterns;

/// <summary>Reads Oniguruma's syntax: what split expressions use of it; back references and conditions are refused.</summary>
internal sealed class RegexParser
{
    private const int DeepestGroup = 60;
    private const int LargestCount = 1000;

    private readonly string _text;
    private int _at;
    private int _depth;

    private RegexParser(string text) => _text = text;

    private readonly record struct Flags(bool IgnoreCase, bool DotAll, bool Extended);

    /// <exception cref="RegexSyntaxException">The expression is not one, or uses what is not supported.</exception>
    public static RegexNode Parse(string expression)
    {
        RegexParser parser = new(expression);
        RegexNode node = parser.Choice(default);
        return parser._at == expression.Length ? node : throw parser.Wrong("has a ')' without its '('");
    }

    private char Peek => _at < _text.Length ? _text[_at] : '\0';

    private bool AtEnd => _at >= _text.Length;

    private RegexSyntaxException Wrong(string reason) => new($"{reason} (at character {_at})");

    private bool Take(string expected)
    {
        if (string.CompareOrdinal(_text, _at, expected, 0, expected.Length) != 0) return false;
        _at += expected.Length;
        return true;
    }

    private RegexNode Choice(Flags flags)
    {
        if (++_depth > DeepestGroup) throw Wrong($"nests groups more than {DeepestGroup} deep");
        List<RegexNode> options = [];
        do
        {
            options.Add(Sequence(ref flags));
        }
        while (Take("|"));
        _depth--;
        return options.Count == 1 ? options[0] : new RegexNode.Choice(options);
    }

    private RegexNode Sequence(ref Flags flags)
    {
        List<RegexNode> parts = [];
        while (!AtEnd && Peek is not ('|' or ')'))
        {
            if (flags.Extended && (char.IsWhiteSpace(Peek) || Peek == '#'))
            {
                if (Peek == '#') while (!AtEnd && Peek != '\n') _at++;
                else _at++;
                continue;
            }

            RegexNode? atom = Atom(ref flags);
            if (atom is not null) parts.Add(Quantified(atom));
        }

        return parts.Count == 1 ? parts[0] : parts.Count == 0 ? new RegexNode.Empty() : new RegexNode.Sequence(parts);
    }

    private RegexNode Quantified(RegexNode atom)
    {
        while (!AtEnd)
        {
            int minimum, maximum;
            bool interval = false;
            if (Take("*")) (minimum, maximum) = (0, -1);
            else if (Take("+")) (minimum, maximum) = (1, -1);
            else if (Take("?")) (minimum, maximum) = (0, 1);
            else if (Peek == '{' && Interval(out minimum, out maximum)) interval = true;
            else return atom;
            bool lazy = Take("?");
            bool possessive = !lazy && !interval && Take("+");
            atom = new RegexNode.Repeat(atom, minimum, maximum, !lazy);
            if (possessive) atom = new RegexNode.Atomic(atom);
        }

        return atom;
    }

    /// <summary>"{2}", "{2,}", "{,3}", "{2,3}"; a brace that is none of these is a character.</summary>
    private bool Interval(out int minimum, out int maximum)
    {
        (minimum, maximum) = (0, -1);
        int close = _text.IndexOf('}', _at);
        if (close < 0) return false;
        string[] parts = _text[(_at + 1)..close].Split(',');
        if (parts.Length > 2 || parts.All(part => part.Length == 0) || parts.Any(part => part.Any(c => !char.IsAsciiDigit(c)))) return false;
        minimum = parts[0].Length == 0 ? 0 : Count(parts[0]);
        maximum = parts.Length == 1 ? minimum : parts[1].Length == 0 ? -1 : Count(parts[1]);
        if (maximum >= 0 && maximum < minimum) (minimum, maximum) = (maximum, minimum);
        _at = close + 1;
        return true;
    }

    private int Count(string digits)
        => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= LargestCount
            ? count : throw Wrong($"repeats {Printable.Shorten(digits)} times; at most {LargestCount} is supported");

    private RegexNode? Atom(ref Flags flags)
    {
        char c = _text[_at];
        switch (c)
        {
            case '(':
                _at++;
                return Group(ref flags);
            case '[':
                _at++;
                return new RegexNode.Set(ClassParser(flags.IgnoreCase));
            case '.':
                _at++;
                return new RegexNode.Set(flags.DotAll ? new RegexSet(_ => true) : new RegexSet(x => x != '\n'));
            case '^':
                _at++;
                return new RegexNode.Anchor(RegexAnchor.LineStart);
            case '$':
                _at++;
                return new RegexNode.Anchor(RegexAnchor.LineEnd);
            case '\\':
                _at++;
                return Escape(flags);
            case '*' or '+' or '?':
                throw Wrong($"has a '{c}' with nothing to repeat");
            default:
                int literal = CodePoint.At(_text, _at, out int units);
                _at += units;
                return Set(new RegexSet(x => x == literal), flags);
        }
    }

    private static RegexNode.Set Set(RegexSet set, Flags flags) => new(flags.IgnoreCase ? set.IgnoringCase() : set);

    private RegexNode? Group(ref Flags flags)
    {
        if (!Take("?")) return Closed(Choice(flags));
        if (Take(":")) return Closed(Choice(flags));
        if (Take("=")) return new RegexNode.Look(Closed(Choice(flags)), Behind: false, Negative: false);
        if (Take("!")) return new RegexNode.Look(Closed(Choice(flags)), Behind: false, Negative: true);
        if (Take("<=")) return new RegexNode.Look(Closed(Choice(flags)), Behind: true, Negative: false);
        if (Take("<!")) return new RegexNode.Look(Closed(Choice(flags)), Behind: true, Negative: true);
        if (Take(">")) return new RegexNode.Atomic(Closed(Choice(flags)));
        if (Take("#"))
        {
            while (!AtEnd && Peek != ')') _at++;
            if (!Take(")")) throw Wrong("has a comment without its ')'");
            return null;
        }

        if (Take("P<")) throw Wrong("has a group (?P<…>), which is Python's form; write (?<…>)");
        if (Peek is '<' or '\'')
        {
            int close = _text.AsSpan(_at + 1).IndexOfAny('>', '\'', ')');
            bool named = close > 0 && _text[_at + 1 + close] != ')';
            if (!named) throw Wrong("has a group of a kind that is not supported");
            _at += close + 2;
            return Closed(Choice(flags));
        }

        Flags inner = ReadFlags(flags);
        if (Take(")"))
        {
            flags = inner;
            return null;
        }

        return Take(":") ? Closed(Choice(inner)) : throw Wrong("has a group of a kind that is not supported");
    }

    private Flags ReadFlags(Flags flags)
    {
        bool on = true;
        for (; !AtEnd && Peek is not (':' or ')'); _at++)
        {
            switch (Peek)
            {
                case '-': on = false; break;
                case 'i': flags = flags with { IgnoreCase = on }; break;
                case 'm': flags = flags with { DotAll = on }; break;
                case 'x': flags = flags with { Extended = on }; break;
                case '(': throw Wrong("has a conditional, which is not supported: write both choices, as in (ab|c)");
                default: throw Wrong($"has the flag '{Peek}', which is not supported");
            }
        }

        return flags;
    }

    private RegexNode Closed(RegexNode node) => Take(")") ? node : throw Wrong("has a '(' without its ')'");

    private RegexNode Escape(Flags flags)
    {
        if (AtEnd) throw Wrong("ends in a backslash");
        switch (_text[_at])
        {
            case 'A': return Anchored(RegexAnchor.TextStart);
            case 'z': return Anchored(RegexAnchor.TextEnd);
            case 'Z': return Anchored(RegexAnchor.TextEndOrLastLine);
            case 'b': return Anchored(RegexAnchor.WordBoundary);
            case 'B': return Anchored(RegexAnchor.NoWordBoundary);
            case 'R':
                _at++;
                return new RegexNode.Atomic(new RegexNode.Choice([
                    new RegexNode.Sequence([Literal('\r'), Literal('\n')]),
                    new RegexNode.Set(new RegexSet(c => c is >= 10 and <= 13 or 0x85 or 0x2028 or 0x2029))]));
            case 'N' or 'O':
                return new RegexNode.Set(_text[_at++] == 'O' ? new RegexSet(_ => true) : new RegexSet(c => c != '\n'));
            case 'k' or 'g' or (>= '1' and <= '9'):
                throw Wrong($"has the back reference \\{_text[_at]}; back references are not supported: name what may repeat");
            case 'G' or 'K' or 'X':
                throw Wrong($"uses \\{_text[_at]}, which is not supported");
            case 'p' or 'P':
                // A property alone keeps to its case.
                return new RegexNode.Set(new RegexSet(EscapedClass(inClass: false)));
            default:
                return Set(new RegexSet(EscapedClass(inClass: false)), flags);
        }
    }

    private RegexNode.Anchor Anchored(RegexAnchor kind)
    {
        _at++;
        return new RegexNode.Anchor(kind);
    }

    private static RegexNode.Set Literal(char c) => new(new RegexSet(x => x == c));

    /// <summary>The class or the one character that an escape after its backslash stands for.</summary>
    private Func<int, bool> EscapedClass(bool inClass)
    {
        char c = _text[_at];
        switch (c)
        {
            case 'd' or 'D' or 's' or 'S' or 'w' or 'W' or 'h' or 'H':
                _at++;
                Func<int, bool> test = Shorthand(char.ToLowerInvariant(c), inClass);
                return char.IsAsciiLetterUpper(c) ? x => !test(x) : test;
            case 'p' or 'P':
                _at++;
                return Property(inverted: c == 'P', inClass);
            default:
                int literal = EscapedCharacter();
                return x => x == literal;
        }
    }

    private static Func<int, bool> Shorthand(char c, bool inClass) => c switch
    {
        'd' => x => CharacterClasses.Category(x) == 9,
        's' => CharacterClasses.IsWhiteSpace,
        'h' => x => x < 128 && char.IsAsciiHexDigit((char)x),
        // Outside a class Oniguruma's table for Latin-1 counts six numbers as word characters; inside, its property does not.
        _ => inClass ? CharacterClasses.IsPropertyWord : CharacterClasses.IsShorthandWord,
    };

    private Func<int, bool> Property(bool inverted, bool inClass)
    {
        string name;
        if (Take("{"))
        {
            int close = _text.IndexOf('}', _at);
            if (close < 0) throw Wrong("has a property without its '}'");
            name = _text[_at..close];
            _at = close + 1;
        }
        else
        {
            if (AtEnd) throw Wrong("ends in an unfinished property");
            name = _text[_at++].ToString();
        }

        if (name.StartsWith('^')) (name, inverted) = (name[1..], !inverted);
        bool word = !inClass && string.Equals(name, "word", StringComparison.OrdinalIgnoreCase);
        Func<int, bool> test = (word ? CharacterClasses.IsShorthandWord : CharacterClasses.ByName(name)) ?? throw Wrong($"names the property \"{Printable.Shorten(name)}\", which does not exist");
        return inverted ? c => !test(c) : test;
    }

    private int EscapedCharacter()
    {
        char c = _text[_at++];
        switch (c)
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'f': return '\f';
            case 'v': return '\v';
            case 'a': return 7;
            case 'e': return 27;
            case 'u': return Hex(4);
            case 'x' when Take("{"):
                int close = _text.IndexOf('}', _at);
                int value = close < 0 ? -1 : Hex(close - _at);
                _at++;
                return value >= 0 ? value : throw Wrong("has an unfinished \\x{…}");
            case 'x': return Hex(_at + 1 < _text.Length && char.IsAsciiHexDigit(_text[_at + 1]) ? 2 : 1);
            case '0': return 0;
        }

        if (char.IsAsciiLetterOrDigit(c)) throw Wrong($"uses \\{c}, which is not supported");
        _at--;
        int literal = CodePoint.At(_text, _at, out int units);
        _at += units;
        return literal;
    }

    private int Hex(int digits)
    {
        if (digits is < 1 or > 6 || _at + digits > _text.Length
            || !int.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) || value > 0x10FFFF)
            throw Wrong("has a character number that is not one");
        _at += digits;
        return value;
    }

    /// <summary>What stands between '[' and ']': characters, ranges, classes, classes in brackets, intersections.</summary>
    private RegexSet ClassParser(bool ignoreCase)
    {
        if (++_depth > DeepestGroup) throw Wrong($"nests classes more than {DeepestGroup} deep");
        bool inverted = Take("^");
        List<Func<int, bool>> members = [];
        List<Func<int, bool>> intersections = [];
        for (bool first = true; ; first = false)
        {
            if (AtEnd) throw Wrong("has a '[' without its ']'");
            if (Peek == ']' && !first) break;
            if (Take("&&"))
            {
                intersections.Add(Union(members));
                members = [];
                continue;
            }

            members.Add(Member());
        }

        _at++;
        _depth--;
        Func<int, bool> last = Union(members);
        Func<int, bool> all = intersections.Count == 0 ? last : c => last(c) && intersections.TrueForAll(test => test(c));
        // Case is ignored before a class is inverted: [^a] then leaves out A too.
        RegexSet set = ignoreCase ? new RegexSet(all).IgnoringCase() : new RegexSet(all);
        return inverted ? set.Inverted() : set;
    }

    private static Func<int, bool> Union(List<Func<int, bool>> members)
    {
        Func<int, bool>[] tests = [.. members];
        return c =>
        {
            foreach (Func<int, bool> test in tests)
                if (test(c)) return true;
            return false;
        };
    }

    private Func<int, bool> Member()
    {
        if (Take("[:"))
        {
            bool inverted = Take("^");
            int close = _text.IndexOf(":]", _at, StringComparison.Ordinal);
            Func<int, bool>? test = close < 0 ? null : CharacterClasses.ByBracketName(_text[_at..close]);
            if (test is null) throw Wrong("names a bracket class that does not exist");
            _at = close + 2;
            return inverted ? c => !test(c) : test;
        }

        if (Take("[")) return ClassParser(ignoreCase: false).Contains;
        int low;
        if (Peek == '\\')
        {
            _at++;
            if (AtEnd) throw Wrong("ends in a backslash");
            if (_text[_at] is 'd' or 'D' or 's' or 'S' or 'w' or 'W' or 'h' or 'H' or 'p' or 'P') return EscapedClass(inClass: true);
            if (Take("b")) low = 8;
            else low = EscapedCharacter();
        }
        else
        {
            low = CodePoint.At(_text, _at, out int units);
            _at += units;
        }

        return Range(low);
    }

    private Func<int, bool> Range(int low)
    {
        if (Peek != '-' || _at + 1 >= _text.Length || _text[_at + 1] == ']') return c => c == low;
        int back = _at++;
        int high;
        if (Peek == '[' || (Peek == '\\' && _at + 1 < _text.Length && "dDsSwWhHpP".Contains(_text[_at + 1], StringComparison.Ordinal)))
        {
            _at = back;
            return c => c == low;
        }

        if (Take("\\"))
        {
            if (AtEnd) throw Wrong("ends in a backslash");
            high = EscapedCharacter();
        }
        else
        {
            high = CodePoint.At(_text, _at, out int units);
            _at += units;
        }

        return high >= low ? c => c >= low && c <= high : throw Wrong("has a range that runs backwards");
    }
}
