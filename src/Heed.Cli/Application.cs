using System.CommandLine;
using System.CommandLine.Parsing;
using Heed.Cli.Commands;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Cli;

/// <summary>Parses, calls, and maps every error to one line and its exit code.</summary>
internal static class Application
{
    /// <summary>A text that begins with @ is a text, not a file of options.</summary>
    private static readonly ParserConfiguration AsWritten = new() { ResponseFileTokenReplacer = null };

    /// <summary>Runs one command line.</summary>
    public static async Task<int> RunAsync(string[] args, Terminal terminal)
    {
        using CancellationTokenSource stop = new();
        bool terminated = false;
        using IDisposable interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, context =>
        {
            // The first Ctrl-C stops cleanly; a second one ends the process at once.
            context.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        });
        using IDisposable terminate = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, context =>
        {
            terminated = true;
            context.Cancel = true;
            stop.Cancel();
        });
        terminal.InterruptInputBy(stop.Token);
        RootCommand root = Build(terminal);
        ParseResult parsed = root.Parse(args, AsWritten);
        string name = "heed" + string.Concat(CommandPath(parsed).Select(c => " " + c));
        if (UsageErrors.IsBare(parsed)) parsed = root.Parse([.. args, "--help"], AsWritten);
        if (parsed.Errors.Count > 0 || UsageErrors.UnknownOption(parsed) is not null)
        {
            terminal.Error.WriteLine($"{name}: {UsageErrors.Sentence(parsed, name)} See '{name} --help'.");
            return ExitCode.Usage;
        }

        try
        {
            // A wrong HEED_THREADS is said before the work, and not where only help is asked for.
            if (parsed.Action is not null && parsed.Action == parsed.CommandResult.Command.Action) _ = ComputeContext.Current.Threads;
            terminal.IsJson = parsed.GetResult("--json") is { } json && json is OptionResult { Implicit: false };
            terminal.IsVerbose = parsed.GetResult("--verbose") is OptionResult { Implicit: false };
            int code = await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = terminal.Output,
                Error = terminal.Error,
            }, stop.Token);
            return code == ExitCode.Interrupted && terminated ? ExitCode.Terminated : code;
        }
        catch (HeedException e)
        {
            terminal.ClearStatus();
            terminal.Error.WriteLine($"{name}: {e.Message}");
            if (terminal.IsVerbose) terminal.Error.WriteLine(e);
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            terminal.Note("");
            terminal.Error.WriteLine($"{name}: stopped. {terminal.WhenStopped}".TrimEnd());
            return terminated ? ExitCode.Terminated : ExitCode.Interrupted;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            terminal.ClearStatus();
            terminal.Error.WriteLine($"{name}: reading or writing failed: {Printable.Escape(e.Message)}");
            if (terminal.IsVerbose) terminal.Error.WriteLine(e);
            return ExitCode.InputOutput;
        }
        catch (Exception e)
        {
            terminal.Error.WriteLine($"{name}: internal error: {e.GetType().Name}: {Printable.Escape(e.Message)} "
                + $"{(terminal.IsVerbose ? "" : "Run it again with --verbose for the trace, and report it.")}");
            if (terminal.IsVerbose) terminal.Error.WriteLine(e);
            return ExitCode.Internal;
        }
    }

    /// <summary>All commands.</summary>
    public static RootCommand Build(Terminal terminal)
    {
        RootCommand root = new("Heed: the complete Transformer system in C#. Train, fine-tune, generate, inspect; Hugging Face "
            + "folders in and out.");
        Option<bool> json = new("--json") { Description = "print the result as JSON, and nothing else", Recursive = true };
        Option<bool> verbose = new("--verbose") { Description = "show the trace of an error", Recursive = true };
        root.Add(json);
        root.Add(verbose);
        foreach (Command command in (Command[])
        [
            QuickstartCommand.Create(terminal),
            PretrainCommand.Create(terminal),
            FinetuneCommand.Create(terminal),
            BaselinesCommand.Create(terminal),
            PlotCommand.Create(terminal),
            GenerateCommand.Create(terminal),
            PredictCommand.Create(terminal),
            FewShotCommand.Create(terminal),
            EvalCommand.Create(terminal),
            EmbedCommand.Create(terminal),
            SearchCommand.Create(terminal),
            AskCommand.Create(terminal),
            ExploreCommand.Create(terminal),
            TokenizeCommand.Create(terminal),
            TokenizerCommand.Create(terminal),
            InfoCommand.Create(terminal),
            InspectCommand.Create(terminal),
            DoctorCommand.Create(terminal),
            VerifyCommand.Create(terminal),
            ConvertCommand.Create(terminal),
            QuantizeCommand.Create(terminal),
            MergeCommand.Create(terminal),
            ExportCommand.Create(terminal),
            HubCommands.Pull(terminal),
            HubCommands.List(terminal),
            HubCommands.Remove(terminal),
            BenchCommand.Create(terminal),
            LabCommand.Create(terminal),
            SchemaCommand.Create(terminal),
            EnvCommand.Create(terminal),
        ]) root.Add(command);
        NumberOption.Complete(root);
        return root;
    }

    private static IEnumerable<string> CommandPath(ParseResult parsed)
    {
        List<string> names = [];
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult { Parent: not null } command; result = command.Parent) names.Insert(0, command.Command.Name);
        return names;
    }
}
