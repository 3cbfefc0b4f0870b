using System.Text.Json;

namespace Heed.Tokenizers.Models;

/// <summary>Tokens to ids and back. Open addressing over one hash array: no allocation and no virtual call for a look-up.</summary>
internal sealed class VocabularyMap
{
    private readonly string[] _keys;
    private readonly int[] _ids;
    private readonly int[] _slots;      // index into _keys + 1; 0 is free
    private readonly uint[] _hashes;
    private readonly Dictionary<int, string>? _sparse;
    private readonly string?[] _dense;

    /// <param name="entries">Tokens and ids ≥ 0; a token may come once only, an id may come twice (the last one names it).</param>
    public VocabularyMap(IReadOnlyList<KeyValuePair<string, int>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        int n = entries.Count;
        _keys = new string[n];
        _ids = new int[n];
        _hashes = new uint[n];
        _slots = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, n * 2))];
        int largest = -1;
        for (int i = 0; i < n; i++)
        {
            (string token, int id) = entries[i];
            ArgumentOutOfRangeException.ThrowIfNegative(id, nameof(entries));
            if (IdOf(token) >= 0) throw new ArgumentException($"The token \"{Printable.Shorten(token)}\" comes twice.", nameof(entries));
            (_keys[i], _ids[i], _hashes[i]) = (token, id, Hash(token));
            int slot = (int)(_hashes[i] & (uint)(_slots.Length - 1));
            while (_slots[slot] != 0) slot = (slot + 1) & (_slots.Length - 1);
            _slots[slot] = i + 1;
            largest = Math.Max(largest, id);
        }

        // Ids are nearly always 0…n-1; a few far-off ones must not make an array of their size.
        bool dense = largest < 4L * n + 1024;
        _dense = dense ? new string?[largest + 1] : [];
        _sparse = dense ? null : new Dictionary<int, string>(n);
        for (int i = 0; i < n; i++)
        {
            if (dense) _dense[_ids[i]] = _keys[i];
            else _sparse![_ids[i]] = _keys[i];
        }
    }

    /// <summary>Number of tokens.</summary>
    public int Count => _keys.Length;

    /// <summary>Tokens and ids by id, equal ids in the order given.</summary>
    public IEnumerable<KeyValuePair<string, int>> Entries
        => Enumerable.Range(0, Count).OrderBy(i => _ids[i]).Select(i => new KeyValuePair<string, int>(_keys[i], _ids[i]));

    /// <summary>The id of <paramref name="token"/>, or −1.</summary>
    public int IdOf(ReadOnlySpan<char> token)
    {
        uint hash = Hash(token);
        int mask = _slots.Length - 1;
        for (int slot = (int)(hash & (uint)mask); ; slot = (slot + 1) & mask)
        {
            int found = _slots[slot] - 1;
            if (found < 0) return -1;
            if (_hashes[found] == hash && token.SequenceEqual(_keys[found])) return _ids[found];
        }
    }

    /// <summary>The token of <paramref name="id"/>, or null.</summary>
    public string? TokenOf(int id)
    {
        if (_sparse is not null) return _sparse.GetValueOrDefault(id);
        return (uint)id < (uint)_dense.Length ? _dense[id] : null;
    }

    /// <summary>Writes <c>"vocab":{…}</c> in order of id.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("vocab");
        foreach ((string token, int id) in Entries) json.WriteNumber(token, id);
        json.WriteEndObject();
    }

    private static uint Hash(ReadOnlySpan<char> text) => TextHash.Compute(text);
}
