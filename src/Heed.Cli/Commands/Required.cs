namespace Heed.Cli.Commands;

/// <summary>Checks of arguments before any work is done for them.</summary>
internal static class Required
{
    /// <summary>The value of an argument that names something.</summary>
    /// <exception cref="UsageException">It is empty.</exception>
    public static string NotEmpty(string argument, string value, string wanted)
        => value.Length > 0 ? value : throw new UsageException($"{argument}: is empty; give {wanted}.");

    /// <summary>A file that can be written: its folder exists and takes files.</summary>
    /// <exception cref="UsageException">The path is empty.</exception>
    /// <exception cref="StorageException">It cannot be written there.</exception>
    public static string WritableFile(string argument, string path)
    {
        string full = Path.GetFullPath(NotEmpty(argument, path, "the file to write"));
        if (Directory.Exists(full)) throw new StorageException($"{path}: is a folder; name a file with {argument}, such as {Path.Combine(path, "tokenizer.json")}.");
        string folder = Path.GetDirectoryName(full)!;
        if (!Directory.Exists(folder)) throw new StorageException($"{path}: its folder does not exist. Create it, or name another file for {argument}.");
        string probe = Path.Combine(folder, $".{Environment.ProcessId}{DurableFile.TemporaryEnding}");
        try
        {
            using FileStream stream = new(probe, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{path}: its folder takes no new file. Change its permissions, free space, or name another file for {argument}.", e);
        }

        return path;
    }
}
