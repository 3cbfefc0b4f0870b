using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models.Adapters;

namespace Heed.Cli.Commands;

/// <summary><c>heed info ADAPTER</c>: base model, ranks, adapted modules and trained parameters of an adapter's folder.</summary>
internal static class AdapterReport
{
    /// <summary>Prints what the folder holds. The base model need not be there.</summary>
    /// <exception cref="InputException">A file is damaged, or asks for what is not computed here.</exception>
    public static int Run(Terminal terminal, string folder)
    {
        FolderModelFiles files = new(folder);
        AdapterConfig config = AdapterConfigFile.Read(files, new Reporter<string>(terminal.Warn));
        using AdapterTensors tensors = AdapterTensors.Open(files);
        IReadOnlyList<KeyValuePair<string, long>> adapted = tensors.AdaptedModules;
        long parameters = tensors.All.Where(t => !AdapterTensors.IsCopy(t.Key)).Sum(t => t.Value.ElementCount);
        string[] others = [.. tensors.All.Keys.Where(name => !AdapterTensors.IsCopy(name)
            && !name.Contains(".lora_", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        string? missing = Missing(files, terminal);
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["adapter"] = folder,
                ["kind"] = config.Dora ? "DoRA" : "LoRA",
                ["base"] = config.BaseModel,
                ["base_found"] = missing is null,
                ["task_type"] = config.TaskType,
                ["rank"] = config.Rank,
                ["alpha"] = config.Alpha,
                ["rank_stabilized"] = config.RankStabilized,
                ["dropout"] = config.Dropout,
                ["parameters"] = parameters,
                ["adapted"] = new JsonObject(adapted.Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value))),
                ["trained_whole"] = new JsonArray([.. others.Select(name => (JsonNode)name)]),
            });
            return ExitCode.Ok;
        }

        void Row(string what, string value) => terminal.Line($"{what,-20}{value}");
        terminal.Line(terminal.Bold($"{(config.Dora ? "DoRA" : "LoRA")} adapter") + $"  {folder}");
        terminal.Line();
        Row("base model", Printable.Shorten(config.BaseModel ?? "not named"));
        if (config.TaskType is { } task) Row("task", Printable.Shorten(task));
        string scale = config.RankStabilized ? "alpha / √rank" : "alpha / rank";
        Row("rank", string.Create(CultureInfo.InvariantCulture, $"{config.Rank}, alpha {config.Alpha}, scaled "
            + $"by {scale}{(config.Dropout > 0 ? $", dropout {config.Dropout}" : "")}"));
        Row("trained parameters", $"{parameters:N0}");
        Row("adapted modules", $"{adapted.Count:N0}");
        foreach (IGrouping<string, KeyValuePair<string, long>> same in adapted.GroupBy(
            a => $"{Numbered(a.Key)}\0{a.Value}", StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
            terminal.Line($"  {Printable.Shorten(Numbered(same.First().Key))}{(same.Count() > 1 ? $"  × {same.Count()}" : "")}{(same.First().Value != config.Rank ? $"  rank {same.First().Value}" : "")}");
        if (others.Length > 0)
        {
            Row("trained whole", $"{others.Length:N0} tensors");
            foreach (IGrouping<string, string> same in others.GroupBy(Numbered, StringComparer.Ordinal))
                terminal.Line($"  {Printable.Shorten(same.Key)}{(same.Count() > 1 ? $"  × {same.Count()}" : "")}");
        }

        if (missing is not null) terminal.Warn(missing);
        return ExitCode.Ok;
    }

    /// <summary>Why the base model cannot be opened, or null.</summary>
    private static string? Missing(FolderModelFiles files, Terminal terminal)
    {
        try
        {
            _ = OpenedFiles.Of(files, null);
            return null;
        }
        catch (HeedException e)
        {
            terminal.ClearStatus();
            return e.Message;
        }
    }

    /// <summary>A name with a star for each layer's number.</summary>
    private static string Numbered(string name)
        => string.Join('.', name.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) ? "*" : part));
}
