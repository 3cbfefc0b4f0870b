using System.CommandLine;

namespace Heed.Cli.Commands;

/// <summary><c>heed embed</c>: vectors of texts and of words.</summary>
internal static class EmbedCommand
{
    public static Command Create(Terminal terminal)
    {
        Command command = new("embed", "Vectors of texts and of words. Example: heed embed texts ./all-MiniLM-L6-v2 \"where is my "
            + "parcel?\"")
        {
            EmbedTextCommand.Create(terminal), EmbedCompareCommand.Create(terminal), EmbedWordCommands.Train(terminal),
                EmbedWordCommands.Near(terminal), EmbedWordCommands.Analogy(terminal),
        };
        return command;
    }
}
