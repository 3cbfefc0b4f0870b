namespace Heed;

/// <summary>
/// An error that the user can fix. The message names the file or argument, the field, the value found, the value
/// allowed and how to fix it, in one sentence; <see cref="ExitCode"/> is what <c>heed</c> returns for it.
/// </summary>
/// <remarks>Faults of the calling program derive from <see cref="ArgumentException"/> instead.</remarks>
public abstract class HeedException : Exception
{
    /// <summary>Builds the error; control characters in <paramref name="message"/> are escaped.</summary>
    protected HeedException(string message, Exception? inner = null)
        : base(Printable.Escape(message), inner)
    {
    }

    /// <summary>The exit code of this kind of error, one of <see cref="Heed.ExitCode"/>.</summary>
    public abstract int ExitCode { get; }
}

/// <summary>A file, a line of data or a setting was read and cannot be accepted (exit code 3).</summary>
public class InputException(string message, Exception? inner = null) : HeedException(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => Heed.ExitCode.InputRejected;
}

/// <summary>A configuration has an unknown key, a wrong type or values that do not fit together (exit code 3).</summary>
public sealed class ConfigException(string message, Exception? inner = null) : InputException(message, inner);

/// <summary>A file's bytes break the rules of its format (exit code 3).</summary>
public sealed class InvalidFileException : InputException
{
    /// <summary>Characters of a place that a message shows: a key may be as long as its file.</summary>
    private const int LongestWhere = 200;

    /// <summary>Builds <c>FILE: WHERE: REASON</c>.</summary>
    /// <param name="file">Path of the file, as the user gave it.</param>
    /// <param name="where">JSON path, tensor name, line or byte offset inside the file; empty for the whole file.</param>
    /// <param name="reason">Value found, value allowed and how to fix it.</param>
    /// <param name="inner">The cause, where another library found it.</param>
    public InvalidFileException(string file, string where, string reason, Exception? inner = null)
        : base(where.Length == 0 ? $"{file}: {Line(reason)}" : $"{file}: {Line(Printable.Shorten(where, LongestWhere))}: {Line(reason)}", inner)
    {
        File = file;
        Where = where;
    }

    /// <summary>Path of the file.</summary>
    public string File { get; }

    /// <summary>JSON path, tensor name, line or byte offset inside the file; empty for the whole file.</summary>
    public string Where { get; }

    /// <summary>What a file says goes into one line of text, its control characters escaped.</summary>
    private static string Line(string text) => Printable.Escape(text).Replace("\n", "\\n", StringComparison.Ordinal);
}

/// <summary>The command line is wrong (exit code 2).</summary>
public sealed class UsageException(string message) : HeedException(message)
{
    /// <inheritdoc/>
    public override int ExitCode => Heed.ExitCode.Usage;
}

/// <summary>The work would need more memory, tokens or time than is allowed (exit code 4).</summary>
public sealed class BudgetException(string message) : HeedException(message)
{
    /// <inheritdoc/>
    public override int ExitCode => Heed.ExitCode.OverBudget;
}

/// <summary>Reading or writing failed (exit code 5).</summary>
public sealed class StorageException(string message, Exception? inner = null) : HeedException(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => Heed.ExitCode.InputOutput;
}

/// <summary>A number went wrong: a NaN loss, a comparison outside its tolerance (exit code 7).</summary>
public sealed class NumericalException(string message) : HeedException(message)
{
    /// <inheritdoc/>
    public override int ExitCode => Heed.ExitCode.Numerical;
}
