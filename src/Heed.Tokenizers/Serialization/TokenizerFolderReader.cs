using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.SentencePiece;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Tiktoken;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads a folder: tokenizer.json, or the vocabulary files that came before it with the pipeline that transformers builds around them; or one such file.</summary>
internal static class TokenizerFolderReader
{
    /// <summary>Reads one file, by its name: vocab.txt, vocab.json or merges.txt (with the other beside it), .model, .tiktoken; others as tokenizer.json.</summary>
    /// <remarks>Vocabulary files take the configuration files beside them into account, tokenizer.json stands alone.</remarks>
    public static TokenizerParts ReadFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path)) throw new StorageException($"{path}: is a folder, not a file; name tokenizer.json, vocab.txt, vocab.json, a SentencePiece .model or a .tiktoken file.");
        StoredFile file = StoredFile.OfPath(path);
        string name = file.Name;
        bool Ends(string end) => name.EndsWith(end, StringComparison.OrdinalIgnoreCase);
        StoredFile Beside(string from, string to)
        {
            StoredFile other = file.Beside(name[..^from.Length] + to);
            return other.Exists ? other : throw new StorageException($"{path}: has no {other.Name} beside it; byte-pair encoding needs both files.");
        }

        if (Ends(".tiktoken")) return TiktokenFile.Read(file).Parts;
        if (!Ends(".txt") && !Ends(".model") && !Ends("vocab.json")) return TokenizerJsonReader.ReadFile(file);
        SpecialTokenFiles tokens = SpecialTokenFiles.Read(file.Files);
        TokenizerParts parts = Ends(".model") ? SentencePieceModel(file, tokens)
            : Ends("merges.txt") ? ByteLevelBpe(Beside("merges.txt", "vocab.json"), file, tokens)
            : Ends("vocab.json") ? ByteLevelBpe(file, Beside("vocab.json", "merges.txt"), tokens)
            : Bert(file, tokens);
        return parts with { SpecialTokens = tokens.Named };
    }

    public static TokenizerParts Read(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder)) throw new StorageException($"{folder}: no such folder. Check the path.");
        return Read(new FolderModelFiles(folder));
    }

    public static TokenizerParts Read(IModelFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        StoredFile File(string name) => new(files, name);
        SpecialTokenFiles tokens = SpecialTokenFiles.Read(files);
        TokenizerParts parts;
        if (files.Contains("tokenizer.json")) parts = WithTokens(TokenizerJsonReader.ReadFile(File("tokenizer.json")), tokens);
        else if (files.Contains("vocab.json") && files.Contains("merges.txt")) parts = ByteLevelBpe(File("vocab.json"), File("merges.txt"), tokens);
        else if (files.Contains("vocab.txt")) parts = Bert(File("vocab.txt"), tokens);
        else if (((string[])["tokenizer.model", "spiece.model", "sentencepiece.model"]).FirstOrDefault(files.Contains) is { } model) parts = SentencePieceModel(File(model), tokens);
        else if (files.List("").Where(name => name.EndsWith(".tiktoken", StringComparison.Ordinal)).ToArray() is [string ranks]) parts = TiktokenFile.Read(File(ranks)).Parts;
        else throw new StorageException($"{files.Location}: has no tokenizer: neither tokenizer.json, nor vocab.json with merges.txt, nor vocab.txt, nor a SentencePiece .model, nor one .tiktoken file. Name a folder that has one.");
        return parts with { SpecialTokens = tokens.Named };
    }

    /// <summary>tokenizer.json with the tokens that the configuration adds to it: those it lacks, and those whose flags <c>added_tokens_decoder</c> gives anew.</summary>
    private static TokenizerParts WithTokens(TokenizerParts parts, SpecialTokenFiles tokens)
    {
        HashSet<string> names = [.. parts.AddedTokens.Select(token => token.Content)];
        HashSet<AddedToken> same = [.. parts.AddedTokens.Select(token => token with { Id = -1 })];
        AddedToken[] more = [.. tokens.Tokens.Where(token => tokens.IsDecoded(token) ? !same.Contains(token with { Id = -1 }) : !names.Contains(token.Content))];
        return more.Length == 0 ? parts : parts with { AddedTokens = [.. parts.AddedTokens, .. more] };
    }

    /// <summary>GPT-2 and its family: byte-level BPE; RoBERTa's post-processor where the class asks for it.</summary>
    private static TokenizerParts ByteLevelBpe(StoredFile vocab, StoredFile merges, SpecialTokenFiles tokens)
    {
        List<int> lines = [];
        BpeModel model;
        try
        {
            model = new BpeModel(VocabularyFiles.ReadJson(vocab), VocabularyFiles.ReadMerges(merges, lines), new BpeOptions());
        }
        catch (MergeException e)
        {
            throw new InvalidFileException(merges.Path, $"line {lines[e.Index]}", $"needs the token \"{Printable.Shorten(e.Token)}\", which is not in {vocab}; the two files belong to different tokenizers", e);
        }

        bool prefixSpace = Option(tokens, "add_prefix_space", false);
        string kind = ClassName(tokens);
        bool roberta = kind is "Roberta" or "Bart" or "Longformer" or "LED" or "Deberta" or "Blenderbot" or "MVP";
        IPostProcessor processor = new ByteLevelPostProcessor(addPrefixSpace: true, trimOffsets: false, useRegex: true);
        if (roberta)
        {
            processor = new RobertaProcessing(
                Special(tokens, model, "sep_token", "</s>", vocab.Path), Special(tokens, model, "cls_token", "<s>", vocab.Path),
                Option(tokens, "trim_offsets", true), prefixSpace);
        }

        AddedToken[] added = [.. tokens.Tokens.Select(token => roberta && token.Id < 0 && tokens.Named.GetValueOrDefault("mask_token") == token.Content ? token with { LeftStrip = true } : token)];
        return new TokenizerParts
        {
            Source = vocab.Path,
            Model = model,
            PreTokenizer = new ByteLevelPreTokenizer(prefixSpace, trimOffsets: true, useRegex: true),
            PostProcessor = processor,
            Decoder = new ByteLevelDecoder(addPrefixSpace: true, trimOffsets: true, useRegex: true),
            AddedTokens = added,
        };
    }

    /// <summary>LLaMA, T5 and their families: the model file's own pipeline, with the marks that the class puts around texts.</summary>
    private static TokenizerParts SentencePieceModel(StoredFile file, SpecialTokenFiles tokens)
    {
        const int ExtraIds = 100;
        string kind = ClassName(tokens);
        bool t5 = kind is "T5" or "MT5";
        SentencePieceConversion conversion = new()
        {
            AddBos = Option(tokens, "add_bos_token", kind is "Llama" or "CodeLlama" or "Gemma"),
            AddEos = Option(tokens, "add_eos_token", t5),
            ExtraIds = kind != "T5" ? 0 : tokens.Config?.Optional("extra_ids") is { IsNull: false } count ? StrictJson.Integer(count.Element, count.File, count.Path, 0, 10_000) : ExtraIds,
        };
        TokenizerParts parts = SentencePieceConverter.Convert(SentencePieceFile.Read(file), conversion);
        HashSet<string> present = [.. parts.AddedTokens.Select(token => token.Content)];
        return parts with { AddedTokens = [.. parts.AddedTokens, .. tokens.Tokens.Where(token => !present.Contains(token.Content))] };
    }

    /// <summary>BERT and its family: WordPiece with BERT's normalizer.</summary>
    private static TokenizerParts Bert(StoredFile vocab, SpecialTokenFiles tokens)
    {
        List<KeyValuePair<string, int>> entries = VocabularyFiles.ReadText(vocab);
        string unknown = tokens.Named.GetValueOrDefault("unk_token") ?? "[UNK]";
        if (!entries.Exists(entry => entry.Key == unknown)) throw new InvalidFileException(vocab.Path, "", $"lacks the unknown token \"{Printable.Shorten(unknown)}\"; add it, or name another in tokenizer_config.json");
        WordPieceModel model = new(entries, unknown);
        SpecialToken separator = Special(tokens, model, "sep_token", "[SEP]", vocab.Path);
        SpecialToken classifier = Special(tokens, model, "cls_token", "[CLS]", vocab.Path);
        JsonScope? strip = tokens.Config?.Optional("strip_accents");
        AddedToken[] added = [.. tokens.Tokens];
        if (added.Length == 0)
        {
            added = [.. ((string[])["[PAD]", unknown, classifier.Token, separator.Token, "[MASK]"]).Distinct(StringComparer.Ordinal).Where(token => model.IdOf(token) >= 0)
                .OrderBy(token => model.IdOf(token)).Select(token => new AddedToken(token) { Special = true })];
        }

        TemplatePiece first = new(-1, classifier.Token, 0), end = new(-1, separator.Token, 0), a = new(0, "", 0);
        return new TokenizerParts
        {
            Source = vocab.Path,
            Model = model,
            Normalizer = new BertNormalizer(true, Option(tokens, "tokenize_chinese_chars", true), strip is { IsNull: false } given ? given.Boolean() : null, Option(tokens, "do_lower_case", true)),
            PreTokenizer = new BertPreTokenizer(),
            PostProcessor = new TemplateProcessing(
                [first, a, end], [first, a, end, new(1, "", 1), new(-1, separator.Token, 1)],
                [new TemplateToken(classifier.Token, [classifier.Id], [classifier.Token]), new TemplateToken(separator.Token, [separator.Id], [separator.Token])]),
            Decoder = new WordPieceDecoder("##", Option(tokens, "clean_up_tokenization_spaces", true)),
            AddedTokens = added,
        };
    }

    private static bool Option(SpecialTokenFiles tokens, string name, bool absent) => tokens.Config?.Boolean(name, absent) ?? absent;

    private static string ClassName(SpecialTokenFiles tokens)
    {
        string name = tokens.Config?.Optional("tokenizer_class").TextOrNull() ?? "";
        int cut = name.IndexOf("Tokenizer", StringComparison.Ordinal);
        return cut < 0 ? name : name[..cut];
    }

    private static SpecialToken Special(SpecialTokenFiles tokens, ITokenModel model, string role, string usual, string file)
    {
        string token = tokens.Named.GetValueOrDefault(role) ?? usual;
        int id = model.IdOf(token);
        if (id < 0) id = tokens.Tokens.FirstOrDefault(added => added.Content == token)?.Id ?? -1;
        return id >= 0 ? new SpecialToken(token, id)
            : throw new InvalidFileException(file, "", $"lacks the {role} \"{Printable.Shorten(token)}\"; add it, or name another in tokenizer_config.json");
    }
}
