namespace Heed.Explorer.Tests;

public class PageTests
{
    public static IReadOnlyList<string> Pages { get; } = [.. System.Text.RegularExpressions.Regex.Matches(
        System.Text.Encoding.UTF8.GetString(Serving.StaticFiles.Find("pages/index.js")!.Bytes),
            "id: '([a-z]+)'").Select(m => m.Groups[1].Value)];
}
