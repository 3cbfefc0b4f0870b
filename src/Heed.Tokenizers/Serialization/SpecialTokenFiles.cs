using System.Globalization;
using System.Text.Json;

namespace Heed.Tokenizers.Serialization;

/// <summary>
/// What tokenizer_config.json, special_tokens_map.json and added_tokens.json say about tokens, in the forms of transformers 4 and 5.
/// </summary>
internal sealed class SpecialTokenFiles
{
    private const long LargestFile = 64 << 20;

    private static readonly string[] Names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Dictionary<string, string> _named = new(StringComparer.Ordinal);
    private readonly List<AddedToken> _tokens = [];
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly HashSet<string> _decoded = new(StringComparer.Ordinal);
    private JsonDocument? _config;

    /// <summary>Tokens by role, e.g. <c>eos_token</c>.</summary>
    public IReadOnlyDictionary<string, string> Named => _named;

    /// <summary>The added tokens in the order of their ids, those without an id last.</summary>
    public IReadOnlyList<AddedToken> Tokens => [.. _tokens.Where(token => token.Id >= 0).OrderBy(token => token.Id), .. _tokens.Where(token => token.Id < 0)];

    /// <summary>tokenizer_config.json, or null where there is none.</summary>
    public JsonScope? Config { get; private set; }

    /// <summary>Whether <c>added_tokens_decoder</c> gives this token, which then says all its flags.</summary>
    public bool IsDecoded(AddedToken token) => _decoded.Contains(token.Content);

    public static SpecialTokenFiles Read(IModelFiles store)
    {
        SpecialTokenFiles files = new();
        StoredFile added = new(store, "added_tokens.json");
        StoredFile config = new(store, "tokenizer_config.json");
        StoredFile map = new(store, "special_tokens_map.json");
        if (config.Exists)
        {
            files._config = config.ReadJson(LargestFile);
            files.Config = new JsonScope(files._config.RootElement, config.Path, "$");
            files.Config.Value.ExpectObject();
            files.ReadDecoder(files.Config.Value.Optional("added_tokens_decoder"));
        }

        if (added.Exists)
        {
            using JsonDocument document = added.ReadJson(LargestFile);
            foreach ((string token, JsonScope id) in new JsonScope(document.RootElement, added.Path, "$").Members())
                files.Add(new AddedToken(token) { Id = id.Integer(), Normalized = true }, replace: false);
        }

        if (files.Config is { } root) files.ReadRoles(root);
        if (map.Exists)
        {
            using JsonDocument document = map.ReadJson(LargestFile);
            files.ReadRoles(new JsonScope(document.RootElement, map.Path, "$"));
        }

        return files;
    }

    /// <summary><c>"added_tokens_decoder": {"5": {"content": …}}</c>.</summary>
    private void ReadDecoder(JsonScope json)
    {
        if (json.IsNull) return;
        foreach ((string key, JsonScope value) in json.Members())
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id)) throw value.Wrong("has a key that is not an id");
            AddedToken token = ReadToken(value) with { Id = id };
            _decoded.Add(token.Content);
            Add(token, replace: true);
        }
    }

    private void ReadRoles(JsonScope json)
    {
        foreach (string name in Names)
        {
            JsonScope role = json.Optional(name);
            if (role.IsNull) continue;
            AddedToken token = ReadToken(role);
            _named.TryAdd(name, token.Content);
            // A mask takes the blank before it, unless the file says otherwise.
            Add(token with { Special = true, Normalized = role.IsObject && token.Normalized }, replace: false);
        }

        foreach (string name in (string[])["additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"])
        {
            JsonScope list = json.Optional(name);
            if (list.IsNull) continue;
            if (list.IsObject)
            {
                foreach ((string role, JsonScope value) in list.Members())
                {
                    AddedToken token = ReadToken(value);
                    _named.TryAdd(role, token.Content);
                    Add(token with { Special = true, Normalized = value.IsObject && token.Normalized }, replace: false);
                }
            }
            else
            {
                foreach (JsonScope item in list.Items())
                    Add(ReadToken(item) with { Special = true, Normalized = item.IsObject && ReadToken(item).Normalized }, replace: false);
            }
        }
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
