using Heed.Checkpoints;
using Heed.Explorer.Api;
using Heed.Explorer.Traces;
using Heed.Generation;

namespace Heed.Explorer.Serving;

/// <summary>A model on its way from its files into memory.</summary>
/// <param name="files">The files.</param>
/// <param name="options">The server's options.</param>
internal sealed class OpeningModel(IModelFiles files, ExplorerOptions options) : IAsyncDisposable
{
    private readonly TaskCompletionSource<ExplorerSession> _session = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LoadProgress _progress;

    /// <summary>The opened model.</summary>
    public Task<ExplorerSession> Session => _session.Task;

    /// <summary>Opens the model on a thread of the pool.</summary>
    public void Begin(CancellationToken cancellationToken) => _ = Task.Run(async () =>
    {
        try
        {
            Reporter<LoadProgress> progress = new(p => _progress = p);
            HeedModel model = await HeedModel.OpenAsync(files, null, progress, null, cancellationToken).ConfigureAwait(false);
            _session.SetResult(new ExplorerSession(model, files, options));
        }
        catch (Exception e)
        {
            _session.SetException(e);
        }
    }, CancellationToken.None);

    /// <summary>How far it is.</summary>
    public StateReply State
    {
        get
        {
            LoadProgress p = _progress;
            string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(files.Location));
            string? error = _session.Task.IsFaulted ? _session.Task.Exception!.InnerException!.Message : null;
            return new StateReply(_session.Task.IsCompletedSuccessfully ? "ready" : error is null ? "loading" : "failed", name, p.Name,
                p.Bytes, p.TotalBytes, error);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            (await _session.Task.ConfigureAwait(false)).Dispose();
        }
        catch (Exception e) when (e is HeedException or OperationCanceledException or IOException)
        {
            // It never opened: there is nothing to close.
        }
    }
}
