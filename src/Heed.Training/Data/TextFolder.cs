namespace Heed.Training.Data;

/// <summary>Finds the text files under a folder: each once, without hidden folders, build output and what links to folders lead
/// to.</summary>
internal static class TextFolder
{
    private const int Named = 4;

    /// <summary>Folders of tools and builds, which hold no texts of their own.</summary>
    private static readonly HashSet<string> LeftOut = new(StringComparer.OrdinalIgnoreCase) { "node_modules", "bin", "obj", "__pycache__" };

    /// <summary>The files, in ordinal order of their paths.</summary>
    /// <param name="root">An existing folder.</param>
    /// <param name="endings">Endings in lower case, with the dot.</param>
    /// <param name="warnings">Reports what is left out; may be null.</param>
    public static IReadOnlyList<string> Files(string root, IReadOnlyList<string> endings, IProgress<string>? warnings)
    {
        List<string> found = [], hidden = [], links = [];
        Stack<string> folders = new([root]);
        while (folders.TryPop(out string? folder))
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
            {
                string path = Path.Combine(folder, entry.Name);
                if (entry is FileInfo)
                {
                    if (endings.Contains(Path.GetExtension(entry.Name).ToLowerInvariant())) found.Add(path);
                }
                else if (entry.LinkTarget is not null)
                {
                    links.Add(path);
                }
                else if (entry.Name.StartsWith('.') || LeftOut.Contains(entry.Name))
                {
                    hidden.Add(path);
                }
                else
                {
                    folders.Push(path);
                }
            }
        }

        found.Sort(StringComparer.Ordinal);
        List<string> files = [], broken = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string file in found)
        {
            // A link to a file is read as the file, and each file once.
            FileSystemInfo? target = Target(file);
            if (target is FileInfo { Exists: true } or null && seen.Add(target?.FullName ?? Path.GetFullPath(file))) files.Add(file);
            else if (target is not FileInfo { Exists: true } and not null) broken.Add(file);
        }

        if (hidden.Count > 0) warnings?.Report($"{root}: hidden folders and those of tools and builds are left out: {Some(hidden)}. Name a file or folder in them to read it.");
        if (links.Count > 0) warnings?.Report($"{root}: links to folders are not followed: {Some(links)}. Name the folder that they lead to, if it is to be read.");
        if (broken.Count > 0) warnings?.Report($"{root}: links that lead to no file are left out: {Some(broken)}.");
        return files;
    }

    /// <summary>Where a link ends, or null for a file that is no link. A link in a circle is one that leads nowhere.</summary>
    private static FileSystemInfo? Target(string file)
    {
        FileInfo info = new(file);
        if (info.LinkTarget is null) return null;
        try
        {
            return info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
        }
        catch (IOException)
        {
            return new DirectoryInfo(file);
        }
    }

    private static string Some(List<string> paths)
    {
        paths.Sort(StringComparer.Ordinal);
        return string.Join(", ", paths.Take(Named)) + (paths.Count > Named ? $" and {paths.Count - Named} more" : "");
    }
}
