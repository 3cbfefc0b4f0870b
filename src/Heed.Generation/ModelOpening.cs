using Heed.Checkpoints;
using Heed.Engine.Runtime;
using Heed.Hub;
using Heed.Models.Files;

namespace Heed.Generation;

/// <summary>How every front door finds a model's files, and opens them without blocking the caller.</summary>
internal static class ModelOpening
{
    /// <summary>The files of a folder, of a GGUF file, or of a model that was fetched before by its name on the hub.</summary>
    /// <exception cref="StorageException">There is neither.</exception>
    public static IModelFiles Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return HubModel.Files(name);
    }

    /// <summary>Opens on a thread of the pool, in the caller's context. In a browser, files at an address are first brought into
    /// memory.</summary>
    /// <param name="files">The files.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="open">Opens, with the options that carry progress and stop.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    public static async Task<T> OpenAsync<T>(
        IModelFiles files, LoadOptions? options, IProgress<LoadProgress>? progress, Func<IModelFiles, LoadOptions, T> open,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        // The caller's context: the thread that loads has entered none.
        LoadOptions loading = (options ?? LoadOptions.Default) with
        {
            Context = options?.Context ?? ComputeContext.Current,
            Progress = progress,
            CancellationToken = cancellationToken,
        };
        if (OperatingSystem.IsBrowser() && files is HttpModelFiles remote)
            files = await remote.FetchAsync(progress, cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => open(files, loading), cancellationToken).ConfigureAwait(false);
    }
}
