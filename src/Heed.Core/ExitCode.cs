namespace Heed;

/// <summary>The process exit codes of <c>heed</c>; the same numbers label every <see cref="HeedException"/>.</summary>
internal static class ExitCode
{
    /// <summary>The command did what was asked.</summary>
    public const int Ok = 0;

    /// <summary>A fault of Heed itself; <c>--verbose</c> shows the trace.</summary>
    public const int Internal = 1;

    /// <summary>The command line is wrong: unknown option, missing argument.</summary>
    public const int Usage = 2;

    /// <summary>A file or a text that was given is not acceptable.</summary>
    public const int InputRejected = 3;

    /// <summary>The work would not fit into the memory or the limit allowed.</summary>
    public const int OverBudget = 4;

    /// <summary>Reading or writing failed: missing file, full disk, no permission.</summary>
    public const int InputOutput = 5;

    /// <summary>A peer process or rank failed.</summary>
    public const int Peer = 6;

    /// <summary>A number went wrong: NaN loss, or <c>heed verify</c> found a difference.</summary>
    public const int Numerical = 7;

    /// <summary>Stopped cleanly by Ctrl-C (SIGINT).</summary>
    public const int Interrupted = 130;

    /// <summary>Stopped cleanly by SIGTERM.</summary>
    public const int Terminated = 143;
}
