using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.SentencePiece;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Tiktoken;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads a folder: tokenizer.json, or the vocabulary files that came before it with the pipeline that transformers builds around
/// them; or one such file.</summary>
internal static class TokenizerFolderReader
{
    private const string EndOfText = "<|endoftext|>";
    private const string QwenWords = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly string[] ModelNames = ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "sentencepiece.model"];

    /// <summary>Reads one file, by its name: vocab.txt, vocab.json or merges.txt (with the other beside it), .model, .tiktoken; others as
    /// tokenizer.json.</summary>
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
        FolderSettings settings = FolderSettings.Read(file.Files);
        return Finish(Ends(".model") ? SentencePieceParts(file, settings)
            : Ends("merges.txt") ? ByteLevelBpe(Beside("merges.txt", "vocab.json"), file, settings)
            : Ends("vocab.json") ? ByteLevelBpe(file, Beside("vocab.json", "merges.txt"), settings)
            : WordPiece(file, settings), settings);
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
        StoredFile? Find(params string[] names) => names.FirstOrDefault(files.Contains) is { } name ? new StoredFile(files, name) : null;
        FolderSettings settings = FolderSettings.Read(files);
        if (Find("tokenizer.json") is { } whole) return Finish(ClassOptions.Apply(WithTokens(TokenizerJsonReader.ReadFile(whole), settings), settings), settings);
        if (Find("vocab.json") is { } vocab && Find("merges.txt") is { } merges) return Finish(ByteLevelBpe(vocab, merges, settings), settings);
        if (Find("vocab.txt") is { } words) return Finish(WordPiece(words, settings), settings);
        if (Find(ModelNames) is { } model) return Finish(SentencePieceParts(model, settings), settings);
        if (files.List("").Where(name => name.EndsWith(".tiktoken", StringComparison.Ordinal)).ToArray() is [string ranks])
            return Finish(TiktokenFile.Read(new StoredFile(files, ranks)).Parts, settings);
        throw new StorageException(
            $"{files.Location}: has no tokenizer: neither tokenizer.json, nor vocab.json with merges.txt, nor vocab.txt, nor a SentencePiece .model ({string.Join(", ", ModelNames)}), nor one .tiktoken file. Name a folder that has one.");
    }

    /// <summary>What counts for every form of folder, and the report.</summary>
    private static TokenizerParts Finish(TokenizerParts parts, FolderSettings settings)
        => ClassOptions.ApplyCommon(parts, settings) with { SpecialTokens = settings.Named, Report = settings.Report() };

    /// <summary>tokenizer.json with the tokens that the configuration adds to it: those it lacks, and, in their place, those whose flags
    /// <c>added_tokens_decoder</c> gives anew.</summary>
    private static TokenizerParts WithTokens(TokenizerParts parts, FolderSettings settings)
    {
        List<AddedToken> tokens = [.. parts.AddedTokens];
        foreach (AddedToken token in settings.Tokens)
        {
            int at = tokens.FindIndex(present => present.Content == token.Content);
            if (at < 0)
            {
                tokens.Add(token);
            }
            else if (settings.IsDecoded(token))
            {
                for (; at < tokens.Count; at++)
                    if (tokens[at].Content == token.Content) tokens[at] = token with { Id = tokens[at].Id };
            }
        }

        return parts with { AddedTokens = tokens };
    }

    /// <summary>GPT-2 and its family: byte-level BPE, between the special tokens of the class.</summary>
    private static TokenizerParts ByteLevelBpe(StoredFile vocab, StoredFile merges, FolderSettings settings)
    {
        settings.Class.Require(VocabularyKind.ByteLevelBpe, vocab.Path, settings, "GPT-2's byte-level BPE");
        List<int> lines = [];
        BpeModel model;
        try
        {
            model = new BpeModel(VocabularyFiles.ReadJson(vocab), VocabularyFiles.ReadMerges(merges, lines), new BpeOptions());
        }
        catch (MergeException e)
        {
            throw new InvalidFileException(merges.Path, $"line {lines[e.Index]}", $"needs the token \"{Printable.Shorten(e.Token)}\", which is not in {vocab.Path}; the two files belong to different tokenizers", e);
        }

        bool prefixSpace = settings.Flag("add_prefix_space") ?? false, roberta = settings.Class.IsRoberta, qwen = settings.Class.Name == "Qwen2";
        SpecialToken Marker(string role, string usual) => Special(settings, model, role, usual, vocab.Path);
        AddedToken[] added = [.. settings.Tokens.Select(token => roberta && token.Id < 0 && settings.Role("mask_token") == token.Content ? token with { LeftStrip = true } : token)];
        if (qwen && !added.Any(token => token.Content == EndOfText)) added = [new AddedToken(EndOfText) { Special = true }, .. added];
        ByteLevelPreTokenizer bytes = new(prefixSpace, trimOffsets: true, useRegex: !qwen);
        return new TokenizerParts
        {
            Source = vocab.Path,
            Model = model,
            Normalizer = qwen ? new UnicodeNormalizer(Unicode.NormalizationKind.Nfc) : null,
            PreTokenizer = qwen ? new SequencePreTokenizer([new SplitPreTokenizer(TextPattern.FromRegex(QwenWords, vocab.Path), SplitBehavior.Isolated, invert: false), bytes]) : bytes,
            PostProcessor = roberta
                ? new RobertaProcessing(Marker("sep_token", "</s>"), Marker("cls_token", "<s>"), settings.Flag("trim_offsets") ?? true, prefixSpace)
                : settings.Class.Name == "Deberta" ? BertTemplate(Marker("cls_token", "[CLS]"), Marker("sep_token", "[SEP]"))
                : new ByteLevelPostProcessor(addPrefixSpace: true, trimOffsets: false, useRegex: true),
            Decoder = new ByteLevelDecoder(addPrefixSpace: true, trimOffsets: true, useRegex: true),
            AddedTokens = added,
        };
    }

    /// <summary>A SentencePiece model: its own answers, under the ids and between the special tokens of the class.</summary>
    private static TokenizerParts SentencePieceParts(StoredFile model, FolderSettings settings)
    {
        settings.Class.Require(VocabularyKind.SentencePiece, model.Path, settings, "a plain SentencePiece model, with no special tokens around texts");
        SentencePieceFile file = SentencePieceLayouts.WithPrefix(SentencePieceFile.Read(model), settings);
        TokenizerParts parts = SentencePieceConverter.Raw(file, SentencePieceLayouts.Of(file, settings));
        return WithTokens(parts, settings);
    }

    /// <summary>BERT and its family: WordPiece with BERT's normalizer; MPNet between RoBERTa's special tokens.</summary>
    private static TokenizerParts WordPiece(StoredFile vocab, FolderSettings settings)
    {
        settings.Class.Require(VocabularyKind.WordPiece, vocab.Path, settings, "BERT's WordPiece, in lower case");
        bool mpnet = settings.Class.Name == "MPNet";
        List<KeyValuePair<string, int>> entries = VocabularyFiles.ReadText(vocab);
        if (entries[0].Key.StartsWith('\uFEFF'))
            settings.Warn($"{vocab.Path} begins with a byte-order mark, which is read as a part of its first token; save the file "
                + "without one.");
        string unknown = settings.Role("unk_token") ?? "[UNK]";
        if (!entries.Exists(entry => entry.Key == unknown))
            throw new InvalidFileException(vocab.Path, "", $"lacks the unknown token \"{Printable.Shorten(unknown)}\"; add it, or name another in tokenizer_config.json");
        WordPieceModel model = new(entries, unknown);
        SpecialToken separator = Special(settings, model, "sep_token", mpnet ? "</s>" : "[SEP]", vocab.Path);
        SpecialToken classifier = Special(settings, model, "cls_token", mpnet ? "<s>" : "[CLS]", vocab.Path);
        AddedToken[] added = [.. settings.Tokens];
        if (added.Length == 0)
        {
            added = [.. ((string[])[mpnet ? "<pad>" : "[PAD]", unknown, classifier.Token, separator.Token, mpnet ? "<mask>" : "[MASK]"])
                .Distinct(StringComparer.Ordinal).Where(token => model.IdOf(token) >= 0)
                .OrderBy(token => model.IdOf(token)).Select(token => new AddedToken(token) { Special = true })];
        }

        if (mpnet) added = [.. added.Select(token => token.Id < 0 && token.Content == (settings.Role("mask_token") ?? "<mask>") ? token with { LeftStrip = true } : token)];
        return new TokenizerParts
        {
            Source = vocab.Path,
            Model = model,
            Normalizer = new BertNormalizer(true, settings.Flag("tokenize_chinese_chars") ?? true, settings.Flag("strip_accents"), settings.Flag("do_lower_case") ?? true),
            PreTokenizer = new BertPreTokenizer(),
            PostProcessor = mpnet ? new RobertaProcessing(separator, classifier, trimOffsets: true, addPrefixSpace: false) : BertTemplate(classifier, separator),
            Decoder = new WordPieceDecoder("##", cleanup: true),
            AddedTokens = added,
        };
    }

    private static TemplateProcessing BertTemplate(SpecialToken classifier, SpecialToken separator)
    {
        TemplatePiece first = new(-1, classifier.Token, 0), end = new(-1, separator.Token, 0), a = new(0, "", 0);
        return new TemplateProcessing(
            [first, a, end], [first, a, end, new(1, "", 1), new(-1, separator.Token, 1)],
            [new TemplateToken(classifier.Token, [classifier.Id], [classifier.Token]), new TemplateToken(separator.Token, [separator.Id], [separator.Token])]);
    }

    private static SpecialToken Special(FolderSettings settings, ITokenModel model, string role, string usual, string file)
    {
        string token = settings.Role(role) ?? usual;
        int id = model.IdOf(token);
        if (id < 0) id = settings.Tokens.FirstOrDefault(added => added.Content == token)?.Id ?? -1;
        return id >= 0 ? new SpecialToken(token, id)
            : throw new InvalidFileException(file, "", $"lacks the {role} \"{Printable.Shorten(token)}\"; add it, or name another in tokenizer_config.json");
    }
}
