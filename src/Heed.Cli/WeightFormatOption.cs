using System.CommandLine;
using Heed.Engine.Kernels;

namespace Heed.Cli;

/// <summary>The option <c>--dtype</c> of commands that compute: how weights are held.</summary>
internal static class WeightFormatOption
{
    /// <summary>The option; its value is null where it is omitted.</summary>
    public static Option<string?> Create()
    {
        string[] names = [.. WeightFormat.All.Select(format => format.Name)];
        Option<string?> option = new("--dtype") { Description = $"hold weights as {string.Join(", ", names[..^1])} or {names[^1]}; if omitted, as they are stored" };
        option.AcceptOnlyFromAmong(names);
        return option;
    }

    /// <summary>The format that was asked for, or null.</summary>
    public static WeightFormat? ValueOf(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { } name ? WeightFormat.Find(name) : null;
}
