using Heed.Tokenizers.Serialization;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>The layouts of the tokenizer classes that keep their vocabulary in a <c>.model</c> file, as the published models have
/// them.</summary>
internal static class SentencePieceLayouts
{
    private const int T5ExtraIds = 100;
    private const int PegasusOffset = 103;
    private const int MostExtraIds = 10_000;

    private static readonly string[] MBartLanguages =
    [
        "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ",
        "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN",
    ];

    public static SentencePieceLayout Of(SentencePieceFile file, FolderSettings settings)
    {
        if (settings.Option("sp_model_kwargs") is { IsNull: false } sampling)
        {
            if (sampling.Members().Any(member => member.Name != "enable_sampling" || member.Value.Boolean()))
                throw sampling.Wrong("asks SentencePiece to sample or to load otherwise, which is not followed here; remove it or leave it empty");
        }

        SentencePieceLayout layout = settings.Class.Name switch
        {
            "Llama" or "CodeLlama" or "Gemma" => Marks(file, settings, bos: true, eos: false),
            "T5" => Extra(Marks(file, settings, bos: false, eos: true), file, settings, T5ExtraIds),
            "MT5" => Extra(Marks(file, settings, bos: false, eos: true), file, settings, 0),
            "XLMRoberta" => Fairseq(settings, [], maskTakesBlank: false),
            "Camembert" => Camembert(settings),
            "MBart" => MBart(settings),
            "Pegasus" => Pegasus(file, settings),
            "DebertaV2" => DebertaV2(file, settings),
            _ => Marks(file, settings, bos: false, eos: false),
        };
        if (settings.Class.Name != "DebertaV2" && settings.Flag("do_lower_case") == true) Ignored(settings, "do_lower_case");
        return layout;
    }

    /// <summary>The file's rules with the class's option of the blank before a text.</summary>
    public static SentencePieceFile WithPrefix(SentencePieceFile file, FolderSettings settings)
    {
        if (settings.Flag("add_prefix_space") is not { } prefix || prefix == file.Normalizer.AddDummyPrefix) return file;
        if (settings.Class.HasMetaspacePrefix) return file with { Normalizer = file.Normalizer with { AddDummyPrefix = prefix } };
        Ignored(settings, "add_prefix_space");
        return file;
    }

    private static void Ignored(FolderSettings settings, string key)
    {
        settings.WithoutEffect(key);
        settings.Warn($"{key} has no effect with {(settings.Class.Name.Length == 0 ? "no tokenizer class" : settings.Class.Name + "Tokenizer")} beside a SentencePiece model.");
    }

    private static string Token(FolderSettings settings, string role, string usual) => settings.Role(role) ?? usual;

    private static AddedToken Special(string token) => new(token) { Special = true };

    /// <summary>The file's ids, with its own marks before and after each text.</summary>
    private static SentencePieceLayout Marks(SentencePieceFile file, FolderSettings settings, bool bos, bool eos) => SentencePieceLayout.Marks(
        settings.Flag("add_bos_token") ?? bos ? file.BosPiece : null, settings.Flag("add_eos_token") ?? eos ? file.EosPiece : null);

    /// <summary>T5's sentinels after the vocabulary, the highest number first.</summary>
    private static SentencePieceLayout Extra(SentencePieceLayout layout, SentencePieceFile file, FolderSettings settings, int usual)
    {
        int count = settings.Option("extra_ids") is { IsNull: false } given ? given.Integer(0, MostExtraIds) : usual;
        string[] sentinels = [.. Enumerable.Range(0, count).Select(i => FormattableString.Invariant($"<extra_id_{i}>"))];
        return layout with
        {
            After = [.. sentinels.Reverse()],
            Specials = [.. file.Pieces.Where(piece => piece.Type is SentencePieceType.Control or SentencePieceType.Unknown).Select(piece => Special(piece.Text)), .. sentinels.Select(Special)],
        };
    }

    /// <summary>XLM-RoBERTa and MBart: fairseq's four special tokens, the file's pieces one higher, further tokens and the mask at the
    /// end.</summary>
    private static SentencePieceLayout Fairseq(FolderSettings settings, string[] further, bool maskTakesBlank)
    {
        string start = Token(settings, "cls_token", Token(settings, "bos_token", "<s>")), pad = Token(settings, "pad_token", "<pad>");
        string end = Token(settings, "sep_token", Token(settings, "eos_token", "</s>")), unknown = Token(settings, "unk_token", "<unk>"), mask = Token(settings, "mask_token", "<mask>");
        return new SentencePieceLayout
        {
            Before = [start, pad, end, unknown],
            FirstPiece = 3,
            UnknownId = 3,
            After = [.. further, mask],
            Specials = [Special(start), Special(pad), Special(end), Special(unknown), .. further.Select(Special), Special(mask) with { LeftStrip = maskTakesBlank }],
        }.With([start, "$A", end], [start, "$A", end, end, "$B", end]);
    }

    private static SentencePieceLayout Camembert(FolderSettings settings)
    {
        string start = Token(settings, "cls_token", "<s>"), pad = Token(settings, "pad_token", "<pad>"), end = Token(settings, "sep_token", "</s>");
        string unknown = Token(settings, "unk_token", "<unk>"), mask = Token(settings, "mask_token", "<mask>");
        return new SentencePieceLayout
        {
            Before = ["<s>NOTUSED", pad, "</s>NOTUSED", unknown, "<unk>NOTUSED"],
            FirstPiece = 1,
            UnknownId = 3,
            After = [mask],
            Specials = [Special("<s>NOTUSED"), Special(pad), Special("</s>NOTUSED"), Special(unknown), Special("<unk>NOTUSED"), Special(start), Special(end), Special(mask) with { LeftStrip = true }],
        }.With([start, "$A", end], [start, "$A", end, end, "$B", end]);
    }

    private static SentencePieceLayout MBart(FolderSettings settings)
    {
        JsonScope source = settings.Option("src_lang");
        string language = source.TextOrNull() ?? "en_XX", end = Token(settings, "sep_token", Token(settings, "eos_token", "</s>"));
        if (!MBartLanguages.Contains(language)) throw source.Wrong($"is \"{Printable.Shorten(language)}\"; one of {string.Join(", ", MBartLanguages)} was expected");
        return Fairseq(settings, MBartLanguages, maskTakesBlank: true).With(["$A", end, language], ["$A", "$B", end, language]);
    }

    private static SentencePieceLayout Pegasus(SentencePieceFile file, FolderSettings settings)
    {
        JsonScope given = settings.Option("offset");
        int offset = given.IsNull ? PegasusOffset : given.Integer(0, MostExtraIds);
        string pad = Token(settings, "pad_token", "<pad>"), end = Token(settings, "eos_token", "</s>");
        SentencePieceLayout layout;
        if (offset < 2)
        {
            if (offset == 1) throw given.Wrong("is 1; 0 or at least 2 was expected, for the mask tokens before the file's pieces");
            layout = new SentencePieceLayout { Specials = [Special(pad), Special(end), Special(file.Pieces[file.UnknownId].Text)] };
        }
        else
        {
            string sentence = settings.Option("mask_token_sent").TextOrNull() ?? "<mask_1>", mask = Token(settings, "mask_token", "<mask_2>");
            string[] before = [pad, end, sentence, mask, .. Enumerable.Range(2, offset - 2).Select(i => FormattableString.Invariant($"<unk_{i}>"))];
            layout = new SentencePieceLayout
            {
                Before = before,
                FirstPiece = 2,
                UnknownId = file.UnknownId + offset,
                Specials = [.. before.Select(Special), Special(file.Pieces[file.UnknownId].Text)],
            };
        }

        return layout.With(["$A", end], ["$A", "$B", end]);
    }

    private static SentencePieceLayout DebertaV2(SentencePieceFile file, FolderSettings settings)
    {
        if (settings.Flag("split_by_punct") == true)
            throw settings.Option("split_by_punct").Wrong("is true, which a SentencePiece model without tokenizer.json does not follow; add the folder's tokenizer.json, or set false");
        string start = Token(settings, "cls_token", "[CLS]"), end = Token(settings, "sep_token", "[SEP]"), pad = Token(settings, "pad_token", "[PAD]");
        string unknown = Token(settings, "unk_token", "[UNK]"), mask = Token(settings, "mask_token", "[MASK]");
        bool hasMask = file.Pieces.Any(piece => piece.Text == mask);
        return new SentencePieceLayout
        {
            After = hasMask ? [] : [mask],
            Specials = [Special(pad), Special(start), Special(end), Special(unknown), Special(mask)],
            Lowercase = settings.Flag("do_lower_case") ?? false,
        }.With([start, "$A", end], [start, "$A", end, "$B:1", end + ":1"]);
    }
}
