using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Patterns;

/// <summary>
/// A compiled expression, matched by backtracking over an explicit stack, within a budget of steps: an expression that would run for ever
/// is stopped.
/// </summary>
internal sealed class RegexProgram
{
    private const int LargestProgram = 20_000;
    private const long FreeSteps = 20_000_000;
    private const long StepsPerUnit = 2_000;
    private const int LongestLookBehind = 255;

    private readonly List<Instruction> _code = [];
    private readonly string _expression;
    private readonly string _place;

    private RegexProgram(string expression, string place) => (_expression, _place) = (expression, place);

    private enum Op
    {
        Set,
        Loop,        // Set, greedy, from Low to High times (-1: any)
        Split,       // tries Low, then High
        Jump,
        Anchor,
        Mark,        // remembers the position in slot Low
        Progress,    // goes on only if the position moved since slot Low
        Atomic,      // runs the code up to its Match once, then goes on at Low
        Look,        // tests the code up to its Match; High bits: 1 negative, 2 behind
        Match,
    }

    private readonly record struct Instruction(Op Op, int Low = 0, int High = 0, RegexSet? Set = null, RegexAnchor Anchor = default, int Shortest = 0, int Longest = 0);

    /// <param name="expression">The expression.</param>
    /// <param name="place">File and JSON path of the expression, for errors.</param>
    /// <exception cref="RegexSyntaxException">The expression is not one, or is too large.</exception>
    public static RegexProgram Compile(string expression, string place)
    {
        RegexProgram program = new(expression, place);
        program.Emit(RegexParser.Parse(expression));
        program.Add(new Instruction(Op.Match));
        return program;
    }

    /// <summary>Finds every match from left to right, as Oniguruma's iterator does.</summary>
    /// <exception cref="BudgetException">The expression took more steps than are allowed for the text.</exception>
    public void FindAll(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        Machine machine = new(FreeSteps + (StepsPerUnit * text.Length));
        int at = 0, last = -1;
        while (at <= text.Length)
        {
            int start = at, end = -1;
            for (; start <= text.Length; start += start < text.Length ? Units(text, start) : 1)
            {
                end = Run(text, 0, start, machine, -1);
                if (end >= 0) break;
            }

            if (end < 0) return;
            if (end == start && last == end)
            {
                // An empty match that touches the match before does not count.
                at += at < text.Length ? Units(text, at) : 1;
                continue;
            }

            matches.Add((start, end));
            at = last = end;
        }
    }

    private static int Units(ReadOnlySpan<char> text, int at)
        => char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    private static int Before(ReadOnlySpan<char> text, int at)
        => at >= 2 && char.IsLowSurrogate(text[at - 1]) && char.IsHighSurrogate(text[at - 2]) ? at - 2 : at - 1;

    private int Add(Instruction instruction)
    {
        if (_code.Count >= LargestProgram) throw new RegexSyntaxException($"is too large: it compiles to more than {LargestProgram} steps");
        _code.Add(instruction);
        return _code.Count - 1;
    }

    private void Emit(RegexNode node)
    {
        switch (node)
        {
            case RegexNode.Set set:
                Add(new Instruction(Op.Set, Set: set.Characters));
                break;
            case RegexNode.Sequence sequence:
                foreach (RegexNode part in sequence.Parts) Emit(part);
                break;
            case RegexNode.Choice choice:
                EmitChoice(choice);
                break;
            case RegexNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case RegexNode.Anchor anchor:
                Add(new Instruction(Op.Anchor, Anchor: anchor.Kind));
                break;
            case RegexNode.Atomic atomic:
                EmitInner(atomic.Part, new Instruction(Op.Atomic));
                break;
            case RegexNode.Look look:
                (int shortest, int longest) = look.Behind ? Width(look.Part) : (0, 0);
                if (longest > LongestLookBehind) throw new RegexSyntaxException($"looks behind without a limit; at most {LongestLookBehind} characters are supported");
                EmitInner(look.Part, new Instruction(Op.Look, High: (look.Negative ? 1 : 0) | (look.Behind ? 2 : 0), Shortest: shortest, Longest: longest));
                break;
        }
    }

    private void EmitInner(RegexNode part, Instruction instruction)
    {
        int at = Add(instruction);
        Emit(part);
        Add(new Instruction(Op.Match));
        _code[at] = instruction with { Low = _code.Count };
    }

    private void EmitChoice(RegexNode.Choice choice)
    {
        List<int> ends = [];
        for (int i = 0; i < choice.Options.Count; i++)
        {
            bool last = i == choice.Options.Count - 1;
            int split = last ? -1 : Add(new Instruction(Op.Split));
            Emit(choice.Options[i]);
            if (last) break;
            ends.Add(Add(new Instruction(Op.Jump)));
            _code[split] = new Instruction(Op.Split, split + 1, _code.Count);
        }

        foreach (int end in ends) _code[end] = new Instruction(Op.Jump, _code.Count);
    }

    private void EmitRepeat(RegexNode.Repeat repeat)
    {
        if (repeat is { Greedy: true, Part: RegexNode.Set set })
        {
            Add(new Instruction(Op.Loop, repeat.Minimum, repeat.Maximum, set.Characters));
            return;
        }

        for (int i = 0; i < repeat.Minimum; i++) Emit(repeat.Part);
        if (repeat.Maximum < 0)
        {
            int slot = _code.Count;
            int split = Add(new Instruction(Op.Split));
            Add(new Instruction(Op.Mark, slot));
            Emit(repeat.Part);
            Add(new Instruction(Op.Progress, slot));
            Add(new Instruction(Op.Jump, split));
            _code[split] = Branch(repeat.Greedy, split + 1, _code.Count);
            return;
        }

        List<int> splits = [];
        for (int i = repeat.Minimum; i < repeat.Maximum; i++)
        {
            splits.Add(Add(new Instruction(Op.Split)));
            Emit(repeat.Part);
        }

        foreach (int split in splits) _code[split] = Branch(repeat.Greedy, split + 1, _code.Count);
    }

    private static Instruction Branch(bool greedy, int into, int past)
        => greedy ? new Instruction(Op.Split, into, past) : new Instruction(Op.Split, past, into);

    /// <summary>Fewest and most characters that a node can match; most is capped beyond what look-behind allows.</summary>
    private static (int Shortest, int Longest) Width(RegexNode node)
    {
        const int TooLong = LongestLookBehind + 1;
        switch (node)
        {
            case RegexNode.Set:
                return (1, 1);
            case RegexNode.Atomic atomic:
                return Width(atomic.Part);
            case RegexNode.Sequence sequence:
                (int Shortest, int Longest) sum = (0, 0);
                foreach (RegexNode part in sequence.Parts)
                {
                    (int shortest, int longest) = Width(part);
                    sum = (Math.Min(TooLong, sum.Shortest + shortest), Math.Min(TooLong, sum.Longest + longest));
                }

                return sum;
            case RegexNode.Choice choice:
                (int Shortest, int Longest)[] widths = [.. choice.Options.Select(Width)];
                return (widths.Min(width => width.Shortest), widths.Max(width => width.Longest));
            case RegexNode.Repeat repeat:
                (int least, int most) = Width(repeat.Part);
                return ((int)Math.Min(TooLong, (long)least * repeat.Minimum), repeat.Maximum < 0 ? TooLong : (int)Math.Min(TooLong, (long)most * repeat.Maximum));
            default:
                return (0, 0);
        }
    }

    /// <summary>End of the first match of the code from <paramref name="pc"/> at <paramref name="start"/>, or −1; it must end at
    /// <paramref name="target"/> unless that is −1.</summary>
    /// <remarks>Recursion is as deep as look-around and atomic groups nest in the expression, which the parser bounds.</remarks>
    private int Run(ReadOnlySpan<char> text, int pc, int start, Machine machine, int target)
    {
        int bottom = machine.Depth;
        int at = start;
        while (true)
        {
            if (--machine.Left < 0) throw TooLong(text.Length);
            Instruction step = _code[pc];
            bool ok = true;
            switch (step.Op)
            {
                case Op.Set:
                    ok = at < text.Length && step.Set!.Contains(CodePoint.At(text, at, out int units)) && Advance(ref at, units);
                    pc++;
                    break;
                case Op.Loop:
                    ok = Loop(text, step, ref at, machine, pc + 1);
                    pc++;
                    break;
                case Op.Split:
                    machine.Push(step.High, at, at);
                    pc = step.Low;
                    break;
                case Op.Jump:
                    pc = step.Low;
                    break;
                case Op.Anchor:
                    ok = Holds(text, at, step.Anchor);
                    pc++;
                    break;
                case Op.Mark:
                    machine.PushMark(step.Low, at);
                    pc++;
                    break;
                case Op.Progress:
                    ok = machine.MarkOf(step.Low) != at;
                    pc++;
                    break;
                case Op.Atomic:
                    int end = Run(text, pc + 1, at, machine, -1);
                    ok = end >= 0;
                    if (ok) at = end;
                    pc = step.Low;
                    break;
                case Op.Look:
                    bool found = (step.High & 2) != 0 ? LooksBehind(text, step, pc + 1, at, machine) : Run(text, pc + 1, at, machine, -1) >= 0;
                    ok = found != ((step.High & 1) != 0);
                    pc = step.Low;
                    break;
                case Op.Match:
                    ok = target < 0 || at == target;
                    if (!ok) break;
                    machine.CutTo(bottom);
                    return at;
            }

            if (!ok && !machine.Pop(text, bottom, out pc, out at)) return -1;
        }
    }

    private static bool Advance(ref int at, int units)
    {
        at += units;
        return true;
    }

    private static bool Loop(ReadOnlySpan<char> text, Instruction step, ref int at, Machine machine, int next)
    {
        int count = 0, least = at;
        while (at < text.Length && count != step.High && step.Set!.Contains(CodePoint.At(text, at, out int units)))
        {
            at += units;
            if (++count == step.Low) least = at;
        }

        machine.Left -= count;
        if (count < step.Low) return false;
        if (at > least) machine.Push(next, Before(text, at), least);
        return true;
    }

    private bool LooksBehind(ReadOnlySpan<char> text, Instruction step, int pc, int at, Machine machine)
    {
        int start = at;
        for (int width = 0; width <= step.Longest; width++)
        {
            if (width >= step.Shortest && Run(text, pc, start, machine, at) >= 0) return true;
            if (start == 0) return false;
            start = Before(text, start);
        }

        return false;
    }

    private static bool Holds(ReadOnlySpan<char> text, int at, RegexAnchor anchor) => anchor switch
    {
        RegexAnchor.TextStart => at == 0,
        RegexAnchor.TextEnd => at == text.Length,
        RegexAnchor.TextEndOrLastLine => at == text.Length || (at == text.Length - 1 && text[at] == '\n'),
        RegexAnchor.LineStart => at == 0 || (text[at - 1] == '\n' && at < text.Length),
        RegexAnchor.LineEnd => at == text.Length || text[at] == '\n',
        RegexAnchor.WordBoundary => IsBoundary(text, at),
        _ => !IsBoundary(text, at),
    };

    private static bool IsBoundary(ReadOnlySpan<char> text, int at)
    {
        bool before = at > 0 && CharacterClasses.IsShorthandWord(CodePoint.Last(text[..at]));
        bool after = at < text.Length && CharacterClasses.IsShorthandWord(CodePoint.First(text[at..]));
        return before != after;
    }

    private BudgetException TooLong(int length)
        => new(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{_place}: the regular expression {Printable.Shorten(_expression)} took more than {FreeSteps + (StepsPerUnit * length):N0} steps, what a text of {length:N0} characters is allowed; simplify it so that it does not backtrack without end."));

    /// <summary>The stack of other ways to go, and the steps that are left.</summary>
    private sealed class Machine(long steps)
    {
        private (int Pc, int At, int Least)[] _stack = new (int, int, int)[64];
        private readonly Dictionary<int, int> _marks = [];

        public long Left { get; set; } = steps;

        public int Depth { get; private set; }

        /// <summary>Another way: at <paramref name="pc"/> from <paramref name="at"/>, then from each character before it down to
        /// <paramref name="least"/>.</summary>
        public void Push(int pc, int at, int least)
        {
            if (Depth == _stack.Length) Array.Resize(ref _stack, Depth * 2);
            _stack[Depth++] = (pc, at, least);
        }

        /// <summary>Sets a mark, and pushes what it was so that going back restores it.</summary>
        public void PushMark(int slot, int at)
        {
            Push(-1 - slot, _marks.GetValueOrDefault(slot, -1), 0);
            _marks[slot] = at;
        }

        public int MarkOf(int slot) => _marks.GetValueOrDefault(slot, -1);

        public void CutTo(int bottom) => Depth = bottom;

        public bool Pop(ReadOnlySpan<char> text, int bottom, out int pc, out int at)
        {
            while (Depth > bottom)
            {
                (pc, at, int least) = _stack[Depth - 1];
                if (pc < 0)
                {
                    Depth--;
                    _marks[-1 - pc] = at;
                    continue;
                }

                if (at > least) _stack[Depth - 1].At = Before(text, at);
                else Depth--;
                return true;
            }

            (pc, at) = (0, 0);
            return false;
        }
    }
}
