using System.Net;
using Heed.Checkpoints;
using Heed.Explorer.Serving;
using Heed.Explorer.Traces;
using Heed.Generation;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Heed.Explorer;

/// <summary>A web server on the loopback interface that shows one model at work. The pages come at once; the model is opened
/// meanwhile.</summary>
/// <example><code>
/// await using ExplorerServer server = await ExplorerServer.StartAsync("quickstart/model");
/// Console.WriteLine(server.Address);
/// </code></example>
/// <remarks>Only this machine reaches it: it listens on 127.0.0.1, and refuses requests whose Host names anything else.</remarks>
public sealed class ExplorerServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly CancellationTokenSource _stop = new();
    private readonly OpeningModel _opening;

    private ExplorerServer(WebApplication application, OpeningModel opening)
    {
        _application = application;
        _opening = opening;
    }

    /// <summary>Where the pages are: <c>http://127.0.0.1:5080/</c>.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>Ends when the model is open.</summary>
    /// <exception cref="HeedException">The model could not be opened.</exception>
    public Task Opened => _opening.Session;

    internal Task<ExplorerSession> Session => _opening.Session;

    /// <summary>Starts the server.</summary>
    /// <param name="model">A model folder, or the name of a model that was fetched before.</param>
    /// <param name="options">Port and memory; null: a free port.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="StorageException">There is no such model, or the port is taken.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port is outside 0 to 65535.</exception>
    public static async Task<ExplorerServer> StartAsync(string model, ExplorerOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ExplorerOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.Port, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Port, IPEndPoint.MaxPort, nameof(options));
        OpeningModel opening = new(ModelOpening.Find(model), options);
        // The empty builder reads no file and no variable: what serves is what stands here.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1 << 20;
            kestrel.Listen(IPAddress.Loopback, options.Port);
        });
        WebApplication application = builder.Build();
        ExplorerServer server = new(application, opening);
        application.Run(new RequestPipeline(opening, () => server.Address).HandleAsync);
        try
        {
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new StorageException($"--port: {options.Port} cannot be used: {Printable.Escape(e.Message)} Choose another, or 0 for "
                + $"a free one.", e);
        }

        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        server.Address = new Uri(address + "/");
        opening.Begin(server._stop.Token);
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // A stream that is still read would hold a graceful stop back.
        using (CancellationTokenSource now = new(TimeSpan.FromMilliseconds(200)))
            await _application.StopAsync(now.Token).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        await _opening.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }
}
