using Heed.Engine.Nn;

namespace Heed.Generation.Decoding;

/// <summary>One sequence that a model reads on: its keys and values, and the ids that it has not read yet.</summary>
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
    /// <param name="source">What the encoder is to read, where there is one.</param>
    public static DecoderSequence New(KeyValueCache cache, int[] unread, int[]? source) => new(cache.NewSequence(), source) { Unread = unread };

    /// <summary>Keys and values of what was read.</summary>
    public KeyValueSequence Cache { get; }

    /// <summary>The encoder's ids; null in a causal model.</summary>
    public int[]? Source { get; }

    /// <summary>Ids for the next step.</summary>
    public int[] Unread { get; set; } = [];

    /// <summary>True until the first step: the encoder has not run yet.</summary>
    public bool IsNew => Cache.Count == 0;

    /// <summary>A sequence that has read the same and goes its own way; pages are shared until one of them writes.</summary>
    public DecoderSequence Fork() => new(Cache.Fork(), Source);

    /// <summary>Gives the pages back.</summary>
    public void Dispose() => Cache.Dispose();
}
