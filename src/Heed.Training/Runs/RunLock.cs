using System.Globalization;

namespace Heed.Training.Runs;

/// <summary>A run's hold on its folder, which is made if needed; a second run is refused.</summary>
internal sealed class RunLock : IDisposable
{
    private const string Name = "lock", HolderName = "lock-holder";
    private readonly FileStream _stream;
    private readonly string _folder;
    private readonly bool _isNew;
    private readonly IReadOnlyList<string> _made;

    private RunLock(FileStream stream, string folder, bool isNew, IReadOnlyList<string> made)
        => (_stream, _folder, _isNew, _made) = (stream, folder, isNew, made);

    /// <summary>Makes the folder and takes hold of it.</summary>
    /// <exception cref="StorageException">Another run works there, or the folder cannot be made or written.</exception>
    public static RunLock Take(string folder)
    {
        string path = Path.Combine(folder, Name);
        List<string> made = [];
        for (string? at = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)); at is not null
            && !Directory.Exists(at); at = Path.GetDirectoryName(at))
            made.Add(at);
        bool isNew = !File.Exists(path);
        try
        {
            Directory.CreateDirectory(folder);
            RunLock taken = new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), folder, isNew, made);
            taken.NameHolder();
            return taken;
        }
        catch (IOException e) when (IsHeld(e))
        {
            throw Held(folder, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made or written: {e.Message.TrimEnd('.')}. Choose another folder.", e);
        }
    }

    /// <summary>Refuses a folder in which another run works: what is found damaged there may only be half written.</summary>
    /// <exception cref="StorageException">Another run works there.</exception>
    public static void ThrowIfHeld(string folder)
    {
        try
        {
            new FileStream(Path.Combine(folder, Name), FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
        }
        catch (IOException e) when (IsHeld(e))
        {
            throw Held(folder, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No lock: nobody works there.
        }
    }

    /// <summary>
    /// Lets go and leaves nothing behind that was not there before: the lock, and the folders that were made for it if they are empty.
    /// </summary>
    /// <param name="parts">Files and folders in the run's folder that are removed too if the folder itself was made.</param>
    public void Abandon(IEnumerable<string> parts)
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

            File.Delete(Path.Combine(_folder, HolderName));
            // Removed while it is held if the system allows that: no other run can take a lock that is about to go.
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
    public void Dispose()
    {
        try
        {
            File.Delete(Path.Combine(_folder, HolderName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It only names a process, and the next run replaces it.
        }

        _stream.Dispose();
    }

    /// <summary>The lock cannot be read while it is held, so a file beside it names the process.</summary>
    private void NameHolder()
    {
        try
        {
            File.WriteAllText(Path.Combine(_folder, HolderName), Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A message without the process is better than a run that does not start.
        }
    }

    private static StorageException Held(string folder, IOException e)
        => new($"{folder}: another run works in this folder{Holder(folder)}. Wait for it, or choose another folder.", e);

    private static string Holder(string folder)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(folder, HolderName)).Trim();
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? $" (process {process})" : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>True if the system refuses because another process holds the file: EWOULDBLOCK, or a sharing violation.</summary>
    private static bool IsHeld(IOException e)
        => OperatingSystem.IsWindows() ? (e.HResult & 0xFFFF) is 32 or 33 : e.HResult == (OperatingSystem.IsMacOS() ? 35 : 11);
}
