using System.Runtime.InteropServices.JavaScript;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Heed;
using Heed.Generation;

[assembly: SupportedOSPlatform("browser")]

Console.WriteLine("ready");

/// <summary>What the page calls: files come in one by one, results go out as JSON.</summary>
internal static partial class Page
{
    private static readonly Dictionary<string, Dictionary<string, ReadOnlyMemory<byte>>> Models = [];

    /// <summary>Adds a file of a model.</summary>
    [JSExport]
    internal static void Add(string model, string name, byte[] bytes)
    {
        if (!Models.TryGetValue(model, out Dictionary<string, ReadOnlyMemory<byte>>? files)) Models[model] = files = [];
        files[name] = bytes;
    }

    /// <summary>Opens a model that writes, and lets it.</summary>
    [JSExport]
    internal static async Task<string> Generate(string model, string prompt, int count)
    {
        using HeedModel opened = await HeedModel.OpenAsync(new MemoryModelFiles(Models[model]));
        return opened.Generate(prompt, opened.Generation with { MaxNewTokens = count });
    }

    /// <summary>Opens an encoder and embeds a text.</summary>
    [JSExport]
    internal static async Task<string> Embed(string model, string text)
    {
        using HeedModel opened = await HeedModel.OpenAsync(new MemoryModelFiles(Models[model]));
        return new JsonArray([.. opened.Embed([text])[0].Select(value => (JsonNode)value)]).ToJsonString();
    }
}
