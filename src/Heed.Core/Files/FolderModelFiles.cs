namespace Heed;

/// <summary>The files of a folder on disk. Nothing is memory-mapped: a mapped file that shrinks kills the process.</summary>
public sealed class FolderModelFiles : IModelFiles
{
    /// <summary>Files below <paramref name="folder"/>.</summary>
    /// <param name="folder">Its path.</param>
    /// <exception cref="StorageException">There is no such folder.</exception>
    public FolderModelFiles(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder))
            throw new StorageException($"{folder}: is not a folder. Name a model folder with config.json and weights, or fetch one with 'heed pull'.");
        Location = folder;
    }

    /// <inheritdoc/>
    public string Location { get; }

    /// <inheritdoc/>
    public bool Contains(string name) => File.Exists(PathOf(name));

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = folder.Length == 0 ? Location : PathOf(folder);
        if (!Directory.Exists(path)) return [];
        string before = folder.Length == 0 ? "" : folder.TrimEnd('/') + "/";
        return [.. Directory.EnumerateFiles(path).Select(file => before + Path.GetFileName(file)).Order(StringComparer.Ordinal)];
    }

    /// <inheritdoc/>
    public string PathOf(string name) => Path.Combine(Location, name);

    /// <inheritdoc/>
    public ModelFile Open(string name) => new DiskFile(PathOf(name));
}

/// <summary>An open file on disk.</summary>
internal sealed class DiskFile : ModelFile
{
    private readonly FileStream _stream;

    /// <exception cref="StorageException">The file is missing, is no regular file or cannot be opened.</exception>
    public DiskFile(string path)
    {
        _stream = InputFile.Open(path);
        (Path, Length) = (path, _stream.Length);
    }

    public override string Path { get; }

    public override long Length { get; }

    public override void Read(long offset, Span<byte> destination)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int read = RandomAccess.Read(_stream.SafeFileHandle, destination, offset);
                if (read == 0) throw Shorter(Path, offset);
                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(offset, e);
        }
    }

    public override async ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int read = await RandomAccess.ReadAsync(_stream.SafeFileHandle, destination, offset, cancellationToken).ConfigureAwait(false);
                if (read == 0) throw Shorter(Path, offset);
                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(offset, e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _stream.Dispose();
        base.Dispose(disposing);
    }

    private StorageException Unreadable(long offset, Exception e) => new($"{Path}: byte {offset}: cannot be read: {e.Message}", e);
}
