using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Cli.Commands;

/// <summary>What became of each key of <c>config.json</c> and <c>generation_config.json</c>: followed, refused unless switched off, without
/// effect, unknown.</summary>
internal sealed class ConfigKeyReport
{
    private static readonly (ConfigKeyUse Use, string Title, string Name)[] Groups =
    [
        (ConfigKeyUse.Followed, "followed", "followed"),
        (ConfigKeyUse.Guarded, "refused unless off", "refused_unless_off"),
        (ConfigKeyUse.WithoutEffect, "without effect", "without_effect"),
        (ConfigKeyUse.Unknown, "unknown, no effect", "unknown"),
    ];

    private readonly List<(string File, IReadOnlyList<(string Key, ConfigKeyUse Use)> Keys)> _files = [];

    /// <summary>The keys of a model folder, or of a <c>config.json</c> alone.</summary>
    /// <param name="config">The configuration that was read.</param>
    /// <param name="files">The folder; null for a file alone.</param>
    /// <exception cref="InvalidFileException">A setting of generation is refused.</exception>
    public static ConfigKeyReport Of(ModelDescription config, IModelFiles? files)
    {
        ConfigKeyReport report = new();
        bool ownFile = files?.Contains(ModelFolder.GenerationConfigName) == true;
        // Settings of generation in config.json count only if they have no file of their own.
        report._files.Add((ModelFolder.ConfigName, [.. config.Keys.Select(key =>
            (key.Key, !ownFile && key.Use == ConfigKeyUse.WithoutEffect && ConfigKeyList.Generation.Contains(key.Key) ? ConfigKeyUse.Followed : key.Use))]));
        if (files is not null) report.AddTokenizer(files);
        if (!ownFile) return report;
        StoredFile file = new(files!, ModelFolder.GenerationConfigName);
        using JsonDocument document = file.ReadJson(16 << 20);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InvalidFileException(file.Path, "$", $"is {StrictJson.Describe(document.RootElement)}; an object was expected. Correct the file");
        ConfigKeys keys = new();
        _ = new GenerationConfig().With(new ConfigReader(document.RootElement, file.Path).NotedIn(keys));
        report._files.Add((file.Name, keys.Of(document.RootElement, key => ConfigKeyList.GenerationWithoutEffect.Contains(key))));
        return report;
    }

    /// <summary>The settings beside a tokenizer, file by file; a folder without a tokenizer, or with one that does not open, adds none: the
    /// commands that read it say why.</summary>
    private void AddTokenizer(IModelFiles files)
    {
        TokenizerFolderReport? read;
        try
        {
            read = Tokenizer.FromFiles(files).Report;
        }
        catch (HeedException)
        {
            return;
        }

        if (read is null) return;
        (IReadOnlyList<string> Settings, ConfigKeyUse Use)[] groups =
            [(read.Followed, ConfigKeyUse.Followed), (read.WithoutEffect, ConfigKeyUse.WithoutEffect), (read.Unknown, ConfigKeyUse.Unknown)];
        foreach (IGrouping<string, (string File, string Key, ConfigKeyUse Use)> file in groups
            .SelectMany(group => group.Settings.Select(setting => (File: setting.Split(": ", 2)[0], Key: setting.Split(": ", 2)[^1], group.Use)))
            .GroupBy(setting => setting.File))
            _files.Add((file.Key, [.. file.Select(setting => (setting.Key, setting.Use))]));
    }

    /// <summary>Prints the groups of each file, those without a key left out.</summary>
    public void Show(Terminal terminal)
    {
        foreach ((string file, IReadOnlyList<(string Key, ConfigKeyUse Use)> keys) in _files)
        {
            terminal.Line();
            terminal.Line(terminal.Bold($"keys of {file}"));
            foreach ((ConfigKeyUse use, string title, _) in Groups)
            {
                string[] names = [.. keys.Where(key => key.Use == use).Select(key => Printable.Shorten(Printable.Escape(key.Key), 60))];
                if (names.Length > 0) Columns.List(terminal, $"  {title,-20}", string.Join(", ", names));
            }
        }
    }

    /// <summary>The same as JSON: file → group → keys.</summary>
    public JsonObject Json() => new(_files.Select(file => KeyValuePair.Create(file.File, (JsonNode?)new JsonObject(Groups.Select(group =>
        KeyValuePair.Create(group.Name, (JsonNode?)new JsonArray([.. file.Keys.Where(key => key.Use == group.Use).Select(key => (JsonNode)key.Key)])))))));
}
