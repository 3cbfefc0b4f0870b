using System.Runtime.CompilerServices;

namespace Heed.Tokenizers.Models;

/// <summary>
/// Texts in a double array: one step a UTF-16 unit, no allocation. Units are renumbered by frequency first, so that the arrays stay dense.
/// </summary>
internal sealed class PieceTrie
{
    private readonly ushort[] _codes = new ushort[0x10000];   // 0: in no text
    private int[] _base = new int[1024];
    private int[] _check = new int[1024];   // parent + 1; 0 is free
    private int[] _value = new int[1024];   // the text's number + 1; 0 for none
    private int _end = 1;                   // all places from here on are free

    /// <param name="texts">The texts, no two equal; empty ones are never found.</param>
    /// <param name="values">The number that each text is found as, ≥ 0.</param>
    public PieceTrie(IReadOnlyList<string> texts, IReadOnlyList<int> values)
    {
        Renumber(texts);
        int[] order = new int[texts.Count];
        for (int i = 0; i < order.Length; i++) order[i] = i;
        Array.Sort(order, (a, b) => Compare(texts[a], texts[b]));
        Build(texts, values, order);
    }

    /// <summary>The root, where every walk begins.</summary>
    public const int Root = 0;

    /// <summary>The state after one more unit; −1 where no text continues so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Step(int state, char unit)
    {
        int code = _codes[unit];
        int next = _base[state] + code;
        return code != 0 && (uint)next < (uint)_check.Length && _check[next] == state + 1 ? next : -1;
    }

    /// <summary>The number of the text that ends in <paramref name="state"/>; −1 for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ValueOf(int state) => _value[state] - 1;

    private void Renumber(IReadOnlyList<string> texts)
    {
        int[] counts = new int[0x10000];
        foreach (string text in texts)
            foreach (char c in text) counts[c]++;
        int[] units = [.. Enumerable.Range(0, 0x10000).Where(c => counts[c] > 0).OrderByDescending(c => counts[c]).ThenBy(c => c)];
        for (int i = 0; i < units.Length; i++) _codes[units[i]] = (ushort)(i + 1);
    }

    private int Compare(string a, string b)
    {
        int n = Math.Min(a.Length, b.Length);
        for (int i = 0; i < n; i++)
        {
            int difference = _codes[a[i]] - _codes[b[i]];
            if (difference != 0) return difference;
        }

        return a.Length - b.Length;
    }

    private void Build(IReadOnlyList<string> texts, IReadOnlyList<int> values, int[] order)
    {
        // Nodes wait with their range of sorted texts and their depth; children go to the first base where all of them are free.
        Queue<(int State, int From, int To, int Depth)> waiting = new();
        waiting.Enqueue((Root, 0, order.Length, 0));
        _check[Root] = int.MaxValue;
        List<(int Code, int From, int To)> children = [];
        int firstFree = 1;
        while (waiting.TryDequeue(out (int State, int From, int To, int Depth) node))
        {
            int from = node.From;
            if (from < node.To && texts[order[from]].Length == node.Depth)
            {
                if (node.Depth > 0) _value[node.State] = values[order[from]] + 1;
                from++;
            }

            children.Clear();
            while (from < node.To)
            {
                int code = _codes[texts[order[from]][node.Depth]];
                int to = from + 1;
                while (to < node.To && _codes[texts[order[to]][node.Depth]] == code) to++;
                children.Add((code, from, to));
                from = to;
            }

            if (children.Count == 0) continue;
            while (firstFree < _check.Length && _check[firstFree] != 0) firstFree++;
            int place = FindBase(children, firstFree);
            _base[node.State] = place;
            foreach ((int code, int childFrom, int childTo) in children)
            {
                _check[place + code] = node.State + 1;
                _end = Math.Max(_end, place + code + 1);
                waiting.Enqueue((place + code, childFrom, childTo, node.Depth + 1));
            }
        }
    }

    private int FindBase(List<(int Code, int From, int To)> children, int firstFree)
    {
        int smallest = children[0].Code;
        int largest = children[^1].Code;
        for (int slot = Math.Max(firstFree, smallest + 1), tries = 0; ; slot++, tries++)
        {
            // A crowded stretch is given up after a while: memory for time.
            if (tries == 512) slot = Math.Max(slot, _end);
            int place = slot - smallest;
            Ensure(place + largest + 1);
            bool free = true;
            foreach ((int code, _, _) in children)
            {
                if (_check[place + code] == 0) continue;
                free = false;
                break;
            }

            if (free) return place;
        }
    }

    private void Ensure(int size)
    {
        if (size <= _check.Length) return;
        size = Math.Max(size, _check.Length + (_check.Length / 2));
        Array.Resize(ref _base, size);
        Array.Resize(ref _check, size);
        Array.Resize(ref _value, size);
    }
}
