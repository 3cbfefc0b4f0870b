namespace Heed.Explorer.Traces;

/// <summary>One run of the model on one text under some interventions: what every page reads. It never changes; tensors that were not
/// kept at first are computed by the same run again, to the same bits.</summary>
internal sealed class Trace
{
    private readonly Dictionary<string, Captured> _tensors;
    private readonly Lock _gate = new();

    public Trace(
        string id, TextInput text, TextInput? decoder, IReadOnlyList<Intervention> interventions, Dictionary<string, Captured> tensors,
        IReadOnlyList<string> order, double milliseconds)
    {
        Id = id;
        Text = text;
        Decoder = decoder;
        Interventions = interventions;
        _tensors = tensors;
        Order = order;
        Milliseconds = milliseconds;
        foreach (string name in order)
        {
            if (tensors.TryGetValue(name, out Captured? tensor) && !IsFinite(tensor))
            {
                FirstNotFinite = name;
                break;
            }
        }
    }

    /// <summary>The run's name: a hash of model, ids and interventions.</summary>
    public string Id { get; }

    /// <summary>What was read.</summary>
    public TextInput Text { get; }

    /// <summary>What the decoder had written, of an encoder-decoder.</summary>
    public TextInput? Decoder { get; }

    /// <summary>What was changed.</summary>
    public IReadOnlyList<Intervention> Interventions { get; }

    /// <summary>Names in the order in which the model computed them.</summary>
    public IReadOnlyList<string> Order { get; }

    /// <summary>How long the run took.</summary>
    public double Milliseconds { get; }

    /// <summary>The first tensor with a NaN or, other than in masked scores, an infinity; null: all numbers are finite.</summary>
    public string? FirstNotFinite { get; }

    /// <summary>The tokens of the stack whose rows become scores.</summary>
    public TextInput Main => Decoder ?? Text;

    /// <summary>The scores, [T, V], of a text [L]; null of a model without a head.</summary>
    public Captured? Logits => Find(TraceRunner.LogitsName);

    /// <summary>Bytes that are held.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate) return _tensors.Values.Sum(t => t.Bytes);
        }
    }

    /// <summary>The names whose tensors are held now.</summary>
    public IReadOnlyList<Captured> Held
    {
        get
        {
            lock (_gate) return [.. _tensors.Values];
        }
    }

    /// <summary>A tensor that is held, or null.</summary>
    public Captured? Find(string name)
    {
        lock (_gate) return _tensors.GetValueOrDefault(name);
    }

    /// <summary>Keeps tensors that were computed again.</summary>
    public void Add(IEnumerable<Captured> tensors)
    {
        lock (_gate)
        {
            foreach (Captured tensor in tensors) _tensors[tensor.Name] = tensor;
        }
    }

    private static bool IsFinite(Captured tensor)
    {
        foreach (float v in tensor.Values)
            if (!float.IsFinite(v) && !tensor.Hides(v)) return false;
        return true;
    }
}
