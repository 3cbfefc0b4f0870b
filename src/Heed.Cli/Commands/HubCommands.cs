using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Checkpoints;

namespace Heed.Cli.Commands;

/// <summary><c>heed pull</c>, <c>heed list</c>, <c>heed rm</c>: the hub cache.</summary>
internal static class HubCommands
{
    public static Command Pull(Terminal terminal)
    {
        Argument<string> repository = new("name") { Description = "ORG/NAME on the hub" };
        Option<string?> revision = new("--revision") { Description = "branch, tag or commit; main where not given" };
        Option<string[]> include = new("--include") { Description = "file patterns to fetch; all that Heed reads where not given", AllowMultipleArgumentsPerToken = true };
        Command command = new("pull", "Fetch a model into the hub cache; goes on where it stopped. Example: heed pull sentence-transformers/all-MiniLM-L6-v2") { repository, revision, include };
        command.SetAction(async (parsed, stop) =>
        {
            using HubClient client = new(HubSettings.FromProcess());
            HubPullOptions options = new();
            if (parsed.GetValue(revision) is { } r) options = options with { Revision = r };
            if (parsed.GetValue(include) is { Length: > 0 } patterns) options = options with { Include = patterns };
            HubSnapshot snapshot = await client.PullAsync(parsed.GetRequiredValue(repository), options, new Reporter<HubProgress>(p => terminal.Status($"{p.File} ({p.FileIndex + 1} of {p.FileCount}): {Printable.Bytes(p.FileBytes)} of {Printable.Bytes(p.FileSize)}")), stop);
            if (terminal.IsJson) terminal.Json(new JsonObject { ["folder"] = snapshot.Folder });
            else terminal.Line(snapshot.Folder);
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command List(Terminal terminal)
    {
        Command command = new("list", "The models in the hub cache. Example: heed list --json");
        command.SetAction(_ =>
        {
            HubCache cache = new(HubSettings.FromProcess().CacheFolder);
            IReadOnlyList<CachedRepository> all = cache.List();
            if (terminal.IsJson) terminal.Json(new JsonArray([.. all.Select(r => (JsonNode)new JsonObject { ["name"] = r.Repository, ["bytes"] = r.Bytes })]));
            else if (all.Count == 0) terminal.Line($"The cache {cache.Folder} is empty; 'heed pull ORG/NAME' fetches a model.");
            else foreach (CachedRepository r in all) terminal.Line($"{r.Repository,-60} {Printable.Bytes(r.Bytes),12}");
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command Remove(Terminal terminal)
    {
        Argument<string> repository = new("name") { Description = "ORG/NAME" };
        Option<string?> revision = new("--revision") { Description = "only this revision" };
        Command command = new("rm", "Remove a model from the hub cache. Example: heed rm sentence-transformers/all-MiniLM-L6-v2") { repository, revision };
        command.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(repository);
            HubCache cache = new(HubSettings.FromProcess().CacheFolder);
            long freed = cache.Remove(name, parsed.GetValue(revision)) ?? throw new InputException($"{name}: is not in the cache {cache.Folder}; 'heed list' shows what is.");
            if (terminal.IsJson) terminal.Json(new JsonObject { ["freed_bytes"] = freed });
            else terminal.Line($"{name}: removed, {Printable.Bytes(freed)} freed");
            return ExitCode.Ok;
        });
        return command;
    }
}
