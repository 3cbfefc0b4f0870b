using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using Heed.Cli.Inspections;
using Heed.Generation;
using Heed.Inspection;
using Heed.Models.Files;

namespace Heed.Cli.Commands;

/// <summary><c>heed inspect MODEL TEXT</c>: what a model computes for a text, as tables and blocks of colour.</summary>
internal static class InspectCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string?> model =
            new("model") { Description = "folder of a model, or the name of a pulled one", Arity = ArgumentArity.ZeroOrOne };
        Argument<string?> text = new("text") { Description = "the text that the model reads", Arity = ArgumentArity.ZeroOrOne };
        Options options = new();
        Option<int?> threads = NumberOption.Threads();
        Option<string?> dtype = WeightFormatOption.Create();
        Command command = new("inspect",
            "See what a model computes for a text: tokens, attention, heads, the logit lens, ablation, neurons, attributions. "
            + "Attention says where information was read, not why. Example: heed inspect ./model \"The cat sat on the mat\" "
            + "--lens") { model, text };
        foreach (Option option in options.All) command.Add(option);
        command.Add(dtype);
        command.Add(threads);
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            if (parsed.GetValue(options.Diff) is { Length: > 0 } files)
            {
                if (parsed.GetValue(model) is not null)
                    throw new UsageException("--diff: compares two saved traces; leave model and text out: heed inspect --diff A B.");
                return Task.FromResult(Diff(terminal, files));
            }

            string name = parsed.GetValue(model)
                ?? throw new UsageException("model: is missing; name a folder and a text: heed inspect MODEL \"TEXT\".");
            string read = parsed.GetValue(text)
                ?? throw new UsageException("text: is missing; give what the model reads: heed inspect MODEL \"TEXT\".");
            using HeedModel opened = HeedModel.Open(name, new LoadOptions
            {
                Format = WeightFormatOption.ValueOf(parsed, dtype),
                Warnings = new Reporter<string>(terminal.Warn),
            });
            Inspector inspector = new(opened);
            InspectedText ids = inspector.Read(read, parsed.GetValue(options.Pair), parsed.GetValue(options.Written));
            InspectReport report = new(terminal, opened, inspector, ids, cancellationToken)
            {
                Position = parsed.GetValue(options.Position),
                Target = parsed.GetValue(options.Target),
                Foil = parsed.GetValue(options.Foil),
            };
            options.Choose(parsed, report);
            report.Write();
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static int Diff(Terminal terminal, string[] files)
    {
        if (files.Length != 2) throw new UsageException(
            $"--diff: {files.Length} files were given; two traces were expected: heed inspect --diff A B.");
        Trace first = Trace.Open(files[0]), second = Trace.Open(files[1]);
        TraceDifference found = first.Diff(second);
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["equal"] = found.IsEqual,
                ["compared"] = found.Compared,
                ["same_weights"] = found.SameWeights,
                ["same_text"] = found.SameText,
                ["first"] = found.First?.Name,
                ["largest"] = found.Largest?.Name,
                ["values"] = new JsonArray([.. found.Values.Select(v => (JsonNode)new JsonObject
                {
                    ["name"] = v.Name,
                    ["largest"] = JsonWord.Number(v.Largest),
                    ["relative"] = JsonWord.Number(v.Relative),
                    ["index"] = v.Index,
                    ["first"] = JsonWord.Number(v.First),
                    ["second"] = JsonWord.Number(v.Second),
                })]),
                ["others"] = new JsonArray([.. found.Others.Select(n => (JsonNode)n)]),
            });
            return ExitCode.Ok;
        }

        InspectCanvas canvas = new(terminal);
        terminal.Line($"{found.Compared} values compared: {found.Compared - found.Values.Count} equal bit for bit, {found.Values.Count} "
            + "differ"
            + (found.Others.Count > 0 ? $"; {found.Others.Count} only in one, or of another shape" : ""));
        terminal.Line($"weights: {(found.SameWeights ? "the same" : "others")}; text: {(found.SameText ? "the same" : "another")}");
        if (found.First is { } start) terminal.Line($"first that differs: {start.Name}");
        if (found.Largest is { } worst) terminal.Line(
            $"largest difference: {worst.Name}, {InspectCanvas.Number(worst.Largest)} at {worst.Index}: "
                + $"{InspectCanvas.Number(worst.First)} and {InspectCanvas.Number(worst.Second)}");
        if (found.Values.Count > 0)
            canvas.Table(["value", "largest difference", "relative (L2)"],
                [.. found.Values.Take(30)
                    .Select(v => (string[])[v.Name, InspectCanvas.Number(v.Largest), InspectCanvas.Number(v.Relative)])]);
        if (found.Values.Count > 30) terminal.Line($"and {found.Values.Count - 30} more (--json lists all)");
        return ExitCode.Ok;
    }

    /// <summary>What can be asked to be shown.</summary>
    private sealed class Options
    {
        public Option<int?> Layer { get; } =
            new("--layer") { Description = "attention of this layer, from 0: its heads, or with --head one pattern" };

        public Option<int?> Head { get; } = new("--head") { Description = "the pattern of this head, from 0 (with --layer)" };

        public Option<string?> Stack { get; } =
            new("--stack") { Description = "encoder or decoder (if omitted, the one that the text goes into)" };

        public Option<bool> Cross { get; } = new("--cross") { Description = "cross-attention of a decoder instead of self-attention" };

        public Option<bool> Lens { get; } = new("--lens") { Description = "what the model would say after each layer" };

        public Option<bool> Ablate { get; } =
            new("--ablate") { Description = "what each head does for the answer: its score without the head" };

        public Option<bool> Neurons { get; } =
            new("--neurons") { Description = "the neurons that write most, and the tokens that they write" };

        public Option<bool> Attribution { get; } =
            new("--attribution") { Description = "integrated gradients per token with their gap, and the parts that write the answer" };

        public Option<bool> Rollout { get; } = new("--rollout") { Description = "attention multiplied through the layers" };

        public Option<string?> TraceFile { get; } =
            new("--trace") { Description = "save every value to this file, which opens without the model" };

        public Option<string[]> Diff { get; } =
            new("--diff")
            {
                Description = "compare two saved traces instead",
                Arity = new ArgumentArity(1, 2),
                AllowMultipleArgumentsPerToken = true
            };

        public Option<string?> Pair { get; } = new("--pair") { Description = "the second text of a pair" };

        public Option<string?> Written { get; } =
            new("--written") { Description = "what the decoder of an encoder-decoder has written so far" };

        public Option<int?> Position { get; } =
            new("--position")
            {
                Description =
                "where the answer is read, from 0 (if omitted, the last token, the mask, or the one row of a classifier)"
            };

        public Option<string?> Target { get; } =
            new("--target") { Description = "the answer: a token, a label, or #ID (if omitted, the likeliest)" };

        public Option<string?> Foil { get; } =
            new("--foil") { Description = "the answer whose score is subtracted (if omitted, the next likeliest; of classifiers none)" };

        public Option[] All => [Layer, Head, Stack, Cross, Lens, Ablate, Neurons, Attribution, Rollout, TraceFile, Diff, Pair, Written,
            Position, Target, Foil];

        public void Choose(ParseResult parsed, InspectReport report)
        {
            int? layer = parsed.GetValue(Layer), head = parsed.GetValue(Head);
            if (head is not null && layer is null) throw new UsageException("--head: needs --layer; name the layer whose head it is.");
            string? stack = parsed.GetValue(Stack);
            bool cross = parsed.GetValue(Cross);
            if (layer is { } l) report.Attention(stack, cross, l, head);
            if (parsed.GetValue(Lens)) report.Lens();
            if (parsed.GetValue(Ablate)) report.Ablate();
            if (parsed.GetValue(Neurons)) report.Neurons(stack);
            if (parsed.GetValue(Attribution)) report.Attribution();
            if (parsed.GetValue(Rollout)) report.Rollout(stack);
            if (parsed.GetValue(TraceFile) is { } file) report.Trace(file);
            if (report.IsEmpty) report.Overview();
        }
    }
}
