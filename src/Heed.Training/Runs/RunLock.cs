namespace Heed.Training.Runs;

/// <summary>A run's hold on its folder, which is made where needed; a second run is refused.</summary>
internal sealed class RunLock : IDisposable
{
    private const string Name = "lock";
    private readonly FileStream _stream;
    private readonly bool _isNew;
    private readonly IReadOnlyList<string> _made;

    private RunLock(FileStream stream, bool isNew, IReadOnlyList<string> made) => (_stream, _isNew, _made) = (stream, isNew, made);

    /// <summary>Makes the folder and takes hold of it.</summary>
    /// <exception cref="StorageException">Another run works there, or the folder cannot be made or written.</exception>
    public static RunLock Take(string folder)
    {
        string path = Path.Combine(folder, Name);
        List<string> made = [];
        for (string? at = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)); at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at)) made.Add(at);
        bool isNew = !File.Exists(path);
        try
        {
            Directory.CreateDirectory(folder);
            return new RunLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), isNew, made);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new StorageException($"{folder}: another run works in this folder. Wait for it, or choose another folder.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made or written: {e.Message.TrimEnd('.')}. Choose another folder.", e);
        }
    }

    /// <summary>Lets go and leaves nothing behind that was not there before: the lock, and the folders that were made for it where they are empty.</summary>
    /// <param name="parts">Files and folders in the run's folder that are removed too where the folder itself was made.</param>
    public void Abandon(params ReadOnlySpan<string> parts)
    {
        try
        {
            if (_made.Count > 0)
            {
                foreach (string part in parts)
                {
                    string path = Path.Combine(_made[0], part);
                    if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
                    else File.Delete(path);
                }
            }

            // Removed while it is held where the system allows that: no other run can take a lock that is about to go.
            if (_isNew && !OperatingSystem.IsWindows()) File.Delete(_stream.Name);
            _stream.Dispose();
            if (_isNew && OperatingSystem.IsWindows()) File.Delete(_stream.Name);
            foreach (string folder in _made)
            {
                if (Directory.EnumerateFileSystemEntries(folder).Any()) break;
                Directory.Delete(folder);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that is already on its way says more than a file that stays.
        }
        finally
        {
            _stream.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
