namespace Heed;

/// <summary>Bounded reads of files that a user named.</summary>
internal static class InputFile
{
    /// <summary>Reads a whole file of at most <paramref name="maximumBytes"/> bytes.</summary>
    /// <exception cref="StorageException">The file is missing, is a folder or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is larger than allowed.</exception>
    public static byte[] ReadAll(string path, long maximumBytes)
    {
        ArgumentNullException.ThrowIfNull(path);
        using FileStream stream = Open(path);
        CheckSize(path, stream.Length, maximumBytes);
        byte[] bytes = new byte[stream.Length];
        try
        {
            stream.ReadExactly(bytes);
        }
        catch (IOException e)
        {
            throw new StorageException($"{path}: cannot be read: {e.Message}", e);
        }

        return bytes;
    }

    /// <summary>True for names that Windows keeps for devices, with any ending: <c>CON</c>, <c>nul.json</c>, <c>COM1</c>.</summary>
    internal static bool IsReservedName(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        string stem = (dot < 0 ? name : name[..dot]).TrimEnd(' ').ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$"
            || (stem.Length == 4 && stem[..3] is "COM" or "LPT" && stem[3] is (>= '0' and <= '9') or '\u00B9' or '\u00B2' or '\u00B3');
    }

    /// <summary>Refuses a file that is larger than allowed.</summary>
    internal static void CheckSize(string path, long length, long maximumBytes)
    {
        maximumBytes = Math.Min(maximumBytes, Array.MaxLength);
        if (length > maximumBytes)
            throw new InvalidFileException(path, "", $"has {Printable.Bytes(length)}; at most {Printable.Bytes(maximumBytes)} is allowed for such a file. Check that it is the file that was meant");
    }

    /// <summary>Opens a file for reading, with an error that names it and says what is wrong.</summary>
    /// <exception cref="StorageException">The file is missing, is a folder, a pipe or a device, or cannot be opened.</exception>
    public static FileStream Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path)) throw new StorageException($"{path}: is a folder; a file was expected.");
        if (DurableFile.IsPipe(path))
            throw new StorageException($"{path}: is not a regular file but a pipe, a socket or a terminal, which cannot be read at an offset. Write its content into a file and name that.");
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new StorageException($"{path}: does not exist. Check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{path}: cannot be opened: {e.Message}", e);
        }
    }
}
