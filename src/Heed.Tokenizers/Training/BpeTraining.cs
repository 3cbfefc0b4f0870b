using System.Text;

namespace Heed.Tokenizers.Training;

/// <summary>Tokens in id order and merges in rank order, as pairs of ids.</summary>
internal sealed record BpeVocabulary(List<string> Tokens, List<(int Left, int Right)> Merges);

/// <summary>
/// Byte-pair encoding over distinct words. The next merge is the pair with the highest count, of equal counts the one with the
/// smaller left, then right id; it stops when the count is below the minimum or the vocabulary is full.
/// </summary>
/// <remarks>
/// All words lie in one array of symbols, linked by next and previous, so that a merge costs only its occurrences, however long
/// a word is. A queue holds each pair with its places; counts fall lazily: an entry whose count is stale goes back into the queue.
/// Pairs are counted as Hugging Face counts them, down to two oddities that show only where one token is made by two different
/// merges: the count of a merged pair is not reset, and the same merge may then come twice, where the later rank counts.
/// </remarks>
internal sealed class BpeTraining
{
    private readonly BpeTrainerSettings _settings;
    private readonly IReadOnlyList<WordCount> _words;
    private readonly List<string> _tokens = [];
    private readonly List<int> _lengths = [];                                       // in code points, the marks of prefix and suffix not counted
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, int> _pairs = [];                            // pair → index into _counts and _places
    private readonly List<long> _counts = [];
    private readonly List<PlaceList> _places = [];
    private readonly List<(ulong Key, int Index)> _fresh = [];                      // pairs that got places since the last merge
    private readonly PriorityQueue<int[], (long Count, ulong Key)> _queue = new(PairOrder.Instance);
    private int[] _symbols = [];
    private int[] _next = [];
    private int[] _previous = [];
    private int[] _wordOf = [];

    private BpeTraining(BpeTrainerSettings settings, IReadOnlyList<WordCount> words)
    {
        _settings = settings;
        _words = words;
    }

    public static BpeVocabulary Run(BpeTrainerSettings settings, IReadOnlyList<WordCount> words, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        BpeTraining training = new(settings, words);
        foreach (string token in settings.SpecialTokens) training.Add(token, 0);
        foreach (int character in Alphabet(settings, words)) training.Add(char.ConvertFromUtf32(character), 1);
        training.SplitWords();
        training.CountPairs(cancellationToken);
        return new BpeVocabulary(training._tokens, training.MergeAll(progress, cancellationToken));
    }

    /// <summary>The characters kept, by code point.</summary>
    private static List<int> Alphabet(BpeTrainerSettings settings, IReadOnlyList<WordCount> words)
    {
        Dictionary<int, long> counts = [];
        foreach ((string word, long count) in words)
            foreach (Rune rune in word.EnumerateRunes())
                System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(counts, rune.Value, out _) += count;
        foreach (string entry in settings.InitialAlphabet)
            foreach (Rune first in entry.EnumerateRunes())
            {
                counts[first.Value] = long.MaxValue;
                break;
            }

        List<int> kept = [.. counts.Keys];
        if (settings.LimitAlphabet is { } limit && limit < kept.Count)
        {
            kept.Sort((a, b) => counts[b].CompareTo(counts[a]) is var order and not 0 ? order : a.CompareTo(b));
            kept.RemoveRange(limit, kept.Count - limit);
        }

        kept.Sort();
        return kept;
    }

    private int Add(string token, int length)
    {
        if (_ids.TryGetValue(token, out int id))
        {
            if (_lengths[id] == 0) _lengths[id] = length;
            return id;
        }

        id = _tokens.Count;
        _tokens.Add(token);
        _lengths.Add(length);
        _ids.Add(token, id);
        return id;
    }

    /// <summary>Turns the words into symbols, after giving ids to the marked characters (## and &lt;/w&gt;) by code point.</summary>
    private void SplitWords()
    {
        string prefix = _settings.ContinuingSubwordPrefix ?? "", suffix = _settings.EndOfWordSuffix ?? "";
        Dictionary<(int Character, bool First, bool Last), string> dressed = [];
        long total = 0;
        foreach ((string word, _) in _words)
            foreach ((int character, bool first, bool last) in Characters(word))
            {
                if (!_ids.ContainsKey(char.ConvertFromUtf32(character))) continue;
                total++;
                (int, bool, bool) key = (character, first, last);
                if (!dressed.ContainsKey(key)) dressed.Add(key, (first ? "" : prefix) + char.ConvertFromUtf32(character) + (last ? suffix : ""));
            }

        if (total > Array.MaxLength)
            throw new BudgetException($"The distinct words of the text have {total} characters in all, more than the {Array.MaxLength} that byte-pair training can hold; train on less text.");
        foreach (string token in dressed.Values.Distinct(StringComparer.Ordinal).Order(CodePointComparer.Instance)) Add(token, 1);
        Dictionary<(int, bool, bool), int> symbolOf = dressed.ToDictionary(entry => entry.Key, entry => _ids[entry.Value]);

        (_symbols, _next, _previous, _wordOf) = (new int[total], new int[total], new int[total], new int[total]);
        int place = 0;
        for (int w = 0; w < _words.Count; w++)
        {
            int start = place;
            foreach ((int Character, bool, bool) key in Characters(_words[w].Word))
            {
                if (!symbolOf.TryGetValue(key, out int symbol)) continue;
                _symbols[place] = symbol;
                _wordOf[place] = w;
                _previous[place] = place == start ? -1 : place - 1;
                _next[place] = place + 1;
                place++;
            }

            if (place > start) _next[place - 1] = -1;
        }
    }

    private static IEnumerable<(int Character, bool First, bool Last)> Characters(string word)
    {
        int index = 0;
        while (index < word.Length)
        {
            _ = Rune.DecodeFromUtf16(word.AsSpan(index), out Rune rune, out int used);
            int end = index + used;
            yield return (rune.Value, index == 0, end == word.Length);
            index = end;
        }
    }

    private void CountPairs(CancellationToken cancellationToken)
    {
        for (int place = 0; place < _symbols.Length; place++)
        {
            if ((place & 0xFFFFF) == 0) cancellationToken.ThrowIfCancellationRequested();
            int right = _next[place];
            if (right >= 0) Gain(_symbols[place], _symbols[right], place, _words[_wordOf[place]].Count);
        }

        EnqueueFresh();
    }

    private List<(int Left, int Right)> MergeAll(IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        List<(int Left, int Right)> merges = [];
        while (_tokens.Count < _settings.VocabularySize && _queue.TryDequeue(out int[]? places, out (long Count, ulong Key) top))
        {
            int index = _pairs[top.Key];
            long count = _counts[index];
            if (count != top.Count)
            {
                _queue.Enqueue(places, (count, top.Key));
                continue;
            }

            if (count < 1 || count < _settings.MinimumFrequency) break;
            int left = (int)(top.Key >> 32), right = (int)(uint)top.Key;
            merges.Add((left, right));
            Merge(left, right, Join(left, right), places);
            EnqueueFresh();
            if ((merges.Count & 0xFF) != 0) continue;
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new TrainingProgress(TrainingPhase.Merge, _tokens.Count, _settings.VocabularySize));
        }

        progress?.Report(new TrainingProgress(TrainingPhase.Merge, _tokens.Count, _settings.VocabularySize));
        HashSet<(int, int)> seen = [];
        List<(int Left, int Right)> distinct = [];
        for (int i = merges.Count - 1; i >= 0; i--)
            if (seen.Add(merges[i])) distinct.Add(merges[i]);
        distinct.Reverse();
        return distinct;
    }

    private int Join(int left, int right)
    {
        string tail = _tokens[right];
        if (_settings.ContinuingSubwordPrefix is { Length: > 0 } prefix && tail.StartsWith(prefix, StringComparison.Ordinal)) tail = tail[prefix.Length..];
        return Add(_tokens[left] + tail, _lengths[left] + _lengths[right]);
    }

    private void Merge(int left, int right, int merged, int[] places)
    {
        int limit = _settings.MaximumTokenLength ?? int.MaxValue, length = _lengths[left] + _lengths[right];
        foreach (int place in places)
        {
            // A place is stale where an overlapping occurrence or another merge took one of its symbols.
            int second = _next[place];
            if (_symbols[place] != left || second < 0 || _symbols[second] != right) continue;
            long count = _words[_wordOf[place]].Count;
            int before = _previous[place], after = _next[second];
            if (before >= 0)
            {
                Lose(_symbols[before], left, count);
                if (_lengths[_symbols[before]] + length < limit) Gain(_symbols[before], merged, before, count);
            }

            _symbols[place] = merged;
            _symbols[second] = -1;
            _next[second] = -1;
            _next[place] = after;
            if (after < 0) continue;
            _previous[after] = place;
            Lose(right, _symbols[after], count);
            if (_lengths[_symbols[after]] + length < limit) Gain(merged, _symbols[after], place, count);
        }
    }

    private void Gain(int left, int right, int place, long count)
    {
        ulong key = ((ulong)(uint)left << 32) | (uint)right;
        ref int index = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_pairs, key, out bool known);
        if (!known)
        {
            index = _counts.Count;
            _counts.Add(0);
            _places.Add(default);
        }

        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_counts)[index] += count;
        ref PlaceList list = ref System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_places)[index];
        if (list.Count == 0) _fresh.Add((key, index));
        list.Add(place);
    }

    /// <summary>Pairs that were never counted (too long) have no entry and need none.</summary>
    private void Lose(int left, int right, long count)
    {
        if (_pairs.TryGetValue(((ulong)(uint)left << 32) | (uint)right, out int index)) _counts[index] -= count;
    }

    private void EnqueueFresh()
    {
        foreach ((ulong key, int index) in _fresh)
        {
            int[] places = _places[index].ToArray();
            _places[index] = default;
            if (_counts[index] > 0) _queue.Enqueue(places, (_counts[index], key));
        }

        _fresh.Clear();
    }

    /// <summary>A growing list of places; a struct, for there is one for every pair.</summary>
    private struct PlaceList
    {
        private int[]? _items;

        public int Count { get; private set; }

        public void Add(int place)
        {
            if (_items is null) _items = new int[2];
            else if (Count == _items.Length) Array.Resize(ref _items, Count * 2);
            _items[Count++] = place;
        }

        public readonly int[] ToArray() => _items is { } items && items.Length == Count ? items : _items.AsSpan(0, Count).ToArray();
    }

    /// <summary>Highest count first, then the smaller left id, then the smaller right id.</summary>
    private sealed class PairOrder : IComparer<(long Count, ulong Key)>
    {
        public static PairOrder Instance { get; } = new();

        public int Compare((long Count, ulong Key) x, (long Count, ulong Key) y) => x.Count != y.Count ? y.Count.CompareTo(x.Count) : x.Key.CompareTo(y.Key);
    }
}
