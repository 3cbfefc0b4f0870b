using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Tokenizers;

namespace Heed.Cli.Commands;

/// <summary><c>heed tokenize MODEL [TEXT|-]</c>: what a tokenizer makes of a text.</summary>
internal static class TokenizeCommand
{
    /// <summary>What can be named as a tokenizer.</summary>
    public const string Models = "model folder, the name of a pulled model, tokenizer.json, vocab.txt, vocab.json, SentencePiece .model or .tiktoken file";

    public static Command Create(Terminal terminal)
    {
        Argument<string> model = new("model") { Description = Models };
        Argument<string?> text = new("text") { Description = "the text; - or nothing reads standard input", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> pair = new("--pair") { Description = "a second text" };
        Option<bool> plain = new("--no-special") { Description = "without the special tokens of the model" };
        Option<bool> count = new("--count") { Description = "print the number of tokens alone" };
        Option<bool> decode = new("--decode") { Description = "the text is ids (separated by blanks or commas); print what they say" };
        Option<bool> lines = new("--jsonl") { Description = "one object {\"text\", \"pair\"?, \"add_special_tokens\"?} a line in, one result a line out" };
        Option<string> offsets = new("--offsets") { Description = "units of offsets: utf16 or code-points", DefaultValueFactory = _ => "utf16" };
        offsets.AcceptOnlyFromAmong("utf16", "code-points");
        Command command = new("tokenize", "Show the tokens of a text: pieces, ids, bytes, offsets. Example: heed tokenize ./model \"Hello world\"") { model, text, pair, plain, count, decode, lines, offsets };
        command.SetAction((parsed, stop) => Task.FromResult(Run(terminal, parsed.GetRequiredValue(model), parsed.GetValue(text), parsed.GetValue(pair),
            !parsed.GetValue(plain), parsed.GetValue(count), parsed.GetValue(decode), parsed.GetValue(lines), parsed.GetValue(offsets) == "code-points", stop)));
        return command;
    }

    /// <summary>Opens a file, a folder, or a pulled model by its name.</summary>
    public static Tokenizer Open(string path)
    {
        if (File.Exists(path)) return Tokenizer.FromFile(path);
        if (HubModel.Find(path) is { } folder) return Tokenizer.FromFolder(folder);
        return HubModel.HasForm(path) ? throw new StorageException($"{path}: is neither a file nor a folder nor a model in the cache; fetch it with 'heed pull {path}'.") : Tokenizer.FromFile(path);
    }

    private static int Run(Terminal terminal, string model, string? text, string? pair, bool special, bool count, bool decode, bool lines, bool codePoints, CancellationToken stop)
    {
        Tokenizer tokenizer = Open(model);
        if (lines) return Lines(terminal, tokenizer, special, codePoints, stop);
        string input = text is null or "-" ? ReadAll(terminal) : text;
        if (decode)
        {
            string said = tokenizer.Decode(Ids(input), skipSpecialTokens: !special);
            if (terminal.IsJson) terminal.Json(new System.Text.Json.Nodes.JsonObject { ["text"] = said });
            else terminal.Line(said);
            return ExitCode.Ok;
        }

        if (count)
        {
            int tokens = pair is null ? tokenizer.CountTokens(input, special) : tokenizer.Encode(input, pair, special).Count;
            if (terminal.IsJson) terminal.Json(new System.Text.Json.Nodes.JsonObject { ["tokens"] = tokens });
            else terminal.Line(tokens.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return ExitCode.Ok;
        }

        Heed.Tokenizers.Encoding encoding = tokenizer.Encode(input, pair, special);
        if (terminal.IsJson) terminal.Json(Object(encoding, input, pair, codePoints));
        else Show(terminal, encoding, input, pair);
        return ExitCode.Ok;
    }

    private static void Show(Terminal terminal, Heed.Tokenizers.Encoding encoding, string text, string? pair)
    {
        if (terminal.IsTerminal)
        {
            StringBuilder pieces = new();
            for (int i = 0; i < encoding.Count; i++) pieces.Append(terminal.Colour(Printable.Escape(encoding.Tokens[i]).Replace("\n", "\\n", StringComparison.Ordinal), i)).Append(' ');
            terminal.Line(pieces.ToString());
            terminal.Line();
        }

        terminal.Line(terminal.Dim($"{"#",5} {"id",8} {"offsets",13}  {"bytes",5}  token"));
        for (int i = 0; i < encoding.Count; i++)
        {
            (int start, int end) = (encoding.Starts[i], encoding.Ends[i]);
            string of = encoding.SequenceIds[i] == 1 ? pair ?? "" : text;
            int bytes = end <= of.Length && start <= end ? System.Text.Encoding.UTF8.GetByteCount(of.AsSpan(start, end - start)) : 0;
            terminal.Line($"{i,5} {encoding.Ids[i],8} {$"{start}–{end}",13}  {bytes,5}  {Printable.Escape(encoding.Tokens[i]).Replace("\n", "\\n", StringComparison.Ordinal)}{(encoding.SpecialTokensMask[i] != 0 ? terminal.Dim("  special") : "")}");
        }

        terminal.Line(terminal.Dim($"{encoding.Count} tokens"));
    }

    private static int Lines(Terminal terminal, Tokenizer tokenizer, bool special, bool codePoints, CancellationToken stop)
    {
        int number = 0;
        while (ReadLine(terminal, number) is { } line)
        {
            stop.ThrowIfCancellationRequested();
            number++;
            if (line.Length == 0) continue;
            string where = FormattableString.Invariant($"standard input:{number}");
            using JsonDocument json = StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(line), where);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("text", out JsonElement value)) throw new FileFormatException(where, "$.text", "is missing; each line is an object with the field \"text\"");
            string text = StrictJson.Text(value, where, "$.text");
            string? pair = json.RootElement.TryGetProperty("pair", out JsonElement second) && second.ValueKind != JsonValueKind.Null ? StrictJson.Text(second, where, "$.pair") : null;
            bool add = json.RootElement.TryGetProperty("add_special_tokens", out JsonElement flag) ? StrictJson.Boolean(flag, where, "$.add_special_tokens") : special;
            terminal.Output.WriteLine(Object(tokenizer.Encode(text, pair, add), text, pair, codePoints).ToJsonString(Compact));
        }

        return ExitCode.Ok;
    }

    private static JsonSerializerOptions Compact { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static JsonObject Object(Heed.Tokenizers.Encoding e, string text, string? pair, bool codePoints)
    {
        JsonArray offsets = [];
        foreach ((int start, int end) in codePoints ? e.ToCodePoints(text, pair) : e.Offsets) offsets.Add((JsonNode)new JsonArray(start, end));
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
        if (e.Overflowing.Count > 0) made["overflowing"] = new JsonArray([.. e.Overflowing.Select(window => (JsonNode)Object(window, text, pair, codePoints))]);
        return made;
    }

    private static int[] Ids(string text)
    {
        string[] words = text.Split([' ', ',', '\n', '\r', '\t', '[', ']'], StringSplitOptions.RemoveEmptyEntries);
        int[] ids = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
            if (!int.TryParse(words[i], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out ids[i])) throw new InputException($"--decode: \"{Printable.Shorten(words[i])}\" is not an id; whole numbers separated by blanks or commas were expected.");
        return ids;
    }

    /// <summary>A line of the input, or null at its end.</summary>
    private static string? ReadLine(Terminal terminal, int before)
    {
        try
        {
            return terminal.Input.ReadLine();
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"standard input: there are bytes after line {before} that are not UTF-8. Convert them (iconv -t utf-8) and try again.", e);
        }
    }

    private static string ReadAll(Terminal terminal)
    {
        try
        {
            return terminal.Input.ReadToEnd().TrimEnd('\n', '\r');
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"standard input: byte {e.Index} is not UTF-8. Convert it (iconv -t utf-8) and try again.", e);
        }
    }
}
