namespace Heed.Explorer;

/// <summary>The small model that comes with Heed: it was trained by the command in <c>samples/stories/README.md</c>.</summary>
internal static class SmallModel
{
    private const string Name = "small-model";

    /// <summary>Its folder, beside this assembly.</summary>
    /// <exception cref="StorageException">It is not there.</exception>
    public static string Folder()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, Name);
        return Directory.Exists(folder) ? folder
            : throw new StorageException($"{folder}: the small model that comes with Heed is missing. Name a model folder, or train "
                + $"one with 'heed quickstart'.");
    }
}
