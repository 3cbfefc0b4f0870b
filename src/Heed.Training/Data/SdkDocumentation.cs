using System.Runtime.InteropServices;
using System.Text;
using System.Xml;

namespace Heed.Training.Data;

/// <summary>The API documentation that the .NET SDK carries (<c>packs/*.Ref/**/*.xml</c>) as English prose: real text without a
/// network.</summary>
internal static class SdkDocumentation
{
    /// <summary>Stands for this documentation where text files are named: <c>sdk</c>.</summary>
    public const string Name = "sdk";

    private static readonly HashSet<string> Prose = new(StringComparer.Ordinal) { "summary", "remarks", "returns", "param", "value", "exception", "typeparam", "example" };

    /// <summary>The documentation files of the SDK that runs this program, in ordinal order; empty where there are none.</summary>
    public static IReadOnlyList<string> Find()
    {
        if (Packs(RuntimeEnvironment.GetRuntimeDirectory(), Environment.GetEnvironmentVariable) is not { } packs) return [];
        string[] files = [.. Directory.EnumerateDirectories(packs, "*.Ref").SelectMany(pack => Directory.EnumerateFiles(pack, "*.xml", SearchOption.AllDirectories))];
        Array.Sort(files, StringComparer.Ordinal);
        return files;
    }

    /// <summary>
    /// The folder <c>packs</c> of the SDK: above the running runtime, else below <c>DOTNET_ROOT</c>, else beside the <c>dotnet</c> of
    /// <c>PATH</c>. A program that was compiled ahead of time has no runtime to start from.
    /// </summary>
    internal static string? Packs(string runtime, Func<string, string?> variable)
    {
        string? Above(string? start)
        {
            for (DirectoryInfo? folder = string.IsNullOrEmpty(start) ? null : new(start); folder is not null; folder = folder.Parent)
                if (Directory.Exists(Path.Combine(folder.FullName, "packs"))) return Path.Combine(folder.FullName, "packs");
            return null;
        }

        string? Linked(string folder)
        {
            FileInfo program = new(Path.Combine(folder, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
            return program.Exists ? (program.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? program).DirectoryName : null;
        }

        string? root = variable("DOTNET_ROOT");
        if (Above(runtime) is { } own) return own;
        if (!string.IsNullOrEmpty(root) && Directory.Exists(Path.Combine(root, "packs"))) return Path.Combine(root, "packs");
        foreach (string folder in (variable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            if (Linked(folder) is { } home && Directory.Exists(Path.Combine(home, "packs"))) return Path.Combine(home, "packs");
        return null;
    }

    /// <summary>The prose of each type, once: members of one type together are a document, and a sentence that was read before is left
    /// out.</summary>
    /// <param name="files">XML documentation files.</param>
    /// <param name="progress">Reports the number of files read so far; may be null.</param>
    /// <exception cref="InvalidFileException">A file is not XML.</exception>
    public static IEnumerable<TextDocument> Read(IReadOnlyList<string> files, IProgress<int>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        HashSet<ulong> seen = [];
        for (int i = 0; i < files.Count; i++)
        {
            foreach (TextDocument document in ReadFile(files[i], seen)) yield return document;
            progress?.Report(i + 1);
        }
    }

    private static List<TextDocument> ReadFile(string file, HashSet<ulong> seen)
    {
        List<TextDocument> documents = [];
        StringBuilder text = new(), paragraph = new();
        string type = "";
        XmlReaderSettings settings = new() { DtdProcessing = DtdProcessing.Prohibit, IgnoreComments = true, XmlResolver = null };
        try
        {
            using FileStream stream = InputFile.Open(file);
            using XmlReader reader = XmlReader.Create(stream, settings);
            while (reader.Read())
            {
                if (reader.NodeType != XmlNodeType.Element) continue;
                if (reader.Name == "member")
                {
                    string owner = Owner(reader.GetAttribute("name") ?? "");
                    if (owner != type) Flush(documents, text, file, type);
                    type = owner;
                }
                else if (Prose.Contains(reader.Name))
                {
                    paragraph.Clear();
                    AppendProse(reader, paragraph);
                    string sentence = Tidy(paragraph);
                    if (sentence.Length >= 20 && seen.Add(new TextDocument("", sentence).Hash)) text.Append(sentence).Append('\n');
                }
            }
        }
        catch (XmlException e)
        {
            throw new InvalidFileException(file, $"line {e.LineNumber}", "is not XML: " + e.Message, e);
        }

        Flush(documents, text, file, type);
        return documents;
    }

    private static void Flush(List<TextDocument> documents, StringBuilder text, string file, string type)
    {
        if (text.Length > 0) documents.Add(new TextDocument($"{file}#{type}", text.ToString()));
        text.Clear();
    }

    /// <summary><c>M:System.String.Trim(System.Char)</c> → <c>System.String</c>.</summary>
    private static string Owner(string member)
    {
        if (member.Length < 2) return member;
        string name = member[2..];
        int open = name.IndexOf('(', StringComparison.Ordinal);
        if (open >= 0) name = name[..open];
        if (member[0] == 'T') return name;
        int dot = name.LastIndexOf('.');
        return dot < 0 ? name : name[..dot];
    }

    private static void AppendProse(XmlReader reader, StringBuilder to)
    {
        if (reader.IsEmptyElement) return;
        int depth = reader.Depth;
        while (reader.Read() && !(reader.NodeType == XmlNodeType.EndElement && reader.Depth == depth))
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace:
                    to.Append(reader.Value);
                    break;
                case XmlNodeType.Element when reader.Name is "see" or "seealso" or "paramref" or "typeparamref":
                    to.Append(Reference(reader.GetAttribute("cref") ?? reader.GetAttribute("name") ?? reader.GetAttribute("langword") ?? ""));
                    break;
                case XmlNodeType.Element:
                    to.Append(' ');
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>The last name of a reference: <c>M:System.String.Trim(System.Char)</c> → <c>Trim</c>.</summary>
    private static string Reference(string cref)
    {
        int open = cref.IndexOf('(', StringComparison.Ordinal);
        string name = open >= 0 ? cref[..open] : cref;
        int tick = name.IndexOf('`', StringComparison.Ordinal);
        if (tick >= 0) name = name[..tick];
        return name[(name.LastIndexOfAny(['.', ':']) + 1)..];
    }

    private static string Tidy(StringBuilder text)
    {
        StringBuilder tidy = new(text.Length);
        bool space = true;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsWhiteSpace(c))
            {
                if (!space) tidy.Append(' ');
                space = true;
            }
            else
            {
                tidy.Append(c);
                space = false;
            }
        }

        return tidy.ToString().TrimEnd();
    }
}
