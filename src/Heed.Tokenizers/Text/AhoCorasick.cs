using System.Buffers;

namespace Heed.Tokenizers.Text;

/// <summary>Finds the leftmost, then longest, of many texts in one pass.</summary>
internal sealed class AhoCorasick
{
    private readonly Dictionary<(int State, char Unit), int> _steps = [];
    private readonly List<int> _failure = [0];
    private readonly List<int> _depth = [0];
    private readonly List<int> _own = [-1];       // pattern that ends here, by index into _ids
    private readonly List<int> _suffix = [0];     // nearest state down the failure links that ends a pattern; 0 for none
    private readonly List<int> _ids = [];
    private readonly SearchValues<char> _firsts;

    /// <param name="patterns">Texts, not empty, and the id each is reported by; of equal texts the first counts.</param>
    public AhoCorasick(IReadOnlyList<(string Text, int Id)> patterns)
    {
        HashSet<char> firsts = [];
        foreach ((string text, int id) in patterns)
        {
            firsts.Add(text[0]);
            int state = 0;
            foreach (char unit in text)
            {
                if (!_steps.TryGetValue((state, unit), out int next))
                {
                    next = _depth.Count;
                    _steps.Add((state, unit), next);
                    _depth.Add(_depth[state] + 1);
                    _failure.Add(0);
                    _own.Add(-1);
                    _suffix.Add(0);
                }

                state = next;
            }

            if (_own[state] >= 0) continue;
            _own[state] = _ids.Count;
            _ids.Add(id);
        }

        _firsts = SearchValues.Create([.. firsts]);
        Link();
    }

    /// <summary>The leftmost match at or after <paramref name="from"/>, the longest of those that begin there.</summary>
    public bool Find(ReadOnlySpan<char> text, int from, out int start, out int end, out int id)
    {
        (start, end, id) = (-1, -1, -1);
        int state = 0;
        for (int at = from; at < text.Length; at++)
        {
            if (state == 0)
            {
                int skip = text[at..].IndexOfAny(_firsts);
                if (skip < 0) break;
                at += skip;
            }

            int next;
            while (!_steps.TryGetValue((state, text[at]), out next) && state != 0) state = _failure[state];
            state = next;
            // Once something is found, only a match that begins no later than it may still replace it.
            if (id >= 0 && at + 1 - _depth[state] > start) break;
            int ending = _own[state] >= 0 ? state : _suffix[state]; // shorter suffixes begin further right
            if (ending == 0) continue;
            int begins = at + 1 - _depth[ending];
            if (id < 0 || begins <= start) (start, end, id) = (begins, at + 1, _ids[_own[ending]]);
        }

        return id >= 0;
    }

    private void Link()
    {
        Dictionary<int, List<(char Unit, int To)>> children = [];
        foreach (((int state, char unit), int to) in _steps)
        {
            if (!children.TryGetValue(state, out List<(char, int)>? list)) children.Add(state, list = []);
            list.Add((unit, to));
        }

        Queue<int> waiting = new([0]);
        while (waiting.TryDequeue(out int state))
        {
            if (!children.TryGetValue(state, out List<(char Unit, int To)>? list)) continue;
            foreach ((char unit, int to) in list)
            {
                waiting.Enqueue(to);
                if (state == 0) continue;
                int back = _failure[state], next;
                while (!_steps.TryGetValue((back, unit), out next) && back != 0) back = _failure[back];
                _failure[to] = next;
                _suffix[to] = _own[next] >= 0 ? next : _suffix[next];
            }
        }
    }
}
