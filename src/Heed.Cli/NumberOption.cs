using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Cli;

/// <summary>Options that take a number: read the same in every language, and refused by name, value and range before anything is opened.</summary>
internal static class NumberOption
{
    /// <summary>An option with a value of its own where none is given.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="description">For the help.</param>
    /// <param name="standard">The value where none is given.</param>
    /// <param name="range">The values allowed.</param>
    public static Option<T> Of<T>(string name, string description, T standard, NumberRange<T> range)
        where T : struct, INumber<T>, IMinMaxValue<T>
        => new(name) { Description = description, DefaultValueFactory = _ => standard, CustomParser = result => Read(result, range) };

    /// <summary>An option that is null where it is not given.</summary>
    /// <inheritdoc cref="Of" path="/param"/>
    public static Option<T?> Optional<T>(string name, string description, NumberRange<T> range)
        where T : struct, INumber<T>, IMinMaxValue<T>
        => new(name) { Description = description, CustomParser = result => Read(result, range) };

    /// <summary><c>--threads</c>; <see cref="SetThreads"/> obeys it.</summary>
    public static Option<int?> Threads() => Optional("--threads", "threads; HEED_THREADS or all if omitted", new NumberRange<int>(1, ComputeContext.MaximumThreads));

    /// <summary>Makes a context with the number of threads on the command line the default, if there is one.</summary>
    public static void SetThreads(ParseResult parsed, Option<int?> threads)
    {
        if (parsed.GetValue(threads) is { } count) ComputeContext.Default = new ComputeContext(new ComputeOptions { Threads = count });
    }

    /// <summary>Gives every number option below a command that has no range of its own the same reading and the same sentence.</summary>
    public static void Complete(Command command)
    {
        foreach (Option option in command.Options)
        {
            _ = Complete<int>(option) || Complete<long>(option) || Complete<ulong>(option) || Complete<float>(option) || Complete<double>(option);
        }

        foreach (Command inner in command.Subcommands) Complete(inner);
    }

    private static bool Complete<T>(Option option)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        NumberRange<T> any = new(T.MinValue, T.MaxValue);
        if (option is Option<T> { CustomParser: null } one) one.CustomParser = result => Read(result, any);
        else if (option is Option<T?> { CustomParser: null } other) other.CustomParser = result => Read(result, any);
        else return false;
        return true;
    }

    private static T Read<T>(ArgumentResult result, NumberRange<T> range)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        // Several values, or none, are refused by the parser itself.
        string text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (T.TryParse(text, NumberRange<T>.Whole ? NumberStyles.AllowLeadingSign : NumberStyles.Float, CultureInfo.InvariantCulture, out T value) && T.IsFinite(value) && range.Holds(value)) return value;
        result.AddError($"{(result.Parent as OptionResult)?.IdentifierToken?.Value ?? result.Argument.Name}: is '{Printable.Shorten(text)}'; {range} was expected.");
        return default;
    }
}

/// <summary>The values that a number option takes.</summary>
/// <param name="Minimum">The least.</param>
/// <param name="Maximum">The largest.</param>
/// <param name="Above">True where <paramref name="Minimum"/> itself is not allowed.</param>
internal readonly record struct NumberRange<T>(T Minimum, T Maximum, bool Above = false)
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    public static readonly bool Whole = typeof(T) != typeof(float) && typeof(T) != typeof(double);

    public bool Holds(T value) => (Above ? value > Minimum : value >= Minimum) && value <= Maximum;

    /// <summary>As an error says it: <c>a whole number from 1 to 1024</c>.</summary>
    public override string ToString()
    {
        string kind = Whole ? "a whole number" : "a number";
        string least = Minimum == T.MinValue && T.IsNegative(T.MinValue) ? "" : Above ? string.Create(CultureInfo.InvariantCulture, $" above {Minimum}") : string.Create(CultureInfo.InvariantCulture, $" from {Minimum}");
        // The largest of these numbers is 39 digits long or more, and nobody reaches it.
        if (!Whole && Maximum == T.MaxValue) return kind + least;
        return string.Create(CultureInfo.InvariantCulture, $"{kind}{least}{(least.Length == 0 ? " up to" : Above ? " and at most" : " to")} {Maximum}");
    }
}
