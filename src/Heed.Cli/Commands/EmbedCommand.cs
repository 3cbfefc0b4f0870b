using System.CommandLine;

namespace Heed.Cli.Commands;

/// <summary><c>heed embed</c>: vectors of texts and of words.</summary>
internal static class EmbedCommand
{
    public static Command Create(Terminal terminal)
    {
        Command command = new("embed", "Vectors of words. Example: heed embed near words.bin king")
        {
            EmbedWordCommands.Train(terminal), EmbedWordCommands.Near(terminal), EmbedWordCommands.Analogy(terminal),
        };
        return command;
    }
}
