using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Inspection;
using Heed.Models.Embeddings;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed embed compare MODEL FIRST SECOND --word W</c>: one word in two sentences, layer by layer.</summary>
internal static class EmbedCompareCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = "model folder, or the name of a pulled model" };
        Argument<string> first = new("first") { Description = "a sentence with the word" };
        Argument<string> second = new("second") { Description = "another sentence with the word" };
        Option<string> word = new("--word") { Description = "the word; its pieces are averaged", Required = true };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("compare", "How alike a word's vectors in two sentences are, layer by layer. "
            + "Example: heed embed compare ./all-MiniLM-L6-v2 \"He sat by the river bank.\" \"The bank raised its fees.\" --word bank")
        {
            model, first, second, word, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            using HeedModel opened = HeedModel.Open(parsed.GetRequiredValue(model),
                new LoadOptions { Warnings = new Reporter<string>(terminal.Warn) });
            Inspector inspector = new(opened);
            string stack = inspector.Stacks[0], wanted = parsed.GetRequiredValue(word);
            float[][] left = States(inspector, opened, stack, parsed.GetRequiredValue(first), wanted, "first", cancellationToken);
            float[][] right = States(inspector, opened, stack, parsed.GetRequiredValue(second), wanted, "second", cancellationToken);
            double[] cosines = [.. left.Zip(right, (a, b) => VectorSimilarity.Cosine.Of(a, b))];
            if (terminal.IsJson)
            {
                terminal.Json(new JsonObject
                {
                    ["word"] = wanted,
                    ["stack"] = stack,
                    ["cosines"] = new JsonArray([.. cosines.Select(c => (JsonNode)c)])
                });
                return Task.FromResult(ExitCode.Ok);
            }

            terminal.Line(terminal.Bold($"cosine of \"{wanted}\" in the two sentences"));
            for (int i = 0; i < cosines.Length; i++)
            {
                string what = i == 0 ? "token table" : i == 1 ? "embeddings" : $"layer {i - 2}";
                terminal.Line(string.Create(CultureInfo.InvariantCulture,
                    $"{what,-12}  {cosines[i],8:0.0000}  {new string('█', (int)Math.Round(40 * Math.Max(0, cosines[i])))}"));
            }

            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    /// <summary>The mean over the word's pieces of each state: the row of the token table, what enters layer 0, what leaves each
    /// layer.</summary>
    private static float[][] States(
        Inspector inspector, HeedModel model, string stack, string sentence, string word, string argument,
            CancellationToken cancellationToken)
    {
        int at = sentence.IndexOf(word, StringComparison.OrdinalIgnoreCase);
        if (word.Length == 0 || at < 0) throw new UsageException($"{argument}: \"{Printable.Shorten(sentence)}\" does not hold the "
            + $"word \"{word}\". Name a word that both sentences hold.");
        Heed.Tokenizers.TokenEncoding encoding = model.Tokenizer.WithTruncation(null).WithPadding(null).Encode(sentence);
        (int Start, int End)[] offsets = [.. encoding.Offsets];
        int[] pieces = [.. Enumerable.Range(0, encoding.Count).Where(i => offsets[i].Start < at + word.Length
            && offsets[i].End > at)];
        if (pieces.Length == 0) throw new UsageException($"{argument}: the tokenizer drops \"{word}\". Name another word.");
        string[] names = [$"{stack}.embed.token", $"{stack}.embed.out",
            .. Enumerable.Range(0, inspector.LayersOf(stack)).Select(l => $"{stack}.blocks.{l}.out")];
        HashSet<string> wanted = [.. names];
        Trace trace = inspector.Trace(inspector.Read(sentence), wanted.Contains, cancellationToken: cancellationToken);
        return [.. names.Select(name =>
        {
            ValueArray values = trace[name];
            float[] mean = new float[values.Shape[values.Shape.Rank - 1]];
            foreach (int piece in pieces)
                for (int d = 0; d < mean.Length; d++) mean[d] += values[[piece, d]] / pieces.Length;
            return mean;
        })];
    }
}
