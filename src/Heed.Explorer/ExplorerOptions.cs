namespace Heed.Explorer;

/// <summary>How an <see cref="ExplorerServer"/> runs.</summary>
public sealed record ExplorerOptions
{
    /// <summary>The port on the loopback interface; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Bytes of traces that are kept, at most; the oldest is forgotten first and computed again when it is asked for.</summary>
    public long TraceBytes { get; init; } = 512L << 20;
}
