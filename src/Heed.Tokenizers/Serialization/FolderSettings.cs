using System.Globalization;
using System.Text.Json;

namespace Heed.Tokenizers.Serialization;

/// <summary>
/// tokenizer_config.json, special_tokens_map.json and added_tokens.json of one folder, in the forms of transformers 4 and 5, and a note of
/// each key that was asked for.
/// </summary>
/// <remarks>
/// As in transformers 5: where the configuration has <c>added_tokens_decoder</c>, the two other files are not read; where it has not,
/// special_tokens_map.json goes before it.
/// </remarks>
internal sealed class FolderSettings
{
    private const long LargestFile = 64 << 20;
    private const string ConfigName = "tokenizer_config.json", MapName = "special_tokens_map.json", AddedName = "added_tokens.json";
    private const string AdditionalTokens = "additional_special_tokens", ExtraTokens = "extra_special_tokens", ModelTokens = "model_specific_special_tokens";

    private readonly IModelFiles _files;
    private readonly Dictionary<string, AddedToken> _roles = new(StringComparer.Ordinal);
    private readonly List<AddedToken> _tokens = [];
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly HashSet<string> _decoded = new(StringComparer.Ordinal);
    private readonly HashSet<string> _followed = new(StringComparer.Ordinal);
    private readonly List<string> _mapKeys = [];
    private readonly List<string> _addedKeys = [];
    private readonly List<string> _warnings = [];
    private readonly List<Action<Tokenizer, Action<string>>> _checks = [];
    private JsonScope? _config;
    private JsonScope? _map;
    private bool _othersRead = true;

    private FolderSettings(IModelFiles files) => _files = files;

    /// <summary>Tokens by role, e.g. <c>eos_token</c>.</summary>
    public IReadOnlyDictionary<string, string> Named => _roles.ToDictionary(role => role.Key, role => role.Value.Content, StringComparer.Ordinal);

    /// <summary>The added tokens in the order of their ids, those without an id last.</summary>
    public IReadOnlyList<AddedToken> Tokens => [.. _tokens.Where(token => token.Id >= 0).OrderBy(token => token.Id), .. _tokens.Where(token => token.Id < 0)];

    /// <summary>The tokenizer class that the folder names.</summary>
    public TokenizerClass Class { get; private set; } = TokenizerClass.None;

    /// <summary>Whether <c>added_tokens_decoder</c> gives this token, which then says all its flags.</summary>
    public bool IsDecoded(AddedToken token) => _decoded.Contains(token.Content);

    public static FolderSettings Read(IModelFiles files)
    {
        FolderSettings settings = new(files);
        if (settings.Open(ConfigName) is { } config)
        {
            config.ExpectObject();
            settings._config = config;
            settings.ReadDecoder();
            settings.ReadRoles(config);
        }

        settings.ReadOtherFiles();
        settings.ReadLists();
        settings.Class = TokenizerClass.Of(settings, () => settings.Open("config.json"));
        return settings;
    }

    /// <summary>A key of tokenizer_config.json, which counts as followed; <see cref="JsonScope.IsNull"/> where it is missing or
    /// null.</summary>
    public JsonScope Option(string key)
    {
        _followed.Add(key);
        return _config is { } config ? config.Optional(key) : new JsonScope(default, _files.PathOf(ConfigName), $"$.{key}");
    }

    /// <summary>A flag that may be missing or null.</summary>
    public bool? Flag(string key) => Option(key) is { IsNull: false } given ? given.Boolean() : null;

    public string? Role(string role) => _roles.TryGetValue(role, out AddedToken? token) ? token.Content : null;

    /// <summary>Takes back that a key was followed: it was asked for, but had no effect.</summary>
    public void WithoutEffect(string key) => _followed.Remove(key);

    public void Warn(string warning) => _warnings.Add($"{_files.PathOf(ConfigName)}: {warning}");

    /// <summary>A check that needs the whole tokenizer.</summary>
    public void Check(Action<Tokenizer, Action<string>> check) => _checks.Add((tokenizer, warn) => check(tokenizer, warning => warn($"{_files.PathOf(ConfigName)}: {warning}")));

    /// <summary>What became of each key; null where there is none of the files.</summary>
    public TokenizerFolderReport? Report()
    {
        if (_config is null && _mapKeys.Count == 0 && _addedKeys.Count == 0 && _warnings.Count == 0) return null;
        List<string> followed = [], without = [], unknown = [], warnings = [.. _warnings];
        foreach ((string key, _) in _config?.Members() ?? [])
        {
            string entry = $"{ConfigName}: {Printable.Shorten(key)}";
            if (_followed.Contains(key) || _roles.ContainsKey(key) || IsRole(key)) followed.Add(entry);
            else if (SettingKeys.AreWithoutEffect(key)) without.Add(entry);
            else unknown.Add(entry);
        }

        if (unknown.Count > 0)
            warnings.Add($"{_files.PathOf(ConfigName)}: has keys that are not known and not followed: {Printable.Shorten(string.Join(", ", unknown.Select(entry => entry[(ConfigName.Length + 2)..])), 300)}; remove them if they are mistyped.");
        (_othersRead ? followed : without).AddRange([.. _mapKeys.Select(key => $"{MapName}: {Printable.Shorten(key)}"), .. _addedKeys.Select(key => $"{AddedName}: {Printable.Shorten(key)}")]);
        TokenizerFolderReport report = new() { Followed = followed, WithoutEffect = without, Unknown = unknown };
        report.Add(warnings, [.. _checks, CheckIds]);
        return report;
    }

    /// <summary>A token whose id the files give, but which lies elsewhere: the vocabulary decides, as in the reference.</summary>
    private void CheckIds(Tokenizer tokenizer, Action<string> warn)
    {
        foreach (AddedToken token in _tokens)
        {
            if (token.Id >= 0 && tokenizer.TokenToId(token.Content) is { } id && id != token.Id)
                warn($"{_files.PathOf(_decoded.Contains(token.Content) ? ConfigName : AddedName)}: gives \"{Printable.Shorten(token.Content)}\" the id {token.Id}, but the vocabulary makes it {id}, which counts.");
        }
    }

    private static bool IsRole(string key) => key.EndsWith("_token", StringComparison.Ordinal) && !key.StartsWith("add_", StringComparison.Ordinal);

    private JsonScope? Open(string name)
    {
        StoredFile file = new(_files, name);
        if (!file.Exists) return null;
        using JsonDocument document = file.ReadJson(LargestFile);
        return new JsonScope(document.RootElement.Clone(), file.Path, "$");
    }

    /// <summary><c>"added_tokens_decoder": {"5": {"content": …}}</c>.</summary>
    private void ReadDecoder()
    {
        JsonScope json = Option("added_tokens_decoder");
        if (json.IsNull) return;
        _othersRead = false;
        foreach ((string key, JsonScope value) in json.Members())
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id)) throw value.Wrong("has a key that is not an id");
            AddedToken token = ReadToken(value) with { Id = id };
            _decoded.Add(token.Content);
            Add(token, replace: true);
        }
    }

    private void ReadOtherFiles()
    {
        if (Open(AddedName) is { } added)
        {
            foreach ((string token, JsonScope id) in added.Members())
            {
                _addedKeys.Add(token);
                if (_othersRead) Add(new AddedToken(token) { Id = id.Integer(), Normalized = true }, replace: false);
            }
        }

        if (Open(MapName) is not { } map) return;
        foreach ((string key, _) in map.Members()) _mapKeys.Add(key);
        if (!_othersRead) return;
        ReadRoles(map);
        _map = map;
    }

    /// <summary>Any key that ends in <c>_token</c> names a token, the usual ones and others such as <c>image_token</c>.</summary>
    private void ReadRoles(JsonScope json)
    {
        foreach ((string key, JsonScope value) in json.Members())
        {
            if (!IsRole(key) || value.IsNull) continue;
            AddedToken token = ReadToken(value);
            _roles[key] = token with { Special = true, Normalized = value.IsObject && token.Normalized };
        }
    }

    /// <summary>Lists of further tokens, then the tokens of all roles; <c>additional_special_tokens</c> counts only without
    /// <c>extra_special_tokens</c>.</summary>
    private void ReadLists()
    {
        List<AddedToken> listed = [];
        JsonScope extra = List(ExtraTokens), additional = List(AdditionalTokens);
        foreach (JsonScope list in (JsonScope[])[extra, List(ModelTokens), .. extra.IsNull ? [additional] : (JsonScope[])[]])
        {
            if (list.IsNull) continue;
            if (list.IsObject)
            {
                foreach ((string role, JsonScope value) in list.Members()) _roles.TryAdd(role, Read(value));
            }
            else
            {
                listed.AddRange(list.Items().Select(Read));
            }
        }

        foreach (AddedToken token in (AddedToken[])[.. _roles.Values, .. listed]) Add(token, replace: false);
        if (extra.IsNull || additional.IsNull) return;
        WithoutEffect(AdditionalTokens);
        if (additional.IsArray && additional.Items().Any(item => !_index.ContainsKey(ReadToken(item).Content))) Warn($"{AdditionalTokens} is not followed, since {ExtraTokens} is there too; put its tokens there.");

        static AddedToken Read(JsonScope value)
        {
            AddedToken token = ReadToken(value);
            return token with { Special = true, Normalized = value.IsObject && token.Normalized };
        }
    }

    private JsonScope List(string key)
    {
        JsonScope given = Option(key);
        return _map is { } map && map.Optional(key) is { IsNull: false } mapped ? mapped : given;
    }

    private void Add(AddedToken token, bool replace)
    {
        if (token.Content.Length == 0) return;
        if (!_index.TryGetValue(token.Content, out int at))
        {
            _index.Add(token.Content, _tokens.Count);
            _tokens.Add(token);
        }
        else if (replace)
        {
            _tokens[at] = token;
        }
        else if (token.Special && !_tokens[at].Special)
        {
            _tokens[at] = _decoded.Contains(token.Content) ? _tokens[at] with { Special = true } : token with { Id = _tokens[at].Id };
        }
    }

    private static AddedToken ReadToken(JsonScope json)
    {
        if (!json.IsObject) return new AddedToken(json.Text());
        return new AddedToken(json["content"].Text())
        {
            SingleWord = json.Boolean("single_word", false),
            LeftStrip = json.Boolean("lstrip", false),
            RightStrip = json.Boolean("rstrip", false),
            Normalized = json.Boolean("normalized", true),
            Special = json.Boolean("special", false),
        };
    }
}
