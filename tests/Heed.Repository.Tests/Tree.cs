using System.Xml.Linq;

namespace Heed.Repository.Tests;

/// <summary>The repository's own files, as text.</summary>
internal static class Tree
{
    private static readonly string[] Folders = [".ci", "benchmarks", "docs", "goldens", "samples", "src", "tests", "tools"];
    private static readonly string[] TextEndings = [".cs", ".csproj", ".editorconfig", ".gitattributes", ".gitignore", ".json", ".jsonl", ".md", ".props", ".py", ".sh", ".slnx", ".targets", ".txt", ""];

    /// <summary>The folder of Heed.slnx.</summary>
    public static string Root { get; } = Testing.Repository.Root;

    /// <summary>All text files of the repository, relative to the root, with '/' between folders. Build output is left out, and what a
    /// changed public surface wrote beside the approved one.</summary>
    public static IReadOnlyList<string> TextFiles { get; } = [.. Directory.EnumerateFiles(Root)
        .Concat(Folders.Select(f => Path.Combine(Root, f)).Where(Directory.Exists).SelectMany(Walk))
        .Where(f => TextEndings.Contains(Path.GetExtension(f), StringComparer.Ordinal) && !f.EndsWith(".received.txt", StringComparison.Ordinal))
        .Select(Relative).Order(StringComparer.Ordinal)];

    /// <summary>The projects that the solution lists, relative to the root.</summary>
    public static IReadOnlyList<string> Projects { get; } = [.. XDocument.Load(At("Heed.slnx")).Descendants("Project").Select(p => p.Attribute("Path")!.Value)];

    /// <summary>The full path of a file of the repository.</summary>
    public static string At(string relative) => Path.Combine(Root, relative);

    /// <summary>A file's text with '\n' at the ends of lines.</summary>
    public static string Read(string relative) => File.ReadAllText(At(relative)).ReplaceLineEndings("\n");

    /// <summary>The C# files below a folder, relative to the root.</summary>
    public static IEnumerable<string> Sources(string folder) => TextFiles.Where(f => f.StartsWith(folder + "/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal));

    /// <summary>The lines of a C# file with their numbers, without comments that take whole lines.</summary>
    public static IEnumerable<(int Line, string Text)> CodeLines(string relative)
        => Read(relative).Split('\n').Select((text, i) => (Line: i + 1, Text: text)).Where(l => !l.Text.TrimStart().StartsWith("//", StringComparison.Ordinal));

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(folder)) yield return file;
        foreach (string inner in Directory.EnumerateDirectories(folder))
        {
            if (Path.GetFileName(inner) is "bin" or "obj" or "__pycache__") continue;
            foreach (string file in Walk(inner)) yield return file;
        }
    }

    private static string Relative(string file) => Path.GetRelativePath(Root, file).Replace('\\', '/');
}
