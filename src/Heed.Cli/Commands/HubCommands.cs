using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Hub;

namespace Heed.Cli.Commands;

/// <summary><c>heed pull</c>, <c>heed list</c>, <c>heed rm</c>: the hub cache.</summary>
internal static class HubCommands
{
    public static Command Pull(Terminal terminal)
    {
        Argument<string> repository = new("name") { Description = "ORG/NAME on the hub" };
        Option<string?> revision = new("--revision") { Description = "branch, tag or commit; main if omitted" };
        Option<string[]> include = new("--include") { Description = "file patterns to fetch; all that Heed reads if omitted", AllowMultipleArgumentsPerToken = true };
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
            if (terminal.IsJson) terminal.Json(new JsonArray([.. all.Select(r => (JsonNode)new JsonObject { ["name"] = r.Repository, ["bytes"] = r.Bytes, ["revisions"] = Revisions(r) })]));
            else if (all.Count == 0) terminal.Line($"The cache {cache.Folder} is empty; 'heed pull ORG/NAME' fetches a model.");
            else foreach (CachedRepository r in all) Show(terminal, r);
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
            string? wanted = parsed.GetValue(revision);
            HubCache cache = new(HubSettings.FromProcess().CacheFolder);
            long freed = cache.Remove(name, wanted) ?? throw NotThere(cache, name, wanted);
            if (terminal.IsJson) terminal.Json(new JsonObject { ["freed_bytes"] = freed });
            else terminal.Line($"{name}: removed, {Printable.Bytes(freed)} freed");
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Show(Terminal terminal, CachedRepository repository)
    {
        terminal.Line($"{repository.Repository,-60} {Printable.Bytes(repository.Bytes),12}");
        foreach (CachedRevision r in repository.Revisions)
            terminal.Line($"  {r.Commit[..Math.Min(12, r.Commit.Length)]}  {string.Join(", ", r.References),-43} {Printable.Bytes(r.Bytes),12}  {r.Files} {(r.Files == 1 ? "file" : "files")}");
    }

    private static JsonArray Revisions(CachedRepository repository) =>
    [
        .. repository.Revisions.Select(r => (JsonNode)new JsonObject { ["commit"] = r.Commit, ["references"] = new JsonArray([.. r.References.Select(name => (JsonNode)name)]), ["bytes"] = r.Bytes, ["files"] = r.Files }),
    ];

    /// <summary>Tells a model that is not in the cache from one of which another revision is.</summary>
    private static InputException NotThere(HubCache cache, string name, string? revision)
    {
        if (revision is null || cache.List().FirstOrDefault(r => r.Repository == name) is not { } found) return new InputException($"{name}: is not in the cache {cache.Folder}; 'heed list' shows what is.");
        IEnumerable<string> there = found.Revisions.SelectMany(r => r.References.Count > 0 ? r.References : [r.Commit]);
        return new InputException($"{name}: revision '{revision}' is not in the cache {cache.Folder}; it has {string.Join(", ", there.DefaultIfEmpty("none"))}. Name one of them, or leave --revision out to remove the model.");
    }
}
