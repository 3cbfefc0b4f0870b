using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads <c>$.post_processor</c>.</summary>
internal static class PostProcessorReader
{
    public static IPostProcessor? ReadOptional(JsonScope json) => json.IsNull ? null : Read(json);

    public static IPostProcessor Read(JsonScope json)
    {
        string type = json["type"].Text();
        switch (type)
        {
            case "BertProcessing":
                json.ExpectOnly("type", "sep", "cls");
                return new BertProcessing(ReadToken(json["sep"]), ReadToken(json["cls"]));
            case "RobertaProcessing":
                json.ExpectOnly("type", "sep", "cls", "trim_offsets", "add_prefix_space");
                return new RobertaProcessing(ReadToken(json["sep"]), ReadToken(json["cls"]), json["trim_offsets"].Boolean(), json["add_prefix_space"].Boolean());
            case "ByteLevel":
                (bool space, bool trim, bool regex) = PatternReader.ByteLevel(json);
                return new ByteLevelPostProcessor(space, trim, regex);
            case "Sequence":
                json.ExpectOnly("type", "processors");
                return new SequencePostProcessor([.. json["processors"].Items().Select(Read)]);
            case "TemplateProcessing":
                return ReadTemplate(json);
            default:
                throw PatternReader.UnknownType(json, type, "RobertaProcessing, BertProcessing, ByteLevel, TemplateProcessing, Sequence");
        }
    }

    private static SpecialToken ReadToken(JsonScope json)
    {
        List<JsonScope> parts = json.Items();
        return parts.Count == 2 ? new SpecialToken(parts[0].Text(), parts[1].Integer()) : throw json.Wrong($"has {parts.Count} parts; a token and its id were expected");
    }

    private static TemplateProcessing ReadTemplate(JsonScope json)
    {
        json.ExpectOnly("type", "single", "pair", "special_tokens");
        List<TemplateToken> tokens = [];
        JsonScope special = json["special_tokens"];
        foreach ((string name, JsonScope value) in special.Members())
        {
            value.ExpectOnly("id", "ids", "tokens");
            int[] ids = [.. value["ids"].Items().Select(item => item.Integer())];
            string[] texts = [.. value["tokens"].Items().Select(item => item.Text())];
            if (ids.Length != texts.Length) throw value.Wrong($"has {ids.Length} ids and {texts.Length} tokens; as many of one as of the other were expected");
            tokens.Add(new TemplateToken(name, ids, texts));
        }

        HashSet<string> known = [.. tokens.Select(token => token.Name)];
        return new TemplateProcessing(ReadPieces(json["single"], known), ReadPieces(json["pair"], known), tokens);
    }

    private static List<TemplatePiece> ReadPieces(JsonScope json, HashSet<string> known)
    {
        // Early versions wrote a template as one string: "[CLS] $A [SEP]".
        if (!json.IsArray) return [.. json.Text().Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(part => Parse(json, part, known))];
        List<TemplatePiece> pieces = [];
        foreach (JsonScope item in json.Items())
        {
            item.ExpectOnly("Sequence", "SpecialToken");
            JsonScope sequence = item.Optional("Sequence"), special = item.Optional("SpecialToken");
            if (sequence.IsNull == special.IsNull) throw item.Wrong("must have one of Sequence and SpecialToken");
            JsonScope inner = sequence.IsNull ? special : sequence;
            inner.ExpectOnly("id", "type_id");
            int typeId = inner["type_id"].Integer();
            if (special.IsNull)
            {
                pieces.Add(new TemplatePiece(inner["id"].OneOf(("A", 0), ("B", 1)), "", typeId));
                continue;
            }

            string token = inner["id"].Text();
            if (!known.Contains(token)) throw item.Wrong($"uses the special token \"{Printable.Shorten(token)}\", which special_tokens does not define; define it there");
            pieces.Add(new TemplatePiece(-1, token, typeId));
        }

        return pieces;
    }

    /// <summary><c>$A</c>, <c>$B:1</c>, <c>$0</c>, <c>[SEP]:1</c>.</summary>
    private static TemplatePiece Parse(JsonScope json, string part, HashSet<string> known)
    {
        int colon = part.LastIndexOf(':');
        int typeId = 0;
        string name = part;
        if (colon >= 0)
        {
            if (!int.TryParse(part.AsSpan(colon + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out typeId))
                throw json.Wrong($"has the part \"{Printable.Shorten(part)}\"; after the colon a type id was expected");
            name = part[..colon];
        }

        if (name.StartsWith('$'))
        {
            switch (name[1..])
            {
                case "" or "A" or "a": return new TemplatePiece(0, "", typeId);
                case "B" or "b": return new TemplatePiece(1, "", typeId);
            }

            if (colon < 0 && int.TryParse(name.AsSpan(1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int id)) return new TemplatePiece(0, "", id);
            throw json.Wrong($"has the part \"{Printable.Shorten(part)}\"; $A or $B was expected");
        }

        return known.Contains(name) ? new TemplatePiece(-1, name, typeId)
            : throw json.Wrong($"uses the special token \"{Printable.Shorten(name)}\", which special_tokens does not define; define it there");
    }
}
