using System.Text.RegularExpressions;

namespace Heed.Hub;

/// <summary>Where the hub and its cache are, and who asks. Built from environment variables by <see cref="From"/>, or directly.</summary>
public sealed partial record HubSettings
{
    /// <summary>The folder of the cache, with one <c>models--ORG--NAME</c> folder a repository.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>The hub. The token is sent to this scheme, host and port alone.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>The access token, or null.</summary>
    public string? Token { get; init; }

    /// <summary>Whether nothing may be asked of the network.</summary>
    public bool Offline { get; init; }

    /// <summary>Hosts, beside the endpoint's, that a redirect may lead to though their address is private (a mirror's own
    /// storage).</summary>
    public IReadOnlyList<string> TrustedHosts { get; init; } = [];

    /// <summary>How long the server may be silent before the connection is given up, in real time.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Failed attempts in a row, without progress between them, before a download is given up.</summary>
    public int MaximumAttempts { get; init; } = 5;

    /// <summary>Reads the variables of this process.</summary>
    /// <exception cref="ConfigException">A variable holds a value that cannot be used.</exception>
    public static HubSettings FromProcess()
        => From(Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify));

    /// <summary>
    /// Reads <c>HF_HUB_CACHE</c>, <c>HF_HOME</c>, <c>XDG_CACHE_HOME</c>, <c>HF_ENDPOINT</c>, <c>HF_TOKEN</c>, <c>HF_TOKEN_PATH</c>,
    /// <c>HF_HUB_OFFLINE</c> and <c>HEED_HUB_TRUSTED_HOSTS</c>, with the meaning that huggingface_hub gives them.
    /// </summary>
    /// <param name="variable">Value of a variable, or null.</param>
    /// <param name="home">The user's folder, which need not exist.</param>
    /// <exception cref="ConfigException">A variable holds a value that cannot be used.</exception>
    public static HubSettings From(Func<string, string?> variable, string home)
    {
        ArgumentNullException.ThrowIfNull(variable);
        ArgumentNullException.ThrowIfNull(home);
        string? Get(string name) => variable(name)?.Trim() is { Length: > 0 } value ? value : null;
        string Home() => home.Length > 0 ? home : throw new ConfigException("The user's folder is not known, so the hub's cache has no place; set HOME, or HF_HOME and HF_HUB_CACHE to folders.");
        string? GetPath(string name)
        {
            if (Get(name) is not { } path) return null;
            if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal)) path = Home() + path[1..];
            // A variable that is not set stays as it is written, as in Python's expandvars.
            return VariableForm().Replace(path, match => variable(match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value) ?? match.Value);
        }

        string root = GetPath("HF_HOME") ?? Path.Combine(GetPath("XDG_CACHE_HOME") ?? Path.Combine(Home(), ".cache"), "huggingface");
        string endpoint = Get("HF_ENDPOINT") ?? "https://huggingface.co";
        if (!Uri.TryCreate(endpoint.TrimEnd('/'), UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
            throw new ConfigException($"HF_ENDPOINT is '{endpoint}'; an address such as https://huggingface.co is needed, without user name or query.");
        return new HubSettings
        {
            CacheFolder = GetPath("HF_HUB_CACHE") ?? GetPath("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(root, "hub"),
            Endpoint = uri,
            Token = CheckedToken(Get("HF_TOKEN") ?? ReadToken(GetPath("HF_TOKEN_PATH") ?? Path.Combine(root, "token"))),
            Offline = IsOn(Get("HF_HUB_OFFLINE")) || IsOn(Get("TRANSFORMERS_OFFLINE")),
            TrustedHosts = Get("HEED_HUB_TRUSTED_HOSTS")?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
        };
    }

    [GeneratedRegex(@"\$(?:([A-Za-z0-9_]+)|\{([^}]*)\})", RegexOptions.CultureInvariant)]
    private static partial Regex VariableForm();

    private static bool IsOn(string? value) => value?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static string? ReadToken(string path)
        => File.Exists(path) && System.Text.Encoding.UTF8.GetString(InputFile.ReadAll(path, 1 << 16)).Trim() is { Length: > 0 } token ? token : null;

    // The value itself is secret and is never shown.
    private static string? CheckedToken(string? token)
        => token is null || token.All(c => c is > ' ' and < '\x7F') ? token : throw new ConfigException("The hub token (HF_TOKEN or its file) holds blanks or other characters that no token has; store it again.");
}
