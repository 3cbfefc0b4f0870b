using System.Text;
using System.Text.Json;
using Heed.Tokenizers.Serialization;

namespace Heed.Templates;

/// <summary>The chat templates of a model folder by name, with the special tokens that they print.</summary>
public sealed class ChatTemplates
{
    /// <summary>Name of the template that is used if none is named.</summary>
    public const string DefaultName = "default";

    /// <summary>Name of the template that is used where tools are given.</summary>
    public const string ToolUseName = "tool_use";

    private const long LargestFile = 16 << 20;

    private readonly SortedDictionary<string, (string Source, string File)> _templates = new(StringComparer.Ordinal);
    private readonly IModelFiles _files;

    private ChatTemplates(IModelFiles files) => _files = files;

    /// <summary>Names of the templates, sorted.</summary>
    public IReadOnlyCollection<string> Names => _templates.Keys;

    /// <summary>Special tokens of the folder (<c>bos_token</c>, <c>eos_token</c>, …), to be given as
    /// <see cref="ChatRequest.Variables"/>.</summary>
    public IReadOnlyDictionary<string, JsonElement> SpecialTokens { get; private set; } = new Dictionary<string, JsonElement>();

    /// <summary>
    /// Reads <c>chat_template</c> of tokenizer_config.json (a text, or named ones as a list or an object), then <c>chat_template.jinja</c>
    /// and <c>additional_chat_templates/*.jinja</c>, which go before it. A folder without any gives no names.
    /// </summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="StorageException">The folder or a file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is broken: not JSON, not UTF-8, or of another form.</exception>
    public static ChatTemplates FromFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder)) throw new StorageException($"{folder}: no such folder. Name a model folder with chat_template.jinja or tokenizer_config.json.");
        return FromFiles(new FolderModelFiles(folder));
    }

    /// <summary>As <see cref="FromFolder"/>, from the files of any store.</summary>
    /// <param name="store">The files of the model.</param>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is broken: not JSON, not UTF-8, or of another form.</exception>
    public static ChatTemplates FromFiles(IModelFiles store)
    {
        ArgumentNullException.ThrowIfNull(store);
        ChatTemplates templates = new(store);
        FolderSettings settings = FolderSettings.Read(store);
        templates.ReadConfig(settings.Option("chat_template"));
        templates.SpecialTokens = settings.Named.ToDictionary(token => token.Key, token => ToJson(token.Value), StringComparer.Ordinal);
        templates.ReadFiles();
        return templates;
    }

    /// <summary>Parses the template for a use: the named one, else <c>tool_use</c> where tools are given, else the default.</summary>
    /// <param name="name">Name of a template; null for the usual choice.</param>
    /// <param name="hasTools">Whether the conversation has tools.</param>
    /// <exception cref="UsageException">The folder has no such template.</exception>
    /// <exception cref="ChatTemplateException">The template is not valid.</exception>
    public ChatTemplate Choose(string? name = null, bool hasTools = false)
    {
        string chosen = name ?? (hasTools && _templates.ContainsKey(ToolUseName) ? ToolUseName : DefaultName);
        if (_templates.TryGetValue(chosen, out (string Source, string File) found)) return ChatTemplate.Parse(found.Source, found.File);
        throw new UsageException(_templates.Count == 0
            ? $"{_files.Location}: has no chat template; add chat_template.jinja, or give the text without a template."
            : $"{_files.Location}: has no chat template '{chosen}'; name one of {string.Join(", ", Names)}.");
    }

    private void ReadConfig(JsonScope json)
    {
        if (json.IsNull) return;
        if (json.IsObject)
        {
            foreach ((string name, JsonScope template) in json.Members()) _templates[name] = (template.Text(), $"{template.File}, {template.Path}");
            return;
        }

        if (!json.IsArray)
        {
            _templates[DefaultName] = (json.Text(), $"{json.File}, {json.Path}");
            return;
        }

        foreach (JsonScope item in json.Items())
        {
            item.ExpectObject();
            JsonScope template = item["template"];
            _templates[item["name"].Text()] = (template.Text(), $"{template.File}, {template.Path}");
        }
    }

    private void ReadFiles()
    {
        StoredFile main = new(_files, "chat_template.jinja");
        string[] additional = [.. _files.List("additional_chat_templates").Where(name => name.EndsWith(".jinja", StringComparison.Ordinal))];

        // Files replace what the configuration has, they do not add to it.
        if (main.Exists || additional.Length > 0) _templates.Clear();
        if (main.Exists) _templates[DefaultName] = (ReadText(main), main.Path);
        foreach (string name in additional) _templates[Path.GetFileNameWithoutExtension(name)] = (ReadText(new(_files, name)), _files.PathOf(name));
    }

    private static string ReadText(StoredFile file)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(file.ReadAll(LargestFile));
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidFileException(file.Path, "", "is not UTF-8; save the template as UTF-8", e);
        }
    }

    private static JsonElement ToJson(string text)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer)) writer.WriteStringValue(text);
        using JsonDocument document = JsonDocument.Parse(buffer.ToArray());
        return document.RootElement.Clone();
    }
}
