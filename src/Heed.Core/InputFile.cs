namespace Heed;

/// <summary>Bounded reads of files that a user named.</summary>
public static class InputFile
{
    /// <summary>Reads a whole file of at most <paramref name="maximumBytes"/> bytes.</summary>
    /// <exception cref="StorageException">The file is missing, is a folder or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is larger than allowed.</exception>
    public static byte[] ReadAll(string path, long maximumBytes)
    {
        ArgumentNullException.ThrowIfNull(path);
        using FileStream stream = Open(path);
        if (stream.Length > maximumBytes)
            throw new InvalidFileException(path, "", $"has {Printable.Bytes(stream.Length)}; at most {Printable.Bytes(maximumBytes)} is allowed for such a file");
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

    /// <summary>Opens a file for reading, with an error that names it and says what is wrong.</summary>
    /// <exception cref="StorageException">The file is missing, is a folder or cannot be opened.</exception>
    public static FileStream Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path)) throw new StorageException($"{path}: is a folder; a file was expected.");
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
