using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Generation;
using Heed.Hub;
using Heed.Tokenizers;

namespace Heed.Cli.Commands;

/// <summary><c>heed tokenize MODEL [TEXT|-]</c>: what a tokenizer makes of a text.</summary>
internal static class TokenizeCommand
{
    /// <summary>What can be named as a tokenizer.</summary>
    public const string Models = "model folder, the name of a pulled model, tokenizer.json, vocab.txt, vocab.json, SentencePiece "
        + ".model or .tiktoken file";

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = Models };
        Argument<string?> text = new("text")
        {
            Description = "the text; - or nothing reads standard input, where one line end at "
            + "the very end does not count",
            Arity = ArgumentArity.ZeroOrOne
        };
        Option<string?> pair = new("--pair") { Description = "a second text" };
        Option<bool> plain = new("--no-special") { Description = "without the special tokens of the model" };
        Option<bool> count = new("--count") { Description = "print the number of tokens alone, of the whole text: neither cut nor padded" };
        Option<bool> decode = new("--decode") { Description = "the text is ids (separated by blanks or commas); print what they say" };
        Option<bool> lines = new("--jsonl")
        {
            Description = "one object {\"text\", \"pair\"?, \"add_special_tokens\"?} a line in, "
            + "from standard input, one result a line out"
        };
        Option<string> offsets = new("--offsets")
        {
            Description = "units of offsets: utf16 or code-points",
            DefaultValueFactory = _
            => "utf16"
        };
        offsets.AcceptOnlyFromAmong("utf16", "code-points");
        Command command = new("tokenize", "Show the tokens of a text: pieces, ids, bytes, offsets. Example: heed tokenize ./model "
            + "\"Hello world\"") { model, text, pair, plain, count, decode, lines, offsets };
        command.SetAction((parsed, cancellationToken) =>
        {
            bool Given(Option option) => parsed.GetResult(option) is { Implicit: false };
            foreach ((Option option, Option[] others, string why) in ((Option, Option[], string)[])
                [
                    (lines, [decode, count, pair], "each line says what it holds, and gets its whole encoding"),
                    (decode, [count, pair, offsets], "ids become text, which has none of that"),
                    (count, [offsets], "a number has no offsets"),
                ])
            {
                if (Given(option) && Array.Find(others, Given) is { } other) throw new UsageException($"{option.Name} and "
                    + $"{other.Name} do not go together: {why}. Leave one of them out.");
            }

            string? given = parsed.GetValue(text);
            if (parsed.GetValue(lines) && given is not null && !StandardInput.IsMeant(given))
                throw new UsageException($"--jsonl reads standard input, but the text \"{Printable.Shorten(given)}\" was given too. "
                    + $"Leave one of them out.");
            Tokenizer tokenizer = Open(parsed.GetRequiredValue(model));
            foreach (string warning in tokenizer.Report?.Warnings ?? []) terminal.Warn(warning);
            bool special = !parsed.GetValue(plain), codePoints = parsed.GetValue(offsets) == "code-points";
            if (parsed.GetValue(lines)) return Task.FromResult(Lines(terminal, tokenizer, special, codePoints, cancellationToken));
            string input = given is null || StandardInput.IsMeant(given) ? StandardInput.Text(terminal) : given;
            if (parsed.GetValue(decode)) Decode(terminal, tokenizer, input, special);
            else if (parsed.GetValue(count)) Count(terminal, tokenizer, input, parsed.GetValue(pair), special);
            else Encode(terminal, tokenizer, input, parsed.GetValue(pair), special, codePoints);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    /// <summary>Opens the tokenizer that an argument names: a file, a folder, or a pulled model by its name.</summary>
    public static Tokenizer Open(string path, string argument = "model")
    {
        bool isFile = File.Exists(Required.NotEmpty(argument, path, $"a {Models}"));
        if (isFile && !GgufFile.IsName(path)) return Tokenizer.FromFile(path);
        if (isFile || HubModel.Find(path) is not null) return Tokenizer.FromFiles(OpenedFiles.Of(HubModel.Files(path), null).Files);
        return HubModel.HasForm(path) ? throw new StorageException($"{path}: is neither a file nor a folder nor a model in the "
            + $"cache; fetch it with 'heed pull {path}'.") : Tokenizer.FromFile(path);
    }

    private static void Decode(Terminal terminal, Tokenizer tokenizer, string input, bool special)
    {
        string said = tokenizer.Decode(Ids(input), skipSpecialTokens: !special);
        if (terminal.IsJson) terminal.Json(new JsonObject { ["text"] = said });
        else terminal.Line(terminal.Written(said));
    }

    private static void Count(Terminal terminal, Tokenizer tokenizer, string input, string? pair, bool special)
    {
        int tokens = pair is null ? tokenizer.CountTokens(input, special)
            : tokenizer.WithTruncation(null).WithPadding(null).Encode(input, pair, special).Count;
        if (terminal.IsJson) terminal.Json(new JsonObject { ["tokens"] = tokens });
        else terminal.Line(tokens.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    private static void Encode(Terminal terminal, Tokenizer tokenizer, string input, string? pair, bool special, bool codePoints)
    {
        TokenEncoding encoding = tokenizer.Encode(input, pair, special);
        if (terminal.IsJson) terminal.Json(Object(encoding, input, pair, codePoints));
        else Show(terminal, tokenizer, encoding, input, pair, codePoints);
    }

    private static void Show(Terminal terminal, Tokenizer tokenizer, TokenEncoding encoding, string text, string? pair, bool codePoints)
    {
        bool spelled = TokenBytes.SpellsBytes(tokenizer);
        (int first, int padded) = Padding(encoding);
        if (terminal.IsTerminal)
        {
            StringBuilder pieces = new();
            for (int i = 0; i < encoding.Count; i++)
                if (i < first || i >= first + padded) pieces.Append(terminal.Colour(Shown(TokenBytes.Readable(tokenizer, encoding, i,
                    spelled) ?? encoding.Tokens[i]), i)).Append(' ');
            terminal.Line(pieces.ToString());
            terminal.Line();
        }

        terminal.Line(terminal.Dim($"{"#",5} {"id",8} {"offsets",13}  {"bytes",5}  token"));
        (int Start, int End)[] shown = codePoints ? encoding.ToCodePoints(text, pair) : [.. encoding.Offsets];
        for (int i = 0; i < encoding.Count; i++)
        {
            if (i == first && padded > LinesOfPadding)
            {
                terminal.Line(terminal.Dim($"      … {padded} × {Shown(encoding.Tokens[i])} {encoding.Ids[i]}, padding"));
                i += padded - 1;
                continue;
            }

            (int start, int end) = (encoding.Starts[i], encoding.Ends[i]);
            string of = encoding.SequenceIds[i] == 1 ? pair ?? "" : text;
            int bytes = TokenBytes.Count(tokenizer, encoding, i, spelled)
                ?? (end <= of.Length && start <= end ? System.Text.Encoding.UTF8.GetByteCount(of.AsSpan(start, end - start)) : 0);
            string token = Shown(encoding.Tokens[i]);
            if (TokenBytes.Readable(tokenizer, encoding, i, spelled) is { } readable && Shown(readable) is var said
                && said != token) token += $"  \u201C{said}\u201D";
            terminal.Line($"{i,5} {encoding.Ids[i],8} {$"{shown[i].Start}–{shown[i].End}",13}  {bytes,5}  "
                + $"{token}{(encoding.SpecialTokensMask[i] != 0 ? terminal.Dim("  special") : "")}");
        }

        terminal.Line(terminal.Dim($"{encoding.Count} "
            + $"tokens{(padded > 0 ? $", {padded} of them padding" : "")}{(encoding.Overflowing.Count > 0 ? "; the tokenizer's truncation cut the text, --json shows the other windows" : "")}"));
    }

    private const int LinesOfPadding = 1;

    private static string Shown(string token) => Printable.Escape(token).Replace("\n", "\\n", StringComparison.Ordinal);

    /// <summary>The run of padding, which lies at one end.</summary>
    private static (int First, int Count) Padding(TokenEncoding encoding)
    {
        int count = encoding.AttentionMask.Count(real => real == 0);
        return (encoding.AttentionMask.IndexOf(0), count);
    }

    private static int Lines(Terminal terminal, Tokenizer tokenizer, bool special, bool codePoints, CancellationToken cancellationToken)
    {
        foreach ((long number, ReadOnlyMemory<byte> line) in StandardInput.Lines(terminal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string where = FormattableString.Invariant($"{StandardInput.Name}:{number}");
            if (InvalidUtf8(line.Span) is { } at) throw new InvalidFileException(where, FormattableString.Invariant($"byte {at}"),
                "is not UTF-8; convert the input (iconv -t utf-8) and try again");
            using JsonDocument json = StrictJson.Parse(line, where);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("text",
                out JsonElement value)) throw new InvalidFileException(where, "$.text",
                "is missing; each line is an object with the field \"text\"");
            string text = StrictJson.Text(value, where, "$.text");
            string? pair = json.RootElement.TryGetProperty("pair", out JsonElement second) && second.ValueKind != JsonValueKind.Null
                ? StrictJson.Text(second, where, "$.pair") : null;
            bool add = json.RootElement.TryGetProperty("add_special_tokens", out JsonElement flag)
                ? StrictJson.Boolean(flag, where, "$.add_special_tokens") : special;
            terminal.Output.WriteLine(Object(tokenizer.Encode(text, pair, add), text, pair, codePoints).ToJsonString(Compact));
        }

        return ExitCode.Ok;
    }

    /// <summary>Where the bytes stop being UTF-8; null where they are.</summary>
    private static int? InvalidUtf8(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return null;
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out int used) == System.Buffers.OperationStatus.Done) at += used;
        return at;
    }

    private static JsonSerializerOptions Compact { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static JsonObject Object(TokenEncoding e, string text, string? pair, bool codePoints)
    {
        JsonArray offsets = [];
        foreach ((int start, int end) in codePoints ? e.ToCodePoints(text, pair)
            : e.Offsets) offsets.Add((JsonNode)new JsonArray(start, end));
        JsonObject made = new()
        {
            ["ids"] = new JsonArray([.. e.Ids.Select(i => (JsonNode)i)]),
            ["tokens"] = new JsonArray([.. e.Tokens.Select(t => (JsonNode)t)]),
            ["offsets"] = offsets,
            ["word_ids"] = new JsonArray([.. e.WordIds.Select(w => w < 0 ? null : (JsonNode)w)]),
            ["type_ids"] = new JsonArray([.. e.TypeIds.Select(i => (JsonNode)i)]),
            ["special_tokens_mask"] = new JsonArray([.. e.SpecialTokensMask.Select(i => (JsonNode)i)]),
            ["attention_mask"] = new JsonArray([.. e.AttentionMask.Select(i => (JsonNode)i)]),
            ["sequence_ids"] = new JsonArray([.. e.SequenceIds.Select(s => s < 0 ? null : (JsonNode)s)]),
        };
        if (e.Overflowing.Count > 0) made["overflowing"] = new JsonArray([.. e.Overflowing.Select(window
            => (JsonNode)Object(window, text, pair, codePoints))]);
        return made;
    }

    private static int[] Ids(string text)
    {
        string[] words = text.Split([' ', ',', '\n', '\r', '\t', '[', ']'], StringSplitOptions.RemoveEmptyEntries);
        int[] ids = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
            if (!int.TryParse(words[i], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture,
                out ids[i])) throw new InputException($"--decode: \"{Printable.Shorten(words[i])}\" is not an id; whole numbers "
                + $"separated by blanks or commas were expected.");
        return ids;
    }
}
