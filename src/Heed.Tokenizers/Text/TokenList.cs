namespace Heed.Tokenizers.Text;

/// <summary>A growing list of tokens of one piece: ids and offsets in UTF-16 units of the piece.</summary>
internal sealed class TokenList
{
    public int[] Ids = new int[16];
    public int[] Starts = new int[16];
    public int[] Ends = new int[16];

    public int Count { get; private set; }

    /// <summary>Steps taken by the model since <see cref="Operations"/> was set to 0: what worst-case tests count.</summary>
    public long Operations { get; set; }

    /// <summary>Working memory that the model keeps here between pieces.</summary>
    public object? Scratch { get; set; }

    /// <summary>Whether token texts are wanted: models then call <see cref="SetText"/> for tokens that are not in the vocabulary.</summary>
    public bool WantTexts { get; set; }

    /// <summary>Texts of tokens whose text is not their id's, by index.</summary>
    public List<(int Index, string Text)> Texts { get; } = [];

    public void Clear()
    {
        Count = 0;
        Texts.Clear();
    }

    /// <summary>Gives token <paramref name="index"/> a text of its own.</summary>
    public void SetText(int index, string text) => Texts.Add((index, text));

    public void Add(int id, int start, int end)
    {
        int at = Count;
        if (at == Ids.Length) Grow(at + 1);
        Ids[at] = id;
        Starts[at] = start;
        Ends[at] = end;
        Count = at + 1;
    }

    /// <summary>Makes room for <paramref name="more"/> tokens and counts them; the caller fills them in.</summary>
    public int Reserve(int more)
    {
        int at = Count;
        if (at + more > Ids.Length) Grow(at + more);
        Count = at + more;
        return at;
    }

    public void RemoveFrom(int count) => Count = count;

    private void Grow(int needed)
    {
        int size = Math.Max(needed, Ids.Length * 2);
        Array.Resize(ref Ids, size);
        Array.Resize(ref Starts, size);
        Array.Resize(ref Ends, size);
    }
}
