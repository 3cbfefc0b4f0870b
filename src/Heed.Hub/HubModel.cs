using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;

namespace Heed.Hub;

/// <summary>Finds a model's folder by its path, or by the name under which it was pulled: one rule for every command and the
/// library.</summary>
internal static class HubModel
{
    /// <summary>The folder of a model: <paramref name="name"/> itself where it is a folder, else that name's main revision in this
    /// process's hub cache; null where neither is there.</summary>
    /// <exception cref="ConfigException">A variable of the hub holds a value that cannot be used.</exception>
    public static string? Find(string name) => FindRevision(name, null);

    /// <summary>As <see cref="Find"/>, with a revision of the hub; null: main.</summary>
    /// <exception cref="UsageException">The revision is of a wrong form.</exception>
    /// <inheritdoc cref="Find" path="/exception"/>
    public static string? FindRevision(string name, string? revision)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (Directory.Exists(name)) return name;
        if (!HubName.IsRepository(name)) return null;
        return new HubCache(HubSettings.FromProcess().CacheFolder).Find(name, revision ?? "main")?.Folder;
    }

    /// <summary>The folder of a model, as <see cref="Find"/>.</summary>
    /// <exception cref="StorageException">There is no such folder and no such model in the cache.</exception>
    public static string Folder(string name)
    {
        if (string.IsNullOrWhiteSpace(name)) throw new StorageException("The name of the model is empty; name a folder with "
            + "config.json and weights, or a model such as openai-community/gpt2.");
        return Find(name) ?? throw new StorageException($"{name}: is neither a folder nor a model in the cache; {Hint(name)}.");
    }

    /// <summary>The files of a folder, of a GGUF file, or of a model that was fetched before by its name on the hub.</summary>
    /// <exception cref="StorageException">There is none.</exception>
    /// <exception cref="InvalidFileException">A GGUF file is damaged.</exception>
    internal static IModelFiles Files(string name)
        => GgufModelFiles.OfPath(GgufFile.IsName(name) && File.Exists(name) ? name : Folder(name));

    /// <summary>True for names of the form <c>org/name</c>, which <c>heed pull</c> takes.</summary>
    public static bool HasForm(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Contains('/', StringComparison.Ordinal) && HubName.IsRepository(name);
    }

    private static string Hint(string name) => HasForm(name) ? $"fetch it with 'heed pull {name}'"
        : "name a folder with config.json and weights, or a pulled model as ORG/NAME";
}
