using System.Text;
using System.Text.Json;
using Heed.Templates;
using Heed.Tokenizers;

namespace Heed.Training.Finetuning;

/// <summary>The chat template of a run: the folder's own, one of a file, or ChatML.</summary>
internal sealed class ChatForm
{
    /// <summary>Name of the template that needs no file.</summary>
    public const string ChatMl = "chatml";

    /// <summary>The file of a model folder that holds its template.</summary>
    public const string FileName = "chat_template.jinja";

    private const string ChatMlEnd = "<|im_end|>";

    private readonly ChatTemplates _folder;
    private readonly ChatTemplate? _given;

    private ChatForm(ChatTemplates folder, ChatTemplate? given, string decision) => (_folder, _given, Decision) = (folder, given, decision);

    /// <summary>Which template it is, a sentence.</summary>
    public string Decision { get; }

    /// <summary>The template that is saved with the model; null: the folder's own files are.</summary>
    public string? Saved => _given?.Source;

    /// <summary>The special tokens that it prints.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables => _folder.SpecialTokens;

    /// <summary>The token that ends a turn and must end a text, if the template brings one of its own; else null.</summary>
    public string? End { get; private init; }

    /// <summary>The template for a conversation.</summary>
    public ChatTemplate For(bool hasTools) => _given ?? _folder.Choose(null, hasTools);

    /// <summary>All that decides what the model reads, for a sum.</summary>
    public IEnumerable<string> Parts => _given is not null ? [_given.Source] : _folder.Names.Select(n => _folder.Choose(n).Source);

    /// <summary>Finds the template of the settings, or the folder's.</summary>
    /// <exception cref="ConfigException">There is none.</exception>
    /// <exception cref="InputException">It cannot be parsed.</exception>
    public static ChatForm Of(FinetuningConfig config, Tokenizer tokenizer)
    {
        ChatTemplates folder = ChatTemplates.FromFolder(config.Model);
        if (config.ChatTemplate == ChatMl)
        {
            bool hasEnd = tokenizer.TokenToId(ChatMlEnd) is not null;
            if (!hasEnd && !folder.SpecialTokens.ContainsKey("eos_token"))
                throw new ConfigException($"chat_template: {ChatMl} ends each turn with {ChatMlEnd} or the tokenizer's eos_token, and the "
                    + $"tokenizer of {config.Model} has neither; name a template file whose turns end with a token of the model.");
            return new ChatForm(folder, ChatTemplate.Parse(ChatMlSource(hasEnd), ChatMl),
                $"chat template: {ChatMl}, turns end with {(hasEnd ? ChatMlEnd : "the tokenizer's eos_token")}; saved with the model")
            {
                End = hasEnd ? ChatMlEnd : null,
            };
        }

        if (config.ChatTemplate.Length > 0)
        {
            return new ChatForm(folder, ChatTemplate.Parse(Read(config.ChatTemplate), config.ChatTemplate),
                $"chat template: {Path.GetFileName(config.ChatTemplate)}; saved with the model");
        }

        return folder.Names.Contains(ChatTemplates.DefaultName) ? new ChatForm(folder, null, "chat template: the model folder's own")
            : throw new ConfigException($"chat_template: {config.Model} has none. Name a file that holds one, or {ChatMl}; it is saved with "
                + $"the model.");
    }

    private static string Read(string path)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(InputFile.ReadAll(path, 16 << 20));
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidFileException(path, "", "is not UTF-8; save the template as UTF-8", e);
        }
    }

    private static string ChatMlSource(bool hasEnd)
    {
        string end = hasEnd ? $"'{ChatMlEnd}'" : "eos_token";
        return "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
            + "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + " + end + " }}{% endgeneration %}"
            + "{% else %}{{ message['content'] + " + end + " }}{% endif %}{{ '\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    }
}
