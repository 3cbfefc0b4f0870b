using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Heed.Explorer.Serving;

/// <summary>One file of the front end.</summary>
/// <param name="Name">Its path, such as <c>pages/tokens.js</c>.</param>
/// <param name="Type">Its media type.</param>
/// <param name="Bytes">Its content.</param>
/// <param name="Tag">Its entity tag, with the quotes.</param>
internal sealed record StaticFile(string Name, string Type, byte[] Bytes, string Tag)
{
    private byte[]? _brotli;

    /// <summary>The content compressed; null of what is compressed already.</summary>
    public byte[]? Brotli => Type.StartsWith("font/", StringComparison.Ordinal) || Type.StartsWith("image/png", StringComparison.Ordinal)
        ? null : _brotli ??= Compress(Bytes);

    private static byte[] Compress(byte[] bytes)
    {
        using MemoryStream target = new();
        using (BrotliStream brotli = new(target, CompressionLevel.SmallestSize)) brotli.Write(bytes);
        return target.ToArray();
    }
}

/// <summary>The front end, embedded in this assembly.</summary>
internal static class StaticFiles
{
    private const string Prefix = "Web/";

    private static readonly ConcurrentDictionary<string, StaticFile?> Read = new(StringComparer.Ordinal);

    /// <summary>The names of all files.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(StaticFiles).Assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix,
            StringComparison.Ordinal)).Select(n => n[Prefix.Length..]).Order(StringComparer.Ordinal),
    ];

    /// <summary>A file, or null if there is none of this name.</summary>
    public static StaticFile? Find(string name) => Read.GetOrAdd(name, static n =>
    {
        if (!Names.Contains(n)) return null;
        using Stream stream = typeof(StaticFiles).Assembly.GetManifestResourceStream(Prefix + n)!;
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        byte[] bytes = copy.ToArray();
        return new StaticFile(n, TypeOf(n), bytes, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]}\"");
    });

    /// <summary>The media type of a name.</summary>
    public static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".woff2" => "font/woff2",
        ".json" => "application/json; charset=utf-8",
        ".png" => "image/png",
        _ => "text/plain; charset=utf-8",
    };
}
