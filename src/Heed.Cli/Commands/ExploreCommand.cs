using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Heed.Explorer;
using Heed.Explorer.Serving;

namespace Heed.Cli.Commands;

/// <summary><c>heed explore [MODEL]</c>: a web application on this machine that shows a model at work.</summary>
internal static class ExploreCommand
{
    private const int StandardPort = 5080;
    private const string Quickstart = "quickstart/model";

    public static Command Create(Terminal terminal)
    {
        Argument<string?> model = new("model")
        {
            Description = "model folder, or the name of a pulled model; if omitted the quick start's model, or else the small one that "
                + "comes with Heed",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<int> port = NumberOption.Of("--port", "port on this machine; 0 takes a free one", StandardPort,
            new NumberRange<int>(0, 65535));
        Option<bool> open = new("--open") { Description = "open the page in the browser" };
        Option<string?> export = new("--export")
        {
            Description = "write the pages with recorded answers for the prepared texts into "
            + "this folder, for any web server, and stop"
        };
        Option<bool> once = new("--check") { Description = "start, open the model, print the address, and stop" };
        Command command = new("explore",
            "Shows a model at work in the browser: tokens, attention, every number and where it comes from. Only this machine reaches "
                + "it; Ctrl-C ends it. Example: heed explore quickstart/model --port 5081") { model, port, open, once, export };
        command.SetAction((parsed, cancellationToken) => RunAsync(terminal, parsed.GetValue(model), parsed.GetValue(port),
            parsed.GetValue(open), parsed.GetValue(once), parsed.GetValue(export), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(Terminal terminal, string? model, int port, bool open, bool once, string? export,
        CancellationToken cancellationToken)
    {
        if (export is { Length: 0 }) throw new UsageException("--export: is empty; name the folder of the pages, such as site.");
        string name = model ?? (Directory.Exists(Quickstart) ? Quickstart : SmallModel.Folder());
        ExplorerServer server = await ExplorerServer.StartAsync(name, new ExplorerOptions { Port = export is null ? port : 0 },
            cancellationToken);
        await using (server.ConfigureAwait(false))
        {
            if (export is not null)
            {
                await server.Opened.WaitAsync(cancellationToken);
                int answers = await StaticExport.WriteAsync(server, export, cancellationToken);
                if (terminal.IsJson) terminal.Json(new JsonObject { ["folder"] = export, ["model"] = name, ["answers"] = answers });
                else terminal.Line($"Wrote {export}: {answers:N0} recorded answers of {name}. Any web server can send it.");
                return ExitCode.Ok;
            }

            if (!terminal.IsJson) terminal.Line($"{terminal.Bold(server.Address.ToString())}  {name}");
            await server.Opened.WaitAsync(cancellationToken);
            if (terminal.IsJson) terminal.Json(new JsonObject { ["address"] = server.Address.ToString(), ["model"] = name });
            if (once) return ExitCode.Ok;
            terminal.Note("Ctrl-C ends it.");
            if (open) Open(terminal, server.Address);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        return ExitCode.Ok;
    }

    private static void Open(Terminal terminal, Uri address)
    {
        try
        {
            using Process? browser = Process.Start(new ProcessStartInfo(address.ToString()) { UseShellExecute = true });
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or PlatformNotSupportedException or FileNotFoundException)
        {
            terminal.Note("No browser could be opened; open the address above.");
        }
    }
}
