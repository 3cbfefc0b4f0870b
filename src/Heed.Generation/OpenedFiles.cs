using Heed.Hub;
using Heed.Models.Adapters;
using Heed.Models.Files;

namespace Heed.Generation;

/// <summary>The files of a model as they are opened: those of an adapter with its base model, which is looked for in the hub's cache
/// too.</summary>
/// <param name="Files">All files.</param>
/// <param name="Options">How they are loaded.</param>
internal readonly record struct OpenedFiles(IModelFiles Files, LoadOptions? Options)
{
    /// <summary>As <see cref="Of"/>, for one opening, in which each small file of a whole model is read once.</summary>
    /// <exception cref="StorageException">The base model is nowhere.</exception>
    public static OpenedFiles ForOpening(IModelFiles files, LoadOptions? options)
    {
        OpenedFiles opened = Of(files, options);
        return opened.Files is AdapterFiles ? opened : opened with { Files = opened.Files.ReadOnce() };
    }

    /// <summary>Finds the base model where the files are an adapter's.</summary>
    /// <exception cref="StorageException">The base model is nowhere.</exception>
    public static OpenedFiles Of(IModelFiles files, LoadOptions? options)
    {
        if (!AdapterConfigFile.IsFor(files)) return new OpenedFiles(files, options);
        options = (options ?? LoadOptions.Default) with { FindModel = HubModel.FindRevision };
        return new OpenedFiles(AdapterFiles.Resolve(files, options), options);
    }
}
