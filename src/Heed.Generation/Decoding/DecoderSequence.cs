using Heed.Engine.Nn;

namespace Heed.Generation.Decoding;

/// <summary>One sequence that a model is reading: its keys and values, and the ids that it has not read yet.</summary>
internal sealed class DecoderSequence : IDisposable
{
    private DecoderSequence(KeyValueSequence cache, int[]? source)
    {
        Cache = cache;
        Source = source;
    }

    /// <summary>A sequence that has read nothing.</summary>
    /// <param name="cache">The model's cache.</param>
    /// <param name="unread">The prompt, or the decoder's first ids.</param>
    /// <param name="source">What the encoder is to read; null in a causal model.</param>
    public static DecoderSequence New(KeyValueCache cache, int[] unread, int[]? source) => Over(cache.NewSequence(), unread, source);

    /// <summary>A sequence over keys and values that were computed before.</summary>
    /// <param name="cache">What was read; the sequence owns it.</param>
    /// <param name="unread">The ids after it.</param>
    /// <param name="source">What the encoder read; null in a causal model.</param>
    public static DecoderSequence Over(KeyValueSequence cache, int[] unread, int[]? source = null) => new(cache, source) { Unread = unread };

    /// <summary>Keys and values of what was read.</summary>
    public KeyValueSequence Cache { get; }

    /// <summary>The encoder's ids; null in a causal model.</summary>
    public int[]? Source { get; }

    /// <summary>Ids that follow; a step reads the first <see cref="Take"/>.</summary>
    public int[] Unread
    {
        get;
        set
        {
            field = value;
            Take = value.Length;
        }
    } = [];

    /// <summary>Tokens of the text as far as it is known, read or not.</summary>
    public int Length => Cache.Count + Unread.Length;

    /// <summary>How many of the unread ids the next step reads: all, unless the prompt is read in chunks.</summary>
    public int Take { get; set; }

    /// <summary>True if the next step reads the last unread id, so that its scores are wanted.</summary>
    public bool Completes => Take == Unread.Length;

    /// <summary>True until the first step: the encoder has not run yet.</summary>
    public bool IsNew => Cache.Count == 0;

    /// <summary>A sequence that has read the same and continues on its own; pages are shared until one of them writes.</summary>
    public DecoderSequence Fork() => new(Cache.Fork(), Source);

    /// <summary>Returns the pages.</summary>
    public void Dispose() => Cache.Dispose();
}
